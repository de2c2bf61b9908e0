#include <algorithm>
#include <numeric>

#include "agent/planner_policy.h"
#include "sim/collect.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/random.h"
#include "ui/cli/command.h"
#include "ui/cli/commands.h"
#include "ui/cli/evaluate_goal.h"
#include "ui/cli/models.h"
#include "ui/cli/settings.h"

namespace reverie::cli {
namespace {

// Keeps evaluation's episodes apart from those that learning with the same seed plays.
constexpr uint64_t kEvaluationStream = 0x6576616c;

struct Options {
  CommonOptions common;
  std::string task, model, planner, out, goal, data, encoder;
  std::vector<std::string> settings;
  int64_t episodes = 0;
  int replan = 0;
  double across = 0.6, exploration = 0.0;
};

constexpr int64_t kEpisodes = 10, kGoals = 100;

int RunGoal(const Options& options) {
  if (!options.out.empty()) throw UsageError("--out goes with episodes of the task's own; --goal keeps none");
  if (options.exploration > 0.0) throw UsageError("--exploration goes with episodes of the task's own, not with --goal");
#if REVERIE_TORCH
  return RunEvaluateGoal({options.task, options.model, options.planner, options.goal, options.data, options.encoder,
                          options.settings, options.episodes > 0 ? options.episodes : kGoals, options.replan, options.across},
                         options.common);
#else
  throw DeviceError("--goal " + options.goal + ": this build of reverie has no LibTorch (REVERIE_TORCH=OFF)");
#endif
}

int RunEvaluate(const Options& options) {
  if (!options.goal.empty()) return RunGoal(options);
  if (options.model == "straight" || !options.data.empty() || !options.encoder.empty() || options.replan > 0) {
    throw UsageError("--model straight, --data, --encoder and --replan go with --goal");
  }
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, options.common);
  const bool random = options.model == "random";
  if (task->reward().empty() && task->success().empty()) {
    throw TaskError("task " + task->spec().name +
                    ": defines neither \"reward\" nor \"success\", so there is nothing "
                    "to evaluate");
  }
  const PlannerOptions planning = PlanningIn(options.model, task->spec(), options.settings, options.planner);
  std::unique_ptr<WorldModel> model;
  PlanningStatistics statistics;
  PolicySource policy = RandomPolicy(*task);
  if (!random) {
    model = OpenModel(options.model, task, options.common);
    policy = PlannerPolicy(*model, planning, &statistics, options.exploration);
  }
  std::unique_ptr<DatasetWriter> recorder;
  if (!options.out.empty()) {
    PrepareOutput(options.out, options.common, kDatasetMarker);
    recorder = std::make_unique<DatasetWriter>(
        options.out, DescribeDataset(*task, options.common.seed, policy.name), false);
  }

  std::vector<double> returns;
  double any = 0.0, end = 0.0;
  CollectResult result;
  {
    const int64_t episodes = options.episodes > 0 ? options.episodes : kEpisodes;
    Progress progress("evaluate", episodes, "episodes");
    CollectOptions work;
    work.episodes = episodes;
    work.workers = options.common.Threads();
    work.seed = HashSeed(options.common.seed, kEvaluationStream);
    result = Collect(
        task, policy, work,
        [&](Episode&& episode) {
          returns.push_back(episode.Return());
          any +=
              std::any_of(episode.success.begin(), episode.success.end(), [](double s) { return s != 0.0; });
          end += !episode.success.empty() && episode.success.back() != 0.0;
          if (recorder) {
            recorder->Append(episode);
            recorder->Commit();
          }
          progress.Update(static_cast<int64_t>(returns.size()), Format("return %.0f", returns.back()));
        },
        InterruptToken());
  }
  if (result.interrupted) return Interrupted(std::to_string(returns.size()) + " episodes were played");
  if (recorder) recorder->Finish();
  const double count = static_cast<double>(returns.size());
  const double mean = std::accumulate(returns.begin(), returns.end(), 0.0) / count;
  const double plans_per_s =
      statistics.plan_ms > 0.0 ? 1000.0 * static_cast<double>(statistics.plans) / statistics.plan_ms : 0.0;
  if (options.common.json) {
    nlohmann::ordered_json report = {{"task", task->spec().name},
                                     {"model", options.model},
                                     {"planner", random ? "" : PlannerName(planning.kind)},
                                     {"seed", options.common.seed},
                                     {"action_repeat", task->spec().action_repeat},
                                     {"returns", returns},
                                     {"mean_return", mean},
                                     {"plans_per_s", plans_per_s}};
    if (!task->success().empty()) {
      report["success_any"] = any / count;
      report["success_end"] = end / count;
    }
    if (!random) report["planner_options"] = planning.ToJson();
    PrintJson(report);
    return kDone;
  }
  for (size_t k = 0; k < returns.size(); ++k) Print(Format("episode %3zu  return %8.2f", k, returns[k]));
  Print(Format("%s with %s: mean return %.2f over %zu episodes%s", task->spec().name.c_str(),
               policy.name.c_str(), mean, returns.size(),
               random ? "" : Format(", %.1f plans/s", plans_per_s).c_str()));
  if (!task->success().empty()) {
    Print(Format("success at any time %.0f%%, at the end %.0f%%", 100.0 * any / count, 100.0 * end / count));
  }
  return kDone;
}

}  // namespace

void AddEvaluate(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App& command =
      AddCommand(app, "evaluate", "Play episodes by planning in a model, and report the returns");
  AddTaskArgument(command, options->task);
  command
      .add_option(
          "--model", options->model,
          "What the planner imagines in: a model's folder, 'simulator', or 'random' for no plan at all")
      ->required();
  command.add_option("--exploration", options->exploration,
                     "Noise on planned actions, in deviations of what the planner last drew them with, as learn has (0)")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--planner", options->planner, "icem, mppi, cem, shooting, or policy: the model's own (default: the task's)");
  command.add_option("--episodes", options->episodes, Format("How many (%lld; with --goal %lld)",
                                                             static_cast<long long>(kEpisodes), static_cast<long long>(kGoals)))
      ->check(CLI::PositiveNumber);
  command.add_option("--goal", options->goal,
                     "A picture to reach, with a model trained by --model jepa: FILE.png, EPISODE:STEP of a dataset, or "
                     "random: starts and goals drawn independently. Floors: --model random, straight; ceiling: simulator");
  command.add_option("--data", options->data, "The dataset of --goal EPISODE:STEP (the one that the model was trained on)");
  command.add_option("--encoder", options->encoder,
                     "With --goal: where the frozen encoder is that the model was trained with (where it was)");
  command.add_option("--replan", options->replan, "With --goal, control steps from plan to plan (1; in the simulator 3)")
      ->check(CLI::PositiveNumber);
  command.add_option("--across", options->across, "With --goal random, share of the goals that lie in another region (0.6)")
      ->check(CLI::Range(0.0, 1.0));
  command.add_option("--out", options->out, "Keep the episodes as a dataset in this folder");
  AddSettings(command, options->settings);
  AddCommonOptions(command, options->common, kSeed | kActionRepeat | kThreads | kDevice | kOverwrite);
  SetBody(command, [options] { return RunEvaluate(*options); });
}

}  // namespace reverie::cli
