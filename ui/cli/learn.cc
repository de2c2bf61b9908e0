#include <algorithm>

#include "agent/learning_loop.h"
#include "sim/error.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/settings.h"
#include "worldmodel/device.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string task, out, model = "ensemble", planner;
  std::vector<std::string> settings;
  int64_t env_steps = 12000;
};

int RunLearn(const Options& options) {
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  LearningOptions learning = LearningOptions::For(task->spec(), options.model);
  learning.Update(ParseSettings(options.settings), "--set");
  if (!options.planner.empty()) learning.planner.kind = ParsePlannerKind(options.planner);
  learning.env_steps = options.env_steps;
  learning.seed = options.common.seed;
  const std::string device = ResolveDevice(options.common.device);
  SetTorchThreads(options.common.Threads());
  PrepareOutput(options.out, options.common, kModelMarker);
  LearningLoop loop(task, learning, device, options.out, options.common.resume);

  LearningResult result;
  {
    Progress progress("learn", options.env_steps, "env steps");
    std::string note;
    result = loop.Run(
        [&](const EpisodeReport& line) {
          note = Format("return %.0f", line.episode_return);
          if (options.common.json) return;
          Log(
              Format("episode %3lld  %7lld env steps  return %7.1f  model error %.3f  plan %5.1f ms  "
                     "update %4.1f ms  %6.1f s%s",
                     static_cast<long long>(line.episode), static_cast<long long>(line.env_steps),
                     line.episode_return, line.model_nrmse, line.plan_ms, line.update_ms, line.wall_s,
                     line.diverged.empty() ? "" : ("  diverged at " + line.diverged).c_str()));
          if (!line.quarantined.empty()) Log("  nothing was learned from it: its " + line.quarantined);
        },
        [&](const LearningProgress& now) {
          const bool updating = now.phase == LearningProgress::Phase::kLearning;
          progress.Update(now.env_steps,
                          updating ? Format("learning, update %lld of %lld", static_cast<long long>(now.updates),
                                            static_cast<long long>(now.updates_of))
                                   : note);
        },
        InterruptToken());
  }
  if (result.interrupted) {
    return Interrupted(std::to_string(result.episodes.size()) + " episodes and the model after them are in " +
                       options.out + "; the same command with --resume goes on");
  }
  const size_t last = std::min<size_t>(3, result.episodes.size());
  double return_last3 = 0.0, plan_ms = 0.0;
  for (size_t i = result.episodes.size() - last; i < result.episodes.size(); ++i) {
    return_last3 += result.episodes[i].episode_return / static_cast<double>(last);
  }
  std::vector<double> plan_times;
  nlohmann::ordered_json episodes = nlohmann::ordered_json::array();
  for (const EpisodeReport& line : result.episodes) {
    episodes.push_back(
        {{"return", line.episode_return}, {"env_steps", line.env_steps}, {"wall_s", line.wall_s}});
    if (line.plan_ms > 0.0) plan_times.push_back(line.plan_ms);
  }
  if (!plan_times.empty()) {
    std::nth_element(plan_times.begin(),
                     plan_times.begin() + static_cast<std::ptrdiff_t>(plan_times.size() / 2),
                     plan_times.end());
    plan_ms = plan_times[plan_times.size() / 2];
  }
  if (options.common.json) {
    PrintJson({{"task", task->spec().name},
               {"model", options.model},
               {"seed", learning.seed},
               {"action_repeat", task->spec().action_repeat},
               {"env_steps", result.env_steps},
               {"wall_s", result.wall_s},
               {"return_last3", return_last3},
               {"plan_ms", plan_ms},
               {"update_ms", result.update_ms},
               {"device", device},
               {"out", options.out},
               {"episodes", episodes}});
  } else {
    Print(Format("%s: mean return of the last %zu episodes %.1f after %lld env steps, %.1f s; model in %s",
                 task->spec().name.c_str(), last, return_last3, static_cast<long long>(result.env_steps),
                 result.wall_s, options.out.c_str()));
  }
  return kDone;
}

}  // namespace

void AddLearn(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "learn", "Learn a task by acting in it: collect, train, plan, repeat");
  AddTaskArgument(command, options->task);
  command.add_option("--out", options->out, "Folder for the model, its log and its episodes")->required();
  command.add_option("--model", options->model, "Kind of world model")
      ->check(CLI::IsMember(ModelOptions::Kinds()))
      ->capture_default_str();
  command
      .add_option("--env-steps", options->env_steps, "Env steps to act for (control steps x action repeat)")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  command.add_option("--planner", options->planner, "icem, mppi, cem or shooting (default: the task's)");
  AddSettings(command, options->settings);
  AddCommonOptions(command, options->common,
                   kSeed | kActionRepeat | kThreads | kDevice | kOverwrite | kResume);
  SetBody(command, [options] { return RunLearn(*options); });
}

}  // namespace reverie::cli
