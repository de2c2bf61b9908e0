// Many environments of one task, stepped together on MuJoCo's batch of simulations. Every row is what an
// Environment of its own would give, bit for bit, whatever the number of threads. Called from one thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "sim/environment.h"

namespace reverie {

/// What one step did, a row for each environment.
struct BatchStep {
  std::vector<double> rewards;      // (n) summed over the action repeat
  std::vector<uint8_t> terminated;  // (n) the task's termination
  std::vector<uint8_t> truncated;   // (n) time limit or divergence
  std::vector<int> diverged_dof;    // (n) the degree of freedom that blew up; -1: none
};

class EnvironmentBatch {
 public:
  /// @param count    environments, at least 1.
  /// @param threads  simulation threads, at least 1.
  /// @throws ShapeError; SceneError if MuJoCo cannot simulate the scene in a batch.
  EnvironmentBatch(std::shared_ptr<const CompiledTask> task, int count, int threads);
  ~EnvironmentBatch();

  const CompiledTask& task() const;
  int size() const;

  /// Starts an episode in every environment. @param seeds  (n); the same seed gives the same episode.
  void Reset(std::span<const uint64_t> seeds);
  /// Starts an episode in some: those that finished, while the others go on.
  /// @param environments  which, each once.  @param seeds  one for each of them.
  void Reset(std::span<const int> environments, std::span<const uint64_t> seeds);

  /// Applies actions (n, nu) in [-1, 1] for one control step. An environment that diverged keeps its last
  /// sound channels and reports the divergence, with reward 0, until it is reset or restored; the others are
  /// unaffected.
  /// @throws ShapeError; SceneError if MuJoCo gives a simulation up for another reason than divergence.
  const BatchStep& Step(std::span<const double> actions);

  /// Observation then signals after the last Reset or Step, (n, nchannels).
  std::span<const double> channels() const;
  std::span<const double> channels(int environment) const;
  int control_step(int environment) const;

  /// Integration states, (n, nstate).
  std::vector<double> SaveState() const;
  /// Restores rows of SaveState, in episodes at `control_steps`.
  /// @param environments  which, each once.  @param states  a row for each of them.
  void RestoreState(std::span<const int> environments, std::span<const double> states,
                    std::span<const int> control_steps);
  /// Model fields that resets drew, (n, nparameters).
  std::vector<double> parameters() const;
  /// @param parameters  a row for each of `environments`.
  void SetParameters(std::span<const int> environments, std::span<const double> parameters);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
