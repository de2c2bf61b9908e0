// Training a world model on recorded episodes: a tenth of them is held out to judge and calibrate it. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "worldmodel/model_options.h"

namespace reverie {

struct OfflineTrainingOptions {
  ModelOptions model;
  int64_t steps = 10000;  // updates in all
  uint64_t seed = 0;
  std::vector<std::string> trained_on;  // the datasets' folders, for learning that goes on from here
};

struct TrainingReport {
  int64_t updates = 0;
  double loss = 0, held_out_nll = 0, held_out_nrmse = 0, update_ms = 0, wall_s = 0;
};

struct OfflineTrainingResult {
  TrainingReport last;
  int64_t transitions = 0, left_out = 0;  // left out: not finite
  double wall_s = 0;
  bool interrupted = false;
};

/// The file, relative to the folder, by which a training run is known.
inline constexpr char kTrainingMarker[] = "config.json";

/// Key of a checkpoint under which training keeps what identifies it.
inline constexpr char kOfflineKey[] = "identity";

/// Trains in rounds of a thousand updates; after each, the model, its checkpoint and log.jsonl are on disk.
/// @throws DatasetError if nothing is left to train on; CheckpointError on `resume` of another run.
OfflineTrainingResult TrainOffline(std::shared_ptr<const CompiledTask> task, const std::vector<Episode>& episodes,
                                   const OfflineTrainingOptions& options, const std::string& device,
                                   const std::filesystem::path& folder, bool resume,
                                   const std::function<void(const TrainingReport&)>& report, std::stop_token stop);

}  // namespace reverie
