// Where the files of a dataset lie, and which of them count. A dataset is finished when main_data.hdf5 and
// metadata.json are both there; until then run.json says what it will be, and its episodes are in episodes.log, behind
// those of episodes.hdf5 where it was finished once and is being extended.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "sim/dataset.h"
#include "sim/episode_log.h"
#include "sim/hdf5_file.h"

namespace reverie {

/// Whether a file or folder is there and may be seen.
bool Exists(const std::filesystem::path& path);

struct DatasetPaths {
  explicit DatasetPaths(const std::filesystem::path& folder);
  bool Finished() const;

  std::filesystem::path data, main, metadata, run, task, scene, log, extended;
};

/// The committed episodes of a dataset, finished or not. Not thread-safe.
class CommittedEpisodes {
 public:
  /// @throws DatasetError: damaged, episodes missing between the two files.
  CommittedEpisodes(const DatasetPaths& paths, const DatasetInfo& info);

  int64_t episodes() const;
  /// Those kept in Minari's layout, which come first.
  int64_t in_hdf5() const { return in_hdf5_; }
  /// The file of those, where there are any.
  const Hdf5File* hdf5() const { return hdf5_ ? &*hdf5_ : nullptr; }
  /// The file of the others, where there is one.
  const EpisodeLogReader* log() const { return log_ ? &*log_ : nullptr; }

  /// Each takes an episode from 0 to episodes(), and throws DatasetError naming the file and the field.
  int64_t Steps(int64_t id) const;
  uint64_t Seed(int64_t id) const;
  Episode Read(int64_t id) const;  // without frames
  Episode ReadWithFrames(int64_t id) const;
  std::vector<uint8_t> ReadFrames(int64_t id, const FrameStream& stream, int64_t first, int64_t count) const;
  Episode ReadTransitions(int64_t id) const;
  EpisodeSummary ReadSummary(int64_t id) const;

 private:
  const DatasetInfo* info_;
  int64_t in_hdf5_ = 0;
  std::optional<Hdf5File> hdf5_;
  std::optional<EpisodeLogReader> log_;
};

/// What finished datasets (metadata.json) and unfinished ones (run.json) say of themselves, with task and
/// scene.
/// @throws DatasetError: missing, malformed, written by another tool.
DatasetInfo LoadInfo(const DatasetPaths& paths);

}  // namespace reverie
