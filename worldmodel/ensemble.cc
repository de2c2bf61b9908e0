#include "worldmodel/ensemble.h"

#include <cmath>

#include "sim/error.h"
#include "worldmodel/ensemble_impl.h"
#include "worldmodel/tensor_formula.h"

namespace reverie {
namespace {

constexpr double kMinLogVariance = -12.0, kMaxLogVariance = 1.0;

torch::Tensor RandomNormal(const std::vector<int64_t>& shape, double deviation, Random& random) {
  torch::Tensor tensor = torch::empty(shape, torch::kFloat32);
  float* values = tensor.data_ptr<float>();
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    double z = random.Normal();
    while (std::abs(z) > 2.0) z = random.Normal();
    values[i] = static_cast<float>(deviation * z);
  }
  return tensor;
}

}  // namespace

torch::Tensor SoftClampLogVariance(const torch::Tensor& raw) {
  const torch::Tensor below = kMaxLogVariance - torch::softplus(kMaxLogVariance - raw);
  return kMinLogVariance + torch::softplus(below - kMinLogVariance);
}

void Ensemble::Impl::Initialize() {
  channels = task->channel_size();
  actions = task->action_size();
  for (int c = 0; c < channels; ++c) {
    (task->angles()[static_cast<size_t>(c)] ? angle_channels : plain_channels).push_back(c);
  }
  features = static_cast<int>(plain_channels.size() + 2 * angle_channels.size());
  calibration = Calibration(channels);
  const auto float32 = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  feature_mean = torch::zeros({features}, float32);
  feature_scale = torch::ones({features}, float32);
  change_mean = torch::zeros({channels}, float32);
  change_scale = torch::ones({channels}, float32);
  channel_scale = torch::ones({channels}, float32);
  Random random(HashSeed(seed, 0x77656967687473));
  std::vector<int64_t> sizes = {features + actions};
  for (int i = 0; i < options.layers; ++i) sizes.push_back(options.width);
  sizes.push_back(2 * channels);
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    const double deviation = 1.0 / (2.0 * std::sqrt(static_cast<double>(std::max<int64_t>(1, sizes[i]))));
    weights.push_back(RandomNormal({options.members, sizes[i], sizes[i + 1]}, deviation, random).to(device));
    biases.push_back(torch::zeros({options.members, 1, sizes[i + 1]}, float32));
  }
  MakeOptimizer();
}

void Ensemble::Impl::MakeOptimizer() {
  for (torch::Tensor& tensor : weights) tensor.requires_grad_(true);
  for (torch::Tensor& tensor : biases) tensor.requires_grad_(true);
  std::vector<torch::optim::OptimizerParamGroup> groups;
  groups.emplace_back(weights);
  groups.emplace_back(biases);
  optimizer = std::make_unique<torch::optim::AdamW>(
      groups, torch::optim::AdamWOptions(options.learning_rate).weight_decay(options.weight_decay));
  static_cast<torch::optim::AdamWOptions&>(optimizer->param_groups()[1].options()).weight_decay(0.0);
}

torch::Tensor Ensemble::Impl::Features(const torch::Tensor& values) const {
  if (angle_channels.empty()) return values;
  const auto index = [&](const std::vector<int64_t>& list) {
    return torch::tensor(list, torch::TensorOptions().dtype(torch::kInt64)).to(values.device());
  };
  const torch::Tensor angles = values.index_select(-1, index(angle_channels));
  return torch::cat({values.index_select(-1, index(plain_channels)), angles.cos(), angles.sin()}, -1);
}

std::pair<torch::Tensor, torch::Tensor> Ensemble::Impl::Forward(torch::Tensor x) const {
  for (size_t i = 0; i < weights.size(); ++i) {
    x = torch::baddbmm(biases[i], x, weights[i]);
    if (i + 1 < weights.size()) x = torch::silu(x);
  }
  return {x.narrow(-1, 0, channels), SoftClampLogVariance(x.narrow(-1, channels, channels))};
}

const Ensemble::Impl::Folded& Ensemble::Impl::Fold() {
  if (folded) return *folded;
  Folded f;
  const torch::Tensor first = weights.front().detach();
  f.feature_weight = (first.narrow(1, 0, features) / feature_scale.unsqueeze(-1)).contiguous();
  f.action_weight = first.narrow(1, features, actions).contiguous();
  f.first_bias = biases.front().detach() - torch::matmul(feature_mean.unsqueeze(0), f.feature_weight);
  const torch::Tensor last = weights.back().detach(), last_bias = biases.back().detach();
  f.mean_weight = (last.narrow(-1, 0, channels) * change_scale).contiguous();
  f.mean_bias = (last_bias.narrow(-1, 0, channels) * change_scale + change_mean).contiguous();
  f.variance_weight = last.narrow(-1, channels, channels).contiguous();
  f.variance_bias = last_bias.narrow(-1, channels, channels).contiguous();
  folded = std::move(f);
  return *folded;
}

torch::Tensor Ensemble::Impl::Rollout(const torch::Tensor& start, const torch::Tensor& action_rows, Random* noise) {
  const Folded& f = Fold();
  const int64_t rows = action_rows.size(0), horizon = action_rows.size(1), members = options.members;
  const int64_t per_member = rows / members;
  // Row r = k * members + m is row k of member m.
  const torch::Tensor by_member =
      action_rows.view({per_member, members, horizon, actions}).permute({1, 2, 0, 3}).contiguous();
  // What the actions add to the first layer does not depend on the state: one product for the whole horizon.
  torch::Tensor from_actions =
      torch::baddbmm(f.first_bias, by_member.view({members, horizon * per_member, actions}), f.action_weight)
          .view({members, horizon, per_member, options.width});
  torch::Tensor state = start.view({1, 1, channels}).expand({members, per_member, channels}).contiguous();
  torch::Tensor states = torch::empty({horizon, members, per_member, channels}, state.options());
  for (int64_t h = 0; h < horizon; ++h) {
    torch::Tensor x = torch::baddbmm(from_actions.select(1, h), Features(state), f.feature_weight);
    torch::silu_(x);
    for (size_t i = 1; i + 1 < weights.size(); ++i) {
      x = torch::baddbmm(biases[i].detach(), x, weights[i].detach());
      torch::silu_(x);
    }
    state = state + torch::baddbmm(f.mean_bias, x, f.mean_weight);
    if (noise) {
      const torch::Tensor variance = SoftClampLogVariance(torch::baddbmm(f.variance_bias, x, f.variance_weight));
      torch::Tensor z = torch::empty({members, per_member, channels}, torch::kFloat32);
      float* values = z.data_ptr<float>();
      for (int64_t i = 0; i < z.numel(); ++i) values[i] = static_cast<float>(noise->Normal());
      state = state + z.to(device) * (0.5 * variance).exp() * change_scale;
    }
    states.select(0, h).copy_(state);
  }
  return states.permute({0, 2, 1, 3}).reshape({horizon, rows, channels});
}

Ensemble::Ensemble(std::shared_ptr<const CompiledTask> task, EnsembleOptions options, const std::string& device,
                   uint64_t seed)
    : impl_(std::make_unique<Impl>()) {
  impl_->task = std::move(task);
  impl_->options = options;
  impl_->device = torch::Device(device);
  impl_->seed = seed;
  impl_->Initialize();
}

Ensemble::~Ensemble() = default;

const CompiledTask& Ensemble::task() const { return *impl_->task; }
const EnsembleOptions& Ensemble::options() const { return impl_->options; }
std::vector<double> Ensemble::channel_scale() const {
  const torch::Tensor scale = impl_->channel_scale.to(torch::kCPU, torch::kFloat64).contiguous();
  return {scale.data_ptr<double>(), scale.data_ptr<double>() + scale.numel()};
}
int64_t Ensemble::updates() const { return impl_->updates; }
Calibration& Ensemble::calibration() { return impl_->calibration; }

double Ensemble::OperationsPerImaginedStep() const {
  const double width = impl_->options.width, inputs = impl_->features + impl_->actions;
  const double row = 2.0 * width * (inputs + width * (impl_->options.layers - 1) + impl_->channels);
  return row * std::min(impl_->options.members, impl_->options.planning_members);
}

double Ensemble::OperationsPerUpdate() const {
  const double width = impl_->options.width, inputs = impl_->features + impl_->actions;
  const double row = 2.0 * width * (inputs + width * (impl_->options.layers - 1) + 2.0 * impl_->channels);
  return 3.0 * row * impl_->options.batch * impl_->options.members;
}

void Ensemble::Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
                       const ImagineOptions& options, Imagination& result) {
  Impl& impl = *impl_;
  const int nu = impl.actions, nc = impl.channels, members = impl.options.members;
  if (actions.size() != static_cast<size_t>(sequences) * static_cast<size_t>(horizon) * static_cast<size_t>(nu)) {
    throw ShapeError("imagined actions: expected " + std::to_string(sequences * horizon * nu) + " values, found " +
                     std::to_string(actions.size()));
  }
  result.sequences = sequences;
  result.horizon = horizon;
  result.channel_size = nc;
  const bool with_noise = options.channels && impl.options.noise_samples > 0;
  const int drawn = std::min(impl.options.drawn_members, members) * std::max(1, impl.options.noise_samples);
  const int particles = options.channels ? drawn : std::min(members, impl.options.planning_members);
  const int64_t rows = static_cast<int64_t>(sequences) * particles;
  const int64_t padded = (rows + members - 1) / members * members;

  c10::InferenceMode inference;
  const torch::Tensor given =
      torch::from_blob(const_cast<float*>(actions.data()), {sequences, horizon, nu}, torch::kFloat32).to(impl.device);
  torch::Tensor action_rows = given.unsqueeze(1).expand({sequences, particles, horizon, nu}).reshape({rows, horizon, nu});
  if (padded > rows) {
    action_rows = torch::cat({action_rows, action_rows.narrow(0, 0, 1).expand({padded - rows, horizon, nu})}, 0);
  }
  const std::vector<float> start(belief.channels.begin(), belief.channels.end());
  const torch::Tensor start_tensor = torch::tensor(start, torch::kFloat32).to(impl.device);
  Random noise(HashSeed(impl.seed, 0x6e6f697365));
  const torch::Tensor states =
      impl.Rollout(start_tensor, action_rows.contiguous(), with_noise ? &noise : nullptr).narrow(1, 0, rows);

  const CompiledTask& task = *impl.task;
  const auto to_vector = [](const torch::Tensor& tensor, std::vector<float>& values) {
    const torch::Tensor host = tensor.to(torch::kCPU).contiguous();
    values.assign(host.data_ptr<float>(), host.data_ptr<float>() + host.numel());
  };

  const Formula& objective = task.planning_reward().empty() ? task.reward() : task.planning_reward();
  if (objective.empty()) {
    result.rewards.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon), 0.0f);
  } else {
    const torch::Tensor inputs = FormulaInputs(states, action_rows.narrow(0, 0, rows));
    torch::Tensor reward = FormulaRewards(task, inputs, true).view({horizon, rows});
    if (!task.terminate().empty()) {
      // Nothing after the step that ended it.
      const torch::Tensor ended = FormulaEnded(task, inputs, horizon);
      reward = reward * torch::cat({torch::ones_like(ended.narrow(0, 0, 1)), 1.0 - ended.narrow(0, 0, horizon - 1)}, 0);
    }
    // A prediction that is not a number is the worst there is.
    reward = torch::nan_to_num(reward, -1e6, 1e6, -1e6);
    to_vector(reward.view({horizon, sequences, particles}).mean(-1).t(), result.rewards);
  }
  const torch::Tensor particle_states = states.view({horizon, sequences, particles, nc});
  if (options.uncertainty && particles > 1) {
    to_vector((particle_states.std(2) / impl.channel_scale).mean(-1).t(), result.uncertainty);
  } else {
    result.uncertainty.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon), 0.0f);
  }
  result.values.clear();
  result.members = options.members ? members : 0;
  result.member_channels.clear();
  if (options.members) {
    const int64_t all = static_cast<int64_t>(sequences) * members;
    const torch::Tensor each_member =
        given.unsqueeze(1).expand({sequences, members, horizon, nu}).reshape({all, horizon, nu}).contiguous();
    to_vector(impl.Rollout(start_tensor, each_member, nullptr).view({horizon, sequences, members, nc}).permute({2, 1, 0, 3}),
              result.member_channels);
  }
  result.channels.clear();
  result.spread.clear();
  if (!options.channels) return;
  to_vector(particle_states.mean(2).permute({1, 0, 2}), result.channels);
  to_vector(particle_states.std(2, false).permute({1, 0, 2}), result.spread);
  for (int n = 0; n < sequences; ++n) {
    for (int h = 0; h < horizon; ++h) {
      for (int c = 0; c < nc; ++c) {
        result.spread[static_cast<size_t>((n * horizon + h) * nc + c)] *=
            static_cast<float>(impl.calibration.Factor(c, h + 1));
      }
    }
  }
}

}  // namespace reverie
