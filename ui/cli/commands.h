// Every subcommand, in the order in which --help lists them.
#pragma once

#include <string>

namespace CLI {
class App;
}

namespace reverie::cli {

void AddDoctor(CLI::App& app);
void AddTasks(CLI::App& app);
void AddCollect(CLI::App& app);
void AddMerge(CLI::App& app);
void AddData(CLI::App& app);
void AddExport(CLI::App& app);
void AddReplay(CLI::App& app);
void AddTrain(CLI::App& app);
void AddLearn(CLI::App& app);
void AddEvaluate(CLI::App& app);
void AddCompare(CLI::App& app);
void AddProbe(CLI::App& app);
void AddSurprise(CLI::App& app);
void AddEncode(CLI::App& app);
void AddBench(CLI::App& app);

/// The desktop app, which runs where there is no subcommand. Comes after all of them.
void AddDesktop(CLI::App& app);
/// What to say of a word that is neither a subcommand nor a task nor a file; empty: it is one.
std::string UnknownWord(const CLI::App& app, const std::string& word);

}  // namespace reverie::cli
