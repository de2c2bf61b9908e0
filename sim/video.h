// Pictures and films on disk: MP4 through libavcodec (H.264), PNG through libpng. Files appear whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace reverie {

class VideoWriter {
 public:
  /// Width and height are even. @throws DeviceError if no encoder is there; Error if the file cannot be made.
  VideoWriter(std::filesystem::path path, int width, int height, double frames_per_second);
  ~VideoWriter();  // without Finish, removes what was written
  VideoWriter(const VideoWriter&) = delete;
  VideoWriter& operator=(const VideoWriter&) = delete;

  /// @param rgb  (height, width, 3), first row on top.
  void Add(std::span<const uint8_t> rgb);
  void Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// @param rgb  (height, width, 3), first row on top.
void WritePng(const std::filesystem::path& path, int width, int height, std::span<const uint8_t> rgb);

}  // namespace reverie
