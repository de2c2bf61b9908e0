#include "worldmodel/jepa.h"

#include <algorithm>
#include <cmath>

#include "sim/error.h"
#include "worldmodel/jepa_impl.h"

namespace reverie {
std::vector<std::string> ChannelNames(const std::vector<std::string>& labels) {
  std::vector<std::string> names;
  for (const std::string& label : labels) {
    std::string name = label.substr(0, label.find('['));
    if (names.empty() || names.back() != name) names.push_back(std::move(name));
  }
  return names;
}

namespace {

constexpr int64_t kEncodedAtOnce = 256;  // pictures

/// Elements of the observation that belong to the channels named.
std::vector<int> ElementsOf(const CompiledTask& task, const std::string& names) {
  const std::vector<std::string> labels = task.ObservationLabels();
  std::vector<int> elements;
  for (size_t begin = 0; begin < names.size();) {
    const size_t end = std::min(names.find(',', begin), names.size());
    const std::string name = names.substr(begin, end - begin);
    begin = end + 1;
    const size_t before = elements.size();
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == name || labels[i].starts_with(name + "[")) elements.push_back(static_cast<int>(i));
    }
    if (elements.size() == before) {
      throw Error("model option \"proprioception\": task " + task.spec().name + " has no channel '" + name + "'" +
                  DidYouMean(name, ChannelNames(labels)));
    }
  }
  return elements;
}

torch::Generator GeneratorOf(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

std::shared_ptr<const FrozenEncoder> LoadEncoder(const JepaOptions& options, const FrameSettings& frames,
                                                 const std::string& device, std::optional<EncoderIdentity> identity) {
  if (options.encoder.empty()) return nullptr;
  if (!options.proprioception.empty()) {
    throw Error("model option \"proprioception\": expected none beside a frozen encoder, whose tokens alone are the latent, "
                "found \"" + options.proprioception + "\"");
  }
  if (options.objective != "joint-embedding") {
    throw Error("model option \"objective\": expected \"joint-embedding\" with a frozen encoder, found \"" + options.objective +
                "\"");
  }
  if (!identity) identity = EncoderIdentity::Of(options.encoder);
  return std::make_shared<FrozenEncoder>(std::move(*identity), frames.height, frames.width, options.frames, device);
}

/// What follows from the encoder.
JepaOptions WithEncoder(JepaOptions options, const FrozenEncoder* encoder) {
  if (encoder == nullptr) return options;
  options.latent = static_cast<int>(encoder->size());
  options.encoder = encoder->identity().folder.string();
  return options;
}

template <class Value>
torch::Tensor View(std::span<const Value> values, at::IntArrayRef shape, torch::ScalarType type) {
  return torch::from_blob(const_cast<Value*>(values.data()), shape, type);
}

}  // namespace

Jepa::Impl::Impl(std::shared_ptr<const CompiledTask> given_task, JepaOptions given_options, FrameSettings given_frames,
                 const std::string& device_name, uint64_t given_seed, std::optional<EncoderIdentity> identity)
    : task(std::move(given_task)),
      frames(std::move(given_frames)),
      encoder(LoadEncoder(given_options, frames, device_name, std::move(identity))),
      options(WithEncoder(std::move(given_options), encoder.get())),
      device(device_name),
      seed(given_seed),
      proprioception(ElementsOf(*task, options.proprioception)),
      sizes{frames.width, frames.height, static_cast<int64_t>(proprioception.size()),
            int64_t{options.frame_skip} * task->action_size()},
      network(MakeJepaNetwork(options, sizes, encoder, device, GeneratorOf(given_seed))),
      calibration(task->channel_size()) {
  const torch::TensorOptions kind = torch::TensorOptions(torch::kFloat32).device(device);
  action_scale = torch::ones({sizes.actions}, kind);
  proprioception_mean = torch::zeros({sizes.proprioception}, kind);
  proprioception_scale = torch::ones({sizes.proprioception}, kind);
  remembered = torch::zeros({kRemembered, options.latent}, kind);
  memory = torch::zeros({2}, torch::kFloat32);
}

torch::Tensor Jepa::Impl::Pixels(std::span<const uint8_t> pixels, int64_t count) const {
  const int64_t channels = 3 * options.frames;
  if (static_cast<int64_t>(pixels.size()) != count * sizes.height * sizes.width * channels) {
    throw ShapeError("pictures of " + std::to_string(pixels.size()) + " bytes: expected " + std::to_string(count) + " of " +
                     std::to_string(sizes.height) + " x " + std::to_string(sizes.width) + " x " + std::to_string(channels));
  }
  return View(pixels, {count, sizes.height, sizes.width, channels}, torch::kUInt8);
}

torch::Tensor Jepa::Impl::Proprioception(std::span<const float> values, int64_t count) const {
  if (sizes.proprioception == 0) return {};
  if (values.empty()) return torch::zeros({count, sizes.proprioception}, action_scale.options());
  if (static_cast<int64_t>(values.size()) != count * sizes.proprioception) {
    throw ShapeError("proprioception of " + std::to_string(values.size()) + " elements: expected " +
                     std::to_string(count * sizes.proprioception));
  }
  const torch::Tensor given = View(values, {count, sizes.proprioception}, torch::kFloat32).to(device);
  return (given - proprioception_mean) / proprioception_scale;
}

torch::Tensor Jepa::Impl::EncodeAll(std::span<const uint8_t> pixels, std::span<const float> values, int64_t count) const {
  torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parts;
  const auto bytes = static_cast<size_t>(sizes.height * sizes.width * 3 * options.frames);
  const auto elements = static_cast<size_t>(sizes.proprioception);
  for (int64_t first = 0; first < count; first += kEncodedAtOnce) {
    const int64_t some = std::min(kEncodedAtOnce, count - first);
    const auto part = [&](auto all, size_t width) {
      return all.empty() ? all : all.subspan(static_cast<size_t>(first) * width, static_cast<size_t>(some) * width);
    };
    parts.push_back(network->Encode(Pixels(part(pixels, bytes), some), Proprioception(part(values, elements), some)));
  }
  return torch::cat(parts, 0);
}

torch::Tensor Jepa::Impl::Latents(const FrameWindowBatch& batch, int64_t count) const {
  if (batch.features.empty()) {
    const auto bytes = static_cast<size_t>(count * sizes.height * sizes.width * 3 * options.frames);
    return EncodeAll(std::span(batch.pixels).first(std::min(bytes, batch.pixels.size())),
                     std::span(batch.proprioception).first(static_cast<size_t>(count * sizes.proprioception)), count);
  }
  const auto bytes = static_cast<size_t>(count * options.latent) * sizeof(uint16_t);
  if (!encoder || batch.features.size() < bytes) {
    throw ShapeError("features of " + std::to_string(batch.features.size()) + " bytes: expected those of " +
                     std::to_string(count) + " x " + std::to_string(options.latent) + " in half precision");
  }
  return View(std::span(batch.features), {count, options.latent}, torch::kHalf).to(device, torch::kFloat32);
}

torch::Tensor Jepa::Impl::Actions(std::span<const float> actions, int64_t windows, int64_t transitions) const {
  if (static_cast<int64_t>(actions.size()) != windows * transitions * sizes.actions) {
    throw ShapeError("actions of " + std::to_string(actions.size()) + " elements: expected " + std::to_string(windows) +
                     " x " + std::to_string(transitions) + " x " + std::to_string(sizes.actions));
  }
  return View(actions, {windows, transitions, sizes.actions}, torch::kFloat32).to(device) / action_scale;
}

Jepa::Jepa(std::shared_ptr<const CompiledTask> task, JepaOptions options, FrameSettings frames, const std::string& device,
           uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(task), std::move(options), std::move(frames), device, seed, std::nullopt)) {}
Jepa::Jepa(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Jepa::~Jepa() = default;

const CompiledTask& Jepa::task() const { return *impl_->task; }
std::shared_ptr<const CompiledTask> Jepa::task_ptr() const { return impl_->task; }
const JepaOptions& Jepa::options() const { return impl_->options; }
const FrameSettings& Jepa::frames() const { return impl_->frames; }
const FrozenEncoder* Jepa::encoder() const { return impl_->encoder.get(); }
const std::vector<int>& Jepa::proprioception() const { return impl_->proprioception; }
int64_t Jepa::updates() const { return impl_->updates; }

FrameWindowOptions Jepa::Windows(const CompiledTask& task, const JepaOptions& options, const std::string& camera) {
  FrameWindowOptions windows;
  windows.camera = camera;
  windows.stack = options.frames;
  windows.frame_skip = options.frame_skip;
  windows.transitions = options.window;
  windows.cache_bytes = static_cast<int64_t>(options.cache_mb * 1024.0 * 1024.0);
  windows.proprioception = ElementsOf(task, options.proprioception);
  return windows;
}

void Jepa::FitScales(const FrameWindows& windows) {
  std::vector<double> action_scale, mean, scale;
  windows.Moments(action_scale, mean, scale);
  const auto fit = [](torch::Tensor& to, const std::vector<double>& values) {
    if (values.empty()) return;
    const torch::Tensor given = torch::tensor(values, torch::kFloat64).to(torch::kFloat32);
    to.copy_(given.repeat({to.numel() / given.numel()}));
  };
  fit(impl_->action_scale, action_scale);
  fit(impl_->proprioception_mean, mean);
  fit(impl_->proprioception_scale, scale);
}

void Jepa::Encode(const JepaPictures& pictures, std::span<float> latents) const {
  const Impl& impl = *impl_;
  if (static_cast<int64_t>(latents.size()) != pictures.count * impl.options.latent) {
    throw ShapeError("latents of " + std::to_string(latents.size()) + " elements: expected " +
                     std::to_string(pictures.count) + " x " + std::to_string(impl.options.latent));
  }
  View(std::span<const float>(latents), {pictures.count, impl.options.latent}, torch::kFloat32)
      .copy_(impl.EncodeAll(pictures.pixels, pictures.proprioception, pictures.count));
}

void Jepa::ReadFeatures(std::span<const uint8_t> features, std::span<float> latents) const {
  const int64_t width = impl_->options.latent, count = static_cast<int64_t>(latents.size()) / width;
  if (count * width != static_cast<int64_t>(latents.size()) || features.size() != latents.size() * sizeof(uint16_t)) {
    throw ShapeError("features of " + std::to_string(features.size()) + " bytes: expected those of " +
                     std::to_string(latents.size()) + " numbers in half precision");
  }
  View(std::span<const float>(latents), {count, width}, torch::kFloat32).copy_(View(features, {count, width}, torch::kHalf));
}

void Jepa::Rollout(std::span<const float> start, std::span<const float> actions, int64_t sequences, int64_t calls,
                   std::span<float> latents, std::span<float> deviation) const {
  const Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const int64_t width = impl.options.latent;
  const torch::Tensor given = impl.Actions(actions, sequences, calls);
  const auto starts = static_cast<int64_t>(start.size()) / width;
  JepaRollout rollout{View(start, {starts, width}, torch::kFloat32).to(impl.device).expand({sequences, width}), {}, {}, 0};
  torch::Tensor to = View(std::span<const float>(latents), {sequences, calls, width}, torch::kFloat32);
  const bool each = deviation.size() == latents.size();
  torch::Tensor spread = View(std::span<const float>(deviation), {deviation.empty() ? 0 : sequences, calls, each ? width : 1},
                              torch::kFloat32);
  torch::Tensor variance = torch::zeros({sequences, width}, rollout.latent.options());
  for (int64_t k = 0; k < calls; ++k) {
    torch::Tensor added;
    to.select(1, k).copy_(impl.network->Predict(rollout, given.select(1, k), deviation.empty() ? nullptr : &added));
    if (deviation.empty()) continue;
    variance = variance + added.exp();
    spread.select(1, k).copy_((each ? variance : variance.mean(-1, true)).sqrt());
  }
}

void Jepa::Distances(std::span<const float> start, std::span<const float> goal, std::span<const float> actions,
                     int64_t sequences, int64_t calls, std::span<float> distances) const {
  const Impl& impl = *impl_;
  const c10::InferenceMode inference;
  const int64_t width = impl.options.latent;
  const torch::Tensor given = impl.Actions(actions, sequences, calls).transpose(0, 1).contiguous();
  const torch::Tensor aim = View(goal, {1, width}, torch::kFloat32).to(impl.device);
  JepaRollout rollout{View(start, {1, width}, torch::kFloat32).to(impl.device).expand({sequences, width}), {}, {}, 0};
  torch::Tensor to = View(std::span<const float>(distances), {sequences, calls}, torch::kFloat32);
  for (int64_t k = 0; k < calls; ++k) {
    to.select(1, k).copy_(impl.network->Distance(impl.network->Predict(rollout, given.select(0, k)), aim));
  }
}

double Jepa::Distance(std::span<const float> a, std::span<const float> b) const {
  torch::NoGradGuard no_grad;
  const auto of = [&](std::span<const float> values) {
    return View(values, {static_cast<int64_t>(values.size())}, torch::kFloat32).to(torch::kFloat64);
  };
  return impl_->network->Distance(of(a), of(b)).item<double>();
}

double Jepa::Strangeness(std::span<const float> latent) const {
  const Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const auto count = static_cast<int64_t>(impl.memory[0].item<float>());
  const double familiar = impl.memory[1].item<float>();
  if (count == 0 || familiar <= 0.0) return 0.0;
  const torch::Tensor row = View(latent, {1, impl.options.latent}, torch::kFloat32).to(impl.device);
  return (impl.remembered.narrow(0, 0, count) - row).square().mean(-1).sqrt().min().item<double>() / familiar;
}

}  // namespace reverie
