// An episode of a dataset as series to plot, and a model's prediction put on it: imagined from one of its states
// with the actions that were really taken. Plain values, no threads. SI units.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/environment.h"
#include "worldmodel/world_model.h"

namespace reverie::desktop {

/// A dataset that is browsed.
struct BrowsedDataset {
  std::filesystem::path folder;
  DatasetInfo info;
  int64_t episodes = 0, steps = 0;
  bool finished = false;
  std::shared_ptr<const CompiledTask> task;  // as the dataset itself keeps it; null: see problem
  std::string task_problem;                  // why its scene cannot be set up here, one line
  std::vector<std::string> labels;           // of channels: observation, then signals
  double control_step_s() const { return info.control_timestep_s * info.action_repeat; }
};

struct RecordedEpisode {
  size_t number = 0;  // in the dataset
  Episode episode;
  std::vector<float> time_s;                  // (T+1), since its start
  std::vector<std::vector<float>> channels;   // [channel](T+1)
  std::vector<std::vector<float>> actions;    // [actuator](T), drawn at the states they led to
  std::vector<float> rewards, return_so_far;  // (T), likewise
  std::vector<float> scale;                   // [channel] standard deviation over the episode; 0: it never changes

  /// @param info  sizes of the dataset that it is of.
  RecordedEpisode(Episode episode, const DatasetInfo& info, size_t number);
  /// The integration state at a step, from 0 to episode.steps.
  std::vector<double> State(int64_t step) const;
};

struct EpisodePrediction {
  size_t number = 0;                            // of the episode
  std::string model;                            // for people
  int64_t start = 0;                            // step that it was made at
  int steps = 0;                                // of which reality is known
  std::vector<float> time_s;                    // (steps + 1): where it was made, then what it predicts
  std::vector<std::vector<float>> channels, low, high;  // [channel](steps + 1); low, high: 90% of what it expects
  std::vector<float> error;                     // (steps + 1), root mean square over channels, in deviations
  int parts_at = 0;                             // first step, from 1, at which they are apart; 0: they never are
  int parts_channel = -1;                       // which channel is farthest off there
};

/// @param horizon    control steps; cut where the episode ends.
/// @param tolerance  they part where a channel is off by this many of its deviations in the episode.
/// @throws ShapeError, CheckpointError from the model; Error at the episode's last state.
EpisodePrediction Predict(WorldModel& model, const RecordedEpisode& recorded, int64_t start, int horizon,
                          double tolerance);

}  // namespace reverie::desktop
