// One episode as a group of an HDF5 file, in Minari's layout: `episode_3` with observations, actions,
// rewards, terminations, truncations and infos, plus what Minari does not know (drawn model parameters,
// divergence). With frames, observations are a group: state, pixels/CAMERA, depth/CAMERA, segmentation/CAMERA.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/hdf5_file.h"

namespace reverie {

/// "episode_3".
std::string EpisodeName(int64_t id);

/// Checks every array's size against `info`. @throws ShapeError naming the array, expected and found.
void CheckEpisode(const Episode& episode, const DatasetInfo& info);

/// @throws DatasetError if one of `actors` is none of so many policies.
void CheckActors(const std::vector<int8_t>& actors, size_t policies, const std::string& where);

/// Writes an episode that CheckEpisode passed, as episode `id` of the dataset.
void WriteEpisode(Hdf5Group& root, int64_t id, const Episode& episode, const DatasetInfo& info);

/// All of it but its frames. @throws DatasetError naming the file, the array, what was expected and found.
Episode ReadEpisode(const Hdf5Group& root, int64_t id, const DatasetInfo& info);

/// All of it but the simulator's states: integration_state, qpos, qvel and time are left empty.
/// @throws DatasetError as ReadEpisode does.
Episode ReadEpisodeTransitions(const Hdf5Group& root, int64_t id, const DatasetInfo& info);

/// @throws DatasetError as ReadEpisode does, for what it reads.
EpisodeSummary ReadEpisodeSummary(const Hdf5Group& root, int64_t id, const DatasetInfo& info);

/// Control steps in episode `id`.
int64_t ReadEpisodeSteps(const Hdf5Group& root, int64_t id);

/// Seed of episode `id`.
uint64_t ReadEpisodeSeed(const Hdf5Group& root, int64_t id);

}  // namespace reverie
