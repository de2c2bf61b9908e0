// Policies: what chooses the actions of an episode. Random ones live here; planners and learned policies
// implement the same interface in agent/. An instance plays one episode on one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/environment.h"

namespace reverie {

/// What a policy may look at before each control step.
struct PolicyInput {
  const mjModel* model;              // with this episode's parameters
  const mjData* data;                // derived quantities computed
  std::span<const double> channels;  // observation then signals
  int control_step;
  std::span<const double> last_action = {};  // that was played in the step before, whoever chose it; empty: none was
};

class Policy {
 public:
  virtual ~Policy() = default;
  /// Writes the next action (nu), in [-1, 1].
  virtual void Act(const PolicyInput& input, std::span<double> action) = 0;
  /// Who chose the last action: an index into PolicySource::actors, where there are any.
  virtual int Actor() const { return 0; }
};

/// Makes the policy of one episode; everything random in it comes from `seed`.
struct PolicySource {
  std::string name;  // as a dataset keeps it: "random", "planner(icem, simulator)"
  bool parallel;     // whether policies of several episodes may act at the same time
  std::function<std::unique_ptr<Policy>(uint64_t seed)> make;
  std::vector<std::string> actors = {};  // names of those that take turns; empty where one acts alone
};

/// Every action element uniform in [-1, 1], drawn anew at each control step.
PolicySource RandomPolicy(const CompiledTask& task);

/// Noise that lasts: for each actuator and episode a correlation time (log-uniform, 0.05 to 1 s) and a
/// deviation (log-uniform, 0.3 to 1.5) of a first-order autoregressive process, clipped to [-1, 1].
/// It pushes long enough in one direction to reach states that white noise does not.
PolicySource SmoothPolicy(const CompiledTask& task);

/// "random", "smooth" or "explore" (sim/explore_policy.h). @throws Error listing them.
PolicySource NoisePolicy(const std::string& name, const CompiledTask& task);

}  // namespace reverie
