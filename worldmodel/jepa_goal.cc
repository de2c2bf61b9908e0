#include "worldmodel/jepa_goal.h"

#include <algorithm>

#include "sim/error.h"

namespace reverie {
namespace {

void CheckLatent(const std::vector<float>& latent, const Jepa& model) {
  if (static_cast<int>(latent.size()) == model.options().latent) return;
  throw ShapeError("latent: expected " + std::to_string(model.options().latent) + " numbers, found " +
                   std::to_string(latent.size()));
}

}  // namespace

void JepaGoal::SetStart(std::vector<float> latent) {
  CheckLatent(latent, model_);
  start_ = std::move(latent);
}

void JepaGoal::SetGoal(std::vector<float> latent) {
  CheckLatent(latent, model_);
  goal_ = std::move(latent);
}

double JepaGoal::Energy() const { return start_.empty() || goal_.empty() ? 0.0 : model_.Distance(start_, goal_); }

void JepaGoal::Imagine(const Belief&, std::span<const float> actions, int sequences, int horizon, const ImagineOptions&,
                       Imagination& result) {
  const int nu = task().action_size(), skip = model_.options().frame_skip, calls = horizon / skip;
  if (static_cast<int64_t>(actions.size()) != int64_t{sequences} * horizon * nu) {
    throw ShapeError("actions: expected " + std::to_string(sequences) + " x " + std::to_string(horizon) + " x " +
                     std::to_string(nu) + ", found " + std::to_string(actions.size()) + " numbers");
  }
  CheckLatent(start_, model_);
  CheckLatent(goal_, model_);
  result.sequences = sequences;
  result.horizon = horizon;
  result.channel_size = 0;
  result.members = 0;
  result.rewards.assign(static_cast<size_t>(sequences) * horizon, 0.0f);
  result.uncertainty.assign(result.rewards.size(), 0.0f);
  result.channels.clear();
  result.spread.clear();
  result.values.clear();
  result.member_channels.clear();
  if (calls == 0) return;
  std::span<const float> whole = actions;
  const size_t row = static_cast<size_t>(horizon) * nu, kept = static_cast<size_t>(calls) * skip * nu;
  if (kept != row) {
    cut_.resize(static_cast<size_t>(sequences) * kept);
    for (size_t n = 0; n < static_cast<size_t>(sequences); ++n) {
      std::copy_n(actions.data() + n * row, kept, cut_.data() + n * kept);
    }
    whole = cut_;
  }
  distances_.resize(static_cast<size_t>(sequences) * calls);
  model_.Distances(start_, goal_, whole, sequences, calls, distances_);
  for (int n = 0; n < sequences; ++n) {
    for (int k = 0; k < calls; ++k) {
      result.rewards[static_cast<size_t>(n) * horizon + (k + 1) * skip - 1] = -distances_[static_cast<size_t>(n) * calls + k];
    }
  }
}

}  // namespace reverie
