#include <cmath>
#include <numbers>

#include "sim/error.h"
#include "sim/random.h"
#include "worldmodel/jepa_impl.h"
#include "worldmodel/jepa_losses.h"

namespace reverie {
namespace {

constexpr uint64_t kDirectionStream = 0x646972656374;

// Rolls predictions out from every picture of a window.
struct Rollouts {
  torch::Tensor prediction, spread_nll;  // means over all predictions
  std::vector<torch::Tensor> latents;    // [k - 1]: (windows, starts, D) of k predictions from each start
};

Rollouts RollOut(JepaNetwork& network, const torch::Tensor& latents, const torch::Tensor& actions, int64_t depth) {
  // latents (windows, pictures, D), actions (windows, transitions, A)
  const int64_t windows = latents.size(0), transitions = actions.size(1), width = latents.size(2);
  const torch::Tensor zero = torch::zeros({}, latents.options());
  Rollouts result{zero, zero, {}};
  torch::Tensor latent = latents.narrow(1, 0, transitions), variance;
  double predictions = 0.0;
  for (int64_t k = 1; k <= depth; ++k) {
    const int64_t starts = transitions - k + 1;  // later ones have no picture left to be compared with
    latent = latent.narrow(1, 0, starts);
    torch::Tensor added;
    latent = network.Predict(latent.reshape({windows * starts, width}),
                             actions.narrow(1, k - 1, starts).reshape({windows * starts, actions.size(2)}), &added)
                 .view({windows, starts, width});
    added = added.view({windows, starts, width}).exp();
    variance = variance.defined() ? variance.narrow(1, 0, starts) + added : added;
    const torch::Tensor squared = (latent - latents.narrow(1, k, starts)).square();
    result.prediction = result.prediction + squared.mean() * static_cast<double>(starts);
    result.spread_nll = result.spread_nll +
                        0.5 * (squared.detach() / variance + variance.log()).mean() * static_cast<double>(starts);
    predictions += static_cast<double>(starts);
    result.latents.push_back(latent);
  }
  result.prediction = result.prediction / predictions;
  result.spread_nll = result.spread_nll / predictions;
  return result;
}

// Mean squared error of the pictures drawn from latents, those seen and those predicted.
torch::Tensor Reconstruction(JepaNetwork& network, const torch::Tensor& seen, const torch::Tensor& pixels,
                             const std::vector<torch::Tensor>& predicted) {
  // seen (windows, pictures, D), pixels (windows, pictures, colours, height, width)
  std::vector<torch::Tensor> latents = {seen.flatten(0, 1)}, wanted = {pixels.flatten(0, 1)};
  for (size_t k = 0; k < predicted.size(); ++k) {
    latents.push_back(predicted[k].flatten(0, 1));
    wanted.push_back(pixels.narrow(1, static_cast<int64_t>(k) + 1, predicted[k].size(1)).flatten(0, 1));
  }
  return torch::mse_loss(network.decoder->Draw(torch::cat(latents, 0)), torch::cat(wanted, 0));
}

double Clip(const torch::Tensor& gradients, double most) {
  torch::Tensor view = gradients;
  const double norm = view.norm().item<double>();
  if (norm > most) view.mul_(most / norm);
  return norm;
}

}  // namespace

double Jepa::Impl::LearningRate(int64_t steps) const {
  const double done = static_cast<double>(updates), warm = options.warm_up;
  if (done < warm) return options.learning_rate * (done + 1.0) / warm;
  const double rest = std::max(1.0, static_cast<double>(steps) - warm);
  return options.learning_rate * 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, (done - warm) / rest)));
}

Jepa::Losses Jepa::Update(const FrameWindowBatch& batch, int64_t steps) {
  Impl& impl = *impl_;
  JepaNetwork& network = *impl.network;
  const JepaOptions& options = impl.options;
  const int64_t windows = batch.windows, pictures = batch.pictures, transitions = pictures - 1, width = options.latent;

  const torch::Tensor mean_before = network.running_mean.clone(), variance_before = network.running_variance.clone();
  const bool joint = options.objective == "joint-embedding";
  const torch::Tensor pixels = impl.Pixels(batch.pixels, windows * pictures);
  const torch::Tensor latents =
      network.Encode(pixels, impl.Proprioception(batch.proprioception, windows * pictures), true).view({windows, pictures, width});
  const torch::Tensor actions = impl.Actions(batch.actions, windows, transitions);

  const Rollouts rollouts = RollOut(network, latents, actions, std::min<int64_t>(options.rollout, transitions));
  const torch::Tensor groups = latents.transpose(0, 1);  // one a time step
  torch::Tensor regulariser = torch::zeros({}, latents.options());
  if (!joint) {
    // Painting keeps latents apart.
  } else if (options.regulariser == "sigreg") {
    torch::Generator generator =
        at::make_generator<at::CPUGeneratorImpl>(HashSeed(impl.seed ^ kDirectionStream, static_cast<uint64_t>(impl.updates)));
    regulariser = options.sigreg * SigReg(groups, RandomDirections(width, options.directions, generator).to(impl.device));
  } else {
    const auto [hinge, covariance] = VicReg(groups);
    const torch::Tensor steps_apart = (latents.narrow(1, 1, transitions) - latents.narrow(1, 0, transitions)).square().mean();
    regulariser = options.deviation * hinge + options.covariance * covariance + options.time_similarity * steps_apart;
  }
  torch::Tensor inverse = torch::zeros({}, latents.options());
  if (joint && impl.sizes.actions > 0 && options.inverse > 0.0) {
    const torch::Tensor told = network.Inverse(latents.narrow(1, 0, transitions).reshape({windows * transitions, width}),
                                               latents.narrow(1, 1, transitions).reshape({windows * transitions, width}));
    inverse = torch::mse_loss(told, actions.reshape({windows * transitions, -1}));
  }
  const torch::Tensor prediction =
      joint ? rollouts.prediction
            : Reconstruction(network, latents, pixels.unflatten(0, {windows, pictures}), rollouts.latents);
  const torch::Tensor loss = prediction + regulariser + options.inverse * inverse + rollouts.spread_nll;
  network.gradients.zero_();
  loss.backward();

  Losses losses{loss.item<double>(), prediction.item<double>(), regulariser.item<double>(),
                inverse.item<double>(), rollouts.spread_nll.item<double>()};
  torch::NoGradGuard no_grad;
  const int64_t rest = network.gradients.numel() - network.shaped;
  const double norm = Clip(network.gradients.narrow(0, 0, network.shaped), options.gradient_clip) +
                      Clip(network.gradients.narrow(0, network.shaped, rest), options.gradient_clip);
  if (!std::isfinite(losses.total + norm)) {
    network.running_mean.copy_(mean_before);
    network.running_variance.copy_(variance_before);
    throw Error("training: the loss is no longer finite after " + std::to_string(impl.updates) +
                " updates; a smaller --set learning_rate may help");
  }
  const std::vector<torch::Tensor> step = {
      torch::full({}, static_cast<double>(impl.updates + 1), network.values.options())};
  at::_fused_adamw_({network.values}, {network.gradients}, {network.first_moments}, {network.second_moments}, {}, step,
                    impl.LearningRate(steps), 0.9, 0.999, options.weight_decay, 1e-8, false, false);
  ++impl.updates;
  return losses;
}

CollapseReport Jepa::Watch(const FrameWindowBatch& batch, int64_t episodes) const {
  const Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const int64_t windows = batch.windows, pictures = batch.pictures, transitions = pictures - 1;
  const int64_t width = impl.options.latent;
  const torch::Tensor latents =
      impl.EncodeAll(batch.pixels, batch.proprioception, windows * pictures).view({windows, pictures, width});
  const torch::Tensor actions = impl.Actions(batch.actions, windows, transitions);
  const torch::Tensor firsts = latents.select(1, 0).to(torch::kCPU).contiguous();
  const std::span<const float> rows(firsts.data_ptr<float>(), static_cast<size_t>(firsts.numel()));
  CollapseReport report;
  report.effective_rank = EffectiveRank(rows, windows, width);
  const std::vector<double> deviations = Deviations(rows, windows, width);
  report.least_deviation = deviations.front();
  for (const double value : deviations) {
    report.least_deviation = std::min(report.least_deviation, value);
    report.mean_deviation += value / static_cast<double>(width);
  }
  report.within_episode = WithinEpisodeShare(rows, episodes, windows / std::max<int64_t>(1, episodes), width);

  const int64_t depth = std::min<int64_t>(impl.options.rollout, transitions);
  torch::Tensor latent = latents.select(1, 0);
  for (int64_t k = 0; k < depth; ++k) latent = impl.network->Predict(latent, actions.select(1, k));
  const double moved = (latents.select(1, depth) - latents.select(1, 0)).square().mean().item<double>();
  report.prediction_ratio = (latent - latents.select(1, depth)).square().mean().item<double>() / std::max(moved, 1e-12);
  if (impl.options.objective == "joint-embedding" && impl.sizes.actions > 0 && impl.options.inverse > 0.0) {
    const torch::Tensor taken = actions.reshape({windows * transitions, -1});
    const torch::Tensor told =
        impl.network->Inverse(latents.narrow(1, 0, transitions).reshape({windows * transitions, width}),
                              latents.narrow(1, 1, transitions).reshape({windows * transitions, width}));
    report.inverse_ratio = torch::mse_loss(told, taken).item<double>() /
                           std::max(1e-12, (taken - taken.mean(0)).square().mean().item<double>());
  }
  report.warnings = CollapseWarnings(report, width, impl.updates);
  return report;
}

void Jepa::Remember(const FrameWindowBatch& batch, const FrameWindowBatch& held_out) {
  Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const auto some = [&](const FrameWindowBatch& from, int64_t most) {
    const int64_t count = std::min(most, from.windows * from.pictures);
    const auto bytes = static_cast<size_t>(count * impl.sizes.height * impl.sizes.width * 3 * impl.options.frames);
    return impl.EncodeAll(std::span(from.pixels).first(bytes),
                          std::span(from.proprioception).first(static_cast<size_t>(count * impl.sizes.proprioception)), count);
  };
  const torch::Tensor latents = some(batch, Impl::kRemembered), others = some(held_out, Impl::kRemembered);
  impl.remembered.narrow(0, 0, latents.size(0)).copy_(latents);
  double furthest = 0.0;
  for (int64_t i = 0; i < others.size(0); ++i) {
    furthest = std::max(furthest, (latents - others[i]).square().mean(-1).sqrt().min().item<double>());
  }
  impl.memory[0] = static_cast<float>(latents.size(0));
  impl.memory[1] = static_cast<float>(furthest);
}

}  // namespace reverie
