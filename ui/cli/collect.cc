#include "sim/collect_dataset.h"

#include <algorithm>
#include <vector>

#include "agent/planner_policy.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/frame_recorder.h"
#include "sim/gl_context.h"
#include "sim/policy_mixture.h"
#include "sim/shard.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/frame_options.h"
#include "ui/cli/models.h"
#include "ui/cli/rate_meter.h"
#include "ui/cli/settings.h"

namespace reverie::cli {
namespace {

struct Options {
  CommonOptions common;
  std::string task, policy = "random", out, shard, model = "simulator", planner;
  std::vector<std::string> settings;
  double epsilon = 0;
  int64_t episodes = 0, steps = 0;
  FrameOptions frames;
};

/// What a run is asked for, and which of its episodes are made here.
struct Work {
  std::string out;
  ShardEpisodes range;  // count 0: until --steps
  std::vector<PolicyShare> policies;
  FrameSettings frames;
  std::string note;  // which shard a launcher made it
};

Work ReadWork(const Options& options) {
  if ((options.episodes > 0) == (options.steps > 0)) throw UsageError("give either --episodes or --steps");
  if (!(options.epsilon >= 0.0 && options.epsilon <= 1.0)) {
    throw UsageError(Format("--epsilon: expected a probability from 0 to 1, found %g", options.epsilon));
  }
  Work work{options.out, {0, options.episodes}, {}, ReadFrameOptions(options.frames), ""};
  try {
    work.policies = ParsePolicyMixture(options.policy, {"random", "smooth", "explore", "planner", "model"});
  } catch (const Error& error) {  // "policy 'smoth': ..."
    throw UsageError(std::string("--") + error.what());
  }
  if (!options.shard.empty()) {
    if (options.episodes == 0) throw UsageError("--shard needs --episodes: shares are of a number of episodes");
    try {
      const bool automatic = options.shard == "auto";
      const Shard shard = automatic ? ShardFromEnvironment(EnvironmentVariable) : ParseShard(options.shard);
      work.range = EpisodesOfShard(shard, options.episodes);
      if (automatic) {
        work.out = ShardFolder(options.out, shard).string();
        work.note = Format("reverie: shard %lld of %lld by %s, in %s", static_cast<long long>(shard.index),
                           static_cast<long long>(shard.count), shard.origin.c_str(), work.out.c_str());
      }
    } catch (const Error& error) {
      throw UsageError(error.what());
    }
  }
  const auto has = [&](const char* name) {
    return std::any_of(work.policies.begin(), work.policies.end(),
                       [&](const PolicyShare& share) { return share.name == name; });
  };
  if (has("model") && options.model == "simulator") {
    throw UsageError("--policy model needs --model, the folder of a learned model");
  }
  return work;
}

PolicySource OpenPolicy(const Options& options, const std::vector<PolicyShare>& shares,
                        const std::shared_ptr<const CompiledTask>& task, std::unique_ptr<WorldModel>& model) {
  std::vector<WeightedPolicy> policies;
  bool plans = false;
  for (const PolicyShare& share : shares) {
    if (share.name != "planner" && share.name != "model") {
      policies.push_back({NoisePolicy(share.name, *task), share.weight});
      continue;
    }
    PlannerOptions planning = PlanningIn(options.model, task->spec(), options.settings, options.planner);
    if (!model) model = OpenModel(options.model, task, options.common);
    if (share.name == "model" && model->has_policy()) {
      planning.kind = PlannerKind::kPolicy;
    } else if (shares.size() > 1 && plans) {
      throw UsageError("--policy " + options.policy + ": planner and model are the same policy where a model has learned none "
                       "of its own, planning in --model " + options.model);
    }
    plans |= planning.kind != PlannerKind::kPolicy;
    policies.push_back({PlannerPolicy(*model, planning, nullptr), share.weight});
  }
  const PolicySource policy = PolicyMixture(policies);
  return options.epsilon > 0.0 ? EpsilonPolicy(policy, options.epsilon) : policy;
}

int RunCollect(const Options& options) {
  const auto [out, range, policies, asked_frames, note] = ReadWork(options);
  if (options.frames.asked()) DrawOnCallingThread();
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  FrameSettings frames;
  if (options.frames.asked()) {
    frames = CompleteFrames(asked_frames, *task);
    CheckFrames(frames, task->model());
  }
  std::unique_ptr<WorldModel> model;  // outlives the policy
  const PolicySource policy = OpenPolicy(options, policies, task, model);
  PrepareOutput(out, options.common, kDatasetMarker);
  if (!note.empty()) Log(note);
  CollectDatasetOptions work;
  work.run.episodes = range.count;
  work.run.steps = options.steps;
  work.run.first_episode = range.first;
  work.run.workers = options.common.Threads();
  work.run.seed = options.common.seed;
  work.run.frames = frames;
  work.folder = out;
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
        Log("reverie: going on after " + std::to_string(episodes) + " episodes in " + out);
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
  report["out"] = out;
  report["policy"] = policy.name;
  report["seed"] = options.common.seed;
  report["episodes"] = result.episodes;
  report["env_steps"] = result.steps * repeat;
  report["action_repeat"] = repeat;
  report["wall_s"] = rate.Elapsed();
  report["steps_per_s"] = rate.Median();
  report["quarantined"] = result.quarantined;
  report["workers"] = work.run.workers;
  if (!frames.empty()) report["frames"] = FramesJson(frames);
  report["resumed_at"] = result.resumed_at;
  report["interrupted"] = result.interrupted;
  if (options.common.json) {
    PrintJson(report);
  } else if (!result.interrupted) {
    Print(Format("%s: %lld episodes, %lld env steps in %.1f s (%.0f env steps/s), %lld diverged",
                 out.c_str(), static_cast<long long>(result.episodes),
                 static_cast<long long>(result.steps * repeat), rate.Elapsed(), rate.Median(),
                 static_cast<long long>(result.quarantined)));
  }
  if (!result.interrupted) return kDone;
  return Interrupted(std::to_string(result.episodes) + " episodes are kept in " + out +
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
  command.add_option("--policy", options->policy,
                     "random, smooth, explore (slides along what it runs into), planner, or model: a learned one's own policy, "
                     "where it has none a planner in it (random); smooth:0.7,planner:0.3 draws one of them for each episode");
  command.add_option("--epsilon", options->epsilon, "Probability, per control step, of a uniform action instead (0)");
  command.add_option("--model", options->model,
                     "What a planner plans in: a model's folder, or simulator (simulator)");
  command.add_option("--planner", options->planner, "icem, mppi, cem, shooting, or policy: the model's own (the task's)");
  AddSettings(command, options->settings);
  command
      .add_option("--workers,--threads", options->common.threads, "Threads (all that this process may use)")
      ->check(CLI::PositiveNumber);
  command.add_option("--shard", options->shard,
                     "I/N: only the I-th of N shares of the episodes; auto: I and N from Slurm, MPI, torchrun or "
                     "Kubernetes, into --out DIR/shard-I-of-N; see merge");
  AddFrameOptions(command, options->frames);
  AddCommonOptions(command, options->common, kSeed | kActionRepeat | kDevice | kOverwrite | kResume);
  SetBody(command, [options] { return RunCollect(*options); });
}

}  // namespace reverie::cli
