#include "agent/frame_surprise.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "sim/error.h"

namespace reverie {
namespace {

constexpr int64_t kEncodedAtOnce = 256;  // pictures

void CheckSize(const char* what, size_t found, int64_t expected) {
  if (static_cast<int64_t>(found) == expected) return;
  throw ShapeError(std::string(what) + ": expected " + std::to_string(expected) + " elements, found " + std::to_string(found));
}

/// Latents of frames stack - 1 to the last, (., D): each picture with those of the states before it.
std::vector<float> LatentsOf(const Jepa& model, int64_t frames, std::span<const uint8_t> pixels,
                             std::span<const float> proprioception) {
  const int64_t stack = model.options().frames, width = model.options().latent, count = frames - stack + 1;
  const auto bytes = static_cast<int64_t>(pixels.size()) / frames;
  const auto elements = static_cast<int64_t>(model.proprioception().size());
  std::vector<float> latents(static_cast<size_t>(count * width));
  std::vector<uint8_t> stacked;
  for (int64_t first = 0; first < count; first += kEncodedAtOnce) {
    const int64_t some = std::min(kEncodedAtOnce, count - first);
    std::span<const uint8_t> seen = pixels.subspan(static_cast<size_t>(first * bytes), static_cast<size_t>(some * bytes));
    if (stack > 1) {
      stacked.resize(static_cast<size_t>(some * stack * bytes));
      for (int64_t p = 0; p < some; ++p) {
        for (int64_t s = 0; s < stack; ++s) {
          const uint8_t* from = pixels.data() + (first + p + s) * bytes;
          uint8_t* to = stacked.data() + p * stack * bytes;
          for (int64_t i = 0; i < bytes / 3; ++i) std::memcpy(to + (i * stack + s) * 3, from + i * 3, 3);
        }
      }
      seen = stacked;
    }
    std::span<const float> felt;
    if (!proprioception.empty()) {
      felt = proprioception.subspan(static_cast<size_t>((first + stack - 1) * elements), static_cast<size_t>(some * elements));
    }
    model.Encode({some, seen, felt}, std::span(latents).subspan(static_cast<size_t>(first * width), static_cast<size_t>(some * width)));
  }
  return latents;
}

}  // namespace

int64_t FirstJudged(const Jepa& model) { return model.options().frames - 1 + model.options().frame_skip; }

FrameSurprise SurpriseOfFrames(const Jepa& model, int64_t frames, std::span<const uint8_t> pixels,
                               std::span<const float> actions, std::span<const float> proprioception) {
  const FrameSettings& seen = model.frames();
  const int64_t nu = model.task().action_size(), skip = model.options().frame_skip, stack = model.options().frames;
  const auto elements = static_cast<int64_t>(model.proprioception().size());
  CheckSize("pixels", pixels.size(), frames * seen.width * seen.height * 3);
  CheckSize("actions", actions.size(), std::max<int64_t>(0, frames - 1) * nu);
  if (!proprioception.empty()) CheckSize("proprioception", proprioception.size(), frames * elements);
  const std::vector<float> unknown(static_cast<size_t>(frames), std::numeric_limits<float>::quiet_NaN());
  FrameSurprise result{unknown, unknown, unknown};
  const int64_t first = FirstJudged(model), count = frames - first;
  if (count <= 0) return result;
  const std::vector<float> latents = LatentsOf(model, frames, pixels, proprioception);
  std::vector<float> between(static_cast<size_t>(count * skip * nu));
  for (int64_t i = 0; i < count; ++i) {
    std::copy_n(actions.data() + (i + stack - 1) * nu, skip * nu, between.data() + i * skip * nu);
  }
  const auto part = static_cast<size_t>(count) * static_cast<size_t>(model.options().latent);
  const auto judged = [&](std::vector<float>& scores) { return std::span(scores).subspan(static_cast<size_t>(first)); };
  model.Surprise(std::span(latents).first(part), between, std::span(latents).last(part), count, judged(result.error),
                 judged(result.expected), judged(result.surprise));
  return result;
}

}  // namespace reverie
