#include "worldmodel/jepa_frozen.h"

#include <algorithm>
#include <cmath>

namespace reverie {
namespace {

namespace nn = torch::nn;

constexpr int64_t kExpansion = 2;          // of the layers' inner width
constexpr double kSlowest = 1.0 / 10000.0;  // of the rotary positions' speeds, which begin at 1

nn::LayerNorm Norm(int64_t width) { return nn::LayerNorm(nn::LayerNormOptions({width})); }

}  // namespace

JepaFrozen::Layer::Layer(int64_t width) {
  norm1 = register_module("norm1", Norm(width));
  qkv = register_module("qkv", nn::Linear(width, 3 * width));
  proj = register_module("proj", nn::Linear(width, width));
  norm2 = register_module("norm2", Norm(width));
  fc1 = register_module("fc1", nn::Linear(width, kExpansion * width));
  fc2 = register_module("fc2", nn::Linear(kExpansion * width, width));
}

JepaFrozen::JepaFrozen(const JepaOptions& options, const JepaSizes& sizes, std::shared_ptr<const FrozenEncoder> encoder,
                       const torch::Device& device, torch::Generator generator)
    : encoder_(std::move(encoder)),
      tokens_(encoder_->tokens()),
      channels_(encoder_->channels()),
      width_(options.predictor_width),
      heads_(options.heads),
      context_(options.context),
      depth_(options.rollout) {
  embed_ = register_module("embed", nn::Linear(channels_, width_));
  act_ = register_module("act", nn::Linear(std::max<int64_t>(1, sizes.actions), width_));
  for (int i = 0; i < options.predictor_layers; ++i) {
    layers_.push_back(register_module("layer" + std::to_string(i), std::make_shared<Layer>(width_)));
  }
  norm_ = register_module("norm", Norm(width_));
  change_ = register_module("change", nn::Linear(width_, channels_));
  spread_ = register_module("spread", nn::Linear(width_, channels_));
  Draw(spread_, std::move(generator));
  {
    torch::NoGradGuard no_grad;  // it begins with no change at all
    change_->weight.zero_();
    change_->bias.zero_();
  }
  Gather(device);
}

torch::Tensor JepaFrozen::Encode(const torch::Tensor& pixels, const torch::Tensor&) {
  const torch::Tensor host = pixels.contiguous();
  torch::Tensor latents = torch::empty({pixels.size(0), encoder_->size()}, torch::kFloat32);
  encoder_->Encode({host.data_ptr<uint8_t>(), static_cast<size_t>(host.numel())}, pixels.size(0),
                   {latents.data_ptr<float>(), static_cast<size_t>(latents.numel())});
  return latents.to(values.device());
}

torch::Tensor JepaFrozen::Embed(const torch::Tensor& latents, const torch::Tensor& actions) {
  const int64_t n = latents.size(0), pictures = latents.size(1);
  const torch::Tensor given = actions.size(-1) > 0 ? actions : torch::zeros({n, pictures, 1}, latents.options());
  const torch::Tensor tokens = embed_->forward(latents.view({n, pictures, tokens_, channels_}));
  return torch::cat({act_->forward(given).unsqueeze(2), tokens}, 2).flatten(1, 2);
}

JepaFrozen::Turns JepaFrozen::TurnsOf(int64_t first, int64_t pictures) const {
  const int64_t pairs = width_ / heads_ / 2, axis = std::max<int64_t>(1, pairs / 3), columns = encoder_->columns();
  const torch::Tensor speeds = torch::pow(kSlowest, torch::arange(axis, torch::kFloat32) / static_cast<double>(axis));
  torch::Tensor angles = torch::zeros({pictures, 1 + tokens_, pairs});
  const auto turn = [&](int64_t which, const torch::Tensor& positions) {  // (pictures or 1, tokens or 1)
    if ((which + 1) * axis > pairs) return;
    angles.narrow(2, which * axis, axis) += positions.unsqueeze(-1) * speeds;
  };
  turn(0, torch::arange(first, first + pictures, torch::kFloat32).unsqueeze(1));
  const torch::Tensor place = torch::arange(tokens_, torch::kLong);
  const auto behind_action = [](const torch::Tensor& of_tokens) {
    return torch::cat({torch::zeros({1}), of_tokens.to(torch::kFloat32)}).unsqueeze(0);
  };
  turn(1, behind_action(place.div(columns, "floor")));
  turn(2, behind_action(place.remainder(columns)));
  angles = angles.view({-1, 1, pairs}).to(values.device());
  return {angles.cos(), angles.sin()};
}

torch::Tensor JepaFrozen::Apply(size_t i, const torch::Tensor& x, const Turns& turns, const torch::Tensor& mask,
                                JepaRollout* rollout) {
  Layer& layer = *layers_[i];
  const int64_t n = x.size(0), count = x.size(1), size = width_ / heads_, pairs = turns.cos.size(-1);
  const torch::Tensor all = layer.qkv->forward(layer.norm1->forward(x)).view({n, count, 3 * heads_, size});
  const torch::Tensor turned = all.narrow(2, 0, 2 * heads_);
  const torch::Tensor a = turned.narrow(3, 0, pairs), b = turned.narrow(3, pairs, pairs);
  std::vector<torch::Tensor> parts = {a * turns.cos - b * turns.sin, b * turns.cos + a * turns.sin};
  if (2 * pairs < size) parts.push_back(turned.narrow(3, 2 * pairs, size - 2 * pairs));
  const torch::Tensor qk = torch::cat(parts, 3).transpose(1, 2);
  const torch::Tensor query = qk.narrow(1, 0, heads_);
  torch::Tensor key = qk.narrow(1, heads_, heads_), value = all.narrow(2, 2 * heads_, heads_).transpose(1, 2);
  if (rollout != nullptr) {
    if (rollout->keys.size() <= i) {
      rollout->keys.push_back(key);
      rollout->values.push_back(value);
    } else {
      torch::Tensor &keys = rollout->keys[i], &kept = rollout->values[i];
      const int64_t most = (context_ - 1) * count, have = std::min(most, keys.size(2));
      key = torch::cat({keys.narrow(2, keys.size(2) - have, have), key}, 2);
      value = torch::cat({kept.narrow(2, kept.size(2) - have, have), value}, 2);
      keys = key;
      kept = value;
    }
  }
  const torch::Tensor attended = at::scaled_dot_product_attention(
      query, key, value, mask.defined() ? std::optional<torch::Tensor>(mask) : std::nullopt);
  const torch::Tensor after = x + layer.proj->forward(attended.transpose(1, 2).reshape({n, count, width_}));
  return after + layer.fc2->forward(torch::gelu(layer.fc1->forward(layer.norm2->forward(after))));
}

torch::Tensor JepaFrozen::Finish(const torch::Tensor& x, const torch::Tensor& latents, torch::Tensor* log_variance) {
  const int64_t n = latents.size(0), pictures = latents.size(1);
  const torch::Tensor inside =
      norm_->forward(x.view({n, pictures, 1 + tokens_, width_}).narrow(2, 1, tokens_));
  if (log_variance != nullptr) {
    *log_variance = BoundedLogVariance(spread_->forward(inside.detach())).reshape(latents.sizes());
  }
  const torch::Tensor changed = latents.view({n, pictures, tokens_, channels_}) + change_->forward(inside);
  return torch::layer_norm(changed, {channels_}).view(latents.sizes());
}

torch::Tensor JepaFrozen::PredictAll(const torch::Tensor& latents, const torch::Tensor& actions, torch::Tensor* log_variance) {
  const int64_t pictures = latents.size(1);
  const torch::Tensor when = torch::arange(pictures, torch::kLong).repeat_interleave(1 + tokens_).to(latents.device());
  const torch::Tensor ago = when.unsqueeze(1) - when.unsqueeze(0);
  const torch::Tensor mask = ago.ge(0).logical_and(ago.lt(context_));
  const Turns turns = TurnsOf(0, pictures);
  torch::Tensor x = Embed(latents, actions);
  for (size_t i = 0; i < layers_.size(); ++i) x = Apply(i, x, turns, mask, nullptr);
  return Finish(x, latents, log_variance);
}

torch::Tensor JepaFrozen::Predict(JepaRollout& rollout, const torch::Tensor& actions, torch::Tensor* log_variance) {
  const torch::Tensor latents = rollout.latent.unsqueeze(1);
  const Turns turns = TurnsOf(rollout.predictions, 1);
  torch::Tensor x = Embed(latents, actions.unsqueeze(1));
  for (size_t i = 0; i < layers_.size(); ++i) x = Apply(i, x, turns, {}, &rollout);
  rollout.latent = Finish(x, latents, log_variance).squeeze(1);
  if (log_variance != nullptr) *log_variance = log_variance->squeeze(1);
  ++rollout.predictions;
  return rollout.latent;
}

torch::Tensor JepaFrozen::Distance(const torch::Tensor& a, const torch::Tensor& b) const { return (a - b).abs().mean(-1); }

JepaTerms JepaFrozen::Learn(const JepaLesson& lesson) {
  const int64_t transitions = lesson.pictures - 1;
  const torch::Tensor latents = lesson.features.view({lesson.windows, lesson.pictures, encoder_->size()});
  const auto nll = [](const torch::Tensor& predicted, const torch::Tensor& real, const torch::Tensor& variance) {
    return 0.5 * ((predicted - real).square().detach() / variance + variance.log()).mean();
  };
  torch::Tensor log_variance;
  const torch::Tensor next = latents.narrow(1, 1, transitions);
  const torch::Tensor predicted = PredictAll(latents.narrow(1, 0, transitions), lesson.actions, &log_variance);
  torch::Tensor prediction = (predicted - next).abs().mean();
  torch::Tensor spread_nll = nll(predicted, next, log_variance.exp());
  // And from the first picture on, of predictions; the first of those is among the ones above.
  const int64_t depth = std::min(depth_, transitions);
  JepaRollout rollout{latents.select(1, 0), {}, {}, 0};
  torch::Tensor variance, rolled = torch::zeros({}, latents.options()), rolled_nll = rolled;
  for (int64_t k = 0; k < depth && depth > 1; ++k) {
    Predict(rollout, lesson.actions.select(1, k), &log_variance);
    variance = variance.defined() ? variance + log_variance.exp() : log_variance.exp();
    if (k == 0) continue;
    rolled = rolled + (rollout.latent - latents.select(1, k + 1)).abs().mean() / static_cast<double>(depth - 1);
    rolled_nll = rolled_nll + nll(rollout.latent, latents.select(1, k + 1), variance) / static_cast<double>(depth - 1);
  }
  prediction = prediction + rolled;
  spread_nll = spread_nll + rolled_nll;
  const torch::Tensor zero = torch::zeros({}, latents.options());
  return {prediction + spread_nll, prediction, zero, zero, spread_nll};
}

}  // namespace reverie
