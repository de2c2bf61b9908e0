// Joins datasets of the same set-up into one. Shards of one run become what the unsharded run would have
// written, byte for byte. The inputs are only read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace reverie {

struct MergeResult {
  int64_t episodes = 0;
  int64_t steps = 0;     // control steps
  bool one_run = false;  // the inputs follow on one another as parts of one run
  std::string note;      // why they do not, where they are of one run nevertheless; else empty
};

/// Writes the episodes of `inputs` to `out`, numbered from 0: shards of one run in the run's order, others in the
/// order given. `prepare` is called when it is known that they go together, and must leave `out` empty.
/// @throws DatasetError naming the field in which two set-ups differ and both values, or two inputs that hold
/// the same episode or whose infos/policy counts other policies, or an input that is no dataset. Nothing is
/// written then.
MergeResult MergeDatasets(const std::vector<std::filesystem::path>& inputs, const std::filesystem::path& out,
                          const std::function<void()>& prepare = {});

}  // namespace reverie
