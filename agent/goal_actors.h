// What acts to reach a goal, and the floors and ceiling that a model is held against: random actions, a straight line
// without a plan, and planning in the simulator by the true distance. An instance belongs to one thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "agent/goal_pairs.h"
#include "agent/planner.h"
#include "sim/environment.h"

namespace reverie {

class GoalActor {
 public:
  virtual ~GoalActor() = default;
  /// @param environment  in the pair's start.
  virtual void Begin(const GoalPair& pair, Environment& environment) = 0;
  /// Writes the next action, (nu), in [-1, 1].
  virtual void Act(Environment& environment, std::span<double> action) = 0;
  /// How far it takes itself to be from the goal, in units of its own; NaN: it does not know.
  virtual double Energy() const;
  /// Plans made since it was made, and what they took.
  virtual int64_t plans() const { return 0; }
  virtual double plan_ms() const { return 0; }
};

/// Actions uniform in [-1, 1].
std::unique_ptr<GoalActor> MakeRandomActor(const CompiledTask& task);

/// At each control step the action that shortens the straight line most, told by trying each actuator both ways for one
/// step; slower the nearer it comes. Walls are not seen.
/// @param measure  outlives it, here and below.
std::unique_ptr<GoalActor> MakeStraightActor(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure);

/// Plans in the simulator, by the length of the path to the goal summed over the horizon.
/// @param replan  control steps from plan to plan.
std::unique_ptr<GoalActor> MakeSimulatorActor(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure,
                                              const PlannerOptions& planning, int replan);

}  // namespace reverie
