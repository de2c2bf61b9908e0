#include <algorithm>
#include <filesystem>
#include <set>

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
  std::vector<uint64_t> seeds;
  int64_t env_steps = 12000;
};

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// What --json says of one run.
nlohmann::ordered_json ReportOf(const CompiledTask& task, const Options& options, const LearningResult& result,
                                uint64_t seed, const std::string& device, const std::string& out) {
  const size_t last = std::min<size_t>(3, result.episodes.size());
  double return_last3 = 0.0;
  for (size_t i = result.episodes.size() - last; i < result.episodes.size(); ++i) {
    return_last3 += result.episodes[i].episode_return / static_cast<double>(last);
  }
  std::vector<double> plan_times;
  nlohmann::ordered_json episodes = nlohmann::ordered_json::array();
  for (const EpisodeReport& line : result.episodes) {
    episodes.push_back({{"return", line.episode_return}, {"env_steps", line.env_steps}, {"wall_s", line.wall_s}});
    if (line.plan_ms > 0.0) plan_times.push_back(line.plan_ms);
  }
  return {{"task", task.spec().name},
          {"model", options.model},
          {"seed", seed},
          {"action_repeat", task.spec().action_repeat},
          {"env_steps", result.env_steps},
          {"wall_s", result.wall_s},
          {"return_last3", return_last3},
          {"plan_ms", plan_times.empty() ? 0.0 : Median(plan_times)},
          {"update_ms", result.update_ms},
          {"device", device},
          {"out", out},
          {"episodes", episodes}};
}

/// One run. @return its report; null where it was interrupted.
nlohmann::ordered_json LearnSeed(const Options& options, const std::shared_ptr<const CompiledTask>& task, uint64_t seed,
                                 const std::string& out, bool resume) {
  LearningOptions learning = LearningOptions::For(task->spec(), options.model);
  learning.Update(ParseSettings(options.settings), "--set");
  if (!options.planner.empty()) learning.planner.kind = ParsePlannerKind(options.planner);
  learning.env_steps = options.env_steps;
  learning.seed = seed;
  const std::string device = ResolveDevice(options.common.device);
  SetTorchThreads(options.common.Threads());
  LearningLoop loop(task, learning, device, out, resume);

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
    Interrupted(std::to_string(result.episodes.size()) + " episodes and the model after them are in " + out +
                "; the same command with --resume goes on");
    return nullptr;
  }
  nlohmann::ordered_json report = ReportOf(*task, options, result, seed, device, out);
  if (!options.common.json) {
    Print(Format("%s: mean return of the last %zu episodes %.1f after %lld env steps, %.1f s; model in %s",
                 task->spec().name.c_str(), std::min<size_t>(3, result.episodes.size()),
                 report.at("return_last3").get<double>(), static_cast<long long>(result.env_steps), result.wall_s,
                 out.c_str()));
  }
  return report;
}

int RunLearn(const Options& options) {
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  if (options.seeds.empty()) {
    PrepareOutput(options.out, options.common, kModelMarker);
    const nlohmann::ordered_json report = LearnSeed(options, task, options.common.seed, options.out, options.common.resume);
    if (report.is_null()) return kInterrupted;
    if (options.common.json) PrintJson(report);
    return kDone;
  }
  if (std::set<uint64_t>(options.seeds.begin(), options.seeds.end()).size() < options.seeds.size()) {
    throw UsageError("--seeds: expected seeds that differ");
  }
  const auto folder = [&](uint64_t seed) {
    return (std::filesystem::path(options.out) / ("seed-" + std::to_string(seed))).string();
  };
  // All folders are looked at before the first run is made.
  for (const uint64_t seed : options.seeds) PrepareOutput(folder(seed), options.common, kModelMarker);
  nlohmann::ordered_json runs = nlohmann::ordered_json::array();
  std::vector<double> returns;
  for (const uint64_t seed : options.seeds) {
    runs.push_back(LearnSeed(options, task, seed, folder(seed), options.common.resume));
    if (runs.back().is_null()) return kInterrupted;
    returns.push_back(runs.back().at("return_last3").get<double>());
  }
  const auto [least, most] = std::minmax_element(returns.begin(), returns.end());
  if (options.common.json) {
    PrintJson({{"task", task->spec().name}, {"model", options.model}, {"return_last3", Median(returns)}, {"runs", runs}});
  } else {
    Print(Format("%s: median over %zu seeds %.1f, from %.1f to %.1f", task->spec().name.c_str(), returns.size(),
                 Median(returns), *least, *most));
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
  command.add_option("--planner", options->planner, "icem, mppi, cem, shooting, or policy: the model's own (default: the task's)");
  AddSettings(command, options->settings);
  AddCommonOptions(command, options->common,
                   kSeed | kActionRepeat | kThreads | kDevice | kOverwrite | kResume);
  command
      .add_option("--seeds", options->seeds,
                  "Several runs one after the other, e.g. 0,1,2, each in a folder of its own, OUT/seed-N")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->excludes("--seed");
  SetBody(command, [options] { return RunLearn(*options); });
}

}  // namespace reverie::cli
