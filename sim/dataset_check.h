// Whether a dataset is what it says it is: everything that Minari asks of one, and what a replay needs besides.
// Reads array by array. The caller's thread; changes and prints nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>

namespace reverie {

struct DatasetCheck {
  int64_t episodes = 0, steps = 0;  // control steps
  bool finished = false;            // else what was committed was checked, and there is no metadata.json yet
  bool interrupted = false;         // by `stop`; what was looked at is sound
};

/// Checks, in this order: that all files are there and can be read; what metadata.json says against what Minari
/// accepts and against the dataset (sizes, spaces, counts); that task.json and scene.mjb go together and have the
/// sizes and labels that the dataset states; and for every episode its place, attributes, the type and shape of
/// every array, that numbers are finite, that observations and actions lie in their spaces, that flags are true at
/// the last step alone, and that time, qpos and qvel are those inside the integration state.
/// @param progress  after each episode: how many were checked, of how many; may be null.
/// @throws DatasetError naming the first violation: file, episode, field, expected, found.
DatasetCheck CheckDataset(const std::filesystem::path& folder,
                          const std::function<void(int64_t episodes, int64_t of)>& progress = nullptr,
                          std::stop_token stop = {});

}  // namespace reverie
