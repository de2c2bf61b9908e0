#include "worldmodel/vjepa2_ac.h"

#include "sim/error.h"
#include "worldmodel/vjepa2_block.h"

namespace reverie {

struct VJepa2AcPredictor::Impl {
  VJepa2AcConfig config;
  at::TensorOptions options;
  LinearWeights embed, action, state, extrinsics, proj;
  std::vector<VJepa2Block> blocks;
  NormWeights norm;

  /// Actions and states turn with time alone.
  Rotary Positions(int64_t frames) const {
    std::vector<TokenPosition> positions;
    // Columns are stretched such that a frame is as wide as it is high.
    const float column = static_cast<float>(config.grid_height) / static_cast<float>(config.grid_width);
    for (int64_t t = 0; t < frames; ++t) {
      const auto time = static_cast<float>(t);
      positions.insert(positions.end(), static_cast<size_t>(config.conditioning_tokens()), {time, 0, 0});
      for (int64_t y = 0; y < config.grid_height; ++y) {
        for (int64_t x = 0; x < config.grid_width; ++x) {
          positions.push_back({time, static_cast<float>(y), static_cast<float>(x) * column});
        }
      }
    }
    return MakeRotary(positions, config.predictor_embed_dim / config.num_heads, options);
  }
};

VJepa2AcPredictor::VJepa2AcPredictor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VJepa2AcPredictor::~VJepa2AcPredictor() = default;

std::unique_ptr<VJepa2AcPredictor> VJepa2AcPredictor::Load(const std::filesystem::path& folder,
                                                           const VJepa2Options& options) {
  auto impl = std::make_unique<Impl>();
  Impl& self = *impl;
  self.config = ReadVJepa2AcConfig(folder);
  const WeightFiles files(folder);
  files.Check(VJepa2AcTensors(self.config), {});
  const bool bfloat16 = options.precision == VJepa2Precision::kBfloat16 ||
                        (options.precision == VJepa2Precision::kAuto &&
                         files.tensors().at("predictor_embed.weight").dtype == "BF16");
  c10::InferenceMode inference;
  self.options = at::TensorOptions().device(c10::Device(options.device)).dtype(bfloat16 ? at::kBFloat16 : at::kFloat);
  self.embed = LinearWeights::Load(files, "predictor_embed", self.options);
  self.action = LinearWeights::Load(files, "action_encoder", self.options);
  self.state = LinearWeights::Load(files, "state_encoder", self.options);
  if (self.config.use_extrinsics) self.extrinsics = LinearWeights::Load(files, "extrinsics_encoder", self.options);
  for (int64_t i = 0; i < self.config.depth; ++i) {
    self.blocks.push_back(VJepa2Block::Load(files, "predictor_blocks." + std::to_string(i), {".attn.qkv"},
                                            ".attn.proj", self.config.num_heads, self.config.layer_norm_eps,
                                            self.options));
  }
  self.norm = NormWeights::Load(files, "predictor_norm", self.options);
  self.proj = LinearWeights::Load(files, "predictor_proj", self.options);
  return std::unique_ptr<VJepa2AcPredictor>(new VJepa2AcPredictor(std::move(impl)));
}

const VJepa2AcConfig& VJepa2AcPredictor::config() const { return impl_->config; }
std::string VJepa2AcPredictor::precision() const {
  return impl_->options.dtype() == at::kBFloat16 ? "bfloat16" : "float32";
}

void VJepa2AcPredictor::Predict(std::span<const float> features, std::span<const float> actions,
                                std::span<const float> states, std::span<const float> extrinsics, int64_t clips,
                                int64_t frames, std::span<float> predicted) {
  const Impl& self = *impl_;
  const VJepa2AcConfig& config = self.config;
  const int64_t patches = config.grid_height * config.grid_width, extra = config.conditioning_tokens();
  c10::InferenceMode inference;
  const auto given = [&](const char* what, std::span<const float> values, int64_t rows, int64_t size) {
    if (values.size() != static_cast<size_t>(clips * frames * rows * size)) {
      throw ShapeError(std::string(what) + ": expected " + std::to_string(clips * frames * rows * size) +
                       " values, found " + std::to_string(values.size()));
    }
    return at::from_blob(const_cast<float*>(values.data()), {clips, frames, rows, size}, at::kFloat).to(self.options);
  };
  std::vector<at::Tensor> parts = {self.action(given("actions", actions, 1, config.action_embed_dim)),
                                   self.state(given("states", states, 1, config.action_embed_dim))};
  if (config.use_extrinsics) {
    parts.push_back(self.extrinsics(given("extrinsics", extrinsics, 1, config.action_embed_dim - 1)));
  }
  parts.push_back(self.embed(given("features", features, patches, config.embed_dim)));
  at::Tensor x = at::cat(parts, 2).flatten(1, 2);
  parts.clear();
  const at::Tensor frame = at::arange(frames, self.options.dtype(at::kLong)).repeat_interleave(extra + patches);
  const at::Tensor mask = frame.unsqueeze(1).ge(frame.unsqueeze(0));
  const Rotary rotary = self.Positions(frames);
  for (const VJepa2Block& block : self.blocks) block.Apply(x, rotary, mask);
  x = x.view({clips, frames, extra + patches, config.predictor_embed_dim}).narrow(2, extra, patches);
  x = self.proj(self.norm(x, config.layer_norm_eps));
  if (predicted.size() != static_cast<size_t>(x.numel())) {
    throw ShapeError("predicted tokens: expected " + std::to_string(x.numel()) + " values, found " +
                     std::to_string(predicted.size()));
  }
  at::from_blob(predicted.data(), x.sizes(), at::kFloat).copy_(x);
}

}  // namespace reverie
