#include "worldmodel/jepa_probes.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <torch/torch.h>

#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/jepa_decoder.h"
#include "worldmodel/jepa_impl.h"
#include "worldmodel/safetensors.h"

namespace reverie {
namespace {

namespace nn = torch::nn;

constexpr int64_t kWidth = 256;          // of the MLP's two hidden layers
constexpr double kLearningRate = 2e-3, kWeightDecay = 1e-4;
constexpr double kRidge = 1e-6;          // of the linear probe, over the latents' mean square
constexpr double kForgotten = 0.02;      // of the MLP's error at each update
constexpr int64_t kAtOnce = 256;         // latents
constexpr int64_t kMostLatent = 16384;   // numbers: 2 GB of equations of the linear probe
constexpr int64_t kRead = 4096;          // numbers that larger latents, of many tokens, are read by
constexpr double kLeastVariance = 1e-3;  // of a number that probes read, over the mean of all
constexpr double kFarthest = 5.0;        // deviations of such a number
constexpr uint64_t kProjectionSeed = 0x746f6b656e73;
constexpr const char* kFile = "probes.safetensors";
constexpr const char* kKey = "probes";

torch::Tensor Rows(std::span<const float> values, int64_t columns) {
  const int64_t rows = columns > 0 ? static_cast<int64_t>(values.size()) / columns : 0;
  if (rows * columns != static_cast<int64_t>(values.size())) {
    throw ShapeError("rows of " + std::to_string(columns) + " elements: found " + std::to_string(values.size()) + " in all");
  }
  return torch::from_blob(const_cast<float*>(values.data()), {rows, columns}, torch::kFloat32);
}

/// Names the weights that probes were fitted on (FNV-1a of the file).
std::string Fingerprint(const std::filesystem::path& folder) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const char byte : ReadFile(folder / "weights.safetensors")) {
    hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001b3;
  }
  char text[17];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

nlohmann::json Factors(const Calibration& calibration) {
  nlohmann::json json = calibration.ToJson();
  json.erase("observed");
  return json;
}

Calibration FromFactors(nlohmann::json json, int64_t channels, const std::string& where) {
  json["observed"] = Calibration(static_cast<int>(channels)).ToJson().at("observed");
  if (json.at("channels").get<int64_t>() != channels) {
    throw CheckpointError(where + ": expected factors of " + std::to_string(channels) + " channels, found those of " +
                          json.at("channels").dump());
  }
  return Calibration::FromJson(json);
}

}  // namespace

double ProbedQuantity::Read(double value) const {
  return of == Of::kValue ? value : of == Of::kCosine ? std::cos(value) : std::sin(value);
}

std::vector<ProbedQuantity> QuantitiesOf(const CompiledTask& task, const std::vector<std::string>& names) {
  const std::vector<std::string> labels = task.ObservationLabels();
  std::vector<bool> chosen(labels.size(), names.empty());
  for (const std::string& name : names) {
    bool found = false;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] != name && !labels[i].starts_with(name + "[")) continue;
      chosen[i] = found = true;
    }
    if (!found) {
      throw Error("task " + task.spec().name + " has no channel '" + name + "'" + DidYouMean(name, ChannelNames(labels)));
    }
  }
  using Of = ProbedQuantity::Of;
  std::vector<ProbedQuantity> quantities;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (!chosen[i]) continue;
    const int element = static_cast<int>(i);
    if (!task.angles()[i]) {
      quantities.push_back({labels[i], element, Of::kValue});
      continue;
    }
    // Deviations of a circle's points from its centre.
    quantities.push_back({"cos(" + labels[i] + ")", element, Of::kCosine, 0.0, std::numbers::sqrt2 / 2.0});
    quantities.push_back({"sin(" + labels[i] + ")", element, Of::kSine, 0.0, std::numbers::sqrt2 / 2.0});
  }
  return quantities;
}

struct JepaProbes::Impl {
  Impl(const Jepa& model, std::vector<ProbedQuantity> given, const std::string& device_name, uint64_t seed)
      : quantities(std::move(given)),
        latent(model.options().latent),
        frames(model.options().frames),
        height(model.frames().height),
        width(model.frames().width),
        device(device_name),
        tokens(latent > kMostLatent && model.encoder() != nullptr ? model.encoder()->tokens() : 0),
        read(tokens > 0 ? tokens * std::max<int64_t>(1, kRead / tokens) : latent),
        decoder(std::make_shared<PictureDecoder>(read, model.options().encoder_width, model.options().channels, 3, height,
                                                 width)),
        latent_calibration(static_cast<int>(std::min(latent, kWatchedLatents))),
        quantity_calibration(static_cast<int>(quantities.size())) {
    if (tokens > 0) {
      torch::Generator fixed = at::make_generator<at::CPUGeneratorImpl>(kProjectionSeed);
      projection = (torch::randn({latent / tokens, read / tokens}, fixed) /
                    std::sqrt(static_cast<double>(read / tokens))).to(device);
    }
    mlp->push_back(nn::Linear(read, kWidth));
    mlp->push_back(nn::SiLU());
    mlp->push_back(nn::Linear(kWidth, kWidth));
    mlp->push_back(nn::SiLU());
    mlp->push_back(nn::Linear(kWidth, count()));
    torch::Generator generator = at::make_generator<at::CPUGeneratorImpl>(seed);
    DrawWeights(*mlp, generator);
    DrawWeights(*decoder, generator);
    mlp->to(device);
    decoder->to(device);
    std::vector<double> means, scales;
    for (const ProbedQuantity& quantity : quantities) {
      means.push_back(quantity.mean);
      scales.push_back(quantity.scale);
    }
    mean = torch::tensor(means, torch::kFloat64).to(torch::kFloat32).to(device);
    scale = torch::tensor(scales, torch::kFloat64).to(torch::kFloat32).to(device);
    linear = torch::zeros({read + 1, count()}, torch::kFloat32).to(device);
    residual = torch::ones({count()}, torch::kFloat32).to(device);
    mean_picture = torch::zeros({3, height, width}, torch::kFloat32).to(device);
    centre = torch::zeros({read}, torch::kFloat32).to(device);
    mean_square = torch::zeros_like(centre);
    deviation = torch::ones_like(centre);
    squares = torch::zeros({read + 1, read + 1}, torch::kFloat64);
    products = torch::zeros({read + 1, count()}, torch::kFloat64);
    std::vector<torch::Tensor> parameters = mlp->parameters();
    for (const torch::Tensor& parameter : decoder->parameters()) parameters.push_back(parameter);
    optimiser = std::make_unique<torch::optim::AdamW>(parameters,
                                                      torch::optim::AdamWOptions(kLearningRate).weight_decay(kWeightDecay));
  }

  int64_t count() const { return static_cast<int64_t>(quantities.size()); }

  /// What probes read of latents (n, D): (n, read). A random projection of tokens, the same for each, which keeps how far
  /// apart they are (Johnson and Lindenstrauss 1984); smaller latents as they are.
  torch::Tensor Reduced(const torch::Tensor& latents) const {
    if (tokens == 0) return latents;
    return torch::matmul(latents.view({latents.size(0), tokens, -1}), projection).flatten(1);
  }

  /// The same about its mean, over its deviation: what a frozen encoder says varies little around much that never changes.
  /// Predictions beyond all that was seen, as of a model that has hardly learned, are read as if at its edge.
  torch::Tensor Standard(const torch::Tensor& reduced) const {
    return ((reduced - centre) / deviation).clamp(-kFarthest, kFarthest);
  }

  void FitMoments(const torch::Tensor& reduced) {
    const double share = 1.0 / static_cast<double>(updates + 1);
    centre.lerp_(reduced.mean(0), share);
    mean_square.lerp_(reduced.square().mean(0), share);
    const torch::Tensor variance = (mean_square - centre.square()).clamp_min(0.0);
    deviation.copy_((variance + kLeastVariance * variance.mean() + 1e-12).sqrt());
  }

  static torch::Tensor WithOne(const torch::Tensor& rows) {
    return torch::cat({rows, torch::ones({rows.size(0), 1}, rows.options())}, 1);
  }

  std::map<std::string, torch::Tensor> Named() const {
    std::map<std::string, torch::Tensor> named = {
        {"linear", linear}, {"residual", residual}, {"mean_picture", mean_picture}, {"centre", centre}, {"deviation", deviation}};
    for (const auto& item : mlp->named_parameters()) named["mlp." + item.key()] = item.value();
    for (const auto& item : decoder->named_parameters()) named["decoder." + item.key()] = item.value();
    return named;
  }

  const std::vector<ProbedQuantity> quantities;
  const int64_t latent, frames, height, width;
  const torch::Device device;
  const int64_t tokens, read;         // tokens: 0 where latents are read as they are
  nn::Sequential mlp;
  std::shared_ptr<PictureDecoder> decoder;
  std::unique_ptr<torch::optim::AdamW> optimiser;
  torch::Tensor mean, scale;          // (quantities)
  torch::Tensor projection;           // (D / tokens, read / tokens)
  torch::Tensor linear;               // (read + 1, quantities), the last row for 1
  torch::Tensor residual;             // (quantities) mean square error of the MLP, in standard deviations
  torch::Tensor mean_picture;         // (3, height, width) to which the decoder adds
  torch::Tensor centre, deviation, mean_square;  // (read) of what is read
  torch::Tensor squares, products;    // (read + 1, read + 1), (read + 1, quantities): the normal equations' sums
  int64_t updates = 0;
  Calibration latent_calibration, quantity_calibration;
};

JepaProbes::JepaProbes(const Jepa& model, std::vector<ProbedQuantity> quantities, const std::string& device, uint64_t seed)
    : impl_(std::make_unique<Impl>(model, std::move(quantities), device, seed)) {}
JepaProbes::~JepaProbes() = default;

const std::vector<ProbedQuantity>& JepaProbes::quantities() const { return impl_->quantities; }
Calibration& JepaProbes::latent_calibration() { return impl_->latent_calibration; }
Calibration& JepaProbes::quantity_calibration() { return impl_->quantity_calibration; }
const Calibration& JepaProbes::quantity_calibration() const { return impl_->quantity_calibration; }

JepaProbes::Losses JepaProbes::Update(std::span<const float> latents, std::span<const uint8_t> pixels,
                                      std::span<const float> values, int64_t steps) {
  Impl& impl = *impl_;
  const torch::Tensor reduced = impl.Reduced(Rows(latents, impl.latent).to(impl.device));
  const torch::Tensor wanted = (Rows(values, impl.count()).to(impl.device) - impl.mean) / impl.scale;
  const int64_t n = reduced.size(0), bytes = impl.height * impl.width * 3 * impl.frames;
  if (static_cast<int64_t>(pixels.size()) != n * bytes || wanted.size(0) != n) {
    throw ShapeError("pictures of " + std::to_string(pixels.size()) + " bytes and " + std::to_string(wanted.size(0)) +
                     " rows of values: expected those of " + std::to_string(n) + " latents");
  }
  const torch::Tensor seen =
      torch::from_blob(const_cast<uint8_t*>(pixels.data()), {n, impl.height, impl.width, impl.frames, 3}, torch::kUInt8)
          .select(3, impl.frames - 1)
          .to(impl.device)
          .permute({0, 3, 1, 2})
          .to(torch::kFloat32)
          .sub(127.5)
          .mul(1.0 / 127.5);

  impl.FitMoments(reduced);
  const torch::Tensor rows = impl.Standard(reduced);
  const torch::Tensor augmented = Impl::WithOne(reduced).to(torch::kCPU, torch::kFloat64);
  impl.squares += torch::matmul(augmented.t(), augmented);
  impl.products += torch::matmul(augmented.t(), wanted.to(torch::kCPU, torch::kFloat64));

  const torch::Tensor errors = (impl.mlp->forward(rows) - wanted).square().mean(0);
  impl.mean_picture.lerp_(seen.mean(0), 1.0 / static_cast<double>(impl.updates + 1));
  const torch::Tensor squared = (impl.decoder->Draw(rows) + impl.mean_picture - seen).square();
  const torch::Tensor picture = (squared * PixelWeights(seen, impl.mean_picture)).mean();
  impl.optimiser->zero_grad();
  (errors.sum() + picture).backward();
  const double rate = kLearningRate * 0.5 *
                      (1.0 + std::cos(std::numbers::pi * std::min(1.0, static_cast<double>(impl.updates) / static_cast<double>(steps))));
  for (auto& group : impl.optimiser->param_groups()) group.options().set_lr(rate);
  const Losses losses{errors.mean().item<double>(), squared.mean().item<double>()};
  if (!std::isfinite(losses.quantities + picture.item<double>())) {
    throw Error("probes: the loss is no longer finite after " + std::to_string(impl.updates) + " updates");
  }
  impl.optimiser->step();
  torch::NoGradGuard no_grad;
  impl.residual.lerp_(errors.detach(), impl.updates == 0 ? 1.0 : kForgotten);
  ++impl.updates;
  return losses;
}

void JepaProbes::Solve() {
  Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  torch::Tensor ridge = torch::full({impl.read + 1}, kRidge, torch::kFloat64) * impl.squares.diagonal().mean();
  ridge[impl.read] = 0.0;
  impl.linear.copy_(torch::linalg_solve(impl.squares + torch::diag(ridge), impl.products));
}

void JepaProbes::Read(Kind kind, std::span<const float> latents, std::span<float> values) const {
  const Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const torch::Tensor rows = impl.Reduced(Rows(latents, impl.latent).to(impl.device));
  nn::Sequential mlp = impl.mlp;
  const torch::Tensor read = kind == Kind::kLinear ? torch::matmul(Impl::WithOne(rows), impl.linear)
                                                      : mlp->forward(impl.Standard(rows));
  Rows(values, impl.count()).copy_(read * impl.scale + impl.mean);
}

void JepaProbes::Spread(std::span<const float> latents, std::span<const float> deviations, std::span<float> spread) const {
  const Impl& impl = *impl_;
  torch::AutoGradMode with_gradients(true);
  const torch::Tensor rows = Rows(latents, impl.latent).to(impl.device).clone().requires_grad_(true);
  const torch::Tensor variance = Rows(deviations, impl.latent).to(impl.device).square();
  nn::Sequential mlp = impl.mlp;
  const torch::Tensor read = mlp->forward(impl.Standard(impl.Reduced(rows)));
  torch::Tensor to = Rows(spread, impl.count());
  for (int64_t q = 0; q < impl.count(); ++q) {
    const torch::Tensor slope = torch::autograd::grad({read.select(1, q).sum()}, {rows}, {}, true)[0];
    to.select(1, q).copy_(((slope.square() * variance).sum(1) + impl.residual[q]).sqrt() * impl.scale[q]);
  }
}

void JepaProbes::Draw(std::span<const float> latents, std::span<uint8_t> pixels) const {
  const Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const torch::Tensor rows = Rows(latents, impl.latent);
  const int64_t n = rows.size(0);
  if (static_cast<int64_t>(pixels.size()) != n * impl.height * impl.width * 3) {
    throw ShapeError("pictures of " + std::to_string(pixels.size()) + " bytes: expected those of " + std::to_string(n) +
                     " latents");
  }
  torch::Tensor to = torch::from_blob(pixels.data(), {n, impl.height, impl.width, 3}, torch::kUInt8);
  for (int64_t first = 0; first < n; first += kAtOnce) {
    const int64_t some = std::min(kAtOnce, n - first);
    const torch::Tensor read = impl.Standard(impl.Reduced(rows.narrow(0, first, some).to(impl.device)));
    const torch::Tensor drawn = impl.decoder->Draw(read) + impl.mean_picture;
    to.narrow(0, first, some)
        .copy_(drawn.clamp(-1.0, 1.0).add(1.0).mul(127.5).round().to(torch::kUInt8).permute({0, 2, 3, 1}));
  }
}

void JepaProbes::Save(const std::filesystem::path& folder) const {
  const Impl& impl = *impl_;
  nlohmann::json described = {{"weights", Fingerprint(folder)},
                              {"updates", impl.updates},
                              {"latent_calibration", Factors(impl.latent_calibration)},
                              {"quantity_calibration", Factors(impl.quantity_calibration)},
                              {"quantities", nlohmann::json::array()}};
  for (const ProbedQuantity& quantity : impl.quantities) {
    described["quantities"].push_back({{"label", quantity.label},
                                       {"element", quantity.element},
                                       {"of", static_cast<int>(quantity.of)},
                                       {"mean", quantity.mean},
                                       {"scale", quantity.scale}});
  }
  Safetensors file;
  file.metadata = {{"format", "pt"}, {kKey, described.dump()}};
  for (const auto& [name, tensor] : impl.Named()) {
    const torch::Tensor host = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
    file.tensors[name] = {"F32", host.sizes().vec(),
                          std::string(static_cast<const char*>(host.data_ptr()), static_cast<size_t>(host.numel()) * sizeof(float))};
  }
  WriteSafetensors(folder / kFile, file);
}

bool JepaProbes::ExistIn(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / kFile, ignored);
}

std::unique_ptr<JepaProbes> JepaProbes::Load(const std::filesystem::path& folder, const Jepa& model,
                                             const std::string& device) {
  const std::string where = "probes " + (folder / kFile).string();
  if (!ExistIn(folder)) throw CheckpointError(where + ": no such file; 'reverie probe --model " + folder.string() + "' fits them");
  const Safetensors file = ReadSafetensors(folder / kFile);
  std::unique_ptr<JepaProbes> probes;
  try {
    const auto metadata = file.metadata.find(kKey);
    if (metadata == file.metadata.end()) throw CheckpointError(where + ": expected metadata \"probes\", found none");
    const nlohmann::json described = nlohmann::json::parse(metadata->second);
    if (described.at("weights") != Fingerprint(folder)) {
      throw CheckpointError(where + ": were fitted on other weights than those in weights.safetensors; 'reverie probe "
                            "--overwrite' fits them again");
    }
    std::vector<ProbedQuantity> quantities;
    for (const nlohmann::json& json : described.at("quantities")) {
      quantities.push_back({json.at("label"), json.at("element"), static_cast<ProbedQuantity::Of>(json.at("of").get<int>()),
                            json.at("mean"), json.at("scale")});
      if (quantities.back().element < 0 || quantities.back().element >= model.task().observation_size()) {
        throw CheckpointError(where + ": quantity '" + quantities.back().label + "' is of no element of the observation");
      }
    }
    probes = std::make_unique<JepaProbes>(model, quantities, device, 0);
    Impl& impl = *probes->impl_;
    impl.updates = described.at("updates");
    impl.latent_calibration = FromFactors(described.at("latent_calibration"), std::min(impl.latent, kWatchedLatents), where);
    impl.quantity_calibration = FromFactors(described.at("quantity_calibration"), impl.count(), where);
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(where + ": " + error.what());
  }
  torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : probes->impl_->Named()) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) {
      throw CheckpointError(where + ": tensor '" + name + "' is missing; 'reverie probe --overwrite' fits them again");
    }
    const TensorBytes& bytes = found->second;
    if (bytes.dtype != "F32" || bytes.shape != tensor.sizes().vec()) {
      throw CheckpointError(where + ": tensor '" + name + "': expected F32 of " + std::to_string(tensor.numel()) +
                            " elements, found " + bytes.dtype + " of " + std::to_string(bytes.bytes.size() / sizeof(float)));
    }
    tensor.copy_(torch::from_blob(const_cast<char*>(bytes.bytes.data()), bytes.shape, torch::kFloat32));
  }
  return probes;
}

}  // namespace reverie
