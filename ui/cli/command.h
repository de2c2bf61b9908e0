// What the subcommands share: options, output, exit codes, interruption. One file per subcommand adds itself
// with Add<Name>(CLI::App&), declared in commands.h. Main thread only, except InterruptToken().
//
// Contract: with --json stdout holds one JSON object and nothing else; logs and progress go to stderr; exit
// codes are ExitCode. A body returns its exit code, and throws reverie::Error or UsageError.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "sim/environment.h"
#include "sim/error.h"

namespace reverie::cli {

enum ExitCode : int { kDone = 0, kFailed = 1, kWrongUsage = 2, kInterrupted = 130 };

/// Options that several commands have, with one meaning everywhere.
struct CommonOptions {
  uint64_t seed = 0;
  int action_repeat = 0;  // 0: what the task's file says
  int threads = 0;        // 0: as many as this process may use; see Threads()
  std::string device = "auto";
  bool overwrite = false;
  bool resume = false;
  bool json = false;

  /// Number of threads to use, at least 1.
  int Threads() const;
};

/// Which of them a command takes; every command takes --json.
enum CommonOption : unsigned {
  kSeed = 1u << 0,
  kActionRepeat = 1u << 1,
  kThreads = 1u << 2,
  kDevice = 1u << 3,
  kOverwrite = 1u << 4,
  kResume = 1u << 5,
};
void AddCommonOptions(CLI::App& command, CommonOptions& options, unsigned which);

/// Adds the subcommand `name`.
CLI::App& AddCommand(CLI::App& app, const std::string& name, const std::string& description);
/// Adds the required positional TASK: a name, a task file, or an MJCF, URDF or MJB file.
CLI::Option* AddTaskArgument(CLI::App& command, std::string& task);
/// Sets what the command does once its options are parsed; `body` returns an ExitCode.
void SetBody(CLI::App& command, std::function<int()> body);

/// Options that do not go together, or a value out of range: exit code 2.
class UsageError : public CLI::ValidationError {
 public:
  explicit UsageError(const std::string& message);
};

/// Ctrl-C in the middle of something that leaves nothing behind: exit code 130.
class InterruptedError : public Error {
 public:
  using Error::Error;
};

/// Loads and compiles TASK. @throws TaskError, SceneError, FormulaError.
std::shared_ptr<const CompiledTask> OpenTask(const std::string& task, const CommonOptions& options);

/// Makes the output folder as --overwrite and --resume ask. @throws Error if it is in the way.
/// @param marker  a file, relative to the folder, that shows Reverie made it; only then is it emptied.
void PrepareOutput(const std::filesystem::path& folder, const CommonOptions& options,
                   std::string_view marker);

/// Stopped by the first Ctrl-C or SIGTERM; the second ends the process at once. Callable from any thread.
std::stop_token InterruptToken();
/// Says on stderr what was kept and how to go on; returns kInterrupted.
int Interrupted(const std::string& kept_and_how_to_go_on);

/// Prints one JSON object on stdout. @throws Error if stdout cannot take it.
void PrintJson(const nlohmann::ordered_json& object);
/// Prints a line for people on stdout. Not to be used with --json.
void Print(const std::string& line);
/// Prints a line on stderr, above the progress bar if there is one.
void Log(const std::string& line);
/// snprintf to a string; numbers as in the C locale.
[[gnu::format(printf, 1, 2)]] std::string Format(const char* format, ...);

/// A bar on stderr while it lives, if stderr is a terminal; elsewhere nothing. At most one at a time.
class Progress {
 public:
  /// @param unit  "episodes", "env steps"
  Progress(std::string title, int64_t total, std::string unit);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  /// Redraws at most ten times a second. @param note  short, e.g. "return 812, 1.4k steps/s".
  void Update(int64_t done, const std::string& note = "");

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Parses the command line, runs the command, turns exceptions into one line on stderr and an exit code.
int Run(int argc, char** argv);

}  // namespace reverie::cli
