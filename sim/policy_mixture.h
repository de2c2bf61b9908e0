// Policies made of policies: one drawn for each episode, and uniform actions strewn among another's.
#pragma once

#include <string>
#include <vector>

#include "sim/policy.h"

namespace reverie {

/// A part of a mixture as text names it.
struct PolicyShare {
  std::string name;
  double weight = 1.0;
};

/// Reads "smooth" (weight 1) or "smooth:0.7,planner:0.3". Weights are relative: they need not add up to 1.
/// @throws Error naming `known` and near ones for a name that is none of them, for a weight that is missing or not
/// positive, and for a name given twice.
std::vector<PolicyShare> ParsePolicyMixture(const std::string& text, const std::vector<std::string>& known);

struct WeightedPolicy {
  PolicySource policy;
  double weight = 1.0;  // positive, finite
};

/// Draws from each episode's seed, by weight, the policy that plays it, just as it would play an episode of that seed
/// alone. Named "mixture(smooth:0.7, random:0.3)"; its actors are the policies in order. A single one stays itself.
/// @throws Error where two policies have the same name, or a weight is not positive.
PolicySource PolicyMixture(const std::vector<WeightedPolicy>& policies);

/// Replaces, at each control step with probability `epsilon`, the whole action by a uniform one in [-1, 1]. Named
/// "epsilon(0.1, smooth)"; its actors are those of `policy` and, last, "epsilon". The policy below acts at every step
/// all the same, so that its noise or plan goes on in time.
/// @throws Error unless 0 < epsilon <= 1.
PolicySource EpsilonPolicy(PolicySource policy, double epsilon);

}  // namespace reverie
