// Plays a recorded episode again from its first state and compares every bit of what the simulator computes
// with what was recorded. No files; each call owns its mjData.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "sim/dataset.h"
#include "sim/environment.h"
#include "sim/episode.h"

namespace reverie {

struct ReplayMismatch {
  int64_t episode = 0;    // Episode::index
  int64_t step = 0;       // row of the array; 0 is the start
  std::string array;      // "integration_state", "rewards", "observations", ...
  int64_t element = 0;    // within the row
  std::string component;  // which part of the state, or the element's label: "qvel[2]", "position[0]"
  double recorded = 0, replayed = 0;

  /// "episode 3, step 17: integration_state[5] (qvel[2]): recorded 0.25, replayed 0.25000000000000006".
  std::string Text() const;
};

struct ReplayResult {
  int64_t steps = 0;       // control steps played again
  int64_t mismatches = 0;  // rows that differ in any bit
  std::optional<ReplayMismatch> first;
};

/// Restores the episode's drawn model parameters and first state, applies its actions with CompiledTask::Step, and
/// before each the forces and mocap poses that a person's hands had set (as the state after the step holds them),
/// and compares integration_state, qpos, qvel, time, observations and signals of every row, rewards and the
/// termination. After a difference the replay goes on from where it is, so one early difference counts in
/// every row behind it. @throws ShapeError if the episode's arrays do not fit the task.
ReplayResult VerifyEpisode(const CompiledTask& task, const Episode& episode);

/// The task that a dataset was recorded in, from what the dataset itself keeps.
/// @throws TaskError, SceneError (an MJB of another MuJoCo version).
std::shared_ptr<const CompiledTask> TaskOfDataset(const DatasetReader& dataset);

}  // namespace reverie
