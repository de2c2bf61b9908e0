// Predicted and real: a prediction made some steps ago, or frozen, beside what happened since; channel by channel,
// step by step, and by how far ahead it looked. Window's thread only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/session.h"

namespace reverie::desktop {

/// How one channel fared. Errors in its deviations; NaN for a channel that never changes, or that the model cannot tell.
struct ChannelError {
  int channel = 0;
  float rms = 0;       // over the steps
  float last = 0;      // absolute, at the last step
  float in_band = 0;   // share of steps inside the 90 % band; NaN without a spread
  int parts_at = 0;    // first step, from 1, off by more than the tolerance; 0: never
};

/// All channels, worst first.
std::vector<ChannelError> MeasureChannels(const PredictedVersusReal& compared, std::span<const double> scale,
                                          const std::vector<bool>& angles, double tolerance);

/// "They part after 14 steps (0.56 s): hinge.cos is off by 0.31 of its deviation."
/// @param errors  as MeasureChannels gave them.
std::string DescribeCompared(const SessionSnapshot& now, std::span<const ChannelError> errors,
                             std::span<const std::string> labels);

}  // namespace reverie::desktop
