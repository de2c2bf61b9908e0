#include <cmath>
#include <numbers>

#include "sim/error.h"
#include "sim/random.h"
#include "worldmodel/jepa_impl.h"

namespace reverie {
namespace {

constexpr uint64_t kDirectionStream = 0x646972656374;

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
  std::vector<torch::Tensor> before;
  for (const torch::Tensor& buffer : network.buffers()) before.push_back(buffer.clone());
  const int64_t pictures = batch.windows * batch.pictures;
  JepaLesson lesson{batch.windows, batch.pictures, {}, {}, {}, impl.Actions(batch.actions, batch.windows, batch.pictures - 1),
                    HashSeed(impl.seed ^ kDirectionStream, static_cast<uint64_t>(impl.updates))};
  if (impl.encoder) {
    lesson.features = impl.Latents(batch, pictures);
  } else {
    lesson.pixels = impl.Pixels(batch.pixels, pictures).to(impl.device);
    lesson.proprioception = impl.Proprioception(batch.proprioception, pictures);
  }
  const JepaTerms terms = network.Learn(lesson);
  network.gradients.zero_();
  terms.loss.backward();

  Losses losses{terms.loss.item<double>(), terms.prediction.item<double>(), terms.regulariser.item<double>(),
                terms.inverse.item<double>(), terms.spread_nll.item<double>()};
  torch::NoGradGuard no_grad;
  const int64_t rest = network.gradients.numel() - network.shaped;
  const double norm = Clip(network.gradients.narrow(0, 0, network.shaped), options.gradient_clip) +
                      Clip(network.gradients.narrow(0, network.shaped, rest), options.gradient_clip);
  if (!std::isfinite(losses.total + norm)) {
    for (size_t i = 0; i < before.size(); ++i) network.buffers()[i].copy_(before[i]);
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
  const torch::Tensor latents = impl.Latents(batch, windows * pictures).view({windows, pictures, width});
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
  JepaRollout rollout{latents.select(1, 0), {}, {}, 0};
  for (int64_t k = 0; k < depth; ++k) impl.network->Predict(rollout, actions.select(1, k));
  const double moved = (latents.select(1, depth) - latents.select(1, 0)).square().mean().item<double>();
  report.prediction_ratio =
      (rollout.latent - latents.select(1, depth)).square().mean().item<double>() / std::max(moved, 1e-12);
  report.inverse_ratio = impl.network->InverseRatio(latents, actions);
  if (impl.network->LearnsLatents()) report.warnings = CollapseWarnings(report, width, impl.updates);
  return report;
}

void Jepa::Remember(const FrameWindowBatch& batch, const FrameWindowBatch& held_out) {
  Impl& impl = *impl_;
  torch::NoGradGuard no_grad;
  const auto some = [&](const FrameWindowBatch& from) {
    return impl.Latents(from, std::min(Impl::kRemembered, from.windows * from.pictures));
  };
  const torch::Tensor latents = some(batch), others = some(held_out);
  impl.remembered.narrow(0, 0, latents.size(0)).copy_(latents);
  double furthest = 0.0;
  for (int64_t i = 0; i < others.size(0); ++i) {
    furthest = std::max(furthest, (latents - others[i]).square().mean(-1).sqrt().min().item<double>());
  }
  impl.memory[0] = static_cast<float>(latents.size(0));
  impl.memory[1] = static_cast<float>(furthest);
}

}  // namespace reverie
