// Reward and its terms, real and predicted, the return so far, and what plans promise in the model and in the
// simulator. Window's thread only.
#pragma once

#include <string>

#include "agent/session.h"
#include "ui/desktop/series.h"

namespace reverie::desktop {

/// The stretch of a lineage that is looked at, s.
struct TimeWindow {
  double from = 0, to = 0;
};

/// The last `width_s` up to now, or around now where there is a future already; all there is if width_s is 0.
TimeWindow WindowAround(const LineageSeries& series, double now_s, double width_s);

/// "Reward 0.73 now, return 41.2 after 12.3 s. The plan promises 38 in the model, 36 in the simulator: a gap of 2."
std::string DescribeReward(const SessionSnapshot& now, LineageSeries& series, double now_s);

}  // namespace reverie::desktop
