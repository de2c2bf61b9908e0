#include "ui/cli/command.h"

#include <unistd.h>
#include <csignal>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <thread>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/task.h"
#include "worldmodel/simulator_model.h"

namespace reverie::cli {
namespace {

std::atomic<int> g_signals{0};
int g_wake_pipe[2] = {-1, -1};

// Only async-signal-safe calls here; a thread does the rest.
extern "C" void OnSignal(int) {
  if (g_signals.fetch_add(1) > 0) _exit(kInterrupted);
  const int saved_errno = errno;
  const char byte = 1;
  [[maybe_unused]] const ssize_t written = write(g_wake_pipe[1], &byte, 1);
  errno = saved_errno;
}

std::stop_source* StartInterruptThread() {
  auto* source = new std::stop_source;  // lives as long as the process: handlers may run until the very end
  if (pipe(g_wake_pipe) != 0) return source;
  std::thread([source] {
    char byte;
    while (read(g_wake_pipe[0], &byte, 1) < 0 && errno == EINTR) {
    }
    source->request_stop();
  }).detach();
  struct sigaction action = {};
  action.sa_handler = OnSignal;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  return source;
}

}  // namespace

int CommonOptions::Threads() const {
  return threads > 0 ? threads : AvailableThreads();
}

void AddCommonOptions(CLI::App& command, CommonOptions& options, unsigned which) {
  if (which & kSeed) command.add_option("--seed", options.seed, "Seed of the run (0)");
  if (which & kActionRepeat) {
    command.add_option("--action-repeat", options.action_repeat, "Env steps per action (the task's)")
        ->check(CLI::PositiveNumber);
  }
  if (which & kThreads) {
    command.add_option("--threads", options.threads, "Threads (all that this process may use)")
        ->check(CLI::PositiveNumber);
  }
  if (which & kDevice) command.add_option("--device", options.device, "auto, cpu, cuda or cuda:I (auto)");
  CLI::Option* overwrite = nullptr;
  if (which & kOverwrite) {
    overwrite = command.add_flag("--overwrite", options.overwrite, "Empty an output folder that exists");
  }
  if (which & kResume) {
    CLI::Option* resume =
        command.add_flag("--resume", options.resume, "Go on where an interrupted run stopped");
    if (overwrite != nullptr) resume->excludes(overwrite);
  }
  command.add_flag("--json", options.json, "Print one JSON object on stdout and nothing else there");
}

CLI::App& AddCommand(CLI::App& app, const std::string& name, const std::string& description) {
  return *app.add_subcommand(name, description);
}

CLI::Option* AddTaskArgument(CLI::App& command, std::string& task) {
  return command
      .add_option("TASK", task,
                  "A name that 'reverie tasks' lists, a task file, or an MJCF, URDF or MJB file")
      ->required();
}

void SetBody(CLI::App& command, std::function<int()> body) {
  command.callback([body = std::move(body)] {
    const int code = body();
    if (code != kDone) throw CLI::RuntimeError(code);
  });
}

UsageError::UsageError(const std::string& message)
    : CLI::ValidationError("UsageError", message, CLI::ExitCodes::ValidationError) {}

std::shared_ptr<const CompiledTask> OpenTask(const std::string& task, const CommonOptions& options) {
  return CompiledTask::Compile(LoadTask(task), options.action_repeat);
}

void PrepareOutput(const std::filesystem::path& folder, const CommonOptions& options,
                   std::string_view marker) {
  if (!options.resume) PrepareOutputFolder(folder, options.overwrite, marker);
}

std::stop_token InterruptToken() {
  static std::stop_source* source = StartInterruptThread();
  return source->get_token();
}

int Interrupted(const std::string& kept_and_how_to_go_on) {
  Log("reverie: interrupted: " + kept_and_how_to_go_on);
  return kInterrupted;
}

void PrintJson(const nlohmann::ordered_json& object) {
  // A path need not be valid UTF-8; JSON must be.
  Print(object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

void Print(const std::string& line) {
  const bool written = std::fwrite(line.data(), 1, line.size(), stdout) == line.size() &&
                       std::fputc('\n', stdout) != EOF && std::fflush(stdout) == 0;
  if (!written) throw Error(std::string("cannot write to standard output: ") + std::strerror(errno));
}

std::string Format(const char* format, ...) {
  va_list arguments, again;
  va_start(arguments, format);
  va_copy(again, arguments);
  std::string text(static_cast<size_t>(std::vsnprintf(nullptr, 0, format, arguments)), '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  va_end(arguments);
  return text;
}

}  // namespace reverie::cli
