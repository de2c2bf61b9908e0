// The episodes of a dataset that is still being written: records one behind the other in one file, each with a
// checksum, and at its head up to where they are safe on the disk. A torn end is thereby known and costs nothing that
// was committed. Writing is a copy and a few large writes. One writer, any number of readers; not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "sim/dataset.h"
#include "sim/files.h"

namespace reverie {

class EpisodeLogReader {
 public:
  /// Finds the records that were committed. @throws DatasetError if it is no log, or one of them is damaged.
  explicit EpisodeLogReader(const std::filesystem::path& path);

  /// The dataset's episode with which it begins.
  int64_t first() const { return first_; }
  int64_t episodes() const { return static_cast<int64_t>(records_.size()); }
  /// Control steps and seed of the dataset's episode `id`.
  int64_t Steps(int64_t id) const { return At(id).steps; }
  uint64_t Seed(int64_t id) const { return At(id).seed; }
  /// Where the records of the first `episodes` end.
  uint64_t BytesOf(int64_t episodes) const;
  /// How often something was committed.
  uint64_t commits() const { return commits_; }
  const std::filesystem::path& path() const { return path_; }

  /// The dataset's episode `id`. @throws DatasetError where its checksum is not right, or it is not of the sizes that
  /// `info` gives.
  Episode Read(int64_t id, const DatasetInfo& info) const;

 private:
  struct Record {
    uint64_t at = 0, size = 0;  // of what the checksum is of
    uint32_t checksum = 0;
    int64_t steps = 0;
    uint64_t seed = 0;
  };
  const Record& At(int64_t id) const { return records_[static_cast<size_t>(id - first_)]; }

  std::filesystem::path path_;
  mutable std::ifstream file_;
  int64_t first_ = 0;
  uint64_t committed_bytes_ = 0, commits_ = 0;
  std::vector<Record> records_;
};

class EpisodeLogWriter {
 public:
  /// Begins a log at the dataset's episode `first`; one that is there is replaced at the first Commit.
  EpisodeLogWriter(const std::filesystem::path& path, int64_t first);
  /// Goes on with one behind its first `kept` episodes of those committed, and drops the others.
  EpisodeLogWriter(const EpisodeLogReader& log, int64_t kept);

  /// @throws Error (a full disk), after which the episode waits for the next call.
  void Append(const Episode& episode);
  /// Makes what was appended safe on the disk. @throws Error, after which it may be called again.
  void Commit();

 private:
  void Flush();
  void MarkCommitted(uint64_t bytes);

  std::filesystem::path path_;
  GrowingFile file_;
  uint64_t commits_ = 0;
  bool in_place_;        // whether the file has its own name yet
  std::string waiting_;  // appended, not written
};

}  // namespace reverie
