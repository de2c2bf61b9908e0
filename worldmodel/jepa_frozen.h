// A predictor on the tokens of a frozen encoder: a transformer in which the tokens of a picture and its action see each
// other and those of the pictures before, and tell the tokens of the next picture. Internal: needs Torch.
// Source: Assran et al. 2025, V-JEPA 2, section 3 (V-JEPA 2-AC).
#pragma once

#include "worldmodel/jepa_network.h"

namespace reverie {

struct JepaFrozen : JepaNetwork {
  /// Draws the weights from `generator`.
  JepaFrozen(const JepaOptions& options, const JepaSizes& sizes, std::shared_ptr<const FrozenEncoder> encoder,
             const torch::Device& device, torch::Generator generator);

  torch::Tensor Encode(const torch::Tensor& pixels, const torch::Tensor& proprioception) override;
  torch::Tensor Predict(JepaRollout& rollout, const torch::Tensor& actions, torch::Tensor* log_variance) override;
  /// Mean absolute difference over tokens and channels.
  torch::Tensor Distance(const torch::Tensor& a, const torch::Tensor& b) const override;
  JepaTerms Learn(const JepaLesson& lesson) override;
  bool LearnsLatents() const override { return false; }

  /// Predicts from every picture of a window the next one, all at once. @param latents  (n, pictures, D).
  /// @param actions  (n, pictures, frame_skip * nu). @return  (n, pictures, D); in each layer picture t
  /// sees t + 1 - context to t.
  torch::Tensor PredictAll(const torch::Tensor& latents, const torch::Tensor& actions, torch::Tensor* log_variance);

 private:
  struct Layer : torch::nn::Module {
    explicit Layer(int64_t width);
    torch::nn::LayerNorm norm1{nullptr}, norm2{nullptr};
    torch::nn::Linear qkv{nullptr}, proj{nullptr}, fc1{nullptr}, fc2{nullptr};
  };
  struct Turns {
    torch::Tensor cos, sin;  // (tokens, 1, pairs)
  };

  /// The action's token and those of each picture. @return  (n, pictures * (1 + tokens), width)
  torch::Tensor Embed(const torch::Tensor& latents, const torch::Tensor& actions);
  /// Rotary positions of `pictures` pictures from number `first` on; actions have a time alone.
  Turns TurnsOf(int64_t first, int64_t pictures) const;
  /// Changes x. @param rollout  adds keys and values to those it has of layer `i`, and attends to all; null: to those
  /// that `mask` allows.
  torch::Tensor Apply(size_t i, const torch::Tensor& x, const Turns& turns, const torch::Tensor& mask, JepaRollout* rollout);
  /// @param x  (n, pictures * (1 + tokens), width). @param latents  (n, pictures, D) that change. @return  as latents.
  torch::Tensor Finish(const torch::Tensor& x, const torch::Tensor& latents, torch::Tensor* log_variance);

  const std::shared_ptr<const FrozenEncoder> encoder_;
  const int64_t tokens_, channels_, width_, heads_, context_, depth_;
  std::vector<std::shared_ptr<Layer>> layers_;
  torch::nn::Linear embed_{nullptr}, act_{nullptr}, change_{nullptr}, spread_{nullptr};
  torch::nn::LayerNorm norm_{nullptr};
};

}  // namespace reverie
