#include "sim/files.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr char kLockName[] = ".reverie-lock";
constexpr char kPartialSuffix[] = ".partial";

[[noreturn]] void Fail(const fs::path& path, const std::string& what, int code) {
  throw Error(path.string() + ": " + what + ": " + std::generic_category().message(code));
}

class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool Close() {
    const int fd = fd_;
    fd_ = -1;
    return fd < 0 || ::close(fd) == 0;
  }

 private:
  int fd_;
};

fs::path FolderOf(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Some file systems cannot flush a folder or a device and say so with EINVAL; there is nothing more to do
// then.
bool FlushToDisk(int fd) {
  return ::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS;
}

void FlushFolder(const fs::path& folder) {
  Descriptor descriptor(folder, O_RDONLY | O_DIRECTORY);
  if (descriptor.get() >= 0) FlushToDisk(descriptor.get());
}

void WriteAll(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      Fail(path, "cannot be written", errno);
    }
    bytes.remove_prefix(static_cast<size_t>(written));
  }
}

bool IsDebris(const fs::path& name) {
  return name == kLockName || name.extension() == kPartialSuffix;
}

// First entry that a user would miss; empty where only empty folders and debris of a killed run are left.
fs::path FirstContent(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.is_directory() && !entry.is_symlink()) {
      const fs::path found = FirstContent(entry.path());
      if (!found.empty()) return found;
    } else if (!IsDebris(entry.path().filename())) {
      return entry.path();
    }
  }
  return {};
}

// Where a link leads, through further links, also where nothing is there yet.
fs::path Follow(fs::path path) {
  constexpr int kMostLinks = 40;
  std::error_code code;
  for (int i = 0; i < kMostLinks && fs::is_symlink(path, code); ++i) {
    path = FolderOf(path) / fs::read_symlink(path, code);
  }
  return path;
}

}  // namespace

std::string ReadFile(const fs::path& path) {
  Descriptor descriptor(path, O_RDONLY);
  if (descriptor.get() < 0) Fail(path, "cannot be read", errno);
  std::string bytes;
  struct stat status{};
  if (::fstat(descriptor.get(), &status) == 0 && status.st_size > 0) {
    bytes.reserve(static_cast<size_t>(status.st_size));
  }
  constexpr size_t kBlock = size_t{1} << 16;
  for (;;) {
    const size_t size = bytes.size();
    bytes.resize(size + kBlock);
    const ssize_t got = ::read(descriptor.get(), bytes.data() + size, kBlock);
    bytes.resize(size + static_cast<size_t>(got > 0 ? got : 0));
    if (got == 0) return bytes;
    if (got < 0 && errno != EINTR) Fail(path, "cannot be read", errno);
  }
}

fs::path PartialPath(const fs::path& path) {
  fs::path partial = path;
  partial += kPartialSuffix;
  return partial;
}

void WriteFileAtomically(const fs::path& path, std::string_view bytes) {
  std::error_code ignored;
  const fs::path target = Follow(path);
  const fs::file_status status = fs::status(target, ignored);
  if (fs::is_directory(status)) throw Error(path.string() + ": cannot be written: it is a folder");
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    Descriptor device(target, O_WRONLY);
    if (device.get() < 0) Fail(path, "cannot be written", errno);
    WriteAll(device.get(), bytes, path);
    return;
  }
  const fs::path partial = PartialPath(target);
  try {
    Descriptor file(partial, O_WRONLY | O_CREAT | O_TRUNC);
    if (file.get() < 0) Fail(path, "cannot be written", errno);
    WriteAll(file.get(), bytes, path);
    if (!file.Close()) Fail(path, "cannot be written", errno);
    CommitFile(partial, target);
  } catch (const Error&) {
    ::unlink(partial.c_str());
    throw;
  }
}

void CommitFile(const fs::path& temporary, const fs::path& path) {
  {
    Descriptor file(temporary, O_RDONLY);
    if (file.get() < 0) Fail(temporary, "cannot be read", errno);
    if (!FlushToDisk(file.get())) Fail(path, "cannot be flushed to disk", errno);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    Fail(path, "cannot be renamed from " + temporary.filename().string(), errno);
  }
  FlushFolder(FolderOf(path));
}

void RemoveFile(const fs::path& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) Fail(path, "cannot be deleted", errno);
}

GrowingFile::GrowingFile(const fs::path& path, uint64_t size)
    : path_(path), descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {
  if (descriptor_ < 0) Fail(path, "cannot be written", errno);
  try {
    Resize(size);
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

GrowingFile::~GrowingFile() { ::close(descriptor_); }

void GrowingFile::Append(std::string_view bytes) {
  if (::lseek(descriptor_, static_cast<off_t>(size_), SEEK_SET) < 0) Fail(path_, "cannot be written", errno);
  try {
    WriteAll(descriptor_, bytes, path_);
  } catch (const Error&) {
    static_cast<void>(::ftruncate(descriptor_, static_cast<off_t>(size_)) == 0);  // the room is needed
    throw;
  }
  size_ += bytes.size();
}

void GrowingFile::WriteAt(uint64_t offset, std::string_view bytes) {
  if (::lseek(descriptor_, static_cast<off_t>(offset), SEEK_SET) < 0) Fail(path_, "cannot be written", errno);
  WriteAll(descriptor_, bytes, path_);
}

void GrowingFile::Resize(uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) Fail(path_, "cannot be cut to its length", errno);
  size_ = size;
}

void GrowingFile::Flush() {
  if (!FlushToDisk(descriptor_)) Fail(path_, "cannot be flushed to disk", errno);
}

void PrepareOutputFolder(const fs::path& folder, bool overwrite, std::string_view marker) {
  std::error_code code;
  const fs::file_status status = fs::status(folder, code);
  if (!fs::exists(status)) {
    fs::create_directories(folder, code);
    if (code) Fail(folder, "the output folder cannot be created", code.value());
    return;
  }
  if (!fs::is_directory(status)) {
    throw Error(folder.string() + ": expected a folder for the output, found a file; give another --out");
  }
  try {
    const fs::path found = FirstContent(folder);
    if (found.empty()) return;
    const std::string shown = found.lexically_relative(folder).string();
    if (!overwrite) {
      throw Error(
          folder.string() + ": expected a new or empty output folder, found '" + shown +
          "'; give another --out, or --overwrite to replace what is there, or --resume to go on with it");
    }
    if (!fs::exists(folder / marker)) {
      throw Error(folder.string() + ": --overwrite only empties what Reverie wrote: expected '" +
                  std::string(marker) + "' in it, found '" + shown +
                  "'; give another --out or delete the folder");
    }
    const FolderLock lock(folder);
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().filename() != kLockName) fs::remove_all(entry.path());
    }
  } catch (const fs::filesystem_error& error) {
    Fail(error.path1().empty() ? folder : error.path1(), "the output folder cannot be prepared",
         error.code().value());
  }
}

FolderLock::FolderLock(const fs::path& folder) : path_(folder / kLockName) {
  for (;;) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) Fail(folder, "cannot be written to", errno);
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      // Cluster file systems mounted without locks: better unguarded than unusable.
      if (reason == ENOLCK || reason == ENOSYS || reason == ENOTSUP) return;
      ::close(descriptor_);
      if (reason == EWOULDBLOCK) {
        throw Error(folder.string() +
                    ": in use: another Reverie process is writing to this folder; wait for it to "
                    "end, or give another --out");
      }
      Fail(folder, "cannot be locked", reason);
    }
    // The holder before us may have deleted the file between our open and our lock.
    struct stat ours{}, theirs{};
    if (::fstat(descriptor_, &ours) == 0 && ::stat(path_.c_str(), &theirs) == 0 &&
        ours.st_ino == theirs.st_ino && ours.st_dev == theirs.st_dev) {
      return;
    }
    ::close(descriptor_);
  }
}

FolderLock::~FolderLock() {
  ::unlink(path_.c_str());
  ::close(descriptor_);
}

}  // namespace reverie
