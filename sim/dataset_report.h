// What a dataset holds, in numbers: how long, how good, how far its observations and actions reach. Reads
// episode by episode, without the simulator's states. The caller's thread; prints nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "sim/dataset.h"

namespace reverie {

/// How many of some numbers lie in each of equal intervals between `low` and `high`; none where there are none.
struct Histogram {
  double low = 0, high = 0;
  std::vector<int64_t> counts;
};

/// One number per episode, over all of them. Quantiles as NumPy's default: linear between neighbours. NaN where
/// there is no finite number.
struct Spread {
  double min = 0, quarter = 0, median = 0, three_quarters = 0, max = 0, mean = 0;
  int64_t not_finite = 0;  // left out of the others
  Histogram histogram;
};

/// The values of one element of the observation, the signals or the action. NaN where there is no finite one.
struct ChannelCoverage {
  std::string label;
  double min = 0, percent_1 = 0, median = 0, percent_99 = 0, max = 0, mean = 0;
  double deviation = 0;    // standard deviation, divided by the number of values
  double at_limit = 0;     // share of the values at or beyond -1 or 1; means something for actions alone
  int64_t not_finite = 0;  // left out of the others
  Histogram histogram;     // of the rows that the quantiles look at
};

/// All elements of one array.
struct Coverage {
  std::vector<ChannelCoverage> channels;
  int64_t rows = 0;
  // The quantiles (percent_1, median, percent_99) look at one row in so many; 1: at all. The rest is exact.
  int64_t sampled_every = 1;
};

struct DatasetReport {
  int64_t episodes = 0;
  int64_t control_steps = 0;
  int64_t env_steps = 0;                // control steps times action repeat
  Spread returns, lengths;              // lengths in control steps
  int64_t terminated = 0, truncated = 0;
  int64_t with_success = 0;             // episodes whose task defines success
  int64_t success_any = 0, success_end = 0;  // of those: at any time, at the end
  std::vector<int64_t> diverged;        // episodes, from 0: quarantined, kept up to the last finite state
  std::map<std::string, int64_t> diverged_at;  // how many by the degree of freedom that blew up
  Coverage observations, signals, actions;
  uint64_t disk_bytes = 0;              // of all files of the dataset
};

struct DatasetReportOptions {
  // Values of an array that are kept for quantiles. One row a block of equal blocks is taken where there are more,
  // at a place that moves from block to block, so that it does not meet the same step of every episode.
  int64_t most_sampled_values = int64_t{1} << 22;
};

/// @param progress  after each episode: how many were read; may be null.
/// @return          nothing if `stop` was requested.
/// @throws DatasetError naming the file, what was expected and found.
std::optional<DatasetReport> ReportDataset(const DatasetReader& dataset, const DatasetReportOptions& options = {},
                                           const std::function<void(int64_t episodes)>& progress = nullptr,
                                           std::stop_token stop = {});

}  // namespace reverie
