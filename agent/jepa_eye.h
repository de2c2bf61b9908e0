// What a joint-embedding model sees of a simulation: states drawn as the pictures that it learned from were, and their
// latents. Needs a GL driver. An instance belongs to one thread.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "sim/frame_recorder.h"
#include "worldmodel/jepa.h"

namespace reverie {

class JepaEye {
 public:
  using Pixels = std::vector<uint8_t>;  // (height, width, 3)

  /// @param model  outlives it. @throws DeviceError where pictures cannot be drawn.
  explicit JepaEye(const Jepa& model);

  int width() const { return stream_.width; }
  int height() const { return stream_.height; }

  Pixels Draw(const mjModel* model, mjData* data);
  /// Forgets the pictures before; what was before the next one looked the same.
  void Forget() { frames_.clear(); }
  /// Latent, (D), of a picture and of those seen before it. @param channels  (nchannels); empty: as on average.
  std::vector<float> See(Pixels picture, std::span<const double> channels);
  /// Latent of a picture in which nothing moves; what was seen before stays.
  std::vector<float> SeeStill(const Pixels& picture, std::span<const double> channels) const;
  /// Latent of pictures one after the other, the oldest first, as many as the model sees at once; what was seen before
  /// stays.
  std::vector<float> SeeTogether(const std::deque<Pixels>& pictures, std::span<const double> channels) const {
    return Encode(pictures, channels);
  }

 private:
  std::vector<float> Encode(const std::deque<Pixels>& frames, std::span<const double> channels) const;

  const Jepa& model_;
  const FrameStream stream_;
  FrameRecorder recorder_;
  std::deque<Pixels> frames_;  // the oldest first
};

}  // namespace reverie
