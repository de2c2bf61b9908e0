// What a dataset's episodes meet: how often they touch something and, where the task tells regions apart, how often
// they cross from one to another. Contacts are computed again from the recorded states. The caller's thread.
#pragma once

#include <cstdint>
#include <stop_token>

#include "sim/dataset.h"

namespace reverie {

struct ContactReport {
  int64_t episodes = 0;          // looked at: some of them, spread evenly, where there are many states
  int64_t states = 0;            // of those
  double touching = 0;           // share of the states in which a constraint pushes back on an actuated joint
  double contacts_per_episode = 0;   // how often that begins
  bool has_regions = false;      // whether the task's "goal" has a "region"
  double crossings_per_episode = 0;  // how often the region changes
  double crossing_episodes = 0;  // share of the episodes with at least one
};

/// @param most_states  about how many states are looked at.
/// @throws DatasetError, TaskError, SceneError (a scene of another MuJoCo version).
ContactReport ReportContacts(const DatasetReader& dataset, int64_t most_states = 50000, std::stop_token stop = {});

}  // namespace reverie
