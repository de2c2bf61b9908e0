#include <cmath>

#include "sim/error.h"
#include "worldmodel/latent_impl.h"
#include "worldmodel/tensor_formula.h"
#include "worldmodel/two_hot.h"

namespace reverie {
namespace {

constexpr size_t kAppraisals = 32;

void ToVector(const torch::Tensor& tensor, std::vector<float>& values) {
  const torch::Tensor host = tensor.to(torch::kCPU).contiguous();
  values.assign(host.data_ptr<float>(), host.data_ptr<float>() + host.numel());
}

}  // namespace

torch::Tensor Latent::Impl::Rewards(const Played& played) {
  const int64_t horizon = played.inputs.size(0), rows = played.inputs.size(1);
  return FromLogits(reward.Infer(played.inputs.view({horizon * rows, -1}), scratch.reward)).view({horizon, rows});
}

torch::Tensor Latent::Impl::Values(const Played& played) {
  const torch::Tensor last = played.latents.select(0, played.latents.size(0) - 1);
  const torch::Tensor action = policy.Infer(last, scratch.policy).narrow(-1, 0, actions).tanh();
  const torch::Tensor logits = values.Infer(torch::cat({last, action}, -1), scratch.values);
  return FromLogits(logits).view({options.values, last.size(0)}).mean(0);
}

const Latent::Impl::Appraisal& Latent::Impl::Appraise(const torch::Tensor& start, const torch::Tensor& action_rows) {
  const std::pair<int, int> shape(static_cast<int>(action_rows.size(0)), static_cast<int>(action_rows.size(1)));
  // A planner has a few of them; who tries many planners one after the other shall not keep all.
  if (appraisals.size() >= kAppraisals && !appraisals.contains(shape)) appraisals.clear();
  Appraisal& appraisal = appraisals.try_emplace(shape, device).first->second;
  if (!appraisal.start.defined()) {
    appraisal.start = torch::empty_like(start);
    appraisal.actions = torch::empty_like(action_rows);
    appraisal.rewards = torch::empty({shape.second, shape.first}, start.options());
    appraisal.values = torch::empty({shape.first}, start.options());
  }
  appraisal.start.copy_(start);
  appraisal.actions.copy_(action_rows);
  appraisal.captured.Do([&] {
    Play(appraisal.start, appraisal.actions, appraisal.played);
    appraisal.rewards.copy_(Rewards(appraisal.played));
    appraisal.values.copy_(Values(appraisal.played));
  });
  return appraisal;
}

Latent::Impl::Decoding Latent::Impl::DecodePlayed(const Belief& belief, const Played& played) {
  const torch::Tensor &inputs = played.inputs, &latents = played.latents;
  const int64_t horizon = latents.size(0), rows = latents.size(1), heads = options.decoders;
  const torch::Tensor last = torch::cat({latents.select(0, horizon - 1), torch::zeros({rows, actions}, latents.options())}, -1);
  const Heads all = Decode(torch::cat({inputs.view({horizon * rows, options.latent + actions}), last}, 0));
  const auto step = [&](int64_t h) {
    const auto part = [&](const torch::Tensor& tensor) { return tensor.narrow(1, h * rows, rows); };
    return Heads{part(all.channels), part(all.variance), part(all.change), part(all.change_variance)};
  };
  torch::Tensor known = torch::tensor(belief.channels, torch::kFloat64)
                            .to(torch::kFloat32).to(device).view({1, 1, channels}).expand({heads, rows, channels});
  torch::Tensor variance = torch::zeros_like(known);
  std::vector<torch::Tensor> means, variances;
  for (int64_t h = 0; h < horizon; ++h) {
    Advance(known, variance, step(h), step(h + 1));
    means.push_back(known);
    variances.push_back(variance);
  }
  Decoding decoding;
  decoding.heads = torch::stack(means, 1);
  decoding.channels = decoding.heads.mean(0);
  decoding.variance = torch::stack(variances, 1).mean(0) + decoding.heads.var(0, false);
  return decoding;
}

void Latent::Imagine(const Belief& belief, std::span<const float> given_actions, int sequences, int horizon,
                     const ImagineOptions& options, Imagination& result) {
  Impl& impl = *impl_;
  const CompiledTask& task = *impl.task;
  const int nu = impl.actions, nc = impl.channels;
  if (given_actions.size() != static_cast<size_t>(sequences) * static_cast<size_t>(horizon) * static_cast<size_t>(nu)) {
    throw ShapeError("imagined actions: expected " + std::to_string(sequences * horizon * nu) + " values, found " +
                     std::to_string(given_actions.size()));
  }
  result.sequences = sequences;
  result.horizon = horizon;
  result.channel_size = nc;
  result.values.clear();
  result.channels.clear();
  result.spread.clear();
  result.member_channels.clear();
  result.members = options.members ? impl.options.decoders : 0;
  result.uncertainty.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon), 0.0f);

  c10::InferenceMode inference;
  const torch::Tensor action_rows =
      torch::from_blob(const_cast<float*>(given_actions.data()), {sequences, horizon, nu}, torch::kFloat32).to(impl.device);
  const torch::Tensor start = impl.Encode(belief);
  const double scale = impl.RewardScale();
  // A prediction that is not a number is the worst there is.
  const auto finite = [](const torch::Tensor& tensor) { return torch::nan_to_num(tensor, -1e6, 1e6, -1e6); };

  const bool formula = impl.options.planning_reward == "formula" && !task.reward().empty();
  const bool ends = !task.terminate().empty();
  if (!options.channels && !options.uncertainty && !options.members && !formula && !ends) {
    const Impl::Appraisal& appraisal = impl.Appraise(start, action_rows);
    ToVector(finite(appraisal.rewards * scale).t(), result.rewards);
    if (options.values) ToVector(finite(appraisal.values * scale), result.values);
    return;
  }
  const Impl::Played& played = impl.scratch.played;
  impl.Play(start, action_rows, impl.scratch.played);
  const Impl::Decoding decoding = impl.DecodePlayed(belief, played);
  torch::Tensor rewards, ended;
  if (!formula) rewards = impl.Rewards(played) * scale;
  if (formula || ends) {
    const torch::Tensor read = FormulaInputs(decoding.channels, action_rows);
    if (formula) rewards = FormulaRewards(task, read, false).view({horizon, sequences});
    if (ends) {
      // Nothing after the step that ended it.
      ended = FormulaEnded(task, read, horizon);
      rewards = rewards * torch::cat({torch::ones_like(ended.narrow(0, 0, 1)), 1.0 - ended.narrow(0, 0, horizon - 1)}, 0);
    }
  }
  ToVector(finite(rewards).t(), result.rewards);
  if (options.values) {
    torch::Tensor value = impl.Values(played) * scale;
    if (ends) value = value * (1.0 - ended.select(0, horizon - 1));
    ToVector(finite(value), result.values);
  }
  if (options.uncertainty && impl.options.decoders > 1) {
    ToVector((decoding.heads.std(0) / impl.channel_scale).mean(-1).t(), result.uncertainty);
  }
  if (options.members) ToVector(decoding.heads.permute({0, 2, 1, 3}), result.member_channels);
  if (!options.channels) return;
  ToVector(decoding.channels.permute({1, 0, 2}), result.channels);
  ToVector(decoding.variance.sqrt().permute({1, 0, 2}), result.spread);
  for (size_t i = 0; i < result.spread.size(); ++i) {
    const int c = static_cast<int>(i % static_cast<size_t>(nc));
    const int h = static_cast<int>(i / static_cast<size_t>(nc) % static_cast<size_t>(horizon));
    result.spread[i] *= static_cast<float>(impl.calibration.Factor(c, h + 1));
  }
}

void Latent::Propose(const Belief& belief, int sequences, int horizon, uint64_t seed, std::vector<float>& actions) {
  Impl& impl = *impl_;
  const int64_t nu = impl.actions, latent = impl.options.latent;
  actions.resize(static_cast<size_t>(sequences) * static_cast<size_t>(horizon) * static_cast<size_t>(nu));
  if (actions.empty()) return;
  c10::InferenceMode inference;
  Random random(seed);
  torch::Tensor noise = torch::empty({horizon, sequences, nu}, torch::kFloat32);
  for (int64_t i = 0; i < noise.numel(); ++i) noise.data_ptr<float>()[i] = static_cast<float>(random.Normal());
  noise.select(1, 0).zero_();
  noise = noise.to(impl.device);
  torch::Tensor z = impl.Encode(belief).expand({sequences, latent}).contiguous();
  torch::Tensor chosen = torch::empty({horizon, sequences, nu}, z.options());
  for (int h = 0; h < horizon; ++h) {
    const torch::Tensor output = impl.policy.Infer(z, impl.scratch.policy);
    const torch::Tensor action =
        (output.narrow(-1, 0, nu) + noise.select(0, h) * PolicyLogDeviation(output.narrow(-1, nu, nu)).exp()).tanh();
    chosen.select(0, h).copy_(action);
    if (h + 1 < horizon) z = impl.dynamics.Infer(torch::cat({z, action}, -1), impl.scratch.dynamics).clone();
  }
  ToVector(chosen.permute({1, 0, 2}), actions);
}

}  // namespace reverie
