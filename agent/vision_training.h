// Training a joint-embedding model on datasets with pictures: frames are read from the disk while it learns, and what
// its latents are like is watched. One thread, and one that reads ahead.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "worldmodel/jepa.h"

namespace reverie {

struct VisionTrainingOptions {
  JepaOptions model;
  int64_t steps = 1500;            // updates in all
  std::string camera;              // "": the dataset's first
  uint64_t seed = 0;
  std::vector<std::string> names;  // the datasets' folders, as given
};

struct VisionReport {
  int64_t updates = 0;
  Jepa::Losses losses;             // means since the report before
  CollapseReport collapse;         // on held-out episodes
  double update_ms = 0, wall_s = 0;
  double read_ms = 0;              // of update_ms, waiting for frames
};

struct VisionTrainingResult {
  VisionReport last;
  int64_t frames = 0, windows = 0, blank = 0, looked_at = 0;
  int64_t features_computed = 0, features_kept = 0;  // frames, of a frozen encoder
  std::vector<std::string> features_damaged;         // why some that were there were computed again
  double features_s = 0;
  double wall_s = 0;
  bool interrupted = false;
};

/// With a frozen encoder, features of all frames are computed first where they are not beside the dataset already.
/// Reports every 100 updates; every 500, at the end and when it is stopped, the model, its checkpoint and log.jsonl
/// are on disk. A resumed run comes to the same weights as one that was never stopped.
/// @param report  after every hundred updates; may be null.
/// @param features  with frames that have features so far, of all; may be null.
/// @throws DatasetError for data that it cannot learn from; CheckpointError on `resume` of another run.
VisionTrainingResult TrainVision(std::shared_ptr<const CompiledTask> task, const std::vector<DatasetReader>& datasets,
                                 const VisionTrainingOptions& options, const std::string& device,
                                 const std::filesystem::path& folder, bool resume,
                                 const std::function<void(const VisionReport&)>& report, std::stop_token stop,
                                 const std::function<void(int64_t, int64_t)>& features = nullptr);

}  // namespace reverie
