#include "ui/cli/evaluate_goal.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <memory>
#include <optional>

#include "agent/goal_evaluation.h"
#include "agent/jepa_actor.h"
#include "sim/dataset.h"
#include "sim/gl_context.h"
#include "sim/picture_file.h"
#include "ui/cli/models.h"
#include "worldmodel/device.h"
#include "worldmodel/model_config.h"

namespace reverie::cli {
namespace {

// A goal's picture that lies so much farther from the data than held-out pictures do shows something else.
constexpr double kStrange = 1.5;

struct Goal {
  std::vector<GoalPair> pairs;
  std::vector<uint8_t> picture;  // of a file, as the model sees it
  bool measured = true;
};

/// Reads "12:30". Nothing for a text of another kind.
std::optional<std::pair<int64_t, int64_t>> ReadEpisodeStep(const std::string& text) {
  std::pair<int64_t, int64_t> numbers;
  const size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  const auto read = [&](size_t begin, size_t end, int64_t& value) {
    const auto [at, error] = std::from_chars(text.data() + begin, text.data() + end, value);
    return error == std::errc() && at == text.data() + end && value >= 0;
  };
  if (!read(0, colon, numbers.first) || !read(colon + 1, text.size(), numbers.second)) return std::nullopt;
  return numbers;
}

/// The dataset whose episodes --goal counts: --data, else the one that the model was trained on.
std::string DatasetOf(const GoalEvaluationOptions& options) {
  if (!options.data.empty()) return options.data;
  if (options.model == "random" || options.model == "straight" || options.model == "simulator") {
    throw UsageError("--goal " + options.goal + " needs --data DIR, the dataset whose episode it is");
  }
  const nlohmann::json config = ReadModelConfig(options.model);
  if (config.contains("trained_on") && config.at("trained_on").is_array() && !config.at("trained_on").empty() &&
      config.at("trained_on").front().is_string()) {
    return config.at("trained_on").front().get<std::string>();
  }
  throw CheckpointError("model " + options.model + ": does not say which dataset it was trained on; --data DIR says whose "
                        "episode --goal " + options.goal + " is");
}

Goal FromEpisode(const GoalEvaluationOptions& options, const CommonOptions& common,
                 const std::shared_ptr<const CompiledTask>& task, const GoalMeasure& measure, int64_t episode, int64_t step) {
  const std::string folder = DatasetOf(options);
  const DatasetReader dataset(folder);
  CheckSameSetup(DescribeDataset(*task, 0, ""), "task " + task->spec().name, dataset.info(), folder);
  const Episode recorded = dataset.Read(episode);
  if (step > recorded.steps) {
    throw DatasetError(folder + ", episode " + std::to_string(episode) + ": expected a step from 0 to " +
                       std::to_string(recorded.steps) + ", found " + std::to_string(step));
  }
  return {PairsToEpisode(task, measure, recorded, step, options.pairs, common.seed), {}, true};
}

Goal FromFile(const GoalEvaluationOptions& options, const CommonOptions& common,
              const std::shared_ptr<const CompiledTask>& task, const FrameSettings& frames) {
  const Picture picture = ReadPng(options.goal);
  if (picture.width != frames.width || picture.height != frames.height) {
    Log(Format("reverie: %s: %d x %d pixels, resized to the %d x %d that the model sees", options.goal.c_str(), picture.width,
               picture.height, frames.width, frames.height));
  }
  return {StartsAlone(task, options.pairs, common.seed), Resized(picture, frames.width, frames.height).rgb, false};
}

nlohmann::ordered_json JsonOf(const GoalOutcome& outcome, bool measured) {
  nlohmann::ordered_json json = {{"pair", outcome.pair}, {"budget", outcome.budget}};
  if (measured) {
    json["across"] = outcome.across;
    json["any"] = outcome.any;
    json["end"] = outcome.end;
    json["reached_after"] = outcome.reached_after;
    json["distance"] = outcome.distance;
    json["path"] = outcome.path;
    json["nearest"] = outcome.nearest;
    json["last"] = outcome.last;
  }
  json["first_energy"] = outcome.first_energy;  // null where the actor has none
  json["least_energy"] = outcome.least_energy;
  json["last_energy"] = outcome.last_energy;
  return json;
}

}  // namespace

int RunEvaluateGoal(const GoalEvaluationOptions& options, const CommonOptions& common) {
  const bool floor = options.model == "random" || options.model == "straight", simulator = options.model == "simulator";
  DrawOnCallingThread();
  const std::shared_ptr<const CompiledTask> task = OpenTask(options.task, common);
  const auto episode = ReadEpisodeStep(options.goal);
  const bool file = options.goal != "random" && !episode;
  if (file && (floor || simulator)) {
    throw UsageError("--goal " + options.goal + ": of a picture alone it is not known where it is, so only a model trained by "
                     "--model jepa can be told by it; --goal random and EPISODE:STEP go with " + options.model);
  }
  std::optional<GoalMeasure> measure;
  if (!file) measure.emplace(*task);

  std::unique_ptr<Jepa> model;
  GoalActorSource source;
  PlannerOptions planning;
  const int workers = common.Threads();
  const int replan = options.replan > 0 ? options.replan : simulator ? 3 : 1;
  if (!floor) planning = PlanningIn(options.model, task->spec(), options.settings, options.planner);
  if (planning.kind == PlannerKind::kPolicy) {
    throw UsageError("--planner policy: a goal is planned to, with icem, mppi, cem or shooting; no policy was learned for it");
  }
  if (options.model == "random") {
    source.make = [&] { return MakeRandomActor(*task); };
  } else if (options.model == "straight") {
    source.make = [&] { return MakeStraightActor(task, *measure); };
  } else if (simulator) {
    source.make = [&] { return MakeSimulatorActor(task, *measure, planning, replan); };
  } else {
    const std::string kind = KindOfModel(ReadModelConfig(options.model));
    if (kind != "jepa") {
      throw CheckpointError("model " + options.model + ": expected one trained by --model jepa for a goal that is a picture, "
                            "found a model of kind " + kind);
    }
    SetTorchThreads(1);
    model = Jepa::Load(options.model, task, ResolveDevice(common.device), options.encoder);
    if (measure) {
      for (const std::string& name : measure->hide()) {
        const std::vector<std::string>& hidden = model->frames().hide;
        if (std::find(hidden.begin(), hidden.end(), name) == hidden.end()) {
          Log("reverie: warning: the pictures show '" + name + "', which says where another goal is; collect with --hide " +
              name);
        }
      }
    }
  }
  const Goal goal = file      ? FromFile(options, common, task, model->frames())
                    : episode ? FromEpisode(options, common, task, *measure, episode->first, episode->second)
                              : Goal{DrawGoalPairs(task, *measure, options.pairs, options.across, common.seed), {}, true};
  if (model) {
    source.make = [&]() -> std::unique_ptr<GoalActor> {
      return std::make_unique<JepaActor>(*model, JepaActorOptions{planning, replan, 1, goal.picture});
    };
    source.strangeness = [](const GoalActor& actor) { return static_cast<const JepaActor&>(actor).strangeness(); };
  }

  GoalEvaluation evaluation;
  {
    Progress progress("evaluate", static_cast<int64_t>(goal.pairs.size()), "goals");
    int64_t played = 0, reached = 0;
    evaluation = EvaluateGoals(
        task, measure ? &*measure : nullptr, goal.pairs, source, workers,
        [&](const GoalOutcome& outcome) {
          reached += outcome.end;
          progress.Update(++played, goal.measured ? Format("%lld reached", static_cast<long long>(reached)) : "");
        },
        InterruptToken());
  }
  if (evaluation.interrupted) return Interrupted("nothing was changed");
  double strangest = 0.0;
  for (const GoalOutcome& outcome : evaluation.outcomes) strangest = std::max(strangest, outcome.strangeness);
  if (strangest > kStrange) {
    Log(Format("reverie: warning: the goal's picture shows something else than the pictures learned from: its latent lies %.1f "
               "times as far from theirs as held-out ones do at most", strangest));
  }
  const double plans_per_s =
      evaluation.plan_ms > 0.0 ? 1000.0 * static_cast<double>(evaluation.plans) / evaluation.plan_ms : 0.0;
  const GoalScore score = ScoreOf(evaluation.outcomes);
  if (common.json) {
    nlohmann::ordered_json report = {{"task", task->spec().name},
                                     {"model", options.model},
                                     {"planner", floor ? "" : PlannerName(planning.kind)},
                                     {"goal", options.goal},
                                     {"seed", common.seed},
                                     {"pairs", score.pairs},
                                     {"plans_per_s", plans_per_s},
                                     {"replan", replan}};
    if (goal.measured) {
      report["success_any"] = score.any;
      report["success_end"] = score.end;
      report["within"] = measure->within();
      if (measure->has_regions()) {
        report["across"] = score.across;
        report["success_any_across"] = score.any_across;
        report["success_end_across"] = score.end_across;
      }
    }
    if (model) report["strangeness"] = strangest;
    nlohmann::ordered_json& outcomes = report["outcomes"] = nlohmann::ordered_json::array();
    for (const GoalOutcome& outcome : evaluation.outcomes) outcomes.push_back(JsonOf(outcome, goal.measured));
    if (!floor) report["planner_options"] = planning.ToJson();
    PrintJson(report);
    return kDone;
  }
  const std::string plans = evaluation.plans > 0 ? Format(", %.1f plans/s", plans_per_s) : std::string();
  if (!goal.measured) {
    for (const GoalOutcome& outcome : evaluation.outcomes) {
      Print(Format("start %3lld  energy %.3f at first, %.3f at least, %.3f at the end", static_cast<long long>(outcome.pair),
                   outcome.first_energy, outcome.least_energy, outcome.last_energy));
    }
    Print(task->spec().name + " with " + options.model + ": " + std::to_string(score.pairs) + " starts" + plans);
    return kDone;
  }
  Print(Format("%s with %s: of %lld goals, %.0f%% reached at any time, %.0f%% at the end%s", task->spec().name.c_str(),
               options.model.c_str(), static_cast<long long>(score.pairs), 100.0 * score.any, 100.0 * score.end,
               plans.c_str()));
  if (score.across > 0) {
    Print(Format("of the %lld in another region, %.0f%% at any time, %.0f%% at the end", static_cast<long long>(score.across),
                 100.0 * score.any_across, 100.0 * score.end_across));
  }
  return kDone;
}

}  // namespace reverie::cli
