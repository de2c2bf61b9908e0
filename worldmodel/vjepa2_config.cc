#include "worldmodel/vjepa2_config.h"

#include <nlohmann/json.hpp>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

constexpr char kVJepa2[] = "vjepa2", kVJepa2Ac[] = "vjepa2_ac";

/// A config.json that is read key by key; a key that is absent keeps its default.
class ConfigFile {
 public:
  explicit ConfigFile(const std::filesystem::path& folder) : path_(folder / "config.json") {
    if (!std::filesystem::is_directory(folder)) throw CheckpointError("model " + folder.string() + ": no such folder");
    if (!std::filesystem::exists(path_)) {
      throw CheckpointError("model " + folder.string() + ": expected config.json in it, as transformers saves it");
    }
    json_ = nlohmann::json::parse(ReadFile(path_), nullptr, false);
    if (!json_.is_object()) throw CheckpointError(path_.string() + ": expected a JSON object");
  }

  std::string ModelType() const {
    const auto found = json_.find("model_type");
    if (found == json_.end() || !found->is_string()) {
      throw CheckpointError(path_.string() + ": expected \"model_type\": \"" + kVJepa2 + "\", found none");
    }
    return found->get<std::string>();
  }
  void Expect(const std::string& type) const {
    if (ModelType() != type) {
      throw CheckpointError(path_.string() + ": expected model_type '" + type + "', found '" + ModelType() + "'");
    }
  }
  void Read(const std::string& key, int64_t& value) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return;
    if (!found->is_number_integer() || *found < 1 || *found > 100'000) Fail(key, "a whole number from 1 to 100000");
    value = found->get<int64_t>();
  }
  void Read(const std::string& key, double& value) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return;
    if (!found->is_number() || !(*found > 0)) Fail(key, "a number above 0");
    value = found->get<double>();
  }
  void Read(const std::string& key, bool& value) const {
    const auto found = json_.find(key);
    if (found == json_.end()) return;
    if (!found->is_boolean()) Fail(key, "true or false");
    value = found->get<bool>();
  }
  void Require(const std::string& key, const nlohmann::json& value) const {
    if (json_.contains(key) && json_[key] != value) Fail(key, value.dump());
  }
  bool HasArchitecture(const std::string& name) const {
    const auto found = json_.find("architectures");
    return found != json_.end() && found->is_array() && !found->empty() && found->front() == name;
  }
  void RequireDivides(const std::string& size_key, int64_t size, const std::string& heads_key, int64_t heads) const {
    if (size % heads != 0) {
      throw CheckpointError(path_.string() + ": " + size_key + " is " + std::to_string(size) + ", no multiple of " +
                            heads_key + ", " + std::to_string(heads));
    }
  }
  [[noreturn]] void Fail(const std::string& key, const std::string& expected) const {
    throw CheckpointError(path_.string() + ": " + key + ": expected " + expected + ", found " + json_[key].dump());
  }

 private:
  std::filesystem::path path_;
  nlohmann::json json_;
};

void AddLinear(TensorShapes& shapes, const std::string& name, int64_t outputs, int64_t inputs, bool bias = true) {
  shapes[name + ".weight"] = {outputs, inputs};
  if (bias) shapes[name + ".bias"] = {outputs};
}

void AddNorm(TensorShapes& shapes, const std::string& name, int64_t size) {
  shapes[name + ".weight"] = {size};
  shapes[name + ".bias"] = {size};
}

void AddLayers(TensorShapes& shapes, const std::string& name, int64_t layers, int64_t size, double mlp_ratio,
               bool qkv_bias) {
  const auto hidden = static_cast<int64_t>(static_cast<double>(size) * mlp_ratio);
  for (int64_t i = 0; i < layers; ++i) {
    const std::string layer = name + std::to_string(i);
    AddNorm(shapes, layer + ".norm1", size);
    for (const char* part : {".attention.query", ".attention.key", ".attention.value"}) {
      AddLinear(shapes, layer + part, size, size, qkv_bias);
    }
    AddLinear(shapes, layer + ".attention.proj", size, size);
    AddNorm(shapes, layer + ".norm2", size);
    AddLinear(shapes, layer + ".mlp.fc1", hidden, size);
    AddLinear(shapes, layer + ".mlp.fc2", size, hidden);
  }
}

}  // namespace

int64_t VJepa2Config::Tokens(int64_t frames, int64_t height, int64_t width) const {
  if (frames < tubelet_size) frames *= tubelet_size;
  return (frames / tubelet_size) * (height / patch_size) * (width / patch_size);
}

VJepa2Config ReadVJepa2Config(const std::filesystem::path& folder) {
  const ConfigFile file(folder);
  file.Expect(kVJepa2);
  VJepa2Config config;
  file.Read("patch_size", config.patch_size);
  file.Read("crop_size", config.crop_size);
  file.Read("frames_per_clip", config.frames_per_clip);
  file.Read("tubelet_size", config.tubelet_size);
  file.Read("in_chans", config.in_chans);
  file.Read("hidden_size", config.hidden_size);
  file.Read("num_attention_heads", config.num_attention_heads);
  file.Read("num_hidden_layers", config.num_hidden_layers);
  file.Read("pred_hidden_size", config.pred_hidden_size);
  file.Read("pred_num_attention_heads", config.pred_num_attention_heads);
  file.Read("pred_num_hidden_layers", config.pred_num_hidden_layers);
  file.Read("pred_num_mask_tokens", config.pred_num_mask_tokens);
  file.Read("mlp_ratio", config.mlp_ratio);
  file.Read("pred_mlp_ratio", config.pred_mlp_ratio);
  file.Read("layer_norm_eps", config.layer_norm_eps);
  file.Read("qkv_bias", config.qkv_bias);
  file.Require("in_chans", 3);
  file.Require("hidden_act", "gelu");
  file.RequireDivides("hidden_size", config.hidden_size, "num_attention_heads", config.num_attention_heads);
  file.RequireDivides("pred_hidden_size", config.pred_hidden_size, "pred_num_attention_heads",
                      config.pred_num_attention_heads);
  if (config.crop_size < config.patch_size) {
    file.Fail("crop_size", "at least patch_size, " + std::to_string(config.patch_size));
  }
  if (file.HasArchitecture("VJEPA2ForVideoClassification")) config.prefix = "vjepa2.";
  return config;
}

TensorShapes VJepa2Tensors(const VJepa2Config& config, bool predictor) {
  TensorShapes shapes;
  const std::string encoder = config.prefix + "encoder.", masked = config.prefix + "predictor.";
  shapes[encoder + "embeddings.patch_embeddings.proj.weight"] = {config.hidden_size, config.in_chans,
                                                                 config.tubelet_size, config.patch_size,
                                                                 config.patch_size};
  shapes[encoder + "embeddings.patch_embeddings.proj.bias"] = {config.hidden_size};
  AddLayers(shapes, encoder + "layer.", config.num_hidden_layers, config.hidden_size, config.mlp_ratio,
            config.qkv_bias);
  AddNorm(shapes, encoder + "layernorm", config.hidden_size);
  if (!predictor) return shapes;
  shapes[masked + "embeddings.mask_tokens"] = {config.pred_num_mask_tokens, 1, 1, config.pred_hidden_size};
  AddLinear(shapes, masked + "embeddings.predictor_embeddings", config.pred_hidden_size, config.hidden_size);
  AddLayers(shapes, masked + "layer.", config.pred_num_hidden_layers, config.pred_hidden_size, config.pred_mlp_ratio,
            config.qkv_bias);
  AddNorm(shapes, masked + "layernorm", config.pred_hidden_size);
  AddLinear(shapes, masked + "proj", config.hidden_size, config.pred_hidden_size);
  return shapes;
}

VJepa2AcConfig ReadVJepa2AcConfig(const std::filesystem::path& folder) {
  const ConfigFile file(folder);
  file.Expect(kVJepa2Ac);
  VJepa2AcConfig config;
  file.Read("grid_height", config.grid_height);
  file.Read("grid_width", config.grid_width);
  file.Read("embed_dim", config.embed_dim);
  file.Read("predictor_embed_dim", config.predictor_embed_dim);
  file.Read("depth", config.depth);
  file.Read("num_heads", config.num_heads);
  file.Read("action_embed_dim", config.action_embed_dim);
  file.Read("mlp_ratio", config.mlp_ratio);
  file.Read("layer_norm_eps", config.layer_norm_eps);
  file.Read("use_extrinsics", config.use_extrinsics);
  file.Require("is_frame_causal", true);
  file.RequireDivides("predictor_embed_dim", config.predictor_embed_dim, "num_heads", config.num_heads);
  return config;
}

TensorShapes VJepa2AcTensors(const VJepa2AcConfig& config) {
  TensorShapes shapes;
  const int64_t size = config.predictor_embed_dim;
  AddLinear(shapes, "predictor_embed", size, config.embed_dim);
  AddLinear(shapes, "action_encoder", size, config.action_embed_dim);
  AddLinear(shapes, "state_encoder", size, config.action_embed_dim);
  AddLinear(shapes, "extrinsics_encoder", size, config.action_embed_dim - 1);
  const auto hidden = static_cast<int64_t>(static_cast<double>(size) * config.mlp_ratio);
  for (int64_t i = 0; i < config.depth; ++i) {
    const std::string block = "predictor_blocks." + std::to_string(i);
    AddNorm(shapes, block + ".norm1", size);
    AddLinear(shapes, block + ".attn.qkv", 3 * size, size);
    AddLinear(shapes, block + ".attn.proj", size, size);
    AddNorm(shapes, block + ".norm2", size);
    AddLinear(shapes, block + ".mlp.fc1", hidden, size);
    AddLinear(shapes, block + ".mlp.fc2", size, hidden);
  }
  AddNorm(shapes, "predictor_norm", size);
  AddLinear(shapes, "predictor_proj", config.embed_dim, size);
  return shapes;
}

std::string ReadModelType(const std::filesystem::path& folder) { return ConfigFile(folder).ModelType(); }

}  // namespace reverie
