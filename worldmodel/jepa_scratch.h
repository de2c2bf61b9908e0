// Encoder and predictor that are trained from scratch, together. Internal: needs Torch.
#pragma once

#include "worldmodel/jepa_decoder.h"
#include "worldmodel/jepa_network.h"

namespace reverie {

struct JepaScratch : JepaNetwork {
  /// Draws the weights from `generator`.
  JepaScratch(const JepaOptions& options, const JepaSizes& sizes, const torch::Device& device, torch::Generator generator);

  torch::Tensor Encode(const torch::Tensor& pixels, const torch::Tensor& proprioception) override;
  torch::Tensor Predict(JepaRollout& rollout, const torch::Tensor& actions, torch::Tensor* log_variance) override;
  /// Root mean square over D.
  torch::Tensor Distance(const torch::Tensor& a, const torch::Tensor& b) const override;
  JepaTerms Learn(const JepaLesson& lesson) override;
  double InverseRatio(const torch::Tensor& latents, const torch::Tensor& actions) override;

 private:
  /// @param seen  (n, 3 * frames, height, width) of about unit variance.
  /// @param learning  normalises over these rows, and moves the running moments that others are normalised by.
  /// @return  (n, D) of unit variance.
  torch::Tensor EncodeSeen(const torch::Tensor& seen, const torch::Tensor& proprioception, bool learning);
  /// @param latents  (n, D). @param actions  (n, frame_skip * nu).
  torch::Tensor Step(const torch::Tensor& latents, const torch::Tensor& actions, torch::Tensor* log_variance);
  /// Mean squared error of the actions told from latents (windows, pictures, D).
  torch::Tensor InverseError(const torch::Tensor& latents, const torch::Tensor& actions);
  struct Rollouts;
  Rollouts RollOut(const torch::Tensor& latents, const torch::Tensor& actions);
  torch::Tensor Reconstruction(const torch::Tensor& seen, const torch::Tensor& pixels,
                               const std::vector<torch::Tensor>& predicted);

  const JepaOptions options;
  torch::nn::Sequential convolutions{nullptr}, trunk{nullptr}, hidden{nullptr}, inverse{nullptr};
  torch::nn::Linear project{nullptr}, change{nullptr}, spread{nullptr};
  std::shared_ptr<PictureDecoder> decoder;       // of objective "reconstruction"
  torch::Tensor running_mean, running_variance;  // (D) of what is projected
};

}  // namespace reverie
