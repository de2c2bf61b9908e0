#include <chrono>
#include <cmath>
#include <numbers>

#include "sim/error.h"
#include "worldmodel/ensemble_impl.h"

namespace reverie {
namespace {

torch::Tensor ToTensor(const std::vector<double>& values, int64_t columns) {
  const int64_t rows = columns == 0 ? 0 : static_cast<int64_t>(values.size()) / columns;
  return torch::from_blob(const_cast<double*>(values.data()), {rows, columns}, torch::kFloat64).clone();
}

// The difference of two angles, in (-pi, pi].
void WrapAngles(torch::Tensor& change, const std::vector<int64_t>& angles) {
  for (int64_t c : angles) {
    torch::Tensor column = change.select(1, c);
    column.copy_(torch::atan2(column.sin(), column.cos()));
  }
}

torch::Tensor ScaleOf(const torch::Tensor& values) {
  if (values.size(0) < 2) return torch::ones({values.size(1)}, values.options());
  const torch::Tensor deviation = values.std(0, false);
  // A channel that never changes has no scale of its own; dividing by 1 keeps it at zero.
  return torch::where(deviation > 1e-9, deviation, torch::ones_like(deviation));
}

// Takes a model back to where it was before a training, unless told to keep what was learned.
class Undo {
 public:
  explicit Undo(Ensemble::Impl& impl) : impl_(impl) {
    for (const auto& [name, tensor] : impl.NamedTensors()) tensors_[name] = tensor.detach().clone();
    for (const auto& [parameter, state] : impl.optimizer->state()) {
      const auto& moments = static_cast<const torch::optim::AdamWParamState&>(*state);
      auto copy = std::make_unique<torch::optim::AdamWParamState>();
      copy->step(moments.step());
      copy->exp_avg(moments.exp_avg().clone());
      copy->exp_avg_sq(moments.exp_avg_sq().clone());
      moments_[parameter] = std::move(copy);
    }
  }
  ~Undo() {
    if (kept_) return;
    torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : impl_.NamedTensors()) {
      torch::Tensor target = tensor;
      target.copy_(tensors_.at(name));
    }
    auto& state = impl_.optimizer->state();
    state.clear();
    for (auto& [parameter, moments] : moments_) state[parameter] = std::move(moments);
    impl_.folded.reset();
  }
  Undo(const Undo&) = delete;
  Undo& operator=(const Undo&) = delete;
  void Keep() { kept_ = true; }

 private:
  Ensemble::Impl& impl_;
  std::map<std::string, torch::Tensor> tensors_;
  std::map<void*, std::unique_ptr<torch::optim::OptimizerParamState>> moments_;
  bool kept_ = false;
};

}  // namespace

torch::Tensor Ensemble::Impl::FitNormalization(const torch::Tensor& now, const torch::Tensor& change) {
  const torch::Tensor feature_values = Features(now);
  const auto to_float = [&](const torch::Tensor& tensor) { return tensor.to(torch::kFloat32).to(device).contiguous(); };
  feature_mean = to_float(feature_values.mean(0));
  feature_scale = to_float(ScaleOf(feature_values));
  change_mean = to_float(change.mean(0));
  change_scale = to_float(ScaleOf(change));
  channel_scale = to_float(ScaleOf(now));
  folded.reset();
  return feature_values;
}

Ensemble::TrainResult Ensemble::Train(const ReplayBuffer& data, int updates, uint64_t seed,
                                      const std::function<bool(int)>& go_on) {
  Impl& impl = *impl_;
  const int64_t count = data.transitions();
  TrainResult result;
  if (count == 0 || updates == 0) return result;
  using Clock = std::chrono::steady_clock;
  const Clock::time_point began = Clock::now();
  Clock::duration held{};

  Undo undo(impl);
  const torch::Tensor now = ToTensor(data.channels(), impl.channels);
  torch::Tensor change = ToTensor(data.next_channels(), impl.channels) - now;
  WrapAngles(change, impl.angle_channels);
  const torch::Tensor feature_values = impl.FitNormalization(now, change);
  const auto normalized = [&](const torch::Tensor& values, const torch::Tensor& mean, const torch::Tensor& scale) {
    return ((values - mean.to(torch::kCPU, torch::kFloat64)) / scale.to(torch::kCPU, torch::kFloat64))
        .to(torch::kFloat32).to(impl.device);
  };
  const torch::Tensor inputs =
      torch::cat({normalized(feature_values, impl.feature_mean, impl.feature_scale),
                  ToTensor(data.actions(), impl.actions).view({count, impl.actions}).to(torch::kFloat32).to(impl.device)}, 1);
  const torch::Tensor targets = normalized(change, impl.change_mean, impl.change_scale);

  // Each member's resample of the data: transition i appears as often as a draw that depends on i alone says, so
  // that a member keeps its view of old data as new data comes in.
  const int members = impl.options.members;
  std::vector<std::vector<int64_t>> visible(static_cast<size_t>(members));
  for (int m = 0; m < members; ++m) {
    for (int64_t i = 0; i < count; ++i) {
      const double u = static_cast<double>(HashSeed(impl.seed ^ (0x626f6f74ULL + static_cast<uint64_t>(m)), static_cast<uint64_t>(i)) >> 11) / 9007199254740992.0;
      int copies = 1;
      if (u < impl.options.bootstrap) {
        // Poisson(1) by inversion on the rescaled draw: the limit of sampling with replacement.
        double remaining = u / impl.options.bootstrap, probability = std::exp(-1.0);
        for (copies = 0; remaining >= probability && copies < 6; ++copies) {
          remaining -= probability;
          probability /= copies + 1;
        }
      }
      for (int k = 0; k < copies; ++k) visible[static_cast<size_t>(m)].push_back(i);
    }
    if (visible[static_cast<size_t>(m)].empty()) visible[static_cast<size_t>(m)].push_back(0);
  }

  Random random(seed);
  const int batch = impl.options.batch;
  torch::Tensor index = torch::empty({members * batch}, torch::kInt64);
  double loss_sum = 0.0;
  int loss_count = 0;
  for (int u = 0; u < updates; ++u) {
    if (go_on) {
      const Clock::time_point asked = Clock::now();
      result.interrupted = !go_on(u);
      held += Clock::now() - asked;
      if (result.interrupted) return result;
    }
    int64_t* indices = index.data_ptr<int64_t>();
    for (int m = 0; m < members; ++m) {
      const std::vector<int64_t>& view = visible[static_cast<size_t>(m)];
      for (int b = 0; b < batch; ++b) *indices++ = view[static_cast<size_t>(random.Index(static_cast<int64_t>(view.size())))];
    }
    const torch::Tensor rows = index.to(impl.device);
    const torch::Tensor x = inputs.index_select(0, rows).view({members, batch, -1});
    const torch::Tensor y = targets.index_select(0, rows).view({members, batch, impl.channels});
    const auto [mean, log_variance] = impl.Forward(x);
    torch::Tensor each = (y - mean).square() * (-log_variance).exp() + log_variance;
    if (u >= updates - std::max(1, updates / 10)) {
      loss_sum += 0.5 * (each.detach().mean().item<double>() + std::log(2.0 * std::numbers::pi));
      ++loss_count;
    }
    if (impl.options.variance_weighting > 0.0) {
      each = each * (log_variance.detach() * impl.options.variance_weighting).exp();
    }
    const torch::Tensor loss = each.mean((std::vector<int64_t>{1, 2})).sum();
    impl.optimizer->zero_grad();
    loss.backward();
    impl.optimizer->step();
  }
  impl.folded.reset();
  result.loss = loss_sum / loss_count;
  result.update_ms = std::chrono::duration<double, std::milli>(Clock::now() - began - held).count() / updates;
  if (!std::isfinite(result.loss)) {
    throw Error("training diverged after " + std::to_string(impl.updates + updates) +
                " updates: the loss is not finite; the last good weights are kept (try a smaller learning_rate)");
  }
  undo.Keep();
  impl.updates += updates;
  return result;
}

Ensemble::Judgement Ensemble::Judge(const Episode& episode, const std::function<bool()>& go_on) {
  Impl& impl = *impl_;
  Judgement judgement;
  if (episode.steps == 0) return judgement;
  {
    ReplayBuffer one(impl.channels, impl.actions);
    one.Add(episode);
    if (one.transitions() == 0) return judgement;
    c10::InferenceMode inference;
    const torch::Tensor now = ToTensor(one.channels(), impl.channels);
    torch::Tensor change = ToTensor(one.next_channels(), impl.channels) - now;
    WrapAngles(change, impl.angle_channels);
    const torch::Tensor features =
        (impl.Features(now).to(torch::kFloat32).to(impl.device) - impl.feature_mean) / impl.feature_scale;
    const torch::Tensor actions =
        ToTensor(one.actions(), impl.actions).view({one.transitions(), impl.actions}).to(torch::kFloat32).to(impl.device);
    const torch::Tensor x = torch::cat({features, actions}, 1).unsqueeze(0).expand({impl.options.members, -1, -1});
    const torch::Tensor y = (change.to(torch::kFloat32).to(impl.device) - impl.change_mean) / impl.change_scale;
    const auto [mean, log_variance] = impl.Forward(x);
    const torch::Tensor centre = mean.mean(0);
    const torch::Tensor variance = log_variance.exp().mean(0) + mean.var(0, false);
    judgement.nll = 0.5 * ((y - centre).square() / variance + variance.log()).mean().item<double>() +
                    0.5 * std::log(2.0 * std::numbers::pi);
    judgement.nrmse = std::sqrt((y - centre).square().mean().item<double>());
  }
  judgement.interrupted = !Calibrate(episode, go_on);
  return judgement;
}

}  // namespace reverie
