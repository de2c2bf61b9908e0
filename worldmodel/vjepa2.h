// V-JEPA 2 with published weights: the video encoder and the masked predictor, from a folder as the transformers
// library saves it (VJEPA2Model.save_pretrained), computing what it computes. Several threads may compute at a time.
// Source: Assran et al. 2025, V-JEPA 2.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "worldmodel/vjepa2_config.h"

namespace reverie {

enum class VJepa2Precision {
  kAuto,      // bfloat16 where the weights are stored so, else float32
  kFloat32,
  kBfloat16,  // less exact; faster where the processor or GPU multiplies it in hardware
};

struct VJepa2Options {
  std::string device = "cpu";  // as ResolveDevice names it
  VJepa2Precision precision = VJepa2Precision::kAuto;
  bool predictor = false;      // read the predictor too
};

/// Shape (clips, frames, 3, height, width) of normalised pixels.
struct ClipShape {
  int64_t clips = 0, frames = 0, height = 0, width = 0;

  int64_t pixels() const { return clips * frames * 3 * height * width; }
};

class VJepa2 {
 public:
  /// @throws CheckpointError: config.json of another model; weights that are missing, damaged, or do not fit it, each
  /// tensor named; a predictor that is asked for and not there.
  static std::unique_ptr<VJepa2> Load(const std::filesystem::path& folder, const VJepa2Options& options);
  ~VJepa2();

  const VJepa2Config& config() const;
  /// "float32" or "bfloat16".
  std::string precision() const;

  /// Tokens of one clip. @throws ShapeError for a clip without any.
  int64_t Tokens(const ClipShape& shape) const;

  /// Computes last_hidden_state.
  /// @param pixels    as `shape`, normalised
  /// @param features  (clips, tokens, hidden_size)
  void Encode(std::span<const float> pixels, const ClipShape& shape, std::span<float> features);

  /// Computes the predictor's last_hidden_state: what stands at the tokens `target`, given those at `context`.
  /// @param features   (clips, context, hidden_size) of the encoder
  /// @param predicted  (clips, target, hidden_size)
  void Predict(std::span<const float> features, int64_t clips, std::span<const int64_t> context,
               std::span<const int64_t> target, std::span<float> predicted);

  /// Computes each clip's surprise: mean absolute difference of the future tokens as predicted from the clip's first
  /// `context_frames` frames and as encoded with the whole clip in view, the latter normalised over each token.
  /// @param features  (clips, tokens, hidden_size) of Encode on the same clips
  /// @param surprise  (clips)
  /// @throws ShapeError unless context_frames are whole tubelets and leave at least one.
  /// Source: Garrido et al. 2025, Intuitive physics understanding emerges from self-supervised pretraining.
  void Surprise(std::span<const float> pixels, const ClipShape& shape, std::span<const float> features,
                int64_t context_frames, std::span<float> surprise);

 private:
  struct Impl;
  explicit VJepa2(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
