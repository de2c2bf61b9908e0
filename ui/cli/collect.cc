#include "sim/collect_dataset.h"

#include <cstdio>
#include <vector>

#include "agent/planner_policy.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/models.h"
#include "ui/cli/rate_meter.h"
#include "ui/cli/settings.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string task, policy = "random", out, shard, model = "simulator", planner;
  std::vector<std::string> settings;
  int64_t episodes = 0, steps = 0;
};

/// Run-wide numbers of the episodes to make: the whole run, or one shard's share of it.
struct Range {
  int64_t first = 0, count = 0;  // count 0: until --steps
};

Range ParseShard(const Options& options) {
  Range range{0, options.episodes};
  if (options.shard.empty()) return range;
  long long shard = 0, shards = 0;
  int used = 0;
  if (std::sscanf(options.shard.c_str(), "%lld/%lld%n", &shard, &shards, &used) != 2 ||
      used != static_cast<int>(options.shard.size()) || shards < 1 || shard < 1 || shard > shards) {
    throw UsageError("--shard: expected I/N with I from 1 to N, found '" + options.shard + "'");
  }
  if (options.episodes == 0) throw UsageError("--shard needs --episodes: shares are of a number of episodes");
  range.first = options.episodes * (shard - 1) / shards;
  range.count = options.episodes * shard / shards - range.first;
  if (range.count == 0) throw UsageError("--shard " + options.shard + ": fewer --episodes than shards");
  return range;
}

PolicySource OpenPolicy(const Options& options, const std::shared_ptr<const CompiledTask>& task,
                        std::unique_ptr<WorldModel>& model) {
  if (options.policy != "planner" && options.policy != "model") return NoisePolicy(options.policy, *task);
  if (options.policy == "model" && options.model == "simulator") {
    throw UsageError("--policy model needs --model, the folder of a learned model");
  }
  const PlannerOptions planning = PlanningIn(options.model, task->spec(), options.settings, options.planner);
  model = OpenModel(options.model, task, options.common);
  return PlannerPolicy(*model, planning, nullptr);
}

int RunCollect(const Options& options) {
  if ((options.episodes > 0) == (options.steps > 0)) throw UsageError("give either --episodes or --steps");
  const Range range = ParseShard(options);
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  std::unique_ptr<WorldModel> model;  // outlives the policy
  const PolicySource policy = OpenPolicy(options, task, model);
  PrepareOutput(options.out, options.common, kDatasetMarker);
  CollectDatasetOptions work;
  work.run.episodes = range.count;
  work.run.steps = options.steps;
  work.run.first_episode = range.first;
  work.run.workers = options.common.Threads();
  work.run.seed = options.common.seed;
  work.folder = options.out;
  work.resume = options.common.resume;

  const int repeat = task->spec().action_repeat;
  CollectDatasetResult result;
  RateMeter rate;
  {
    Progress progress("collect", range.count > 0 ? range.count : options.steps,
                      range.count > 0 ? "episodes" : "control steps");
    int64_t steps_before = 0;
    const auto begun = [&](int64_t episodes, int64_t steps) {
      steps_before = steps;
      if (options.common.resume) {
        Log("reverie: going on after " + std::to_string(episodes) + " episodes in " + options.out);
      }
      rate = RateMeter();
    };
    const auto kept = [&](int64_t episodes, int64_t steps) {
      rate.Add(static_cast<double>(steps - steps_before) * repeat);
      steps_before = steps;
      progress.Update(range.count > 0 ? episodes : steps, Format("%.0f env steps/s", rate.Median()));
    };
    result = CollectDataset(task, policy, work, begun, kept, InterruptToken());
  }

  nlohmann::ordered_json report;
  report["task"] = task->spec().name;
  report["out"] = options.out;
  report["policy"] = policy.name;
  report["seed"] = options.common.seed;
  report["episodes"] = result.episodes;
  report["env_steps"] = result.steps * repeat;
  report["action_repeat"] = repeat;
  report["wall_s"] = rate.Elapsed();
  report["steps_per_s"] = rate.Median();
  report["quarantined"] = result.quarantined;
  report["workers"] = work.run.workers;
  report["resumed_at"] = result.resumed_at;
  report["interrupted"] = result.interrupted;
  if (options.common.json) {
    PrintJson(report);
  } else if (!result.interrupted) {
    Print(Format("%s: %lld episodes, %lld env steps in %.1f s (%.0f env steps/s), %lld diverged",
                 options.out.c_str(), static_cast<long long>(result.episodes),
                 static_cast<long long>(result.steps * repeat), rate.Elapsed(), rate.Median(),
                 static_cast<long long>(result.quarantined)));
  }
  if (!result.interrupted) return kDone;
  return Interrupted(std::to_string(result.episodes) + " episodes are kept in " + options.out +
                     "; the same command with --resume goes on");
}

}  // namespace

void AddCollect(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command = AddCommand(app, "collect", "Play episodes and record them as a Minari dataset");
  AddTaskArgument(command, options->task);
  command.add_option("--out", options->out, "Folder of the dataset")->required();
  CLI::Option* episodes =
      command.add_option("--episodes", options->episodes, "How many episodes")->check(CLI::PositiveNumber);
  command.add_option("--steps", options->steps, "How many control steps; the last episode is cut short")
      ->check(CLI::PositiveNumber)
      ->excludes(episodes);
  command.add_option("--policy", options->policy, "random, smooth, planner, or model: a planner in a learned one (random)")
      ->check(CLI::IsMember({"random", "smooth", "planner", "model"}));
  command.add_option("--model", options->model,
                     "What a planner plans in: a model's folder, or simulator (simulator)");
  command.add_option("--planner", options->planner, "icem, mppi, cem or shooting (the task's)");
  AddSettings(command, options->settings);
  command
      .add_option("--workers,--threads", options->common.threads, "Threads (all that this process may use)")
      ->check(CLI::PositiveNumber);
  command.add_option("--shard", options->shard, "I/N: only the I-th of N shares of the episodes; see merge");
  AddCommonOptions(command, options->common, kSeed | kActionRepeat | kDevice | kOverwrite | kResume);
  SetBody(command, [options] { return RunCollect(*options); });
}

}  // namespace reverie::cli
