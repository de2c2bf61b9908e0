// Names content by what is in it: 128 bits, equal for equal bytes and not for others, as good as never by chance; no
// protection against someone who wants two to be equal. Not thread-safe.
#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

namespace reverie {

class Fingerprint {
 public:
  Fingerprint();
  ~Fingerprint();
  void Add(std::span<const std::byte> bytes);
  /// Adds a text and where it ends.
  void Add(const std::string& text);
  /// Adds a file, without holding it in memory. @throws Error naming the path and the system's reason.
  void AddFile(const std::filesystem::path& path);
  /// 32 hexadecimal digits. Nothing can be added afterwards.
  std::string Text();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
