// What the plan looks like from inside: each channel as the model expects it, with its doubt and its members, beside
// what was and what came; the actions, the reward, and how the candidates scored. Window's thread only.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "agent/session.h"

namespace reverie::desktop {

/// What can be said of a plan as a whole; computed once per plan.
struct PlanFigures {
  std::vector<float> doubt;         // (nchannels) spread, mean over the horizon, in the channel's deviations
  std::vector<float> disagreement;  // (nchannels) deviation between members, likewise; empty without members
  int most_doubted = -1, most_disagreed = -1;
};

/// @param scale  (nchannels) deviations; channels without one (0) are left out with NaN.
PlanFigures MeasurePlan(const ImaginedPlan& plan, std::span<const double> scale);

/// "The plan: 0.8 s ahead (20 steps), expected return 41.2 in the model, 38.9 in the simulator; members disagree
/// most on hinge.cos."
std::string DescribePlan(const SessionSnapshot& now, const PlanFigures& figures, std::span<const std::string> labels);

}  // namespace reverie::desktop
