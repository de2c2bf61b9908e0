// Says when files have changed, once their writer has let go of them. Looks at times and sizes on a thread of its
// own, since a folder on a network may take its time; asked from the window's thread.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

namespace reverie::desktop {

class FileWatch {
 public:
  FileWatch();
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;
  FileWatch& operator=(const FileWatch&) = delete;

  /// Watches these from now on, and nothing else; what they are like now counts as unchanged.
  void Watch(std::vector<std::filesystem::path> files);
  /// Whether one has changed since Watch or the last time this was true. A file that is gone has not changed:
  /// many editors write a new one and rename it.
  bool Changed();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie::desktop
