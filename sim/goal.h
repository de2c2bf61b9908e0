// What reaching a goal means in a task: how far two states lie apart, by the task file's "goal". Immutable, shared
// between threads but for the scratch that callers keep. Distances in the channels' own units (m).
//
//   "goal": {
//     "distance": "position",          channels, or formulas of them, whose Euclidean distance counts
//     "within": 0.05,                  reached at this distance or less
//     "region": "position[0] > 0",     optional: states of another value lie behind a detour ...
//     "waypoint": ["0", "door"],       ... through this point, over the start's channels
//     "speed": 0.6,                    optional, with it a budget of twice the shortest path is set, units/s
//     "budget_s": 4,                   or the budget itself; without either it is the time limit
//     "hold": 5,                       optional: counts as reached at the end where the last so many control steps were
//     "hide": ["goal"],                what pictures must not show: the marker that says where to go
//     "planner": {"horizon": 54}       defaults for planning to pictures: options of agent/planner.h
//   }
#pragma once

#include <span>
#include <string>
#include <vector>

#include "sim/environment.h"

namespace reverie {

class GoalMeasure {
 public:
  /// @throws TaskError for a task without "goal", or naming the key that is not as above.
  explicit GoalMeasure(const CompiledTask& task);

  static bool Has(const CompiledTask& task) { return !task.spec().goal.empty(); }

  double within() const { return within_; }
  /// Control steps.
  int hold() const { return hold_; }
  bool has_regions() const { return !region_.empty(); }
  const std::vector<std::string>& hide() const { return hide_; }

  /// Straight line between two states given by their channels, (channel_size()).
  double Distance(std::span<const double> from, std::span<const double> to) const;
  /// 0 where the task declares none.
  double Region(std::span<const double> channels) const;
  /// Distance, by way of the waypoint where the two lie in different regions.
  double PathLength(std::span<const double> from, std::span<const double> to) const;
  /// Control steps that twice the path takes at the task's speed, or those of "budget_s", or of the time limit.
  int Budget(std::span<const double> from, std::span<const double> to) const;

 private:
  std::vector<double> Place(const std::vector<Formula>& formulas, std::span<const double> channels) const;

  std::vector<Formula> distance_, waypoint_;
  Formula region_;
  double within_ = 0, speed_ = 0, control_step_s_ = 0;
  int time_limit_ = 0, hold_ = 1;
  std::vector<std::string> hide_;
};

}  // namespace reverie
