#include "agent/seeing_model.h"

#include <algorithm>
#include <cmath>

#include "worldmodel/device.h"

namespace reverie {
namespace {

constexpr int kLandscapeSide = 15;

}  // namespace

SeeingModel::SeeingModel(std::unique_ptr<const Jepa> model)
    : model_(std::move(model)), eye_(*model_), goal_(*model_), posed_(model_->task_ptr()) {}

void SeeingModel::SetThreads(int threads) { SetTorchThreads(threads); }

void SeeingModel::Follow(const Belief& belief) {
  const auto pose = [&](const std::vector<double>& state) {
    if (!belief.parameters.empty()) posed_.SetParameters(belief.parameters);
    posed_.RestoreState(state, 0);
  };
  const bool elsewhere = belief.parameters != followed_.parameters;
  if (elsewhere || belief.integration_state != followed_.integration_state) {
    pose(belief.integration_state);
    const double control_step_s = task().env_step_s() * task().spec().action_repeat, now_s = posed_.data()->time;
    const bool next = followed_s_ && std::abs(now_s - *followed_s_ - control_step_s) < 1e-3 * control_step_s;
    if (elsewhere || !next) eye_.Forget();
    now_ = eye_.Draw(posed_.model(), posed_.data());
    goal_.SetStart(eye_.See(now_, posed_.channels()));
    followed_s_ = now_s;
  }
  if (!belief.goal.empty() && (elsewhere || belief.goal != followed_.goal)) {
    pose(belief.goal);
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
    return;
  }
  goal_.Imagine(belief, actions, sequences, horizon, options, result);
}

std::shared_ptr<const Seen> SeeingModel::See(const Belief& belief, std::span<const float> plan) {
  if (belief.goal.empty()) return nullptr;
  Follow(belief);
  auto seen = std::make_shared<Seen>();
  seen->width = eye_.width();
  seen->height = eye_.height();
  seen->now = now_;
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
