// Predicted beside real: windows of recorded episodes, imagined with their own actions, and how far and how
// surely the model was wrong, per horizon and channel, against two baselines. No Torch, no threads.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "worldmodel/world_model.h"

namespace reverie {

struct ComparisonOptions {
  std::vector<int> horizons = {1, 5, 10, 25, 50};  // control steps, ascending
  int windows = 200;
  double tolerance = 0.25;  // prediction and reality part where a channel is off by this many of its deviations
  uint64_t seed = 0;
};

/// Root-mean-square errors are over the channel's standard deviation in the data; a channel that never changes
/// counts only in its own column. Overall figures are over all such channels: nrmse the root of the mean square.
struct HorizonFigures {
  int horizon = 0;
  double nrmse = 0, nrmse_persistence = 0, nrmse_linear = 0;  // linear: NaN where none was given
  double nll = 0;                        // Gaussian, channels in standard deviations, mean over channels
  double coverage50 = 0, coverage90 = 0; // share of windows and channels inside the central intervals
  std::vector<double> channel_nrmse, channel_persistence, channel_linear, channel_nll, channel_coverage50,
      channel_coverage90;
};

struct ComparisonWindow {
  int64_t episode = 0, start = 0;
  std::vector<float> predicted, spread;  // (H, nchannels)
  std::vector<int> parts_at;             // per channel, first step past the tolerance, from 1; 0: never
  double worst = 0;                      // mean over steps and channels of the error in standard deviations
};

struct Comparison {
  std::vector<std::string> channels;
  std::vector<double> channel_scale;      // standard deviation over the data, SI units
  std::vector<HorizonFigures> horizons;
  std::vector<double> median_parts_at;    // per channel, steps; the longest horizon where half the windows never part
  double median_first_part = 0;           // of any channel
  int windows = 0;
  ComparisonWindow typical, worst;        // the window of median error, and that of the greatest

  nlohmann::ordered_json ToJson() const;
};

/// @param linear  the ridge-regression baseline, or null.
/// @throws DatasetError if no episode is as long as the longest horizon.
Comparison Compare(WorldModel& model, WorldModel* linear, const std::vector<Episode>& episodes,
                   const ComparisonOptions& options, const std::function<void(int)>& tick);

}  // namespace reverie
