// Plays pairs of start and goal and counts which goals were reached: at any time, and when the budget is spent. Several
// threads, each with an actor of its own; what comes out does not depend on how many.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "agent/goal_actors.h"
#include "agent/goal_pairs.h"
#include "sim/goal.h"

namespace reverie {

struct GoalOutcome {
  int64_t pair = 0;
  bool across = false;
  bool any = false, end = false;     // within GoalMeasure::within(), the end for hold(); false where only a picture is known
  int reached_after = -1;            // control steps; -1: never
  int budget = 0;
  double distance = 0, path = 0;     // at the start
  double nearest = 0, last = 0;      // distance at best and at the end
  double first_energy = 0, least_energy = 0, last_energy = 0;  // the actor's own; NaN: it has none
  double strangeness = 0;
};

struct GoalScore {
  int64_t pairs = 0, across = 0;
  double any = 0, end = 0;                // shares of the pairs
  double any_across = 0, end_across = 0;  // of those across; 0 where there are none
};

GoalScore ScoreOf(const std::vector<GoalOutcome>& outcomes);

struct GoalEvaluation {
  std::vector<GoalOutcome> outcomes;  // by pair
  int64_t plans = 0;
  double plan_ms = 0;                 // in all
  bool interrupted = false;
};

/// Makes an actor for a thread, on the one that calls EvaluateGoals. @param strangeness  is asked after Begin; may be left empty.
struct GoalActorSource {
  std::function<std::unique_ptr<GoalActor>()> make;
  std::function<double(const GoalActor&)> strangeness = nullptr;
};

/// @param measure  null: only pictures are known, and nothing counts as reached.
/// @param done     after each pair, one at a time, in no order; may be null.
/// @throws what an actor threw.
GoalEvaluation EvaluateGoals(std::shared_ptr<const CompiledTask> task, const GoalMeasure* measure,
                             const std::vector<GoalPair>& pairs, const GoalActorSource& source, int workers,
                             const std::function<void(const GoalOutcome&)>& done, std::stop_token stop);

}  // namespace reverie
