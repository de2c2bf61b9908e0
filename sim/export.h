// Datasets in the layouts of other projects' tools. What they load is single precision where theirs is; nothing of the
// dataset is changed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

#include "sim/dataset.h"

namespace reverie {

/// Names that `ExportDataset` takes as a format: "ogbench", "stable-worldmodel", "robomimic".
const std::vector<std::string>& ExportFormats();
/// What its files end with: ".npz", ".h5", ".hdf5".
std::string ExportSuffix(const std::string& format);

struct ExportOptions {
  std::string format;
  /// OGBench has one observation: the frames of this camera in place of the state. Empty: the state.
  std::string camera;
};

struct ExportResult {
  int64_t episodes = 0;
  int64_t rows = 0;  // as the format counts: states, or control steps for robomimic
  bool interrupted = false;
};

/// Writes all episodes of `dataset` to the file `out`, which appears whole.
///
/// - ogbench (its utils.load_dataset): a NumPy archive of observations, actions, terminals (true at an episode's last
///   state), rewards, qpos, qvel; a row a state, where the last of an episode has zeros for action and reward.
/// - stable-worldmodel (its HDF5Dataset): a column each for observation, action, reward, qpos, qvel, ep_idx, step_idx,
///   terminated, truncated and `pixels` (further cameras: `pixels_CAMERA`, depth and segmentation likewise), a row a
///   state; action and reward of an episode's last state are NaN; ep_len and ep_offset say where episodes lie.
/// - robomimic (its docs/datasets/overview.md): data/demo_K with obs, next_obs, actions, rewards, dones, states, a row
///   a control step; the state is obs/state, a camera's frames obs/CAMERA_image.
/// @param progress  called behind each episode with how many are done.
/// @throws DatasetError as reading does; where there is no such camera (those there are, named); Error where `out`
/// cannot be written.
ExportResult ExportDataset(const DatasetReader& dataset, const std::filesystem::path& out, const ExportOptions& options,
                           const std::function<void(int64_t)>& progress = {}, std::stop_token stop = {});

}  // namespace reverie
