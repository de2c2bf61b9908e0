#include "agent/offline_training.h"

#include <algorithm>
#include <chrono>

#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/linear_model.h"

namespace reverie {
namespace {

constexpr int kRound = 1000;
constexpr size_t kHeldOutEvery = 10;
constexpr uint64_t kTrainingStream = 0x747261696e;
constexpr uint64_t kWeightStream = 0x6d6f64656c;

}  // namespace

OfflineTrainingResult TrainOffline(std::shared_ptr<const CompiledTask> task, const std::vector<Episode>& episodes,
                                   const OfflineTrainingOptions& options, const std::string& device,
                                   const std::filesystem::path& folder, bool resume,
                                   const std::function<void(const TrainingReport&)>& report, std::stop_token stop) {
  const FolderLock lock(folder);
  const auto began = std::chrono::steady_clock::now();
  const std::unique_ptr<LearnedModel> made = MakeLearnedModel(task, options.model, device, HashSeed(options.seed, kWeightStream));
  LearnedModel& model = *made;
  ReplayBuffer buffer(task->channel_size(), task->action_size());
  std::vector<const Episode*> held_out;
  for (size_t k = 0; k < episodes.size(); ++k) {
    // With a single episode there is nothing to hold out: it judges itself, which the log's reader can see.
    const bool held = k % kHeldOutEvery == kHeldOutEvery / 2 && episodes.size() > kHeldOutEvery / 2;
    if (held) held_out.push_back(&episodes[k]);
    else buffer.Add(episodes[k]);
  }
  if (held_out.empty() && episodes.size() > 1) {
    buffer = ReplayBuffer(task->channel_size(), task->action_size());
    for (size_t k = 0; k + 1 < episodes.size(); ++k) buffer.Add(episodes[k]);
    held_out.push_back(&episodes.back());
  } else if (held_out.empty() && !episodes.empty()) {
    held_out.push_back(&episodes.front());
  }
  if (buffer.transitions() == 0) throw DatasetError("training: the data hold no transition to learn from");

  const std::filesystem::path checkpoint = folder / "optimizer.pt";
  nlohmann::ordered_json identity = {{"model", options.model.ToJson()}, {"seed", options.seed},
                                     {"transitions", buffer.transitions()}, {"trained_on", options.trained_on}};
  std::string log;
  OfflineTrainingResult result;
  double earlier_wall_s = 0.0;
  std::error_code ignored;
  if (resume && std::filesystem::exists(checkpoint, ignored)) {
    const nlohmann::json extra = model.LoadTrainingState(checkpoint);
    nlohmann::json ours = nlohmann::json::parse(identity.dump());
    ours.erase("trained_on");  // a dataset that was moved is the same dataset
    if (!extra.contains(kOfflineKey)) {
      throw CheckpointError("checkpoint " + checkpoint.string() + ": was made by learning, which 'reverie learn --resume' goes on with");
    }
    for (const auto& [key, value] : ours.items()) {
      if (extra.at(kOfflineKey).at(key) == value) continue;
      throw CheckpointError("checkpoint " + checkpoint.string() + ", \"" + key + "\": this run has " + value.dump() +
                            ", the one to resume had " + extra.at(kOfflineKey).at(key).dump());
    }
    log = extra.at("log").get<std::string>();
    result.last.updates = model.updates();
    earlier_wall_s = extra.at("wall_s").get<double>();
  }

  result.transitions = buffer.transitions();
  result.left_out = buffer.left_out();
  LinearModel linear(task);
  linear.Fit(buffer);
  const auto wall_s = [&] {
    return earlier_wall_s + std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  };
  while (model.updates() < options.steps) {
    if (stop.stop_requested()) {
      result.interrupted = true;
      break;
    }
    const int64_t round = model.updates() / kRound;
    const int updates = static_cast<int>(std::min<int64_t>(kRound - model.updates() % kRound, options.steps - model.updates()));
    const LearnedModel::TrainResult trained =
        model.Train(buffer, updates, HashSeed(options.seed ^ kTrainingStream, static_cast<uint64_t>(round)),
                    [&](int) { return !stop.stop_requested(); });
    TrainingReport line;
    line.updates = model.updates();
    line.loss = trained.loss;
    line.update_ms = trained.update_ms;
    result.interrupted = trained.interrupted;
    for (const Episode* episode : held_out) {
      if (result.interrupted) break;
      const LearnedModel::Judgement judgement = model.Judge(*episode, [&] { return !stop.stop_requested(); });
      result.interrupted = judgement.interrupted;
      line.held_out_nll += judgement.nll / static_cast<double>(held_out.size());
      line.held_out_nrmse += judgement.nrmse / static_cast<double>(held_out.size());
    }
    if (result.interrupted) break;
    line.wall_s = wall_s();
    const nlohmann::ordered_json json = {{"type", "training"}, {"updates", line.updates}, {"loss", line.loss},
                                         {"held_out_nll", line.held_out_nll}, {"held_out_nrmse", line.held_out_nrmse},
                                         {"update_ms", line.update_ms}, {"wall_s", line.wall_s}};
    log += json.dump() + "\n";
    model.SaveTrainingState(checkpoint, {{kOfflineKey, identity}, {"log", log}, {"wall_s", line.wall_s}});
    model.Save(folder);
    linear.Save(folder);
    WriteFileAtomically(folder / "log.jsonl", log);
    result.last = line;
    if (report) report(line);
  }
  result.wall_s = wall_s();
  return result;
}

}  // namespace reverie
