// Snapshots filled by hand: a timeline whose channels, actions and rewards are known functions of the step, a plan
// and a prediction over it. No session stands behind them.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <vector>

#include "ui/desktop/app.h"

namespace reverie::desktop::snapshot_fixture {

inline constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Channel c at a step of the episode; `on` sets branches apart.
inline double ChannelAt(int64_t step, int channel, double on = 0) {
  return std::sin(0.05 * static_cast<double>(step) + channel) + on;
}

struct Sizes {
  int channels = 3, actions = 1, terms = 2;
};

/// Writes rows with reward step + on, terms reward and -reward, action 0.5.
class Story {
 public:
  explicit Story(Sizes sizes = {}, double step_s = 0.04, int64_t bytes = int64_t{1} << 30)
      : sizes_(sizes),
        timeline({.state = 1, .channels = sizes.channels, .action = sizes.actions, .reward_terms = sizes.terms}, step_s,
                 bytes) {}

  int Begin(int parent = -1, int64_t parent_row = 0, double on = 0, bool edited = false) {
    const BranchView* before = timeline.view().Find(parent);
    BranchInfo info;
    info.parent = parent;
    info.parent_row = parent_row;
    info.first_step = before ? before->info->first_step + parent_row : 0;
    info.edited = edited;
    on_ = on;
    step_ = info.first_step;
    return timeline.Begin(info, std::vector<double>{0}, Channels());
  }
  void Append(int branch, int rows) {
    for (int i = 0; i < rows; ++i) {
      ++step_;
      const double reward = static_cast<double>(step_) + on_;
      const std::vector<double> state = {0}, channels = Channels();
      const std::vector<double> action(static_cast<size_t>(sizes_.actions), 0.5);
      std::vector<double> terms(static_cast<size_t>(sizes_.terms), reward);
      if (terms.size() > 1) terms[1] = -reward;
      timeline.Append(branch, {.state = state, .channels = channels, .action = action, .reward_terms = terms,
                               .reward = reward});
    }
  }

 private:
  std::vector<double> Channels() const {
    std::vector<double> channels;
    for (int c = 0; c < sizes_.channels; ++c) channels.push_back(ChannelAt(step_, c, on_));
    return channels;
  }
  Sizes sizes_;
  double on_ = 0;
  int64_t step_ = 0;

 public:
  Timeline timeline;
};

/// A snapshot at a place of a story, without a task.
inline std::shared_ptr<SessionSnapshot> SnapshotOf(const Story& story, TimelinePlace now) {
  auto snapshot = std::make_shared<SessionSnapshot>();
  snapshot->timeline = story.timeline.view();
  snapshot->now = now;
  const BranchView* branch = snapshot->timeline.Find(now.branch);
  snapshot->at_end_of_branch = branch && now.row + 1 == branch->rows;
  const TimelineSizes& sizes = snapshot->timeline.sizes;
  snapshot->channels.assign(static_cast<size_t>(sizes.channels), 0.0);
  snapshot->action.assign(static_cast<size_t>(sizes.action), 0.0);
  snapshot->channel_scale.assign(static_cast<size_t>(sizes.channels), 0.5);
  for (int i = 0; i < sizes.reward_terms; ++i) snapshot->reward_terms.push_back("term " + std::to_string(i));
  snapshot->control_step = snapshot->timeline.StepOf(now);
  snapshot->time_s = static_cast<double>(snapshot->control_step) * snapshot->timeline.control_step_s;
  return snapshot;
}

/// A plan from a place: channels as in ChannelAt, spread 0.1, and members that disagree on the last channel only.
inline std::shared_ptr<ImaginedPlan> PlanFrom(const SessionSnapshot& snapshot, TimelinePlace from, int horizon,
                                              int members) {
  auto plan = std::make_shared<ImaginedPlan>();
  const int channels = snapshot.timeline.sizes.channels, actions = snapshot.timeline.sizes.action;
  const int64_t step = snapshot.timeline.StepOf(from);
  plan->from = from;
  plan->model = "models/first";
  plan->horizon = horizon;
  plan->channel_size = channels;
  plan->members = members;
  plan->actions.assign(static_cast<size_t>(horizon * actions), 0.3f);
  plan->rewards.assign(static_cast<size_t>(horizon), 1.0f);
  plan->spread.assign(static_cast<size_t>(horizon * channels), 0.1f);
  for (int m = -1; m < members; ++m) {
    std::vector<float>& values = m < 0 ? plan->channels : plan->member_channels;
    for (int t = 1; t <= horizon; ++t)
      for (int c = 0; c < channels; ++c)
        values.push_back(static_cast<float>(ChannelAt(step + t, c) + (m >= 0 && c == channels - 1 ? 0.2 * m : 0)));
  }
  plan->scores = {5, 4, 3, 2, 1, kNaN};
  plan->candidates = 6;
  plan->elites = 2;
  plan->return_in_model = 41.2f;
  plan->return_in_simulator = 38.9f;
  return plan;
}

/// A prediction made at a place, `steps` ago: off by `slope` per step in channel 1, right elsewhere.
inline std::shared_ptr<PredictedVersusReal> PredictionFrom(const SessionSnapshot& snapshot, TimelinePlace from,
                                                           int steps, double slope) {
  auto compared = std::make_shared<PredictedVersusReal>();
  const int channels = snapshot.timeline.sizes.channels;
  const int64_t step = snapshot.timeline.StepOf(from);
  compared->from = from;
  compared->branch = snapshot.now.branch;
  compared->model = "models/first";
  compared->steps = steps;
  compared->channel_size = channels;
  for (int t = 1; t <= steps; ++t) {
    for (int c = 0; c < channels; ++c) {
      compared->real.push_back(static_cast<float>(ChannelAt(step + t, c)));
      compared->predicted.push_back(static_cast<float>(ChannelAt(step + t, c) + (c == 1 ? slope * t : 0)));
      compared->spread.push_back(0.1f);
    }
    compared->error.push_back(static_cast<float>(slope * t));
  }
  return compared;
}

/// An app with a snapshot and no session.
struct SnapshotApp {
  NullTextures textures;
  App app{Settings{}, LearnedModels{}, textures};
};

}  // namespace reverie::desktop::snapshot_fixture
