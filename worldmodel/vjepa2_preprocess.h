// Pictures as V-JEPA 2 was trained on them: short side resized, centre cropped, channels normalised, as transformers'
// VJEPA2VideoProcessor does. Thread-safe.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <span>

namespace reverie {

struct VJepa2Preprocessing {
  int64_t crop_height = 256, crop_width = 256;  // pixels
  std::array<float, 3> mean = {0.485f, 0.456f, 0.406f}, deviation = {0.229f, 0.224f, 0.225f};
  double rescale_factor = 1.0 / 255;
  bool whole = false;  // keep what lies at the rims of the short side

  /// The short side before cropping: as published 256/224 of the crop's height, or as little as is needed.
  int64_t short_side() const {
    return whole ? std::max(crop_height, crop_width) : static_cast<int64_t>(static_cast<double>(crop_height) * 256 / 224);
  }
};

/// Reads video_preprocessor_config.json, preprocessor_config.json or processor_config.json beside a model; where there
/// is none, the published mean and deviation with crops of `crop_size` pixels.
/// @throws CheckpointError: a key, what was expected of it, what was found.
VJepa2Preprocessing ReadVJepa2Preprocessing(const std::filesystem::path& folder, int64_t crop_size);

/// @param rgb     (height, width, 3), first row on top
/// @param pixels  (3, crop_height, crop_width)
/// @throws ShapeError if the spans have other sizes.
void Preprocess(std::span<const uint8_t> rgb, int64_t height, int64_t width, const VJepa2Preprocessing& how,
                std::span<float> pixels);

}  // namespace reverie
