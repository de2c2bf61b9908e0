#include "sim/error.h"
#include "worldmodel/jepa_impl.h"

namespace reverie {

void Jepa::Surprise(std::span<const float> before, std::span<const float> actions, std::span<const float> after, int64_t count,
                    std::span<float> error, std::span<float> expected, std::span<float> surprise) const {
  const Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const int64_t width = impl.options.latent;
  for (const auto& latents : {before, after}) {
    if (static_cast<int64_t>(latents.size()) == count * width) continue;
    throw ShapeError("latents of " + std::to_string(latents.size()) + " elements: expected " + std::to_string(count) + " x " +
                     std::to_string(width));
  }
  for (const auto& scores : {error, expected, surprise}) {
    if (static_cast<int64_t>(scores.size()) == count) continue;
    throw ShapeError("scores of " + std::to_string(scores.size()) + " elements: expected " + std::to_string(count));
  }
  if (count == 0) return;
  const auto of = [&](std::span<const float> values) {
    return torch::from_blob(const_cast<float*>(values.data()), {count, width}, torch::kFloat32).to(impl.device);
  };
  const auto give = [&](const torch::Tensor& squares, std::span<float> to) {
    torch::from_blob(to.data(), {count}, torch::kFloat32).copy_(squares.mean(-1).sqrt());
  };
  torch::Tensor log_variance;
  JepaRollout rollout{of(before), {}, {}, 0};
  const torch::Tensor predicted = impl.network->Predict(rollout, impl.Actions(actions, count, 1).select(1, 0), &log_variance);
  const torch::Tensor squared = (of(after) - predicted).square(), variance = log_variance.exp();
  give(squared, error);
  give(variance, expected);
  give(squared / variance, surprise);
}

}  // namespace reverie
