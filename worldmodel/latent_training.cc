#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "sim/error.h"
#include "worldmodel/latent_impl.h"
#include "worldmodel/two_hot.h"

namespace reverie {
namespace {

constexpr double kRewardRange = 64.0;       // rewards this many times the scale that was set make it be set anew
constexpr int64_t kDecoderShare = 4;        // the decoder learns from every fourth sequence of a batch
constexpr double kVarianceWeighting = 0.5;  // as EnsembleOptions::variance_weighting

torch::Tensor ToTensor(const std::vector<double>& values, int64_t columns) {
  const int64_t rows = columns == 0 ? 0 : static_cast<int64_t>(values.size()) / columns;
  return torch::from_blob(const_cast<double*>(values.data()), {rows, columns}, torch::kFloat64).clone();
}

torch::Tensor ScaleOf(const torch::Tensor& values) {
  if (values.size(0) < 2) return torch::ones({values.size(1)}, values.options());
  const torch::Tensor deviation = values.std(0, false);
  // What never changes has no scale of its own; dividing by 1 keeps it at zero.
  return torch::where(deviation > 1e-9, deviation, torch::ones_like(deviation));
}

torch::Tensor Wrapped(const torch::Tensor& angle) { return torch::atan2(angle.sin(), angle.cos()); }

// Runs of transitions as rows: each has one row more than transitions, so that row i + 1 is what came after row i.
struct Sequences {
  torch::Tensor observed;  // (rows, inputs of the encoder)
  torch::Tensor decoded;   // (rows, features), normalised
  torch::Tensor angles;    // (rows, angle channels), rad
  torch::Tensor changes;   // (rows, channels) to the row after, over their scale
  torch::Tensor actions;   // (rows, nu)
  torch::Tensor rewards;   // (rows) over the reward scale
  torch::Tensor goes_on;   // (rows) 0 where the task ended with this transition
  std::vector<int64_t> starts;  // rows at which a sequence may begin
  std::vector<int64_t> firsts;  // of each of these, the first row of its run
};

torch::Tensor WithLastRows(const torch::Tensor& rows, const torch::Tensor& last, const ReplayBuffer& data) {
  std::vector<torch::Tensor> parts;
  for (size_t r = 0; r < data.runs().size(); ++r) {
    const int64_t first = data.runs()[r];
    const int64_t end = r + 1 < data.runs().size() ? data.runs()[r + 1] : data.transitions();
    parts.push_back(rows.narrow(0, first, end - first));
    parts.push_back(last.narrow(0, end - 1, 1));
  }
  return torch::cat(parts, 0);
}

void FitNormalization(Latent::Impl& impl, const ReplayBuffer& data, const torch::Tensor& now, const torch::Tensor& next) {
  const double greatest = data.rewards().empty() ? 0.0 : [&] {
    double most = 0.0;
    for (const double reward : data.rewards()) most = std::max(most, std::abs(reward));
    return most;
  }();
  double* scalars = impl.scalars.data_ptr<double>();
  const bool scaled = scalars[3] != 0.0;
  if (greatest > 0.0 && (!scaled || greatest > kRewardRange * impl.RewardScale())) {
    impl.RewardScale() = greatest;
    scalars[3] = 1.0;
  }
  if (static_cast<double>(data.transitions()) < 2.0 * impl.FittedOn()) return;
  impl.FittedOn() = static_cast<double>(data.transitions());
  const torch::Tensor features = impl.Features(now);
  torch::Tensor change = next - now;
  impl.WrapAngles(change);
  impl.feature_mean.copy_(features.mean(0));
  impl.feature_scale.copy_(ScaleOf(features));
  const auto observed = [&](const torch::Tensor& rows) { return impl.Observed(impl.Normalized(rows.to(impl.device))); };
  impl.step_scale.copy_(ScaleOf(observed(impl.Features(next)) - observed(features)));
  impl.channel_scale.copy_(ScaleOf(now));
  impl.change_scale.copy_(ScaleOf(change));
}

Sequences SequencesOf(Latent::Impl& impl, const ReplayBuffer& data) {
  const int64_t count = data.transitions(), horizon = impl.options.horizon;
  const torch::Tensor now = ToTensor(data.channels(), impl.channels), next = ToTensor(data.next_channels(), impl.channels);
  FitNormalization(impl, data, now, next);
  const torch::Tensor channels = WithLastRows(now, next, data);
  Sequences sequences;
  sequences.decoded = impl.Normalized(impl.Features(channels).to(impl.device));
  std::vector<int64_t> begins = data.runs();
  for (size_t r = 0; r < begins.size(); ++r) begins[r] += static_cast<int64_t>(r);
  const torch::Tensor angles = torch::tensor(impl.angle_channels, torch::kInt64);
  sequences.angles = channels.index_select(1, angles).to(torch::kFloat32).to(impl.device);
  const auto padded = [&](const torch::Tensor& rows) {
    return WithLastRows(rows, torch::zeros_like(rows), data).to(torch::kFloat32).to(impl.device);
  };
  torch::Tensor change = next - now;
  impl.WrapAngles(change);
  sequences.changes = padded(change / impl.change_scale.to(torch::kCPU, torch::kFloat64));
  sequences.actions = padded(ToTensor(data.actions(), impl.actions).view({count, impl.actions}));
  sequences.observed = impl.Seen(sequences.decoded, sequences.actions, begins).contiguous();
  sequences.rewards = padded(ToTensor(data.rewards(), 1) / impl.RewardScale()).view({-1});
  const torch::Tensor terminal =
      torch::from_blob(const_cast<uint8_t*>(data.terminal().data()), {count, 1}, torch::kUInt8).to(torch::kFloat64);
  sequences.goes_on = padded(1.0 - terminal).view({-1});
  for (size_t r = 0; r < data.runs().size(); ++r) {
    const int64_t first = data.runs()[r];
    const int64_t end = r + 1 < data.runs().size() ? data.runs()[r + 1] : count;
    for (int64_t i = first; i + horizon <= end; ++i) {
      sequences.starts.push_back(i + static_cast<int64_t>(r));
      sequences.firsts.push_back(first + static_cast<int64_t>(r));
    }
  }
  if (sequences.starts.empty()) {
    throw DatasetError("training: no episode has " + std::to_string(horizon) +
                       " control steps in a row, which a sequence to learn from takes");
  }
  return sequences;
}

// One step of Adam on a part of the parameters. @param step  () float32, on their device: the number of this one, from 1.
void Step(ParameterStore& store, const Latent::Impl::Part& part, double rate, double epsilon, const torch::Tensor& step) {
  const auto of = [&](const torch::Tensor& all) { return std::vector<torch::Tensor>{all.narrow(0, part.first, part.count)}; };
  at::_fused_adam_(of(store.values), of(store.gradients), of(store.first_moments), of(store.second_moments), {},
                   std::vector<torch::Tensor>{step}, rate, 0.9, 0.999, 0.0, epsilon, false, false);
  store.Refresh(part.first, part.count);
}

// Scales gradients down to the norm `most`. @return the norm that they had, ().
torch::Tensor Clip(ParameterStore& store, const Latent::Impl::Part& part, double most) {
  torch::Tensor gradients = store.gradients.narrow(0, part.first, part.count);
  const torch::Tensor norm = gradients.norm();
  gradients.mul_((most / norm).clamp_max(1.0));
  return norm;
}

// @param sorted  (n) ascending.
torch::Tensor Quantile(const torch::Tensor& sorted, double share) {
  const double at = share * static_cast<double>(sorted.size(0) - 1);
  const int64_t below = static_cast<int64_t>(at), above = std::min(below + 1, sorted.size(0) - 1);
  return sorted[below] + (at - std::floor(at)) * (sorted[above] - sorted[below]);
}

// One gradient step after another on the same sequences. What chance decides is drawn on the processor beforehand, so that
// all else is the same work on the same tensors each time.
class Update {
 public:
  Update(Latent::Impl& impl, const Sequences& sequences, uint64_t seed)
      : impl_(impl),
        sequences_(sequences),
        random_(seed),
        noise_(at::detail::createCPUGenerator(HashSeed(seed, 0x6e6f697365))),
        captured_(impl.device) {
    const LatentOptions& options = impl_.options;
    const int64_t batch = options.batch, rows = options.horizon * batch;
    const auto on_device = [&](at::IntArrayRef shape, at::ScalarType type) {
      return torch::empty(shape, torch::TensorOptions().dtype(type).device(impl_.device));
    };
    index_ = on_device({rows + batch}, torch::kInt64);
    run_ = on_device({batch}, torch::kInt64);
    target_pair_ = on_device({2}, torch::kInt64);
    policy_pair_ = on_device({2}, torch::kInt64);
    target_noise_ = on_device({rows, impl_.actions}, torch::kFloat32);
    policy_noise_ = on_device({rows + batch, impl_.actions}, torch::kFloat32);
    step_ = torch::full({}, static_cast<double>(impl_.updates), on_device({}, torch::kFloat32).options());
    value_scale_ = torch::full({}, impl_.ValueScale(), on_device({}, torch::kFloat64).options());
    loss_ = on_device({}, torch::kFloat32);
    const auto weights = [&](int64_t count) {
      return (torch::pow(options.rho, torch::arange(count, torch::kFloat32)) / static_cast<double>(count)).to(impl_.device);
    };
    weight_ = weights(options.horizon);
    policy_weight_ = weights(options.horizon + 1);
  }

  /// @return the loss of model and values; not finite: nothing after it may be kept.
  double Run() {
    Draw();
    captured_.Do([&] { Learn(); });
    return loss_.item<double>();
  }
  double value_scale() const { return value_scale_.item<double>(); }

 private:
  void Draw() {
    const int64_t batch = impl_.options.batch, horizon = impl_.options.horizon;
    torch::Tensor index = torch::empty({horizon + 1, batch}, torch::kInt64), run = torch::empty({batch}, torch::kInt64);
    int64_t* at = index.data_ptr<int64_t>();
    for (int64_t b = 0; b < batch; ++b) {
      const auto chosen = static_cast<size_t>(random_.Index(static_cast<int64_t>(sequences_.starts.size())));
      for (int64_t h = 0; h <= horizon; ++h) at[h * batch + b] = sequences_.starts[chosen] + h;
      run.data_ptr<int64_t>()[b] = sequences_.firsts[chosen];
    }
    index_.copy_(index.view({-1}));
    run_.copy_(run);
    DrawPair(target_pair_);
    DrawNoise(target_noise_);
    if (impl_.actions == 0) return;
    DrawPair(policy_pair_);
    DrawNoise(policy_noise_);
  }
  void DrawNoise(torch::Tensor& tensor) { tensor.copy_(torch::randn(tensor.sizes(), noise_, torch::kFloat32)); }
  void DrawPair(torch::Tensor& pair) {
    const int64_t heads = impl_.values.heads();
    if (heads == 1) return;
    const int64_t a = random_.Index(heads), b = random_.Index(heads - 1);
    pair.copy_(torch::tensor({a, b < a ? b : b + 1}, torch::kInt64));
  }

  struct Acted {
    torch::Tensor action, log_probability;  // (rows, nu), (rows)
  };
  /// @param z  (rows, nu) of a standard normal distribution.
  Acted Act(const torch::Tensor& latents, const torch::Tensor& z) const {
    const int64_t nu = impl_.actions;
    const torch::Tensor output = impl_.policy.Forward(latents);
    const torch::Tensor log_deviation = PolicyLogDeviation(output.narrow(-1, nu, nu));
    Acted acted;
    acted.action = (output.narrow(-1, 0, nu) + z * log_deviation.exp()).tanh();
    const torch::Tensor gaussian = -0.5 * z.square() - log_deviation - 0.5 * std::log(2.0 * std::numbers::pi);
    acted.log_probability = (gaussian - (1.0 - acted.action.square() + 1e-6).log()).sum(-1);
    return acted;
  }

  void Learn() {
    torch::AutoGradMode with_gradients(true);
    const LatentOptions& options = impl_.options;
    const int64_t horizon = options.horizon, batch = options.batch, rows = horizon * batch;
    const torch::Tensor& index = index_;
    {
      torch::NoGradGuard no_grad;
      step_.add_(1.0);
    }
    const torch::Tensor first = index.narrow(0, 0, batch), done = index.narrow(0, 0, rows), later = index.narrow(0, batch, rows);
    const torch::Tensor actions = sequences_.actions.index_select(0, done);

    torch::Tensor start_input = sequences_.observed.index_select(0, first), remembered;
    if (impl_.remembers()) {
      remembered = impl_.RecallRows(first, run_, sequences_.observed, sequences_.actions);
      start_input = torch::cat({start_input, remembered}, -1);
    }

    torch::Tensor later_latents, returns;
    {
      torch::NoGradGuard no_grad;
      torch::Tensor later_input = sequences_.observed.index_select(0, later);
      if (impl_.remembers()) {
        // Made of as many steps as acting will make it of: one that goes on from the memory before would be another belief.
        const torch::Tensor memory =
            impl_.RecallRows(later, run_.repeat({horizon}), sequences_.observed, sequences_.actions);
        later_input = torch::cat({later_input, memory}, -1);
      }
      later_latents = impl_.encoder.Forward(later_input);
      const torch::Tensor choice = Act(later_latents, target_noise_).action;
      const torch::Tensor q =
          FromLogits(impl_.target.ForwardPair(torch::cat({later_latents, choice}, -1), target_pair_, true)).view({-1, rows});
      returns = sequences_.rewards.index_select(0, done) +
                impl_.discount * sequences_.goes_on.index_select(0, done) * std::get<0>(q.min(0));
    }

    std::vector<torch::Tensor> latents = {impl_.encoder.Forward(start_input)};
    torch::Tensor consistency = torch::zeros({}, weight_.options());
    for (int64_t h = 0; h < horizon; ++h) {
      latents.push_back(
          impl_.dynamics.Forward(torch::cat({latents.back(), actions.narrow(0, h * batch, batch)}, -1)));
      consistency = consistency + torch::mse_loss(latents.back(), later_latents.narrow(0, h * batch, batch)) * weight_[h];
    }
    const torch::Tensor all = torch::cat(latents, 0);
    const torch::Tensor inputs = torch::cat({all.narrow(0, 0, rows), actions}, -1);
    const auto weighted = [&](const torch::Tensor& loss) {  // (..., rows)
      return (loss.view({-1, horizon, batch}).mean({0, 2}) * weight_).sum();
    };
    const torch::Tensor loss =
        options.consistency * consistency +
        options.reward * weighted(TwoHotLoss(impl_.reward.Forward(inputs), sequences_.rewards.index_select(0, done))) +
        options.value * weighted(TwoHotLoss(impl_.values.Forward(inputs), returns));
    impl_.parameters.gradients.zero_();
    loss.backward();
    const Latent::Impl::Part model = {0, impl_.encoder_part.count + impl_.rest_part.count};
    torch::NoGradGuard no_grad;
    // What is not finite anywhere shows in the loss, and all is then taken back.
    torch::Tensor told = loss.detach() + 0.0 * Clip(impl_.parameters, model, options.gradient_clip);
    Step(impl_.parameters, impl_.encoder_part, 0.3 * options.learning_rate, 1e-8, step_);
    Step(impl_.parameters, impl_.rest_part, options.learning_rate, 1e-8, step_);

    const torch::Tensor given = all.detach();
    if (impl_.actions > 0) told = told + 0.0 * UpdatePolicy(given);
    told = told + 0.0 * UpdateDecoder(given, index);
    impl_.target_parameters.values.lerp_(impl_.parameters.values.narrow(0, impl_.values_part.first, impl_.values_part.count),
                                        options.target_rate);
    impl_.target_parameters.Refresh(0, impl_.values_part.count);
    loss_.copy_(told);
  }

  /// @return the norm of the gradient, ().
  torch::Tensor UpdatePolicy(const torch::Tensor& latents) {
    torch::AutoGradMode with_gradients(true);
    const LatentOptions& options = impl_.options;
    const int64_t batch = options.batch;
    const Acted acted = Act(latents, policy_noise_);
    const torch::Tensor q = FromLogits(impl_.values.ForwardPair(torch::cat({latents, acted.action}, -1), policy_pair_, true))
                                .view({-1, latents.size(0)})
                                .mean(0);
    {
      torch::NoGradGuard no_grad;
      const torch::Tensor sorted = std::get<0>(q.detach().narrow(0, 0, batch).to(torch::kFloat64).sort());
      const torch::Tensor range = Quantile(sorted, 0.95) - Quantile(sorted, 0.05);
      const torch::Tensor moved = value_scale_ + 0.01 * (range.clamp_min(1.0) - value_scale_);
      value_scale_.copy_(torch::where(range.isfinite(), moved, value_scale_));
    }
    const torch::Tensor each =
        options.entropy * impl_.actions * acted.log_probability - q / value_scale_.to(torch::kFloat32);
    const torch::Tensor loss = (each.view({-1, batch}).mean(1) * policy_weight_).sum();
    impl_.parameters.gradients.narrow(0, impl_.policy_part.first, impl_.policy_part.count).zero_();
    loss.backward();
    torch::NoGradGuard no_grad;
    const torch::Tensor norm = Clip(impl_.parameters, impl_.policy_part, options.gradient_clip);
    Step(impl_.parameters, impl_.policy_part, options.learning_rate, 1e-5, step_);
    return norm;
  }

  /// @return the norm of the gradient, ().
  torch::Tensor UpdateDecoder(const torch::Tensor& latents, const torch::Tensor& index) {
    torch::AutoGradMode with_gradients(true);
    const int64_t batch = impl_.options.batch, some = std::max<int64_t>(1, batch / kDecoderShare);
    const int64_t steps = impl_.options.horizon + 1;
    const auto part = [&](const torch::Tensor& rows) {
      return rows.view({steps, batch, -1}).narrow(1, 0, some).reshape({steps * some, -1});
    };
    const torch::Tensor rows = part(index).view({-1});
    const torch::Tensor inputs = torch::cat({part(latents), sequences_.actions.index_select(0, rows)}, -1);
    const Latent::Impl::Output output =
        impl_.Split(impl_.decoder.Forward(inputs).view({impl_.options.decoders, steps * some, -1}));
    const torch::Tensor &mean = output.features, &log_variance = output.log_variance;
    const torch::Tensor target = sequences_.decoded.index_select(0, rows);
    const int64_t plain = static_cast<int64_t>(impl_.plain_channels.size()), angles = impl_.channels - plain;
    const auto likelihood = [](const torch::Tensor& error, const torch::Tensor& log_var) {
      const torch::Tensor each = error.square() * (-log_var).exp() + log_var;
      return (each * (kVarianceWeighting * log_var.detach()).exp()).sum(-1).mean();
    };
    const auto of = [&](const torch::Tensor& channels) { return log_variance.index_select(-1, channels); };
    torch::Tensor loss = likelihood(mean.narrow(-1, 0, plain) - target.narrow(-1, 0, plain), of(impl_.plain_index));
    if (angles > 0) {
      // Cosine and sine are fitted; the spread is the angle's.
      const torch::Tensor error = mean.narrow(-1, plain, 2 * angles) - target.narrow(-1, plain, 2 * angles);
      const torch::Tensor raw = mean.detach() * impl_.feature_scale + impl_.feature_mean;
      const torch::Tensor angle = torch::atan2(raw.narrow(-1, plain + angles, angles), raw.narrow(-1, plain, angles));
      const torch::Tensor scale = impl_.channel_scale.index_select(0, impl_.angle_index);
      loss = loss + error.square().sum(-1).mean() +
             likelihood(Wrapped(angle - sequences_.angles.index_select(0, rows)) / scale, of(impl_.angle_index));
    }
    // What comes after a sequence's last step is not known to be of the same run.
    const int64_t followed = impl_.options.horizon * some;
    loss = loss + likelihood(output.change.narrow(1, 0, followed) - sequences_.changes.index_select(0, rows.narrow(0, 0, followed)),
                             output.change_log_variance.narrow(1, 0, followed));
    impl_.parameters.gradients.narrow(0, impl_.decoder_part.first, impl_.decoder_part.count).zero_();
    loss.backward();
    torch::NoGradGuard no_grad;
    const torch::Tensor norm = Clip(impl_.parameters, impl_.decoder_part, impl_.options.gradient_clip);
    Step(impl_.parameters, impl_.decoder_part, impl_.options.learning_rate, 1e-8, step_);
    return norm;
  }

  Latent::Impl& impl_;
  const Sequences& sequences_;
  Random random_;
  torch::Generator noise_;
  torch::Tensor index_, run_;                  // rows of the replay: (H + 1 steps of the batch), (batch) first of its run
  torch::Tensor target_pair_, policy_pair_;    // (2) value heads
  torch::Tensor target_noise_, policy_noise_;  // (rows, nu)
  torch::Tensor step_, value_scale_, loss_;    // ()
  torch::Tensor weight_, policy_weight_;       // of each step of a sequence
  Captured captured_;
};

// Takes a model back to where it was before a training, unless told to keep what was learned.
class Undo {
 public:
  explicit Undo(Latent::Impl& impl) : impl_(impl), updates_(impl.updates) {
    for (const auto& [name, tensor] : impl.TrainingTensors()) before_[name] = tensor.detach().clone();
  }
  ~Undo() {
    if (kept_) return;
    torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : impl_.TrainingTensors()) torch::Tensor(tensor).copy_(before_.at(name));
    impl_.RefreshAll();
    impl_.updates = updates_;
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void Keep() { kept_ = true; }

 private:
  Latent::Impl& impl_;
  int64_t updates_;
  NamedTensors before_;
  bool kept_ = false;
};

}  // namespace

Latent::TrainResult Latent::Train(const ReplayBuffer& data, int updates, uint64_t seed,
                                  const std::function<bool(int)>& go_on) {
  Impl& impl = *impl_;
  TrainResult result;
  if (data.transitions() == 0 || updates == 0) return result;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point began = Clock::now();
  Clock::duration held{};
  Undo undo(impl);
  const Sequences sequences = SequencesOf(impl, data);
  Update update(impl, sequences, seed);
  double loss_sum = 0.0;
  int loss_count = 0;
  for (int u = 0; u < updates; ++u) {
    if (go_on) {
      const Clock::time_point asked = Clock::now();
      result.interrupted = !go_on(u);
      held += Clock::now() - asked;
      if (result.interrupted) return result;
    }
    const double loss = update.Run();
    if (!std::isfinite(loss)) {
      throw Error("training diverged after " + std::to_string(impl.updates) +
                  " updates: the loss is not finite; the last good weights are kept (try a smaller learning_rate)");
    }
    ++impl.updates;
    if (u >= updates - std::max(1, updates / 10)) {
      loss_sum += loss;
      ++loss_count;
    }
  }
  impl.ValueScale() = update.value_scale();
  result.loss = loss_sum / loss_count;
  result.update_ms = std::chrono::duration<double, std::milli>(Clock::now() - began - held).count() / updates;
  undo.Keep();
  return result;
}

Latent::Judgement Latent::Judge(const Episode& episode, const std::function<bool()>& go_on) {
  Impl& impl = *impl_;
  Judgement judgement;
  if (episode.steps == 0) return judgement;
  {
    ReplayBuffer one(impl.channels, impl.actions);
    one.Add(episode);
    if (one.transitions() == 0) return judgement;
    c10::InferenceMode inference;
    const torch::Tensor now = ToTensor(one.channels(), impl.channels), next = ToTensor(one.next_channels(), impl.channels);
    const torch::Tensor actions =
        ToTensor(one.actions(), impl.actions).view({now.size(0), impl.actions}).to(torch::kFloat32).to(impl.device);
    torch::Tensor seen = impl.Seen(impl.Normalized(impl.Features(now).to(impl.device)), actions, one.runs());
    if (impl.remembers()) {
      torch::Tensor firsts = torch::empty({now.size(0)}, torch::kInt64);
      for (size_t r = 0; r < one.runs().size(); ++r) firsts.narrow(0, one.runs()[r], now.size(0) - one.runs()[r]).fill_(one.runs()[r]);
      const torch::Tensor rows = torch::arange(now.size(0), torch::kInt64);
      seen = torch::cat({seen, impl.RecallRows(rows.to(impl.device), firsts.to(impl.device), seen, actions)}, -1);
    }
    const torch::Tensor latents = impl.encoder.Infer(seen, impl.scratch.encoder);
    const torch::Tensor inputs = torch::cat({latents, actions}, -1);
    const torch::Tensor later = impl.dynamics.Infer(inputs, impl.scratch.dynamics);
    const int64_t count = now.size(0);
    const Impl::Heads both = impl.Decode(torch::cat({inputs, torch::cat({later, torch::zeros_like(actions)}, -1)}, 0));
    const auto part = [&](int64_t first) {
      const auto rows = [&](const torch::Tensor& tensor) { return tensor.narrow(1, first, count); };
      return Impl::Heads{rows(both.channels), rows(both.variance), rows(both.change), rows(both.change_variance)};
    };
    torch::Tensor known = now.to(torch::kFloat32).to(impl.device).unsqueeze(0).expand({impl.options.decoders, -1, -1});
    torch::Tensor variance = torch::zeros_like(known);
    impl.Advance(known, variance, part(0), part(count));
    torch::Tensor error = next.to(torch::kFloat32).to(impl.device) - known.mean(0);
    impl.WrapAngles(error);
    torch::Tensor factor = torch::empty({impl.channels}, torch::kFloat32);
    for (int c = 0; c < impl.channels; ++c) factor.data_ptr<float>()[c] = static_cast<float>(impl.calibration.Factor(c, 1));
    error = error / impl.change_scale;
    const torch::Tensor deviation =
        (variance.mean(0) + known.var(0, false)).sqrt() * factor.to(impl.device) / impl.change_scale + 1e-9;
    judgement.nll = ((error / deviation).square() * 0.5 + deviation.log()).mean().item<double>() +
                    0.5 * std::log(2.0 * std::numbers::pi);
    judgement.nrmse = std::sqrt(error.square().mean().item<double>());
  }
  judgement.interrupted = !Calibrate(episode, go_on);
  return judgement;
}

}  // namespace reverie
