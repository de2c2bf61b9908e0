// Files that appear whole or not at all, and output folders that one process at a time may write to and that
// are never overwritten unasked. Nothing here keeps state but FileLock.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace reverie {

/// Reads a whole file. @throws Error naming the path and the system's reason.
std::string ReadFile(const std::filesystem::path& path);

/// Writes beside `path`, flushes to disk, renames over it. A link is followed; a device or pipe is written to
/// as it is. @throws Error naming the path and the reason.
void WriteFileAtomically(const std::filesystem::path& path, std::string_view bytes);

/// Flushes a file that something else wrote to disk and renames it to `path`. @throws Error.
void CommitFile(const std::filesystem::path& temporary, const std::filesystem::path& path);

/// Name that a file has while it is written: `path` with ".partial" behind it.
std::filesystem::path PartialPath(const std::filesystem::path& path);

/// Deletes a file; one that is not there is no error. @throws Error.
void RemoveFile(const std::filesystem::path& path);

/// A file that is written at its end.
class GrowingFile {
 public:
  /// Opens `path` for writing, or creates it. What lies behind its first `size` bytes counts as nothing.
  /// @throws Error.
  GrowingFile(const std::filesystem::path& path, uint64_t size);
  ~GrowingFile();
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;

  uint64_t size() const { return size_; }
  /// @throws Error (a full disk): then nothing of `bytes` is there.
  void Append(std::string_view bytes);
  /// Writes over what is there. @throws Error.
  void WriteAt(uint64_t offset, std::string_view bytes);
  void Resize(uint64_t size);
  /// Makes all of it safe on the disk. @throws Error.
  void Flush();

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

/// Creates `folder` for a run's output. An existing folder with anything in it is refused, or emptied when
/// `overwrite` is set and it looks like one that Reverie made (holds `marker`, or is empty). What a run
/// leaves that was killed before its first file counts as nothing. A folder that a running process holds is
/// refused.
/// @throws Error saying what was found and that --overwrite (or --resume) is the way on.
void PrepareOutputFolder(const std::filesystem::path& folder, bool overwrite, std::string_view marker);

/// Holds a folder for this process while it lives, through a lock file in it that the system lets go of when
/// the process ends, however it ends.
class FolderLock {
 public:
  /// @throws Error if another process (or another lock of this one) holds the folder.
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace reverie
