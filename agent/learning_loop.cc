#include "agent/learning_loop.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "agent/offline_training.h"
#include "agent/planner_policy.h"
#include "sim/collect.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/linear_model.h"
#include "worldmodel/model_config.h"

namespace reverie {
namespace {

constexpr uint64_t kTrainingStream = 0x747261696e;
constexpr uint64_t kWeightStream = 0x6d6f64656c;

// Calls `tick` before each action of another policy.
class TickingPolicy : public Policy {
 public:
  TickingPolicy(std::unique_ptr<Policy> inner, const std::function<void(int)>& tick)
      : inner_(std::move(inner)), tick_(tick) {}
  void Act(const PolicyInput& input, std::span<double> action) override {
    tick_(input.control_step);
    inner_->Act(input, action);
  }

 private:
  std::unique_ptr<Policy> inner_;
  const std::function<void(int)>& tick_;
};

// What of an episode is not finite first, and when; empty: all of it is finite.
struct NotFinite {
  std::string what;
  int64_t step = 0;  // rewards before it are finite
};
NotFinite FindNotFinite(const CompiledTask& task, const Episode& episode) {
  std::vector<std::string> labels = task.ObservationLabels();
  for (const std::string& label : task.SignalLabels()) labels.push_back(label);
  for (int64_t t = 0; t <= episode.steps; ++t) {
    const std::vector<double> channels = ChannelsAt(episode, t);
    for (size_t c = 0; c < channels.size(); ++c) {
      if (!std::isfinite(channels[c])) return {"channel " + labels[c] + " at step " + std::to_string(t), t};
    }
    if (t < episode.steps && !std::isfinite(episode.rewards[static_cast<size_t>(t)])) {
      return {"reward of step " + std::to_string(t), t};
    }
  }
  return {};
}

// The first key, nested ones by their dotted name, in which two objects differ; empty: none.
std::string FirstDifference(const nlohmann::json& a, const nlohmann::json& b) {
  for (const auto& [key, value] : a.items()) {
    const nlohmann::json other = b.is_object() ? b.value(key, nlohmann::json()) : nlohmann::json();
    if (value == other) continue;
    if (!value.is_object() || !other.is_object()) return key;
    return key + "." + FirstDifference(value, other);
  }
  return "";
}

nlohmann::json At(nlohmann::json json, const std::string& dotted) {
  for (size_t begin = 0; begin <= dotted.size();) {
    const size_t end = std::min(dotted.find('.', begin), dotted.size());
    json = json.is_object() ? json.value(dotted.substr(begin, end - begin), nlohmann::json()) : nlohmann::json();
    begin = end + 1;
  }
  return json;
}

}  // namespace

LearningOptions LearningOptions::For(const TaskSpec& spec, const std::string& kind) {
  LearningOptions options;
  options.model.kind = kind;
  options.planner = PlannerOptionsForKind(spec, kind);
  if (kind == "latent") {
    options.random_episodes = 5;
    options.first_updates = 2500;
    options.updates_per_step = 1.0;
    options.exploration = 1.0;
  }
  options.Update(LearningOfKind(spec, kind), "task " + spec.name + ", key \"learning\"");
  return options;
}

void LearningOptions::Update(const nlohmann::json& json, const std::string& where) {
  for (const auto& [key, value] : json.items()) {
    const auto number = [&](double least) {
      if (!value.is_number() || value.get<double>() < least) {
        throw Error(where + ", key \"" + key + "\": expected a number from " + nlohmann::json(least).dump() +
                    ", found " + value.dump());
      }
      return value.get<double>();
    };
    if (key == "model") {
      model.Update(value, where + ", key \"model\"");
    } else if (key == "planner") {
      planner.Update(value, where + ", key \"planner\"");
    } else if (key == "random_episodes") {
      random_episodes = static_cast<int>(number(1));
    } else if (key == "first_updates") {
      first_updates = static_cast<int>(number(0));
    } else if (key == "updates_per_step") {
      updates_per_step = number(0);
    } else if (key == "capacity") {
      capacity = static_cast<int64_t>(number(1));
    } else if (key == "exploration") {
      exploration = number(0);
    } else {
      throw Error(where + ": unknown key \"" + key + "\"" +
                  DidYouMean(key, {"model", "planner", "random_episodes", "first_updates", "updates_per_step", "capacity",
                                   "exploration"}));
    }
  }
}

nlohmann::ordered_json LearningOptions::ToJson() const {
  return {{"random_episodes", random_episodes}, {"first_updates", first_updates},
          {"updates_per_step", updates_per_step}, {"capacity", capacity},
          {"exploration", exploration},           {"model", model.ToJson()},
          {"planner", planner.ToJson()},          {"seed", seed}};
}

void LearningOptions::UpdateFrom(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (!std::filesystem::exists(folder / kModelMarker, ignored)) return;
  nlohmann::json config = ReadModelConfig(folder);
  const auto kept = config.find(kLearningKey);
  if (kept == config.end() || !kept->is_object()) return;
  const std::string where = "model " + (folder / kModelMarker).string() + ", key \"" + kLearningKey + "\"";
  const auto kept_seed = kept->find("seed");
  if (kept_seed != kept->end() && kept_seed->is_number_unsigned()) seed = kept_seed->get<uint64_t>();
  kept->erase("seed");
  Update(*kept, where);
}

struct LearningLoop::Impl {
  std::shared_ptr<const CompiledTask> task;
  LearningOptions options;
  std::filesystem::path folder;
  std::unique_ptr<LearnedModel> model;
  LinearModel linear;  // the baseline that comparisons set beside the model
  ReplayBuffer buffer;
  std::unique_ptr<DatasetWriter> recorder;
  std::vector<EpisodeReport> reports;
  std::vector<std::string> trained_on;  // datasets of the offline training that this run goes on from

  Impl(std::shared_ptr<const CompiledTask> given_task, LearningOptions given_options, const std::string& device,
       std::filesystem::path given_folder)
      : task(std::move(given_task)),
        options(std::move(given_options)),
        folder(std::move(given_folder)),
        model(MakeLearnedModel(task, options.model, device, HashSeed(options.seed, kWeightStream))),
        linear(task),
        buffer(task->channel_size(), task->action_size()) {}

  // Takes up an episode that was learned from, and forgets the oldest as the run did after it.
  void TakeUp(const Episode& episode) {
    buffer.Add(episode);
    buffer.Forget(options.capacity);
  }

  std::filesystem::path Checkpoint() const { return folder / "optimizer.pt"; }

  void Resume() {
    const nlohmann::json extra = ReadCheckpointNote(Checkpoint());
    nlohmann::json ours = nlohmann::json::parse(options.ToJson().dump()), theirs = extra.value("options", nlohmann::json());
    const bool offline = extra.contains(kOfflineKey);
    if (offline) {
      ours = {{"model", ours.at("model")}};
      theirs = {{"model", extra.at(kOfflineKey).at("model")}};
    } else if (!extra.contains("options") || !extra.contains("reports")) {
      throw CheckpointError("checkpoint " + Checkpoint().string() +
                            ": was made neither by learning nor by training, so learning cannot go on from it");
    }
    // What an older version did not know of yet was as it is unless asked for otherwise.
    LearningOptions unasked;
    unasked.model.kind = options.model.kind;
    nlohmann::json filled = nlohmann::json::parse(unasked.ToJson().dump());
    if (offline) filled = {{"model", filled.at("model")}};
    filled.merge_patch(theirs);
    theirs = filled;
    if (const std::string key = FirstDifference(ours, theirs); !key.empty()) {
      throw CheckpointError("checkpoint " + Checkpoint().string() + ", option \"" + key + "\": this run asks for " +
                            At(ours, key).dump() + ", the one to resume had " + At(theirs, key).dump());
    }
    model->LoadTrainingState(Checkpoint());
    trained_on = (offline ? extra.at(kOfflineKey) : extra).value("trained_on", std::vector<std::string>());
    for (const std::string& dataset : trained_on) {
      DatasetReader reader(dataset);
      for (int64_t k = 0; k < reader.episodes(); ++k) TakeUp(reader.Read(k));
    }
    if (offline) {
      recorder->KeepFirst(0);
      return;
    }
    for (const nlohmann::json& report : extra.at("reports")) reports.push_back(EpisodeReport::FromJson(report));
    recorder->KeepFirst(static_cast<int64_t>(reports.size()));
    DatasetReader reader(folder);
    for (size_t k = 0; k < reports.size(); ++k) {
      if (reports[k].quarantined.empty()) TakeUp(reader.Read(static_cast<int64_t>(k)));
    }
  }

  int64_t EnvSteps() const { return reports.empty() ? 0 : reports.back().env_steps; }

  // Everything of an episode is on disk before the next begins: first the episode, then the checkpoint that
  // counts it; a kill between the two loses the episode and nothing else.
  void Save() {
    recorder->Commit();
    nlohmann::ordered_json lines = nlohmann::ordered_json::array();
    std::string log;
    for (const EpisodeReport& report : reports) {
      lines.push_back(report.ToJson());
      log += lines.back().dump() + "\n";
    }
    model->SaveTrainingState(Checkpoint(), {{"options", options.ToJson()}, {"reports", lines}, {"trained_on", trained_on}});
    model->Save(folder, {{kLearningKey, options.ToJson()}});
    linear.Fit(buffer);
    linear.Save(folder);
    WriteFileAtomically(folder / "log.jsonl", log);
  }
};

LearningLoop::LearningLoop(std::shared_ptr<const CompiledTask> task, LearningOptions options, const std::string& device,
                           std::filesystem::path folder, bool resume) {
  if (task->action_size() == 0) {
    throw TaskError("task " + task->spec().name + ": has no actuators, so there is nothing to learn to do");
  }
  if (task->reward().empty()) {
    throw TaskError("task " + task->spec().name + ", key \"reward\": is missing, so there is nothing to learn for; "
                    "write a task file with a reward for this model");
  }
  impl_ = std::make_unique<Impl>(std::move(task), std::move(options), device, std::move(folder));
  Impl& impl = *impl_;
  if (impl.options.planner.kind == PlannerKind::kPolicy && !impl.model->has_policy()) {
    throw Error("planner 'policy': model '" + impl.model->name() + "' learns no policy of its own; choose --model latent, or " +
                "another planner");
  }
  const DatasetInfo info =
      DescribeDataset(*impl.task, impl.options.seed, "learning(" + PlannerName(impl.options.planner.kind) + ", " + impl.model->name() + ")");
  std::error_code ignored;
  const bool started = std::filesystem::exists(impl.Checkpoint(), ignored);
  impl.recorder = std::make_unique<DatasetWriter>(impl.folder, info, resume);
  if (resume && started) {
    impl.Resume();
  } else if (resume) {
    impl.recorder->KeepFirst(0);  // killed before its first checkpoint
  }
}

LearningLoop::~LearningLoop() = default;

LearnedModel& LearningLoop::model() { return *impl_->model; }

LearningResult LearningLoop::Run(const std::function<void(const EpisodeReport&)>& report,
                                 const std::function<void(const LearningProgress&)>& tick, std::stop_token stop) {
  Impl& impl = *impl_;
  const CompiledTask& task = *impl.task;
  const auto began = std::chrono::steady_clock::now();
  const double earlier_wall_s = impl.reports.empty() ? 0.0 : impl.reports.back().wall_s;
  const auto wall_s = [&] {
    return earlier_wall_s + std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  ModelPtr own_model(task.parameter_size() > 0 ? mj_copyModel(nullptr, task.model()) : nullptr);
  mjModel* model = own_model ? own_model.get() : const_cast<mjModel*>(task.model());
  DataPtr data(mj_makeData(task.model()));
  const int64_t repeat = task.spec().action_repeat;
  const int64_t episode_env_steps = task.steps_per_episode() * repeat;

  LearningResult result;
  while (impl.EnvSteps() < impl.options.env_steps) {
    const int64_t index = static_cast<int64_t>(impl.reports.size());
    // An episode that the budget would cut short says little about what was learned: it is not begun.
    if (index > 0 && impl.EnvSteps() + episode_env_steps > impl.options.env_steps) break;
    const bool random = impl.trained_on.empty() && index < impl.options.random_episodes;
    PlanningStatistics planning;
    const int64_t before = impl.EnvSteps();
    const std::function<void(int)> on_step = [&](int step) {
      if (tick) tick({.env_steps = before + step * repeat});
    };
    const PolicySource acting =
        random ? SmoothPolicy(task) : PlannerPolicy(*impl.model, impl.options.planner, &planning, impl.options.exploration);
    const PolicySource ticking = {acting.name, false, [&](uint64_t seed) {
                                    return std::make_unique<TickingPolicy>(acting.make(seed), on_step);
                                  }};
    Episode episode;
    if (!PlayEpisode(task, model, data.get(), ticking, index, HashSeed(impl.options.seed, static_cast<uint64_t>(index)),
                     stop, episode)) {
      result.interrupted = true;
      break;
    }
    EpisodeReport line;
    line.episode = index;
    line.env_steps = before + episode.steps * repeat;
    line.episode_return = episode.Return();
    if (const NotFinite found = FindNotFinite(task, episode); !found.what.empty()) {
      line.quarantined = found.what + " is not finite";
      line.episode_return = std::accumulate(episode.rewards.begin(), episode.rewards.begin() + found.step, 0.0);
    }
    line.success_any = std::any_of(episode.success.begin(), episode.success.end(), [](double s) { return s != 0.0; });
    line.success_end = !episode.success.empty() && episode.success.back() != 0.0;
    line.plan_ms = planning.plans > 0 ? planning.plan_ms / static_cast<double>(planning.plans) : 0.0;
    line.diverged = episode.diverged;
    const Calibration calibration = impl.model->calibration();
    if (!random && line.quarantined.empty()) {
      const LearnedModel::Judgement judgement = impl.model->Judge(episode, [&] { return !stop.stop_requested(); });
      if (judgement.interrupted) {
        result.interrupted = true;
        break;
      }
      line.judged = true;
      line.model_nll = judgement.nll;
      line.model_nrmse = judgement.nrmse;
    }
    const int64_t transitions = impl.buffer.transitions(), left_out = impl.buffer.left_out();
    if (line.quarantined.empty()) impl.buffer.Add(episode);
    if (!random || index + 1 >= impl.options.random_episodes) {
      const bool first = random;
      const int updates = first ? impl.options.first_updates
                                : static_cast<int>(impl.options.updates_per_step * static_cast<double>(episode.steps));
      const LearnedModel::TrainResult trained = impl.model->Train(
          impl.buffer, updates, HashSeed(impl.options.seed ^ kTrainingStream, static_cast<uint64_t>(index)),
          [&](int done) {
            if (tick) tick({LearningProgress::Phase::kLearning, line.env_steps, done, updates});
            return !stop.stop_requested();
          });
      if (trained.interrupted) {
        impl.model->calibration() = calibration;
        impl.buffer.KeepFirst(transitions, left_out);
        result.interrupted = true;
        break;
      }
      line.loss = trained.loss;
      line.update_ms = trained.update_ms;
    }
    line.updates = impl.model->updates();
    line.wall_s = wall_s();
    impl.reports.push_back(line);
    impl.recorder->Append(episode);
    impl.Save();
    impl.buffer.Forget(impl.options.capacity);
    if (report) report(line);
  }
  if (!result.interrupted) impl.recorder->Finish();
  double update_ms = 0.0, updates = 0.0;
  for (size_t i = 0; i < impl.reports.size(); ++i) {
    const double taken = static_cast<double>(impl.reports[i].updates - (i > 0 ? impl.reports[i - 1].updates : 0));
    update_ms += taken * impl.reports[i].update_ms;
    updates += taken;
  }
  result.update_ms = updates > 0.0 ? update_ms / updates : 0.0;
  result.episodes = impl.reports;
  result.env_steps = impl.EnvSteps();
  result.wall_s = wall_s();
  return result;
}

}  // namespace reverie
