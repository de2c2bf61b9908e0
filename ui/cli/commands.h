// Every subcommand, in the order in which --help lists them.
#pragma once

namespace CLI {
class App;
}

namespace reverie::cli {

void AddDoctor(CLI::App& app);
void AddTasks(CLI::App& app);
void AddCollect(CLI::App& app);
void AddMerge(CLI::App& app);
void AddReplay(CLI::App& app);
void AddTrain(CLI::App& app);
void AddLearn(CLI::App& app);
void AddEvaluate(CLI::App& app);
void AddCompare(CLI::App& app);
void AddBench(CLI::App& app);

}  // namespace reverie::cli
