// Every parameter of a planner as something to be edited, and what to make smaller where planning takes too long.
// Window's thread only.
#pragma once

#include <optional>
#include <string>

#include "agent/planner.h"

namespace reverie::desktop {

/// What each kind does, in a sentence.
const char* PlannerKindHelp(PlannerKind kind);

/// Draws the kind and all parameters that it uses; basic ones first. Whatever is entered, the options stay valid.
/// True when something changed.
bool EditPlannerOptions(PlannerOptions& options);

bool SameOptions(const PlannerOptions& a, const PlannerOptions& b);

/// Control steps that one plan imagines, as long as no time budget ends it early.
int64_t ImaginedSteps(const PlannerOptions& options);

/// A change that brings a plan of `plan_ms` down to about `target_ms`, by the parameter that hurts least.
struct Relief {
  PlannerOptions options;
  std::string text;  // "3 iterations instead of 6"
};
std::optional<Relief> RelieveFor(const PlannerOptions& options, double plan_ms, double target_ms);

}  // namespace reverie::desktop
