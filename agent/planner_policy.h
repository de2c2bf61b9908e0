// A policy that plans at every control step: a planner and the world model that it imagines in.
#pragma once

#include <memory>
#include <string>

#include "agent/planner.h"
#include "sim/policy.h"

namespace reverie {

/// Options that suit a task: the defaults, over them the task file's "planner". @throws Error for unknown keys.
PlannerOptions PlannerOptionsFor(const TaskSpec& spec);
/// Options that suit a kind of learned model: a latent model's value sees past a short horizon, so those of the task's
/// "planner", which are for returns summed up, do not apply to it; nor to a joint-embedding one, which plans by pictures.
PlannerOptions PlannerOptionsForKind(const TaskSpec& spec, const std::string& kind);
/// Options that suit planning a task in a model: those of the task; unless the model is "simulator", over them the
/// planner of the task file's "learning", and over that the one that learning used, where the model's folder tells.
/// @throws Error for unknown keys.
PlannerOptions PlannerOptionsFor(const TaskSpec& spec, const std::string& model);

/// Sums over the plans of a run.
struct PlanningStatistics {
  int64_t plans = 0;
  int64_t imagined_steps = 0;
  double plan_ms = 0;  // in all
};

/// `model` and `statistics` (may be null) outlive the policies; episodes are played one at a time.
/// @param exploration  noise on each action, in deviations of what the planner last drew it with.
PolicySource PlannerPolicy(WorldModel& model, const PlannerOptions& options, PlanningStatistics* statistics,
                           double exploration = 0.0);

}  // namespace reverie
