#include "agent/frame_judge.h"

#include <algorithm>
#include <limits>

#include "sim/error.h"

namespace reverie {
namespace {

constexpr int64_t kUsualWindow = 16, kTokensAtOnce = 2048;

}  // namespace

VJepa2Judge::VJepa2Judge(const std::filesystem::path& encoder, std::shared_ptr<const CompiledTask> task,
                         FrameSettings frames, VJepa2JudgeOptions options, const std::string& device)
    : task_(std::move(task)), frames_(std::move(frames)), options_(options) {
  const VJepa2Config config = ReadVJepa2Config(encoder);
  const int64_t tubelet = config.tubelet_size;
  if (options_.window == 0) options_.window = std::max(2 * tubelet, std::min(kUsualWindow, config.frames_per_clip) / tubelet * tubelet);
  if (options_.context == 0) options_.context = std::max<int64_t>(1, options_.window / tubelet / 2) * tubelet;
  if (options_.window % tubelet != 0 || options_.context % tubelet != 0 || options_.context >= options_.window) {
    throw Error("--window " + std::to_string(options_.window) + ", --context " + std::to_string(options_.context) +
                ": expected multiples of the " + std::to_string(tubelet) + " frames of a tubelet, the context the smaller one");
  }
  preprocessing_ = ReadVJepa2Preprocessing(encoder, config.crop_size);
  VJepa2Options loading;
  loading.device = device;
  loading.predictor = true;
  model_ = VJepa2::Load(encoder, loading);
}

FrameSurprise VJepa2Judge::Judge(int64_t frames, std::span<const uint8_t> pixels, std::span<const float>,
                                 std::span<const float>) const {
  const int64_t bytes = int64_t{frames_.width} * frames_.height * 3;
  if (static_cast<int64_t>(pixels.size()) != frames * bytes) {
    throw ShapeError("pixels: expected " + std::to_string(frames * bytes) + " elements, found " + std::to_string(pixels.size()));
  }
  const std::vector<float> unknown(static_cast<size_t>(frames), std::numeric_limits<float>::quiet_NaN());
  FrameSurprise result{unknown, unknown, unknown};
  const int64_t first = first_judged(), picture = 3 * preprocessing_.crop_height * preprocessing_.crop_width;
  ClipShape shape{1, options_.window, preprocessing_.crop_height, preprocessing_.crop_width};
  const int64_t tokens = model_->Tokens(shape), most = std::max<int64_t>(1, kTokensAtOnce / tokens);
  for (int64_t from = first; from < frames; from += most) {
    shape.clips = std::min(most, frames - from);
    std::vector<float> clips(static_cast<size_t>(shape.pixels()));
    for (int64_t i = 0; i < shape.clips * options_.window; ++i) {
      const int64_t t = from + i / options_.window - (options_.window - 1 - i % options_.window) * options_.stride;
      Preprocess(pixels.subspan(static_cast<size_t>(t * bytes), static_cast<size_t>(bytes)), frames_.height, frames_.width,
                 preprocessing_, std::span(clips).subspan(static_cast<size_t>(i * picture), static_cast<size_t>(picture)));
    }
    std::vector<float> features(static_cast<size_t>(shape.clips * tokens * model_->config().hidden_size));
    model_->Encode(clips, shape, features);
    const auto judged = std::span(result.surprise).subspan(static_cast<size_t>(from), static_cast<size_t>(shape.clips));
    model_->Surprise(clips, shape, features, options_.context, judged);
    std::copy(judged.begin(), judged.end(), result.error.begin() + from);
    std::fill_n(result.expected.begin() + from, shape.clips, 1.0f);
  }
  return result;
}

}  // namespace reverie
