// How unexpected each picture of an episode is to a joint-embedding model: it predicts the latent of a picture from the
// one of frame_skip control steps before and the actions in between, and is off by more or less than it expected.
// The caller's thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "worldmodel/jepa.h"

namespace reverie {

/// One number for each frame, NaN for the first ones, of which nothing was predicted. What they are: Jepa::Surprise.
struct FrameSurprise {
  std::vector<float> surprise, error, expected;
};

/// The first frame that is judged: the model sees JepaOptions::frames at once and looks frame_skip ahead.
int64_t FirstJudged(const Jepa& model);

/// @param frames  of consecutive states.
/// @param pixels  (frames, height, width, 3). @param actions  (frames - 1, nu).
/// @param proprioception  (frames, elements), SI units; empty: as on average.
/// @throws ShapeError.
FrameSurprise SurpriseOfFrames(const Jepa& model, int64_t frames, std::span<const uint8_t> pixels,
                               std::span<const float> actions, std::span<const float> proprioception);

}  // namespace reverie
