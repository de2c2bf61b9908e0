// A V-JEPA 2 of random weights, small enough to see a picture in a millisecond: four tokens of 24 channels.
#pragma once

#include <filesystem>
#include <vector>

#include "sim/files.h"
#include "sim/random.h"
#include "worldmodel/safetensors.h"
#include "worldmodel/vjepa2_config.h"

namespace reverie::testing {

inline constexpr char kSmallEncoder[] =
    R"({"model_type": "vjepa2", "crop_size": 8, "patch_size": 4, "frames_per_clip": 4, "hidden_size": 24,
        "num_attention_heads": 2, "num_hidden_layers": 1, "mlp_ratio": 2, "pred_hidden_size": 12,
        "pred_num_attention_heads": 1, "pred_num_hidden_layers": 1, "pred_mlp_ratio": 2})";

inline void WriteEncoder(const std::filesystem::path& folder, uint64_t seed) {
  std::filesystem::create_directories(folder);
  WriteFileAtomically(folder / "config.json", kSmallEncoder);
  Random random(seed);
  Safetensors content;
  for (const auto& [name, shape] : VJepa2Tensors(ReadVJepa2Config(folder), true)) {
    std::vector<float> values(static_cast<size_t>(TensorType{"F32", shape}.elements()));
    for (float& value : values) value = static_cast<float>(0.3 * random.Normal());
    content.tensors[name] = {"F32", shape, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(float)}};
  }
  WriteSafetensors(folder / "model.safetensors", content);
}

}  // namespace reverie::testing
