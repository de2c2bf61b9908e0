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
  sequences.observed = impl.EncoderInput(sequences.decoded).contiguous();
  const torch::Tensor angles = torch::tensor(impl.angle_channels, torch::kInt64);
  sequences.angles = channels.index_select(1, angles).to(torch::kFloat32).to(impl.device);
  const auto padded = [&](const torch::Tensor& rows) {
    return WithLastRows(rows, torch::zeros_like(rows), data).to(torch::kFloat32).to(impl.device);
  };
  torch::Tensor change = next - now;
  impl.WrapAngles(change);
  sequences.changes = padded(change / impl.change_scale.to(torch::kCPU, torch::kFloat64));
  sequences.actions = padded(ToTensor(data.actions(), impl.actions).view({count, impl.actions}));
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

// One step of Adam on a part of the parameters.
void Step(ParameterStore& store, const Latent::Impl::Part& part, double rate, double epsilon, int64_t step) {
  const auto of = [&](const torch::Tensor& all) { return std::vector<torch::Tensor>{all.narrow(0, part.first, part.count)}; };
  const std::vector<torch::Tensor> steps = {
      torch::full({}, static_cast<double>(step), store.values.options().dtype(torch::kFloat32))};
  at::_fused_adam_(of(store.values), of(store.gradients), of(store.first_moments), of(store.second_moments), {}, steps, rate,
                   0.9, 0.999, 0.0, epsilon, false, false);
  store.Refresh(part.first, part.count);
}

// Scales gradients down to the norm `most`. @return the norm that they had.
double Clip(ParameterStore& store, const Latent::Impl::Part& part, double most) {
  torch::Tensor gradients = store.gradients.narrow(0, part.first, part.count);
  const double norm = gradients.norm().item<double>();
  if (norm > most) gradients.mul_(most / norm);
  return norm;
}

double Quantile(std::vector<float>& values, double share) {
  const double at = share * static_cast<double>(values.size() - 1);
  const auto below = values.begin() + static_cast<std::ptrdiff_t>(at);
  std::nth_element(values.begin(), below, values.end());
  if (below + 1 == values.end()) return *below;
  return *below + (at - std::floor(at)) * (*std::min_element(below + 1, values.end()) - *below);
}

struct Update {
  Latent::Impl& impl;
  const Sequences& sequences;
  Random& random;
  torch::Generator& noise;

  torch::Tensor Normal(at::IntArrayRef shape) const { return torch::randn(shape, noise, torch::kFloat32).to(impl.device); }

  std::pair<int64_t, int64_t> Pair() const {
    const int64_t heads = impl.values.heads();
    if (heads == 1) return {0, 0};
    const int64_t a = random.Index(heads), b = random.Index(heads - 1);
    return {a, b < a ? b : b + 1};
  }

  struct Acted {
    torch::Tensor action, log_probability;  // (rows, nu), (rows)
  };
  Acted Act(const torch::Tensor& latents) const {
    const int64_t nu = impl.actions;
    const torch::Tensor output = impl.policy.Forward(latents);
    const torch::Tensor log_deviation = PolicyLogDeviation(output.narrow(-1, nu, nu));
    const torch::Tensor z = Normal({latents.size(0), nu});
    Acted acted;
    acted.action = (output.narrow(-1, 0, nu) + z * log_deviation.exp()).tanh();
    const torch::Tensor gaussian = -0.5 * z.square() - log_deviation - 0.5 * std::log(2.0 * std::numbers::pi);
    acted.log_probability = (gaussian - (1.0 - acted.action.square() + 1e-6).log()).sum(-1);
    return acted;
  }

  /// One gradient step. @return the loss of model and values; not finite: nothing after it may be kept.
  double Run() const {
    const LatentOptions& options = impl.options;
    const int64_t horizon = options.horizon, batch = options.batch, rows = horizon * batch;
    torch::Tensor index = torch::empty({horizon + 1, batch}, torch::kInt64), run = torch::empty({batch}, torch::kInt64);
    int64_t* at = index.data_ptr<int64_t>();
    for (int64_t b = 0; b < batch; ++b) {
      const auto chosen = static_cast<size_t>(random.Index(static_cast<int64_t>(sequences.starts.size())));
      for (int64_t h = 0; h <= horizon; ++h) at[h * batch + b] = sequences.starts[chosen] + h;
      run.data_ptr<int64_t>()[b] = sequences.firsts[chosen];
    }
    index = index.view({-1}).to(impl.device);
    const torch::Tensor first = index.narrow(0, 0, batch), done = index.narrow(0, 0, rows), later = index.narrow(0, batch, rows);
    const torch::Tensor actions = sequences.actions.index_select(0, done);

    torch::Tensor start_input = sequences.observed.index_select(0, first), remembered;
    if (impl.remembers()) {
      remembered = impl.RecallRows(first, run.to(impl.device), sequences.observed, sequences.actions);
      start_input = torch::cat({start_input, remembered}, -1);
    }

    torch::Tensor later_latents, returns;
    {
      torch::NoGradGuard no_grad;
      torch::Tensor later_input = sequences.observed.index_select(0, later);
      if (impl.remembers()) {
        std::vector<torch::Tensor> memories;
        torch::Tensor memory = remembered;
        for (int64_t h = 0; h < horizon; ++h) {
          memory = impl.Recall(memory, sequences.observed.index_select(0, index.narrow(0, h * batch, batch)),
                               actions.narrow(0, h * batch, batch));
          memories.push_back(memory);
        }
        later_input = torch::cat({later_input, torch::cat(memories, 0)}, -1);
      }
      later_latents = impl.encoder.Forward(later_input);
      const auto [a, b] = Pair();
      const torch::Tensor choice = Act(later_latents).action;
      const torch::Tensor q =
          FromLogits(impl.target.ForwardPair(torch::cat({later_latents, choice}, -1), a, b, true)).view({-1, rows});
      returns = sequences.rewards.index_select(0, done) +
                impl.discount * sequences.goes_on.index_select(0, done) * std::get<0>(q.min(0));
    }

    const torch::Tensor weight =
        torch::pow(options.rho, torch::arange(horizon, torch::kFloat32)).to(impl.device) / static_cast<double>(horizon);
    std::vector<torch::Tensor> latents = {impl.encoder.Forward(start_input)};
    torch::Tensor consistency = torch::zeros({}, weight.options());
    for (int64_t h = 0; h < horizon; ++h) {
      latents.push_back(
          impl.dynamics.Forward(torch::cat({latents.back(), actions.narrow(0, h * batch, batch)}, -1)));
      consistency = consistency + torch::mse_loss(latents.back(), later_latents.narrow(0, h * batch, batch)) * weight[h];
    }
    const torch::Tensor all = torch::cat(latents, 0);
    const torch::Tensor inputs = torch::cat({all.narrow(0, 0, rows), actions}, -1);
    const auto weighted = [&](const torch::Tensor& loss) {  // (..., rows)
      return (loss.view({-1, horizon, batch}).mean({0, 2}) * weight).sum();
    };
    const torch::Tensor loss =
        options.consistency * consistency +
        options.reward * weighted(TwoHotLoss(impl.reward.Forward(inputs), sequences.rewards.index_select(0, done))) +
        options.value * weighted(TwoHotLoss(impl.values.Forward(inputs), returns));
    impl.parameters.gradients.zero_();
    loss.backward();
    const Latent::Impl::Part model = {0, impl.encoder_part.count + impl.rest_part.count};
    double finite = loss.item<double>() + 0.0 * Clip(impl.parameters, model, options.gradient_clip);
    if (!std::isfinite(finite)) return finite;
    const int64_t step = impl.updates + 1;
    Step(impl.parameters, impl.encoder_part, 0.3 * options.learning_rate, 1e-8, step);
    Step(impl.parameters, impl.rest_part, options.learning_rate, 1e-8, step);

    const torch::Tensor given = all.detach();
    if (impl.actions > 0) finite += 0.0 * UpdatePolicy(given, step);
    finite += 0.0 * UpdateDecoder(given, index, step);
    {
      torch::NoGradGuard no_grad;
      impl.target_parameters.values.lerp_(impl.parameters.values.narrow(0, impl.values_part.first, impl.values_part.count),
                                          options.target_rate);
      impl.target_parameters.Refresh(0, impl.values_part.count);
    }
    return finite;
  }

  double UpdatePolicy(const torch::Tensor& latents, int64_t step) const {
    const LatentOptions& options = impl.options;
    const int64_t batch = options.batch;
    const Acted acted = Act(latents);
    const auto [a, b] = Pair();
    const torch::Tensor q =
        FromLogits(impl.values.ForwardPair(torch::cat({latents, acted.action}, -1), a, b, true)).view({-1, latents.size(0)}).mean(0);
    const torch::Tensor now = q.detach().narrow(0, 0, batch).to(torch::kCPU).contiguous();
    std::vector<float> range(now.data_ptr<float>(), now.data_ptr<float>() + batch);
    const double low = Quantile(range, 0.05), high = Quantile(range, 0.95);
    if (std::isfinite(high - low)) impl.ValueScale() += 0.01 * (std::max(1.0, high - low) - impl.ValueScale());
    const torch::Tensor weight =
        torch::pow(options.rho, torch::arange(options.horizon + 1, torch::kFloat32)).to(impl.device) / (options.horizon + 1.0);
    const torch::Tensor each = options.entropy * impl.actions * acted.log_probability - q / impl.ValueScale();
    const torch::Tensor loss = (each.view({-1, batch}).mean(1) * weight).sum();
    impl.parameters.gradients.narrow(0, impl.policy_part.first, impl.policy_part.count).zero_();
    loss.backward();
    const double norm = Clip(impl.parameters, impl.policy_part, options.gradient_clip);
    if (std::isfinite(norm)) Step(impl.parameters, impl.policy_part, options.learning_rate, 1e-5, step);
    return norm;
  }

  double UpdateDecoder(const torch::Tensor& latents, const torch::Tensor& index, int64_t step) const {
    const int64_t batch = impl.options.batch, some = std::max<int64_t>(1, batch / kDecoderShare);
    const int64_t steps = impl.options.horizon + 1;
    const auto part = [&](const torch::Tensor& rows) {
      return rows.view({steps, batch, -1}).narrow(1, 0, some).reshape({steps * some, -1});
    };
    const torch::Tensor rows = part(index).view({-1});
    const torch::Tensor inputs = torch::cat({part(latents), sequences.actions.index_select(0, rows)}, -1);
    const Latent::Impl::Output output =
        impl.Split(impl.decoder.Forward(inputs).view({impl.options.decoders, steps * some, -1}));
    const torch::Tensor &mean = output.features, &log_variance = output.log_variance;
    const torch::Tensor target = sequences.decoded.index_select(0, rows);
    const int64_t plain = static_cast<int64_t>(impl.plain_channels.size()), angles = impl.channels - plain;
    const auto likelihood = [](const torch::Tensor& error, const torch::Tensor& log_var) {
      const torch::Tensor each = error.square() * (-log_var).exp() + log_var;
      return (each * (kVarianceWeighting * log_var.detach()).exp()).sum(-1).mean();
    };
    const auto of = [&](const std::vector<int64_t>& list) {
      return log_variance.index_select(-1, torch::tensor(list, torch::kInt64).to(impl.device));
    };
    torch::Tensor loss = likelihood(mean.narrow(-1, 0, plain) - target.narrow(-1, 0, plain), of(impl.plain_channels));
    if (angles > 0) {
      // Cosine and sine are fitted; the spread is the angle's.
      const torch::Tensor error = mean.narrow(-1, plain, 2 * angles) - target.narrow(-1, plain, 2 * angles);
      const torch::Tensor raw = mean.detach() * impl.feature_scale + impl.feature_mean;
      const torch::Tensor angle = torch::atan2(raw.narrow(-1, plain + angles, angles), raw.narrow(-1, plain, angles));
      const torch::Tensor scale = impl.channel_scale.index_select(0, torch::tensor(impl.angle_channels, torch::kInt64).to(impl.device));
      loss = loss + error.square().sum(-1).mean() +
             likelihood(Wrapped(angle - sequences.angles.index_select(0, rows)) / scale, of(impl.angle_channels));
    }
    // What comes after a sequence's last step is not known to be of the same run.
    const int64_t followed = impl.options.horizon * some;
    loss = loss + likelihood(output.change.narrow(1, 0, followed) - sequences.changes.index_select(0, rows.narrow(0, 0, followed)),
                             output.change_log_variance.narrow(1, 0, followed));
    impl.parameters.gradients.narrow(0, impl.decoder_part.first, impl.decoder_part.count).zero_();
    loss.backward();
    const double norm = Clip(impl.parameters, impl.decoder_part, impl.options.gradient_clip);
    if (std::isfinite(norm)) Step(impl.parameters, impl.decoder_part, impl.options.learning_rate, 1e-8, step);
    return norm;
  }
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
  Random random(seed);
  torch::Generator noise = at::detail::createCPUGenerator(HashSeed(seed, 0x6e6f697365));
  const Update update = {impl, sequences, random, noise};
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
    torch::Tensor seen = impl.EncoderInput(impl.Normalized(impl.Features(now).to(impl.device)));
    const torch::Tensor actions =
        ToTensor(one.actions(), impl.actions).view({now.size(0), impl.actions}).to(torch::kFloat32).to(impl.device);
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
