// Starts and goals to be reached from them, drawn independently of one another and of every episode that was learned
// from. Deterministic for a seed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sim/environment.h"
#include "sim/episode.h"
#include "sim/goal.h"

namespace reverie {

struct GoalPair {
  std::vector<double> parameters;    // what the reset drew into the model
  std::vector<double> start_state;   // mjSTATE_INTEGRATION
  std::vector<double> goal_state;    // of the same layout: the start's, but for positions; at rest
  std::vector<double> goal_channels; // (nchannels)
  bool across = false;               // the goal lies in another region than the start
  double distance = 0, path = 0;     // straight, and by way of the task's waypoint
  int budget = 0;                    // control steps
  uint64_t seed = 0;                 // for what acts
};

/// Starts by the task's reset; the goal takes its positions from another reset and everything else (doors, drawn
/// parameters) from the start. Goals nearer than four times what counts as reached are drawn again.
/// @param across  share of the pairs whose goal lies in another region, where the task has regions; the others' goals
///                lie in the start's own.
/// @throws TaskError where a thousand draws give no such pair.
std::vector<GoalPair> DrawGoalPairs(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure, int64_t count,
                                    double across, uint64_t seed);

/// The same, but the goal is a state of an episode, and the starts are in its layout.
/// @param step  0 to episode.steps
std::vector<GoalPair> PairsToEpisode(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure,
                                     const Episode& episode, int64_t step, int64_t count, uint64_t seed);

/// Starts alone, for a goal of which there is only a picture: the budget is the task's time limit, the goal's channels
/// and state are empty.
std::vector<GoalPair> StartsAlone(std::shared_ptr<const CompiledTask> task, int64_t count, uint64_t seed);

}  // namespace reverie
