// Where encode takes its clips from: normalised pixels in a safetensors file, or windows of a film or of a dataset's
// episodes. One at a time, so that memory does not grow with them. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "worldmodel/vjepa2.h"
#include "worldmodel/vjepa2_preprocess.h"

namespace reverie::cli {

struct WindowOptions {
  int64_t frames = 0;  // of a window; 0: the model's frames_per_clip
  int64_t stride = 0;  // frames from one window's first to the next one's; 0: window after window
  int64_t episode = -1;  // of a dataset, alone; -1: all
  std::string camera;    // of a dataset; empty: its first
};

class ClipSource {
 public:
  virtual ~ClipSource() = default;

  /// All clips there are.
  const ClipShape& shape() const { return shape_; }
  /// First frame of each clip in its film or episode; empty where clips are no windows.
  const std::vector<int64_t>& starts() const { return starts_; }
  /// Episode of each clip in its dataset; empty where there is none.
  const std::vector<int64_t>& episodes() const { return episodes_; }
  /// Reads the next clip. @param pixels  (frames, 3, height, width)
  virtual void Read(std::span<float> pixels) = 0;

 protected:
  ClipShape shape_;
  std::vector<int64_t> starts_, episodes_;
};

/// What `--data` names, by what it is: a dataset, *.safetensors with `pixel_values` (B, T, 3, H, W), or else a film.
/// The last window of a film or episode ends with it, sharing frames with the one before where they do not fit; one
/// that is alone and shorter than a window is a shorter window. @throws Error: damaged, without pictures, or of other
/// shapes; an episode among others that is shorter than a window.
std::unique_ptr<ClipSource> OpenClips(const std::filesystem::path& data, const std::filesystem::path& encoder,
                                      const VJepa2Config& model, const WindowOptions& options);

}  // namespace reverie::cli
