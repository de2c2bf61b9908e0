// Where the files of a dataset lie, and which of its parts count. A dataset is finished when main_data.hdf5
// and metadata.json are both there; until then run.json and the parts are what it consists of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/dataset.h"

namespace reverie {

/// Whether a file or folder is there and may be seen.
bool Exists(const std::filesystem::path& path);

struct DatasetPaths {
  explicit DatasetPaths(const std::filesystem::path& folder);
  /// Part that holds episodes `first` to `last`, both included.
  std::filesystem::path Part(int64_t first, int64_t last) const;
  bool Finished() const;

  std::filesystem::path data, main, metadata, run, task, scene, parts;
};

struct DatasetPart {
  int64_t first = 0, last = 0;
  std::filesystem::path path;
};

struct DatasetParts {
  std::vector<DatasetPart> chain;                 // one behind the other from episode 0
  std::vector<std::filesystem::path> superseded;  // covered by others: a cut or a join was interrupted
  int64_t episodes() const { return chain.empty() ? 0 : chain.back().last + 1; }
};

/// @throws DatasetError if episodes are missing between two parts.
DatasetParts FindParts(const DatasetPaths& paths);

/// What finished datasets (metadata.json) and unfinished ones (run.json) say of themselves, with task and
/// scene.
/// @throws DatasetError: missing, malformed, written by another tool.
DatasetInfo LoadInfo(const DatasetPaths& paths);

}  // namespace reverie
