// The action-conditioned predictor of V-JEPA 2-AC with published weights, as scripts/convert_vjepa2_ac.py turns its
// checkpoint into safetensors: what the encoder's tokens of the next frame will be, given actions and states.
// One thread at a time per instance. Source: Assran et al. 2025, V-JEPA 2, section 3.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "worldmodel/vjepa2.h"

namespace reverie {

class VJepa2AcPredictor {
 public:
  /// @param options  device and precision
  /// @throws CheckpointError as VJepa2::Load does.
  static std::unique_ptr<VJepa2AcPredictor> Load(const std::filesystem::path& folder, const VJepa2Options& options);
  ~VJepa2AcPredictor();

  const VJepa2AcConfig& config() const;
  std::string precision() const;

  /// Predicts at every frame the tokens of the next one; a frame sees itself and those before it.
  /// @param features    (clips, frames * grid, embed_dim) of the encoder; V-JEPA 2-AC normalises them over each token
  /// @param actions     (clips, frames, action_embed_dim)
  /// @param states      (clips, frames, action_embed_dim)
  /// @param extrinsics  (clips, frames, action_embed_dim - 1) where use_extrinsics, else empty
  /// @param predicted   as features
  void Predict(std::span<const float> features, std::span<const float> actions, std::span<const float> states,
               std::span<const float> extrinsics, int64_t clips, int64_t frames, std::span<float> predicted);

 private:
  struct Impl;
  explicit VJepa2AcPredictor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
