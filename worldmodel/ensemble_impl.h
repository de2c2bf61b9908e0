// What the sources of Ensemble share. Internal: needs Torch.
#pragma once

#include <torch/torch.h>

#include "worldmodel/ensemble.h"

namespace reverie {

struct Ensemble::Impl {
  std::shared_ptr<const CompiledTask> task;
  EnsembleOptions options;
  torch::Device device = torch::kCPU;
  uint64_t seed = 0;
  int channels = 0, features = 0, actions = 0;
  std::vector<int64_t> plain_channels, angle_channels;  // channel indices; an angle enters as cosine and sine

  std::vector<torch::Tensor> weights, biases;            // per layer: (members, in, out), (members, 1, out)
  std::unique_ptr<torch::optim::AdamW> optimizer;
  int64_t updates = 0;

  // Normalisation, float32: inputs are features, targets are changes of channels.
  torch::Tensor feature_mean, feature_scale;             // (features)
  torch::Tensor change_mean, change_scale;               // (channels)
  torch::Tensor channel_scale;                           // (channels) standard deviation of the channels themselves
  Calibration calibration;

  // The first layer with the normalisation folded in, the last with the denormalisation: what imagination runs.
  struct Folded {
    torch::Tensor feature_weight, action_weight, first_bias;  // (members, features, width), (members, nu, width), ...
    torch::Tensor mean_weight, mean_bias;                     // (members, width, channels): change in SI units
    torch::Tensor variance_weight, variance_bias;             // raw log-variance, normalised units
  };
  std::optional<Folded> folded;

  void Initialize();
  void MakeOptimizer();
  std::map<std::string, torch::Tensor> NamedTensors() const;
  const Folded& Fold();

  /// (rows, channels) to (rows, features).
  torch::Tensor Features(const torch::Tensor& channel_values) const;
  torch::Tensor FitNormalization(const torch::Tensor& now, const torch::Tensor& change);
  /// Mean and log-variance of the normalised change from normalised inputs (members, batch, features + nu).
  std::pair<torch::Tensor, torch::Tensor> Forward(torch::Tensor x) const;
  /// Imagines rows of actions; row r is played by member r % members.
  /// @param start    (channels)
  /// @param actions  (rows, H, nu), rows a multiple of the members
  /// @param noise    draw from the members' variance with this generator; null: their mean
  /// @return         (H, rows, channels), SI units
  torch::Tensor Rollout(const torch::Tensor& start, const torch::Tensor& action_rows, Random* noise);
};

torch::Tensor SoftClampLogVariance(const torch::Tensor& raw);

}  // namespace reverie
