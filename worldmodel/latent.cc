#include "worldmodel/latent.h"

#include <algorithm>
#include <cmath>

#include "sim/error.h"
#include "worldmodel/latent_impl.h"

namespace reverie {
namespace {

constexpr double kFeatureLimit = 10.0;  // deviations; what lies beyond is clipped for the encoder
constexpr double kMinLogVariance = -12.0, kMaxLogVariance = 4.0;

// So that what lies further ahead than about a fifth of an episode counts little.
double DiscountFor(int steps_per_episode) {
  const double fifth = steps_per_episode / 5.0;
  return std::clamp((fifth - 1.0) / fifth, 0.95, 0.995);
}

int FeatureCount(const CompiledTask& task, int channels) {
  int count = 0;
  for (int c = 0; c < channels; ++c) count += task.angles()[static_cast<size_t>(c)] ? 2 : 1;
  return count;
}

bool UsesHalf(const LatentOptions& options, const torch::Device& device) {
  return options.precision == "bfloat16" ||
         (options.precision == "auto" && device.is_cpu() && ProcessorHasBfloat16());
}

}  // namespace

Latent::Impl::Impl(std::shared_ptr<const CompiledTask> given_task, const LatentOptions& given_options,
                   const std::string& device_name, uint64_t given_seed)
    : task(std::move(given_task)),
      options(given_options),
      device(device_name),
      seed(given_seed),
      channels(task->channel_size()),
      actions(task->action_size()),
      discount(DiscountFor(task->steps_per_episode())),
      features(FeatureCount(*task, channels)),
      seen((options.memory > 0 ? 2 : 1) * FeatureCount(*task, task->observation_size()) + (options.memory > 0 ? actions : 0)),
      encoder({.inputs = seen + (options.memory > 0 ? options.memory_width : 0),
               .hidden = {options.encoder_width},
               .outputs = options.latent,
               .last = Activation::kSimNorm,
               .exact_input = true}),
      recall({.inputs = seen + actions + options.memory_width,
              .hidden = {},
              .outputs = 3 * options.memory_width,
              .exact = true}),
      dynamics({.inputs = options.latent + actions,
                .hidden = {options.width, options.width},
                .outputs = options.latent,
                .last = Activation::kSimNorm}),
      reward({.inputs = options.latent + actions, .hidden = {options.width, options.width}, .outputs = 101}),
      values({.heads = options.values,
              .inputs = options.latent + actions,
              .hidden = {options.width, options.width},
              .outputs = 101}),
      policy({.inputs = options.latent, .hidden = {options.width, options.width}, .outputs = 2 * actions}),
      decoder({.heads = options.decoders,
               .inputs = options.latent + actions,
               .hidden = {options.decoder_width, options.decoder_width},
               .outputs = features + 3 * channels,
               .exact = true}),
      target(values),
      calibration(channels) {
  std::vector<int64_t> observed;
  for (int c = 0; c < channels; ++c) (task->angles()[static_cast<size_t>(c)] ? angle_channels : plain_channels).push_back(c);
  const int64_t plain = static_cast<int64_t>(plain_channels.size()), angles = static_cast<int64_t>(angle_channels.size());
  for (int64_t i = 0; i < plain; ++i) {
    if (plain_channels[static_cast<size_t>(i)] < task->observation_size()) observed.push_back(i);
  }
  for (int64_t part = 0; part < 2; ++part) {
    for (int64_t i = 0; i < angles; ++i) {
      if (angle_channels[static_cast<size_t>(i)] < task->observation_size()) observed.push_back(plain + part * angles + i);
    }
  }
  encoded = torch::tensor(observed, torch::kInt64).to(device);
  plain_index = torch::tensor(plain_channels, torch::kInt64).to(device);
  angle_index = torch::tensor(angle_channels, torch::kInt64).to(device);

  int64_t at = 0;
  const auto part_of = [&](const Network& network) {
    const Part part = {at, network.Parameters()};
    at += part.count;
    return part;
  };
  encoder_part = part_of(encoder);
  const Part recall_part = remembers() ? part_of(recall) : Part{at, 0};
  const Part dynamics_part = part_of(dynamics), reward_part = part_of(reward);
  values_part = part_of(values);
  rest_part = {recall_part.first, recall_part.count + dynamics_part.count + reward_part.count + values_part.count};
  policy_part = part_of(policy);
  decoder_part = part_of(decoder);
  const bool half = UsesHalf(options, device);
  parameters.Allocate(at, device, half, true);
  target_parameters.Allocate(values_part.count, device, half, false);
  encoder.Bind(parameters, encoder_part.first, true);
  if (remembers()) recall.Bind(parameters, recall_part.first, true);
  dynamics.Bind(parameters, dynamics_part.first, true);
  reward.Bind(parameters, reward_part.first, true);
  values.Bind(parameters, values_part.first, true);
  policy.Bind(parameters, policy_part.first, true);
  decoder.Bind(parameters, decoder_part.first, true);
  target.Bind(target_parameters, 0, false);
  Random random(HashSeed(seed, 0x77656967687473));
  encoder.Initialize(random, false);
  if (remembers()) {
    recall.Initialize(random, false);
    // No normalisation follows it that would make up for weights so small.
    const double inputs = static_cast<double>(seen + actions + options.memory_width);
    parameters.values.narrow(0, recall_part.first, recall_part.count).mul_(50.0 / std::sqrt(inputs));
  }
  dynamics.Initialize(random, false);
  reward.Initialize(random, true);
  values.Initialize(random, true);
  policy.Initialize(random, false);
  decoder.Initialize(random, false);
  parameters.Refresh(0, at);
  target_parameters.values.copy_(parameters.values.narrow(0, values_part.first, values_part.count));
  target_parameters.Refresh(0, values_part.count);

  const auto float32 = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  feature_mean = torch::zeros({features}, float32);
  feature_scale = torch::ones({features}, float32);
  step_scale = torch::ones({encoded.numel()}, float32);
  channel_scale = torch::ones({channels}, float32);
  change_scale = torch::ones({channels}, float32);
  scalars = torch::tensor({0.0, 1.0, 1.0, 0.0}, torch::kFloat64);
}

Latent::Latent(std::shared_ptr<const CompiledTask> task, LatentOptions options, const std::string& device, uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(task), options, device, seed)) {}

Latent::~Latent() = default;

const CompiledTask& Latent::task() const { return *impl_->task; }
const LatentOptions& Latent::options() const { return impl_->options; }
double Latent::discount() const { return impl_->discount; }
int64_t Latent::updates() const { return impl_->updates; }
Calibration& Latent::calibration() { return impl_->calibration; }
std::vector<double> Latent::channel_scale() const {
  const torch::Tensor scale = impl_->channel_scale.to(torch::kCPU, torch::kFloat64).contiguous();
  return {scale.data_ptr<double>(), scale.data_ptr<double>() + scale.numel()};
}

double Latent::OperationsPerImaginedStep() const {
  // Policy and values judge only the last of a plan's steps.
  const double end = impl_->policy.OperationsPerRow() + impl_->values.OperationsPerRow();
  return impl_->dynamics.OperationsPerRow() + impl_->reward.OperationsPerRow() + end / impl_->options.horizon;
}

double Latent::OperationsPerUpdate() const {
  const Impl& impl = *impl_;
  const double batch = impl.options.batch, steps = impl.options.horizon * batch, latents = steps + batch;
  const double pair = 2.0 / static_cast<double>(impl.values.heads());
  const double remembering = impl.remembers() ? impl.recall.OperationsPerRow() : 0.0;
  const double targets = steps * (impl.options.memory * remembering + impl.encoder.OperationsPerRow() +
                                  impl.policy.OperationsPerRow() + pair * impl.values.OperationsPerRow());
  const double model = 3.0 * (batch * (impl.options.memory * remembering + impl.encoder.OperationsPerRow()) +
                              steps * (impl.dynamics.OperationsPerRow() + impl.reward.OperationsPerRow() +
                                       impl.values.OperationsPerRow()));
  // Through the values, whose own weights get no gradient, a backward pass counts once.
  const double policy = latents * (3.0 * impl.policy.OperationsPerRow() + 2.0 * pair * impl.values.OperationsPerRow());
  const double decoder = 3.0 * (latents / 4.0) * impl.decoder.OperationsPerRow();
  return targets + model + policy + decoder;
}

torch::Tensor Latent::Impl::Features(const torch::Tensor& values_of_channels) const {
  if (angle_channels.empty()) return values_of_channels;
  const torch::Device where = values_of_channels.device();
  const torch::Tensor angles = values_of_channels.index_select(-1, angle_index.to(where));
  return torch::cat({values_of_channels.index_select(-1, plain_index.to(where)), angles.cos(), angles.sin()}, -1);
}

torch::Tensor Latent::Impl::Normalized(const torch::Tensor& feature_values) const {
  return ((feature_values - feature_mean.to(feature_values.dtype())) / feature_scale.to(feature_values.dtype()))
      .to(torch::kFloat32);
}

torch::Tensor Latent::Impl::Observed(const torch::Tensor& normalized) const {
  const torch::Tensor limited = normalized.clamp(-kFeatureLimit, kFeatureLimit);
  return encoded.numel() == features ? limited : limited.index_select(-1, encoded);
}

torch::Tensor Latent::Impl::Seen(const torch::Tensor& normalized, const torch::Tensor& done,
                                 const std::vector<int64_t>& runs) const {
  const torch::Tensor now = Observed(normalized);
  if (!remembers()) return now;
  torch::Tensor change = torch::zeros_like(now), before = torch::zeros_like(done);
  const int64_t later = now.size(0) - 1;
  change.narrow(0, 1, later).copy_((now.narrow(0, 1, later) - now.narrow(0, 0, later)) / step_scale);
  before.narrow(0, 1, later).copy_(done.narrow(0, 0, later));
  for (const int64_t run : runs) {
    change.select(0, run).zero_();
    before.select(0, run).zero_();
  }
  return torch::cat({now, change.clamp(-kFeatureLimit, kFeatureLimit), before}, -1);
}

torch::Tensor Latent::Impl::ToChannels(const torch::Tensor& normalized) const {
  const torch::Tensor raw = normalized * feature_scale + feature_mean;
  if (angle_channels.empty()) return raw;
  const int64_t plain = static_cast<int64_t>(plain_channels.size()), angles = static_cast<int64_t>(angle_channels.size());
  std::vector<int64_t> shape = raw.sizes().vec();
  shape.back() = channels;
  torch::Tensor result = torch::empty(shape, raw.options());
  const torch::Tensor angle = torch::atan2(raw.narrow(-1, plain + angles, angles), raw.narrow(-1, plain, angles));
  for (int64_t i = 0; i < plain; ++i) result.select(-1, plain_channels[static_cast<size_t>(i)]).copy_(raw.select(-1, i));
  for (int64_t i = 0; i < angles; ++i) {
    result.select(-1, angle_channels[static_cast<size_t>(i)]).copy_(angle.select(-1, i));
  }
  return result;
}

void Latent::Impl::WrapAngles(torch::Tensor& difference) const {
  for (const int64_t c : angle_channels) {
    torch::Tensor column = difference.select(-1, c);
    column.copy_(torch::atan2(column.sin(), column.cos()));
  }
}

Latent::Impl::Output Latent::Impl::Split(const torch::Tensor& output) const {
  const auto clamped = [](const torch::Tensor& raw) {
    const torch::Tensor below = kMaxLogVariance - torch::softplus(kMaxLogVariance - raw);
    return kMinLogVariance + torch::softplus(below - kMinLogVariance);
  };
  const auto part = [&](int64_t k) { return output.narrow(-1, features + k * channels, channels); };
  return {output.narrow(-1, 0, features), clamped(part(0)), part(1), clamped(part(2))};
}

Latent::Impl::Heads Latent::Impl::Decode(const torch::Tensor& rows) {
  const Output output =
      Split(decoder.Infer(rows, scratch.decoder).view({options.decoders, rows.size(0), features + 3 * channels}));
  return {ToChannels(output.features), output.log_variance.exp() * channel_scale.square(), output.change * change_scale,
          output.change_log_variance.exp() * change_scale.square()};
}

void Latent::Impl::Advance(torch::Tensor& known, torch::Tensor& variance, const Heads& now, const Heads& after) const {
  known = known + now.change;
  variance = variance + now.change_variance;
  torch::Tensor correction = after.channels - known;
  WrapAngles(correction);
  const torch::Tensor gain = variance / (variance + after.variance);
  known = known + gain * correction;
  variance = variance * (1.0 - gain);
}

torch::Tensor Latent::Impl::Encode(const Belief& belief) {
  const int64_t row = channels + actions, given = remembers() ? static_cast<int64_t>(belief.past.size()) / row : 0;
  const torch::Tensor past = torch::tensor(belief.past, torch::kFloat64).narrow(0, 0, given * row).view({given, row});
  const torch::Tensor now = torch::tensor(belief.channels, torch::kFloat64).view({1, channels});
  // Where there is one step more than is remembered, it tells how the first of those came about.
  const torch::Tensor all = torch::cat({past.narrow(1, 0, channels), now}, 0);
  const torch::Tensor done = torch::zeros({given + 1, actions}, torch::TensorOptions(torch::kFloat32).device(device));
  done.narrow(0, 0, given).copy_(past.narrow(1, channels, actions));
  const torch::Tensor rows = Seen(Normalized(Features(all).to(device)), done, {0});
  torch::Tensor input = rows.narrow(0, given, 1);
  if (remembers()) {
    torch::Tensor memory = torch::zeros({1, options.memory_width}, input.options());
    for (int64_t k = std::max<int64_t>(0, given - options.memory); k < given; ++k) {
      memory = Recall(memory, rows.narrow(0, k, 1), done.narrow(0, k, 1));
    }
    input = torch::cat({input, memory}, -1);
  }
  return encoder.Infer(input, scratch.encoder);
}

torch::Tensor Latent::Impl::Recall(const torch::Tensor& memory, const torch::Tensor& observed,
                                   const torch::Tensor& action) const {
  const int64_t width = options.memory_width;
  const torch::Tensor raw = recall.Forward(torch::cat({observed, action, memory}, -1));
  const torch::Tensor reset = raw.narrow(-1, 0, width).sigmoid();
  const torch::Tensor candidate = (reset * raw.narrow(-1, width, width)).tanh();
  // Without having learned otherwise it keeps more than it replaces.
  const torch::Tensor renewal = (raw.narrow(-1, 2 * width, width) - 1.0).sigmoid();
  return memory + renewal * (candidate - memory);
}

torch::Tensor Latent::Impl::RecallRows(const torch::Tensor& rows, const torch::Tensor& first, const torch::Tensor& observed,
                                       const torch::Tensor& done) const {
  torch::Tensor memory = torch::zeros({rows.size(0), options.memory_width}, observed.options());
  for (int64_t back = options.memory; back > 0; --back) {
    const torch::Tensor at = rows - back;
    const torch::Tensor lived = (at >= first).to(torch::kFloat32).unsqueeze(1);
    const torch::Tensor index = torch::maximum(at, first);
    memory = lived * Recall(memory, observed.index_select(0, index), done.index_select(0, index));
  }
  return memory;
}

void Latent::Impl::Play(const torch::Tensor& start, const torch::Tensor& action_rows, Played& played) {
  const int64_t rows = action_rows.size(0), horizon = action_rows.size(1), latent = options.latent;
  const auto shaped = [&](torch::Tensor& tensor, at::IntArrayRef shape) {
    if (!tensor.defined()) tensor = torch::empty(shape, start.options());
    tensor.resize_(shape);
  };
  shaped(played.inputs, {horizon, rows, latent + actions});
  shaped(played.latents, {horizon, rows, latent});
  torch::Tensor &inputs = played.inputs, &latents = played.latents;
  if (actions > 0) inputs.narrow(-1, latent, actions).copy_(action_rows.transpose(0, 1));
  inputs.select(0, 0).narrow(-1, 0, latent).copy_(start.expand({rows, latent}));
  for (int64_t h = 0; h < horizon; ++h) {
    latents.select(0, h).copy_(dynamics.Infer(inputs.select(0, h), scratch.dynamics));
    if (h + 1 < horizon) inputs.select(0, h + 1).narrow(-1, 0, latent).copy_(latents.select(0, h));
  }
}

}  // namespace reverie
