// Collects a run of episodes into a dataset on disk, as the command line and the desktop app do it: committed
// every few seconds, so that a run that is stopped or killed keeps what it had finished. The caller's thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>

#include "sim/collect.h"

namespace reverie {

struct CollectDatasetOptions {
  // The whole run: episodes, or control steps; with `resume` those in the folder count.
  CollectOptions run;
  std::filesystem::path folder;        // prepared: empty, or the run to resume
  bool resume = false;
  bool finish_when_stopped = false;    // else a stopped run stays in parts, for a resumed one to go on faster
};

struct CollectDatasetResult {
  int64_t resumed_at = 0;              // episodes that were there
  int64_t episodes = 0, steps = 0;     // control steps; those that were there included
  int64_t quarantined = 0;             // of those played now
  bool interrupted = false;
};

/// @param begun  what was there, before the first episode is played; may be null.
/// @param kept   after each episode: episodes and control steps there are; may be null.
/// @throws DatasetError, SceneError as Collect does; what was finished before is then on disk.
CollectDatasetResult CollectDataset(const std::shared_ptr<const CompiledTask>& task, const PolicySource& policy,
                                    const CollectDatasetOptions& options,
                                    const std::function<void(int64_t episodes, int64_t steps)>& begun,
                                    const std::function<void(int64_t episodes, int64_t steps)>& kept,
                                    std::stop_token stop);

}  // namespace reverie
