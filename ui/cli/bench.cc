#include <memory>

#include "sim/error.h"
#include "sim/frame_recorder.h"
#include "sim/gl_context.h"
#include "ui/cli/bench_pixels.h"
#include "ui/cli/bench_scrub.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/frame_options.h"
#include "ui/cli/settings.h"
#if REVERIE_TORCH
#include "ui/cli/bench_rates.h"
#endif
#if REVERIE_DESKTOP
#include "ui/cli/bench_ui.h"
#endif

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string what = "all", task = "cartpole-swingup", model;
  std::vector<std::string> settings;
  double seconds = 0;
  FrameOptions frames;
  bool without_learning = false;
};

bool OfTheApp(const std::string& what) { return what == "ui" || what == "soak"; }

nlohmann::ordered_json Measure(const Options& options) {
  if (options.what == "scrub") {
    return BenchScrub(OpenTask(options.task, options.common), options.common.seed, options.common.Threads());
  }
  if (options.what == "pixels") {
    FrameOptions asked = options.frames;
    if (!asked.asked()) asked.pixels = "64";
    const FrameSettings frames = ReadFrameOptions(asked);
    DrawOnCallingThread();
    const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
    return BenchPixels(task, CompleteFrames(frames, *task), options.common.Threads(),
                       options.seconds > 0 ? options.seconds : 2.0);
  }
  if (OfTheApp(options.what)) {
#if REVERIE_DESKTOP
    BenchUiOptions ui;
    ui.task = options.task;
    ui.model = options.model;
    ui.seed = options.common.seed;
    ui.learn = !options.without_learning;
    if (options.seconds > 0) ui.seconds = options.seconds;
    return options.what == "ui" ? BenchUi(ui) : BenchSoak(ui);
#else
    throw DeviceError("bench " + options.what + ": this build of reverie has no desktop app (REVERIE_DESKTOP=OFF)");
#endif
  }
#if REVERIE_TORCH
  BenchOptions rates;
  rates.common = options.common;
  rates.what = options.what;
  rates.task = options.task;
  rates.seconds = options.seconds > 0 ? options.seconds : 1.0;
  if (!options.model.empty()) rates.model = options.model;
  rates.settings = options.settings;
  return BenchRates(rates);
#else
  throw DeviceError("bench " + options.what + ": this build of reverie has no LibTorch (REVERIE_TORCH=OFF)");
#endif
}

int RunBench(const Options& options) {
  const bool learned = options.what == "train" || options.what == "plan";
  if (!options.model.empty() && !OfTheApp(options.what) && !learned) {
    throw UsageError("--model goes with 'bench ui', 'bench train' and 'bench plan' alone");
  }
  if (!options.settings.empty() && !learned) throw UsageError("--set goes with 'bench train' and 'bench plan' alone");
  if (options.what != "pixels" && ReadFrameOptions(options.frames).width > 0)
    throw UsageError("--pixels goes with 'bench pixels' alone");
  const nlohmann::ordered_json report = Measure(options);
  if (options.common.json) {
    PrintJson(report);
  } else {
    Print(report.dump(2));
  }
  return kDone;
}

}  // namespace

void AddBench(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "bench", "Measure this machine: rates as medians of five, in turn; the desktop app");
  command.add_option("what", options->what,
                     "simulation, collect, train, plan or all of these; pixels: collecting frames; ui: frame times of the desktop app with planner "
                     "and learner running; soak: the app under random input (both need a display); "
                     "scrub: going back to steps of the past")
      ->check(CLI::IsMember({"simulation", "collect", "train", "plan", "all", "pixels", "ui", "soak", "scrub"}))
      ->capture_default_str();
  command.add_option("--task", options->task, "the task to measure on")->capture_default_str();
  command.add_option("--model", options->model,
                     "ui: the model's folder to plan in (the simulator); train, plan: ensemble, latent or jepa (ensemble)");
  AddSettings(command, options->settings);
  command.add_option("--seconds", options->seconds, "of each measurement (1; pixels: 2; ui and soak: 30 in all)")
      ->check(CLI::PositiveNumber);
  command.add_flag("--without-learning", options->without_learning, "ui, soak: no learning in the background");
  AddFrameOptions(command, options->frames);
  AddCommonOptions(command, options->common, kSeed | kActionRepeat | kThreads | kDevice);
  SetBody(command, [options] { return RunBench(*options); });
}

}  // namespace reverie::cli
