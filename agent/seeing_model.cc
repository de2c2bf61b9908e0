#include "agent/seeing_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sim/error.h"
#include "worldmodel/device.h"

namespace reverie {
namespace {

constexpr int kLandscapeSide = 15;
constexpr size_t kKeptPictures = 64;
constexpr double kUnread = 1e9;  // the error of what no probe reads: it says nothing about a pose

}  // namespace

SeeingModel::SeeingModel(std::unique_ptr<const Jepa> model, std::unique_ptr<const JepaProbes> probes)
    : model_(std::move(model)), probes_(std::move(probes)), eye_(*model_), goal_(*model_), posed_(model_->task_ptr()) {}

std::unique_ptr<SeeingModel> SeeingModel::Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                               const std::string& device) {
  std::unique_ptr<const Jepa> model = Jepa::Load(folder, std::move(task), device);
  std::unique_ptr<const JepaProbes> probes;
  try {
    if (JepaProbes::ExistIn(folder)) probes = JepaProbes::Load(folder, *model, device);
  } catch (const CheckpointError&) {
    // Of weights before the last training: the model is whole without them.
  }
  return std::make_unique<SeeingModel>(std::move(model), std::move(probes));
}

void SeeingModel::SetThreads(int threads) { SetTorchThreads(threads); }

void SeeingModel::Follow(const Belief& belief) {
  const bool elsewhere = belief.parameters != followed_.parameters;
  if (elsewhere || belief.integration_state != followed_.integration_state || belief.past_states != followed_.past_states) {
    goal_.SetStart(LatentAt(belief));
  }
  if (!belief.goal.empty() && (elsewhere || belief.goal != followed_.goal)) {
    if (!belief.parameters.empty()) posed_.SetParameters(belief.parameters);
    posed_.RestoreState(belief.goal, 0);
    std::fill_n(posed_.data()->qvel, posed_.model()->nv, 0.0);  // where it is to be, nothing moves
    posed_.RestoreState(posed_.SaveState(), 0);
    wanted_ = eye_.Draw(posed_.model(), posed_.data());
    goal_.SetGoal(eye_.SeeStill(wanted_, posed_.channels()));
  }
  followed_ = belief;
}

void SeeingModel::Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
                          const ImagineOptions& options, Imagination& result) {
  Follow(belief);
  if (belief.goal.empty()) {
    result = {};
    result.sequences = sequences;
    result.horizon = horizon;
    result.rewards.assign(static_cast<size_t>(sequences) * horizon, 0.0f);
    result.uncertainty.assign(result.rewards.size(), 0.0f);
  } else {
    goal_.Imagine(belief, actions, sequences, horizon, options, result);
  }
  if (options.channels && probes_) ReadChannels(belief, actions, result);
}

void SeeingModel::ReadChannels(const Belief& belief, std::span<const float> actions, Imagination& result) {
  const auto size = static_cast<size_t>(task().channel_size()), nu = static_cast<size_t>(task().action_size());
  const auto skip = static_cast<size_t>(model_->options().frame_skip), width = static_cast<size_t>(model_->options().latent);
  const auto sequences = static_cast<size_t>(result.sequences), horizon = static_cast<size_t>(result.horizon);
  // A last prediction that goes beyond the horizon repeats its last action.
  const size_t calls = (horizon + skip - 1) / skip;
  std::vector<float> played(sequences * calls * skip * nu);
  for (size_t n = 0; n < sequences; ++n) {
    for (size_t h = 0; h < calls * skip; ++h) {
      std::copy_n(actions.data() + (n * horizon + std::min(h, horizon - 1)) * nu, nu, played.data() + (n * calls * skip + h) * nu);
    }
  }
  const std::vector<ProbedQuantity>& quantities = probes_->quantities();
  const size_t nq = quantities.size(), rows = sequences * calls;
  std::vector<float> latents(rows * width), deviations(rows * width), values(rows * nq), spreads(rows * nq);
  model_->Rollout(goal_.start(), played, result.sequences, static_cast<int64_t>(calls), latents, deviations);
  probes_->Read(JepaProbes::Kind::kMlp, latents, values);
  probes_->Spread(latents, deviations, spreads);

  result.channel_size = static_cast<int>(size);
  result.channels.resize(sequences * horizon * size);
  result.spread.assign(result.channels.size(), 0.0f);
  std::vector<double> before, after(size), before_spread, after_spread(size), sine(size), cosine(size);
  for (size_t n = 0; n < sequences; ++n) {
    before = belief.channels;
    before_spread.assign(size, 0.0);
    for (size_t k = 0; k < calls; ++k) {
      after = before;
      std::fill(after_spread.begin(), after_spread.end(), 0.0);
      const size_t row = (n * calls + k) * nq;
      for (size_t q = 0; q < nq; ++q) {
        const auto element = static_cast<size_t>(quantities[q].element);
        const double value = values[row + q];
        const double spread = spreads[row + q] * probes_->quantity_calibration().Factor(static_cast<int>(q), static_cast<int>(k + 1));
        switch (quantities[q].of) {
          case ProbedQuantity::Of::kValue: after[element] = value; break;
          case ProbedQuantity::Of::kCosine: cosine[element] = value; break;
          case ProbedQuantity::Of::kSine: sine[element] = value; break;
        }
        // Of an angle both are off by about as much as the angle is.
        after_spread[element] = std::max(after_spread[element], spread);
      }
      for (const ProbedQuantity& quantity : quantities) {
        if (quantity.of != ProbedQuantity::Of::kSine) continue;
        const auto element = static_cast<size_t>(quantity.element);
        // The turn that is nearest to where it was.
        after[element] = before[element] + std::remainder(std::atan2(sine[element], cosine[element]) - before[element],
                                                          2 * std::numbers::pi);
      }
      for (size_t step = 1; step <= skip && k * skip + step <= horizon; ++step) {
        const double share = static_cast<double>(step) / static_cast<double>(skip);
        const size_t to = (n * horizon + k * skip + step - 1) * size;
        for (size_t i = 0; i < size; ++i) {
          result.channels[to + i] = static_cast<float>(before[i] + share * (after[i] - before[i]));
          result.spread[to + i] = static_cast<float>(before_spread[i] + share * (after_spread[i] - before_spread[i]));
        }
      }
      std::swap(before, after);
      std::swap(before_spread, after_spread);
    }
  }
}

std::vector<double> SeeingModel::reading_error() const {
  if (!probes_) return {};
  const std::vector<ProbedQuantity>& quantities = probes_->quantities();
  // Where a latent stands matters little: the probes' own error is the same everywhere.
  const std::vector<float> latent(static_cast<size_t>(model_->options().latent), 0.0f);
  std::vector<float> spread(quantities.size());
  probes_->Spread(latent, latent, spread);
  std::vector<double> error(static_cast<size_t>(task().channel_size()), kUnread);
  for (size_t q = 0; q < quantities.size(); ++q) {
    double& of = error[static_cast<size_t>(quantities[q].element)];
    of = of == kUnread ? static_cast<double>(spread[q]) : std::max(of, static_cast<double>(spread[q]));
  }
  return error;
}

std::vector<std::string> SeeingModel::UnreadChannels() const {
  std::vector<std::string> labels = task().ObservationLabels();
  for (const std::string& signal : task().SignalLabels()) labels.push_back(signal);
  const std::vector<double> error = reading_error();
  std::vector<std::string> unread;
  for (size_t i = 0; i < labels.size(); ++i) {
    if (error.empty() || error[i] == kUnread) unread.push_back(labels[i]);
  }
  return unread;
}

std::vector<double> SeeingModel::channel_scale() const {
  if (!probes_) return {};
  std::vector<double> scale(static_cast<size_t>(task().channel_size()), 0.0);
  for (const ProbedQuantity& quantity : probes_->quantities()) {
    double& of = scale[static_cast<size_t>(quantity.element)];
    of = std::max(of, quantity.scale);
  }
  return scale;
}

const JepaEye::Pixels& SeeingModel::Picture(std::span<const double> state, const std::vector<double>& parameters) {
  for (const Kept& kept : kept_) {
    if (std::equal(kept.state.begin(), kept.state.end(), state.begin(), state.end()) && kept.parameters == parameters) {
      return kept.picture;
    }
  }
  if (!parameters.empty()) posed_.SetParameters(parameters);
  posed_.RestoreState(state, 0);
  kept_.push_front({{state.begin(), state.end()}, parameters, eye_.Draw(posed_.model(), posed_.data())});
  if (kept_.size() > kKeptPictures) kept_.pop_back();
  return kept_.front().picture;
}

std::vector<float> SeeingModel::LatentAt(const Belief& belief) {
  const auto size = static_cast<size_t>(task().state_size()), frames = static_cast<size_t>(model_->options().frames);
  const std::span<const double> past(belief.past_states);
  std::deque<JepaEye::Pixels> pictures = {Picture(belief.integration_state, belief.parameters)};
  for (size_t ago = 1; ago < frames && ago * size <= past.size(); ++ago) {
    pictures.push_front(Picture(past.subspan(past.size() - ago * size, size), belief.parameters));
  }
  while (pictures.size() < frames) pictures.push_front(pictures.front());
  return eye_.SeeTogether(pictures, belief.channels);
}

std::shared_ptr<const ImaginedFilm> SeeingModel::Film(std::span<const Belief> lived, std::span<const float> actions) {
  const auto nu = static_cast<size_t>(task().action_size()), skip = static_cast<size_t>(model_->options().frame_skip);
  const size_t calls = nu > 0 ? actions.size() / nu / skip : 0;
  if (!probes_ || calls == 0 || lived.empty()) return nullptr;
  auto film = std::make_shared<ImaginedFilm>();
  film->width = eye_.width();
  film->height = eye_.height();
  film->pictures = static_cast<int>(calls) + 1;
  film->step_s = task().env_step_s() * task().spec().action_repeat * static_cast<double>(skip);
  const auto width = static_cast<size_t>(model_->options().latent);
  std::vector<float> latents = LatentAt(lived.front());
  latents.resize((calls + 1) * width);
  const std::vector<float> start(latents.begin(), latents.begin() + static_cast<ptrdiff_t>(width));
  model_->Rollout(start, actions.first(calls * skip * nu), 1, static_cast<int64_t>(calls), std::span(latents).subspan(width));
  const size_t bytes = static_cast<size_t>(film->width) * static_cast<size_t>(film->height) * 3;
  film->drawn.resize((calls + 1) * bytes);
  probes_->Draw(latents, film->drawn);
  for (size_t k = 0; k <= calls && lived.size() > calls * skip; ++k) {
    const JepaEye::Pixels& picture = Picture(lived[k * skip].integration_state, lived[k * skip].parameters);
    film->real.insert(film->real.end(), picture.begin(), picture.end());
  }
  return film;
}

double SeeingModel::Surprise(const Belief& before, std::span<const float> actions, const Belief& after) {
  const std::vector<float> from = LatentAt(before), to = LatentAt(after);
  float error = 0, expected = 0, surprise = 0;
  model_->Surprise(from, actions, to, 1, {&error, 1}, {&expected, 1}, {&surprise, 1});
  return surprise;
}

std::shared_ptr<const Seen> SeeingModel::See(const Belief& belief, std::span<const float> plan) {
  if (belief.goal.empty()) return nullptr;
  Follow(belief);
  auto seen = std::make_shared<Seen>();
  seen->width = eye_.width();
  seen->height = eye_.height();
  seen->now = Picture(belief.integration_state, belief.parameters);
  seen->goal = wanted_;
  seen->energy = goal_.Energy();
  const int nu = task().action_size(), horizon = nu > 0 ? static_cast<int>(plan.size()) / nu : 0;
  if (nu != 2 || horizon < model_->options().frame_skip) return seen;
  seen->side = kLandscapeSide;
  std::vector<float> actions;
  for (int row = 0; row < kLandscapeSide; ++row) {
    for (int column = 0; column < kLandscapeSide; ++column) {
      const size_t begin = actions.size();
      actions.insert(actions.end(), plan.begin(), plan.end());
      for (int step = 0; step < model_->options().frame_skip; ++step) {
        actions[begin + 2 * static_cast<size_t>(step)] = 2.0f * static_cast<float>(column) / (kLandscapeSide - 1) - 1.0f;
        actions[begin + 2 * static_cast<size_t>(step) + 1] = 2.0f * static_cast<float>(row) / (kLandscapeSide - 1) - 1.0f;
      }
    }
  }
  Imagination imagined;
  goal_.Imagine(belief, actions, kLandscapeSide * kLandscapeSide, horizon, {}, imagined);
  for (int n = 0; n < imagined.sequences; ++n) {
    float sum = 0.0f;
    for (int h = 0; h < horizon; ++h) sum -= imagined.rewards[static_cast<size_t>(n) * horizon + h];
    seen->landscape.push_back(sum / static_cast<float>(horizon / model_->options().frame_skip));
  }
  return seen;
}

}  // namespace reverie
