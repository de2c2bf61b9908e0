// Frames of a film on disk, one after another as RGB, through libavcodec. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace reverie {

class VideoReader {
 public:
  /// @throws Error: no such file, no film in it, or nothing here that decodes it.
  explicit VideoReader(std::filesystem::path path);
  ~VideoReader();
  VideoReader(VideoReader&&) noexcept;

  int width() const;   // pixels
  int height() const;

  /// Reads the next frame; returns false after the last one. @throws Error: damaged, or frames of several sizes.
  /// @param rgb  (height, width, 3), first row on top.
  bool Read(std::span<uint8_t> rgb);
  /// As Read, without turning the frame into RGB.
  bool Skip();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
