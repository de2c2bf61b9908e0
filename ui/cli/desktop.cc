// `reverie` without a subcommand: the desktop app. What it needs of LibTorch is handed to it from here.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/task.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/desktop.h"
#include "ui/desktop/application.h"
#include "ui/desktop/script.h"
#include "ui/desktop/settings.h"
#include "ui/learned_models.h"
#include "worldmodel/device.h"

namespace reverie::cli {
namespace {

struct Options {
  std::string task, model, screenshot, size;
  uint64_t seed = 0;
  double scale = 0, run_for_s = 0;
  bool lock_step = false, paused = false;
  int action_repeat = 0;
  std::string save;
  std::vector<std::string> script;
  CLI::Option* run_for = nullptr;
};

/// Whether the word names something to open: a task, a file, a folder.
bool IsThere(const std::string& word) {
  std::error_code error;
  if (std::filesystem::exists(word, error)) return true;
  const std::vector<std::string> names = ListTasks();
  return std::find(names.begin(), names.end(), word) != names.end();
}

void ParseSize(const std::string& text, int& width, int& height) {
  // Larger ones take minutes and gigabytes where the processor draws.
  constexpr int kMostPx = 8192;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%dx%d%c", &width, &height, &rest) != 2 || width < 1 || height < 1 || width > kMostPx ||
      height > kMostPx) {
    throw UsageError("--size: expected WIDTHxHEIGHT such as 1280x800, at most " + std::to_string(kMostPx) +
                     " a side, found '" + text + "'");
  }
}

int RunDesktop(const CLI::App& app, const Options& options) {
  if (!options.task.empty() && !IsThere(options.task)) throw UsageError(UnknownWord(app, options.task));
  desktop::ApplicationOptions run;
  run.task = options.task;
  run.model = options.model;
  run.session.seed = options.seed;
  run.session.pace = options.lock_step ? Pace::kLockStep : Pace::kRealTime;
  run.session.playing = !options.paused;
  run.scale = options.scale;
  if (!options.size.empty()) ParseSize(options.size, run.width, run.height);
  if (options.run_for->count() > 0) run.run_for_s = options.run_for_s;
  run.screenshot = options.screenshot;
  run.save = options.save;
  if (!options.save.empty() && std::filesystem::exists(run.save / kDatasetMarker)) {
    throw DatasetError("--save " + options.save + ": expected no dataset there, found one; give another folder");
  }
  run.action_repeat = options.action_repeat;
  run.script = options.script;
  run.settings_file = desktop::Settings::DefaultFile();
  run.learned = LearnedModelsHere();
  run.stop = InterruptToken();
  run.about = {{"Reverie", REVERIE_VERSION}};
#if REVERIE_TORCH
  run.about.emplace_back("Torch", DescribeDevices().torch_version);
#else
  run.about.emplace_back("Torch", "none: learned models are left out of this build");
#endif
  const desktop::ApplicationReport report = desktop::RunApplication(std::move(run));
  if (!report.unsaved.empty()) Log("reverie: warning: " + report.unsaved);
  if (!report.lost.empty()) throw DeviceError(report.lost + (report.unkept.empty() ? "" : "; " + report.unkept));
  if (!report.unkept.empty()) throw Error(report.unkept);
  if (report.interrupted) return Interrupted("the window is closed, what was saved is kept");
  if (!report.failure.empty() && options.run_for->count() > 0) throw Error(report.failure);
  return kDone;
}

}  // namespace

desktop::LearnedModels LearnedModelsHere() {
#if REVERIE_TORCH
  return desktop::MakeLearnedModels(0);
#else
  return {};
#endif
}

std::string UnknownWord(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  const std::vector<std::string> tasks = ListTasks();
  names.insert(names.end(), tasks.begin(), tasks.end());
  return IsThere(word) ? "" : "there is no command or task '" + word + "'" + DidYouMean(word, names);
}

void AddDesktop(CLI::App& app) {
  auto options = std::make_shared<Options>();
  app.require_subcommand(0, 1);
  std::vector<CLI::Option*> own;
  own.push_back(app.add_option("TASK", options->task,
                               "Opens the desktop app on it: a name that 'reverie tasks' lists, a task file, an MJCF, URDF "
                               "or MJB file, the folder of a model or dataset"));
  own.push_back(app.add_option("--model", options->model, "Folder of the model to plan in (the simulator itself)"));
  own.push_back(app.add_option("--seed", options->seed, "Seed of the run (0)"));
  own.push_back(app.add_flag("--lock-step", options->lock_step,
                             "Every control step waits for its plan: the same seed gives the same run"));
  own.push_back(app.add_flag("--paused", options->paused, "Open it without playing it"));
  own.push_back(app.add_option("--action-repeat", options->action_repeat,
                               "Env steps in one control step (as the task's file says)")
                    ->check(CLI::PositiveNumber));
  own.push_back(app.add_option("--save", options->save, "Keep what was played as a dataset in this folder, at the end"));
  own.push_back(app.add_option("--scale", options->scale, "Size of text and panels (as the monitor says)")
                    ->check(CLI::Range(0.25, 8.0)));
  own.push_back(app.add_option("--size", options->size, "Size of the window, WIDTHxHEIGHT (as it was last)"));
  own.push_back(app.add_option("--do", options->script, std::string("Once it is open, one after the other: ") + desktop::Script::Help())
                    ->allow_extra_args(false));
  options->run_for = app.add_option("--run-for", options->run_for_s,
                                    "Close after so many seconds and all of --do; 0: after the first whole picture")
                         ->check(CLI::NonNegativeNumber);
  own.push_back(options->run_for);
  own.push_back(app.add_option("--screenshot", options->screenshot, "Write the window as it is at the end, PNG"));
  for (CLI::Option* option : own) option->group("Desktop app, without a command");
  app.parse_complete_callback([&app, own] {
    const std::vector<CLI::App*> commands = app.get_subcommands();
    for (const CLI::Option* option : own) {
      if (commands.empty() || option->count() == 0) continue;
      throw UsageError(option->get_name() + " belongs to the desktop app, and to " + commands.front()->get_name() +
                       " only behind it: reverie " + commands.front()->get_name() + " ...");
    }
  });
  SetBody(app, [&app, options] { return app.get_subcommands().empty() ? RunDesktop(app, *options) : kDone; });
}

}  // namespace reverie::cli
