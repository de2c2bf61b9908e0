// What the sources of Jepa share. Internal: needs Torch.
#pragma once

#include <optional>

#include <torch/torch.h>

#include "worldmodel/calibration.h"
#include "worldmodel/jepa.h"
#include "worldmodel/jepa_network.h"
#include "worldmodel/model_files.h"

namespace reverie {

/// What channels are called, without the indices of their elements: "position" of "position[1]".
std::vector<std::string> ChannelNames(const std::vector<std::string>& labels);

struct Jepa::Impl {
  Impl(std::shared_ptr<const CompiledTask> given_task, JepaOptions given_options, FrameSettings given_frames,
       const std::string& device_name, uint64_t given_seed, std::optional<EncoderIdentity> identity);

  static constexpr int64_t kRemembered = 512;  // latents

  const std::shared_ptr<const CompiledTask> task;
  const FrameSettings frames;
  const std::shared_ptr<const FrozenEncoder> encoder;  // null: the network has its own
  const JepaOptions options;
  const torch::Device device;
  const uint64_t seed;
  const std::vector<int> proprioception;  // elements of the observation
  const JepaSizes sizes;
  const std::unique_ptr<JepaNetwork> network;
  torch::Tensor action_scale;             // (frame_skip * nu)
  torch::Tensor proprioception_mean, proprioception_scale;
  torch::Tensor remembered;               // (kRemembered, D)
  torch::Tensor memory;                   // how many of those count, and the greatest distance of held-out latents
  int64_t updates = 0;
  Calibration calibration;                // model files ask for one; not used

  /// (n, height, width, 3 * frames), uint8, a view.
  torch::Tensor Pixels(std::span<const uint8_t> pixels, int64_t count) const;
  /// Normalised; undefined where the model sees none.
  torch::Tensor Proprioception(std::span<const float> values, int64_t count) const;
  torch::Tensor EncodeAll(std::span<const uint8_t> pixels, std::span<const float> values, int64_t count) const;
  /// (count, D) of the first pictures of a batch, by its features where it has them.
  torch::Tensor Latents(const FrameWindowBatch& batch, int64_t count) const;
  /// (windows, transitions, frame_skip * nu) over their scale.
  torch::Tensor Actions(std::span<const float> actions, int64_t windows, int64_t transitions) const;
  double LearningRate(int64_t steps) const;

  NamedTensors Weights() const;
  NamedTensors TrainingTensors() const;
};

}  // namespace reverie
