#include "worldmodel/vjepa2.h"

#include <numeric>

#include "sim/error.h"
#include "worldmodel/vjepa2_block.h"

namespace reverie {
namespace {

std::vector<VJepa2Block> LoadLayers(const WeightFiles& files, const std::string& name, int64_t layers, int64_t heads,
                                    double epsilon, const at::TensorOptions& options) {
  std::vector<VJepa2Block> blocks;
  for (int64_t i = 0; i < layers; ++i) {
    blocks.push_back(VJepa2Block::Load(files, name + std::to_string(i),
                                       {".attention.query", ".attention.key", ".attention.value"}, ".attention.proj",
                                       heads, epsilon, options));
  }
  return blocks;
}

void CopyOut(const at::Tensor& tensor, std::span<float> values) {
  at::from_blob(values.data(), tensor.sizes(), at::kFloat).copy_(tensor);
}

void CheckSize(const char* what, size_t found, int64_t expected) {
  if (found != static_cast<size_t>(expected)) {
    throw ShapeError(std::string(what) + ": expected " + std::to_string(expected) + " values, found " +
                     std::to_string(found));
  }
}

}  // namespace

struct VJepa2::Impl {
  VJepa2Config config;
  at::TensorOptions options;
  LinearWeights patches;  // a tubelet's values to a token
  std::vector<VJepa2Block> layers;
  NormWeights norm;

  bool predictor = false;
  LinearWeights pred_embed, pred_proj;
  at::Tensor mask_token;  // (pred_hidden_size)
  std::vector<VJepa2Block> pred_layers;
  NormWeights pred_norm;

  Rotary Positions(std::span<const int64_t> tokens, int64_t head_size) const;
  at::Tensor Encode(at::Tensor pixels) const;
  at::Tensor Predict(const at::Tensor& features, std::span<const int64_t> context,
                     std::span<const int64_t> target) const;
};

Rotary VJepa2::Impl::Positions(std::span<const int64_t> tokens, int64_t head_size) const {
  // The grid is the config's, whatever size the pictures have, as in transformers.
  const int64_t side = config.grid();
  std::vector<TokenPosition> positions;
  for (int64_t token : tokens) {
    const int64_t in_frame = token % (side * side);
    positions.push_back({static_cast<float>(token / (side * side)), static_cast<float>(in_frame / side),
                         static_cast<float>(in_frame % side)});
  }
  return MakeRotary(positions, head_size, options);
}

/// @param pixels  (B, T, 3, H, W), float32, CPU
at::Tensor VJepa2::Impl::Encode(at::Tensor pixels) const {
  const int64_t tubelet = config.tubelet_size, patch = config.patch_size;
  pixels = pixels.to(options);
  if (pixels.size(1) < tubelet) pixels = pixels.repeat({1, tubelet, 1, 1, 1});
  const int64_t batch = pixels.size(0), times = pixels.size(1) / tubelet, rows = pixels.size(3) / patch,
                columns = pixels.size(4) / patch;
  at::Tensor x = patches(pixels.narrow(1, 0, times * tubelet)
                             .narrow(3, 0, rows * patch)
                             .narrow(4, 0, columns * patch)
                             .reshape({batch, times, tubelet, 3, rows, patch, columns, patch})
                             .permute({0, 1, 4, 6, 3, 2, 5, 7})
                             .reshape({batch, times * rows * columns, 3 * tubelet * patch * patch}));
  pixels.reset();
  std::vector<int64_t> tokens(static_cast<size_t>(x.size(1)));
  std::iota(tokens.begin(), tokens.end(), 0);
  const Rotary rotary = Positions(tokens, config.hidden_size / config.num_attention_heads);
  for (const VJepa2Block& layer : layers) layer.Apply(x, rotary);
  return norm(x, config.layer_norm_eps);
}

at::Tensor VJepa2::Impl::Predict(const at::Tensor& features, std::span<const int64_t> context,
                                 std::span<const int64_t> target) const {
  const auto targets = static_cast<int64_t>(target.size());
  // Attention does not depend on the order of tokens, so that they need not be sorted by position.
  at::Tensor x = at::cat({pred_embed(features), mask_token.expand({features.size(0), targets, -1})}, 1);
  std::vector<int64_t> tokens(context.begin(), context.end());
  tokens.insert(tokens.end(), target.begin(), target.end());
  const Rotary rotary = Positions(tokens, config.pred_hidden_size / config.pred_num_attention_heads);
  for (const VJepa2Block& layer : pred_layers) layer.Apply(x, rotary);
  return pred_proj(pred_norm(x.narrow(1, static_cast<int64_t>(context.size()), targets), config.layer_norm_eps));
}

VJepa2::VJepa2(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
VJepa2::~VJepa2() = default;

std::unique_ptr<VJepa2> VJepa2::Load(const std::filesystem::path& folder, const VJepa2Options& options) {
  auto impl = std::make_unique<Impl>();
  Impl& self = *impl;
  self.config = ReadVJepa2Config(folder);
  const VJepa2Config& config = self.config;
  const WeightFiles files(folder);
  // An encoder may come without its predictor.
  const bool has_predictor = files.HasPrefix(config.prefix + "predictor.");
  std::vector<std::string> ignored;
  if (!config.prefix.empty()) ignored = {"pooler.", "classifier."};
  files.Check(VJepa2Tensors(config, has_predictor), ignored);
  if (options.predictor && !has_predictor) {
    throw CheckpointError("weights " + files.text() + ": hold an encoder alone; --predictor needs the predictor's too");
  }
  const std::string encoder = config.prefix + "encoder.", predictor = config.prefix + "predictor.";
  const std::string embed = encoder + "embeddings.patch_embeddings.proj";
  const bool bfloat16 = options.precision == VJepa2Precision::kBfloat16 ||
                        (options.precision == VJepa2Precision::kAuto &&
                         files.tensors().at(embed + ".weight").dtype == "BF16");
  c10::InferenceMode inference;
  self.options = at::TensorOptions().device(c10::Device(options.device)).dtype(bfloat16 ? at::kBFloat16 : at::kFloat);
  self.patches = LinearWeights::Load(files, embed, self.options);
  self.patches.weight = self.patches.weight.flatten(1);
  self.layers = LoadLayers(files, encoder + "layer.", config.num_hidden_layers, config.num_attention_heads,
                           config.layer_norm_eps, self.options);
  self.norm = NormWeights::Load(files, encoder + "layernorm", self.options);
  self.predictor = options.predictor;
  if (self.predictor) {
    self.pred_embed = LinearWeights::Load(files, predictor + "embeddings.predictor_embeddings", self.options);
    // Of the mask tokens transformers takes the second.
    self.mask_token = LoadTensor(files, predictor + "embeddings.mask_tokens", self.options)
                          .select(0, 1 % config.pred_num_mask_tokens)
                          .flatten()
                          .clone();
    self.pred_layers = LoadLayers(files, predictor + "layer.", config.pred_num_hidden_layers,
                                  config.pred_num_attention_heads, config.layer_norm_eps, self.options);
    self.pred_norm = NormWeights::Load(files, predictor + "layernorm", self.options);
    self.pred_proj = LinearWeights::Load(files, predictor + "proj", self.options);
  }
  return std::unique_ptr<VJepa2>(new VJepa2(std::move(impl)));
}

const VJepa2Config& VJepa2::config() const { return impl_->config; }
std::string VJepa2::precision() const {
  return impl_->options.dtype() == at::kBFloat16 ? "bfloat16" : "float32";
}

int64_t VJepa2::Tokens(const ClipShape& shape) const {
  const int64_t tokens = impl_->config.Tokens(shape.frames, shape.height, shape.width);
  if (tokens < 1) {
    throw ShapeError("clips of " + std::to_string(shape.frames) + " frames of " + std::to_string(shape.height) + " x " +
                     std::to_string(shape.width) + " pixels: expected at least 1 frame of " +
                     std::to_string(impl_->config.patch_size) + " x " + std::to_string(impl_->config.patch_size));
  }
  return tokens;
}

void VJepa2::Encode(std::span<const float> pixels, const ClipShape& shape, std::span<float> features) {
  CheckSize("pixels", pixels.size(), shape.pixels());
  CheckSize("features", features.size(), shape.clips * Tokens(shape) * impl_->config.hidden_size);
  c10::InferenceMode inference;
  CopyOut(impl_->Encode(at::from_blob(const_cast<float*>(pixels.data()),
                                      {shape.clips, shape.frames, 3, shape.height, shape.width}, at::kFloat)),
          features);
}

void VJepa2::Predict(std::span<const float> features, int64_t clips, std::span<const int64_t> context,
                     std::span<const int64_t> target, std::span<float> predicted) {
  const int64_t size = impl_->config.hidden_size;
  const auto contexts = static_cast<int64_t>(context.size()), targets = static_cast<int64_t>(target.size());
  if (!impl_->predictor) throw Error("the predictor of this V-JEPA 2 model was not loaded");
  CheckSize("features", features.size(), clips * contexts * size);
  CheckSize("predicted tokens", predicted.size(), clips * targets * size);
  c10::InferenceMode inference;
  const at::Tensor given =
      at::from_blob(const_cast<float*>(features.data()), {clips, contexts, size}, at::kFloat).to(impl_->options);
  CopyOut(impl_->Predict(given, context, target), predicted);
}

void VJepa2::Surprise(std::span<const float> pixels, const ClipShape& shape, std::span<const float> features,
                      int64_t context_frames, std::span<float> surprise) {
  const VJepa2Config& config = impl_->config;
  const int64_t tokens = Tokens(shape), seen = config.Tokens(context_frames, shape.height, shape.width);
  if (context_frames < config.tubelet_size || context_frames % config.tubelet_size != 0 || seen >= tokens) {
    throw ShapeError("surprise: expected context frames that are a multiple of " + std::to_string(config.tubelet_size) +
                     " and fewer than the " + std::to_string(shape.frames / config.tubelet_size * config.tubelet_size) +
                     " of a window, found " + std::to_string(context_frames));
  }
  if (!impl_->predictor) throw Error("the predictor of this V-JEPA 2 model was not loaded");
  CheckSize("pixels", pixels.size(), shape.pixels());
  CheckSize("features", features.size(), shape.clips * tokens * config.hidden_size);
  CheckSize("surprise", surprise.size(), shape.clips);
  std::vector<int64_t> context(static_cast<size_t>(seen)), target(static_cast<size_t>(tokens - seen));
  std::iota(context.begin(), context.end(), 0);
  std::iota(target.begin(), target.end(), seen);
  c10::InferenceMode inference;
  const at::Tensor clips = at::from_blob(const_cast<float*>(pixels.data()),
                                         {shape.clips, shape.frames, 3, shape.height, shape.width}, at::kFloat);
  const at::Tensor predicted =
      impl_->Predict(impl_->Encode(clips.narrow(1, 0, context_frames)), context, target).to(at::kFloat);
  const at::Tensor encoded = at::from_blob(const_cast<float*>(features.data()),
                                           {shape.clips, tokens, config.hidden_size}, at::kFloat)
                                 .narrow(1, seen, tokens - seen)
                                 .to(predicted.device());
  CopyOut((predicted - at::layer_norm(encoded, {config.hidden_size})).abs().mean({1, 2}), surprise);
}

}  // namespace reverie
