#include "agent/vision_training.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/random.h"
#include "worldmodel/encoder_features.h"
#include "worldmodel/model_options.h"

namespace reverie {
namespace {

constexpr int64_t kReportEvery = 100, kSaveEvery = 500;
constexpr int64_t kWatchedEpisodes = 16, kWatchedWindows = 8;
constexpr uint64_t kWindowStream = 0x77696e646f77, kWeightStream = 0x6d6f64656c, kMemoryStream = 0x6d656d6f7279;
constexpr const char* kIdentityKey = "vision";

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point then) { return std::chrono::duration<double>(Clock::now() - then).count(); }

/// The pictures that one camera of a dataset took.
FrameSettings OneCamera(const FrameSettings& frames, const std::string& camera) {
  FrameSettings one = frames;
  one.cameras = {camera};
  one.depth = one.segmentation = false;
  return one;
}

nlohmann::ordered_json LineOf(const VisionReport& report) {
  return {{"type", "vision"},
          {"updates", report.updates},
          {"loss", report.losses.total},
          {"prediction", report.losses.prediction},
          {"regulariser", report.losses.regulariser},
          {"inverse", report.losses.inverse},
          {"spread_nll", report.losses.spread_nll},
          {"effective_rank", report.collapse.effective_rank},
          {"least_deviation", report.collapse.least_deviation},
          {"mean_deviation", report.collapse.mean_deviation},
          {"within_episode", report.collapse.within_episode},
          {"prediction_ratio", report.collapse.prediction_ratio},
          {"inverse_ratio", report.collapse.inverse_ratio},
          {"warnings", report.collapse.warnings},
          {"update_ms", report.update_ms},
          {"read_ms", report.read_ms},
          {"wall_s", report.wall_s}};
}

void CheckSameRun(const nlohmann::json& extra, const nlohmann::ordered_json& identity, const std::string& where) {
  if (!extra.contains(kIdentityKey)) throw CheckpointError("checkpoint " + where + ": is of another kind of training");
  const nlohmann::json ours = nlohmann::json::parse(identity.dump());
  nlohmann::json theirs = extra.at(kIdentityKey);
  if (theirs.contains("model") && theirs.at("model").is_object()) {
    // Of a run from before an option existed: it had what is the default now.
    nlohmann::json model = nlohmann::json::parse(JepaOptions().ToJson().dump());
    model.erase("cache_mb");
    model.erase("encoder");
    model.update(theirs.at("model"));
    theirs["model"] = model;
  }
  if (!theirs.contains("encoder")) theirs["encoder"] = "";
  for (const auto& [key, value] : ours.items()) {
    if (theirs.contains(key) && theirs.at(key) == value) continue;
    throw CheckpointError("checkpoint " + where + ", \"" + key + "\": this run has " + value.dump() +
                          ", the one to resume had " + (theirs.contains(key) ? theirs.at(key).dump() : "none"));
  }
}

}  // namespace

VisionTrainingResult TrainVision(std::shared_ptr<const CompiledTask> task, const std::vector<DatasetReader>& datasets,
                                 const VisionTrainingOptions& options, const std::string& device,
                                 const std::filesystem::path& folder, bool resume,
                                 const std::function<void(const VisionReport&)>& report, std::stop_token stop,
                                 const std::function<void(int64_t, int64_t)>& features) {
  const FolderLock lock(folder);
  const Clock::time_point began = Clock::now();
  FrameWindows windows(datasets, options.names, Jepa::Windows(*task, options.model, options.camera));
  Jepa model(task, options.model, OneCamera(datasets.front().info().frames, windows.stream().camera), device,
             HashSeed(options.seed, kWeightStream));
  model.FitScales(windows);

  const std::filesystem::path checkpoint = folder / "optimizer.pt";
  // How much of it is kept in memory changes nothing that is learned.
  nlohmann::ordered_json described = model.options().ToJson();
  described.erase("cache_mb");
  described.erase("encoder");  // it may have moved
  const nlohmann::ordered_json identity = {
      {"model", described},         {"seed", options.seed},
      {"steps", options.steps},     {"camera", windows.stream().camera},
      {"frames", windows.frames()}, {"windows", windows.windows()},
      {"encoder", model.encoder() != nullptr ? model.encoder()->identity().fingerprint : ""}};
  nlohmann::ordered_json more = {{"trained_on", nlohmann::json::array()}, {"seed", options.seed}};
  for (const std::string& name : options.names) {
    more["trained_on"].push_back(std::filesystem::absolute(name).lexically_normal().string());
  }
  std::string log;
  double earlier_wall_s = 0.0;
  std::error_code ignored;
  if (resume && std::filesystem::exists(checkpoint, ignored)) {
    CheckSameRun(ReadCheckpointNote(checkpoint), identity, checkpoint.string());
    const nlohmann::json extra = model.LoadTrainingState(checkpoint);
    log = extra.at("log").get<std::string>();
    earlier_wall_s = extra.at("wall_s").get<double>();
  }

  VisionTrainingResult result;
  result.frames = windows.frames();
  result.windows = windows.windows();
  result.blank = windows.blank();
  result.looked_at = windows.looked_at();
  if (model.encoder() != nullptr) {
    EncoderFeaturesReport of_features;
    std::shared_ptr<const EncoderFeatures> all =
        EncoderFeatures::Of(datasets, windows.stream(), *model.encoder(), of_features, features, stop);
    result.features_computed = of_features.computed;
    result.features_kept = of_features.kept;
    result.features_damaged = of_features.damaged;
    result.features_s = of_features.wall_s;
    if (!all) {
      result.interrupted = true;
      result.last.updates = model.updates();
      return result;
    }
    windows.UseFeatures(std::move(all));
  }
  const std::vector<FrameWindow> watched = windows.Spread(kWatchedEpisodes, kWatchedWindows);
  FrameWindowBatch watched_batch, memory_batch;
  windows.Read(watched, watched_batch);
  const int64_t pictures = options.model.window + 1, remembered = 512;
  windows.Read(windows.Draw(HashSeed(options.seed, kMemoryStream), (remembered + pictures - 1) / pictures), memory_batch);

  const auto wall_s = [&] { return earlier_wall_s + SecondsSince(began); };
  const auto save = [&] {
    model.Remember(memory_batch, watched_batch);
    model.SaveTrainingState(checkpoint, {{kIdentityKey, identity}, {"log", log}, {"wall_s", wall_s()}});
    model.Save(folder, more);
    WriteFileAtomically(folder / "log.jsonl", log);
  };

  VisionReport line;
  Jepa::Losses sums;
  int64_t summed = 0;
  double update_s = 0.0, read_s = 0.0;
  const auto draw = [&](int64_t update) {
    return windows.Draw(HashSeed(options.seed ^ kWindowStream, static_cast<uint64_t>(update)), options.model.batch);
  };
  FrameWindowReader reader(windows, model.updates(), options.steps, draw);
  while (model.updates() < options.steps) {
    if (stop.stop_requested()) {
      result.interrupted = true;
      break;
    }
    const Clock::time_point asked = Clock::now();
    FrameWindowBatch batch = reader.Next();
    read_s += SecondsSince(asked);
    const Jepa::Losses losses = model.Update(batch, options.steps);
    reader.Recycle(std::move(batch));
    update_s += SecondsSince(asked);
    sums.total += losses.total;
    sums.prediction += losses.prediction;
    sums.regulariser += losses.regulariser;
    sums.inverse += losses.inverse;
    sums.spread_nll += losses.spread_nll;
    ++summed;
    const bool last = model.updates() == options.steps;
    if (model.updates() % kReportEvery == 0 || last) {
      const double count = static_cast<double>(summed);
      line.updates = model.updates();
      line.losses = {sums.total / count, sums.prediction / count, sums.regulariser / count, sums.inverse / count,
                     sums.spread_nll / count};
      line.collapse = model.Watch(watched_batch, static_cast<int64_t>(watched.size()) / kWatchedWindows);
      line.update_ms = 1e3 * update_s / count;
      line.read_ms = 1e3 * read_s / count;
      line.wall_s = wall_s();
      log += LineOf(line).dump() + "\n";
      sums = {};
      summed = 0;
      update_s = read_s = 0.0;
      if (report) report(line);
    }
    if (model.updates() % kSaveEvery == 0 && !last) save();
  }
  save();
  line.updates = model.updates();
  result.last = line;
  result.wall_s = wall_s();
  return result;
}

}  // namespace reverie
