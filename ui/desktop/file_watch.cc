#include "ui/desktop/file_watch.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;

struct Mark {
  fs::file_time_type time;
  uintmax_t bytes = 0;
  bool operator==(const Mark&) const = default;
};

std::optional<Mark> Look(const fs::path& file) {
  std::error_code error;
  const fs::file_time_type time = fs::last_write_time(file, error);
  if (error) return std::nullopt;
  const uintmax_t bytes = fs::file_size(file, error);
  if (error) return std::nullopt;
  return Mark{time, bytes};
}

struct Watched {
  fs::path path;
  std::optional<Mark> known, seen;  // as reported, as at the last look
};

}  // namespace

struct FileWatch::Impl {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::vector<fs::path> asked;  // for the thread to take over
  bool asked_anew = false, changed = false;
  std::jthread thread;  // last: ends before what it uses

  void Run(std::stop_token stop) {
    std::vector<Watched> files;
    std::unique_lock lock(mutex);
    while (!stop.stop_requested()) {
      if (asked_anew) {
        std::vector<fs::path> paths = std::exchange(asked, {});
        asked_anew = changed = false;
        lock.unlock();
        files.clear();
        for (fs::path& path : paths) {
          const std::optional<Mark> mark = Look(path);
          files.push_back({std::move(path), mark, mark});
        }
        lock.lock();
        continue;
      }
      lock.unlock();
      bool any = false;
      for (Watched& file : files) {
        const std::optional<Mark> mark = Look(file.path);
        // The same twice: whoever writes it has finished, or at least paused.
        if (mark && mark == file.seen && mark != file.known) {
          file.known = mark;
          any = true;
        }
        file.seen = mark;
      }
      lock.lock();
      changed |= any && !asked_anew;
      const bool idle = files.empty();
      const auto due = [&] { return asked_anew; };
      if (idle) {
        wake.wait(lock, stop, due);
      } else {
        wake.wait_for(lock, stop, std::chrono::milliseconds(300), due);
      }
    }
  }
};

FileWatch::FileWatch() : impl_(std::make_unique<Impl>()) {
  impl_->thread = std::jthread([impl = impl_.get()](std::stop_token stop) { impl->Run(std::move(stop)); });
}

FileWatch::~FileWatch() = default;

void FileWatch::Watch(std::vector<fs::path> files) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->asked = std::move(files);
    impl_->asked_anew = true;
    impl_->changed = false;
  }
  impl_->wake.notify_all();
}

bool FileWatch::Changed() {
  const std::lock_guard lock(impl_->mutex);
  return std::exchange(impl_->changed, false);
}

}  // namespace reverie::desktop
