// What config.json says of a V-JEPA 2 model or of a V-JEPA 2-AC predictor, and which tensors they consist of.
// Names, defaults and meaning are those of the transformers library. No Torch, no threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace reverie {

/// Shapes by tensor name.
using TensorShapes = std::map<std::string, std::vector<int64_t>>;

struct VJepa2Config {
  int64_t patch_size = 16, crop_size = 256;  // pixels
  int64_t frames_per_clip = 64, tubelet_size = 2;
  int64_t in_chans = 3, hidden_size = 1024, num_attention_heads = 16, num_hidden_layers = 24;
  int64_t pred_hidden_size = 384, pred_num_attention_heads = 12, pred_num_hidden_layers = 12, pred_num_mask_tokens = 10;
  double mlp_ratio = 4.0, pred_mlp_ratio = 4.0, layer_norm_eps = 1e-6;
  bool qkv_bias = true;
  /// "vjepa2." where the model is part of a video classifier, else empty.
  std::string prefix;

  int64_t grid() const { return crop_size / patch_size; }  // patches along height and width
  /// Tokens of a clip: tubelets of tubelet_size x patch_size x patch_size. A clip shorter than a tubelet is repeated.
  int64_t Tokens(int64_t frames, int64_t height, int64_t width) const;
};

/// @throws CheckpointError: no such file, another model, or a key and what was expected of it.
VJepa2Config ReadVJepa2Config(const std::filesystem::path& folder);
TensorShapes VJepa2Tensors(const VJepa2Config& config, bool predictor);

/// The action-conditioned predictor, as scripts/convert_vjepa2_ac.py writes it.
struct VJepa2AcConfig {
  int64_t grid_height = 16, grid_width = 16;  // patches
  int64_t embed_dim = 1408;                   // of the encoder's tokens
  int64_t predictor_embed_dim = 1024, depth = 24, num_heads = 16;
  int64_t action_embed_dim = 7;               // of actions and states; extrinsics have one less
  double mlp_ratio = 4.0, layer_norm_eps = 1e-6;
  bool use_extrinsics = false;

  int64_t conditioning_tokens() const { return use_extrinsics ? 3 : 2; }  // per frame
};

/// @throws CheckpointError as ReadVJepa2Config does.
VJepa2AcConfig ReadVJepa2AcConfig(const std::filesystem::path& folder);
TensorShapes VJepa2AcTensors(const VJepa2AcConfig& config);

/// "model_type" of a folder's config.json. @throws CheckpointError.
std::string ReadModelType(const std::filesystem::path& folder);

}  // namespace reverie
