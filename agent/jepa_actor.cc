#include "agent/jepa_actor.h"

#include <algorithm>
#include <cstring>
#include <deque>

#include "sim/frame_recorder.h"
#include "worldmodel/device.h"
#include "worldmodel/jepa_goal.h"

namespace reverie {
namespace {

using Pixels = std::vector<uint8_t>;

/// Pictures of consecutive states as the encoder sees them, the oldest first.
Pixels Stacked(const std::deque<Pixels>& frames) {
  if (frames.size() == 1) return frames.front();
  Pixels stacked(frames.front().size() * frames.size());
  for (size_t s = 0; s < frames.size(); ++s) {
    for (size_t i = 0; i < frames[s].size() / 3; ++i) {
      std::memcpy(stacked.data() + (i * frames.size() + s) * 3, frames[s].data() + i * 3, 3);
    }
  }
  return stacked;
}

}  // namespace

struct JepaActor::Impl {
  Impl(const Jepa& given_model, JepaActorOptions given_options)
      : model(given_model),
        options(std::move(given_options)),
        stream(StreamsOf(model.frames()).front()),
        recorder(model.task().model(), model.frames()),
        goal(model),
        planner(options.planning, model.task().action_size()),
        posed(model.task_ptr()) {}

  Pixels Draw(const mjModel* of, mjData* data) {
    Pixels pixels(static_cast<size_t>(stream.frame_bytes()));
    recorder.Draw(of, data, stream, pixels);
    return pixels;
  }

  std::vector<float> Encode(const Pixels& pixels, std::span<const double> channels) const {
    std::vector<float> seen, latent(static_cast<size_t>(model.options().latent));
    for (const int element : model.proprioception()) {
      if (!channels.empty()) seen.push_back(static_cast<float>(channels[static_cast<size_t>(element)]));
    }
    model.Encode({1, pixels, seen}, latent);
    return latent;
  }

  void See(Environment& environment) {
    const auto most = static_cast<size_t>(model.options().frames);
    frames.push_back(Draw(environment.model(), environment.data()));
    while (frames.size() > most) frames.pop_front();
    while (frames.size() < most) frames.push_front(frames.front());  // what was before the start looked the same
    goal.SetStart(Encode(Stacked(frames), environment.channels()));
  }

  const Jepa& model;
  const JepaActorOptions options;
  const FrameStream stream;
  FrameRecorder recorder;
  JepaGoal goal;
  Planner planner;
  Environment posed;  // for drawing goals
  std::deque<Pixels> frames;
  Plan plan;
  int step = 0;
  int64_t plans = 0;
  double plan_ms = 0, strangeness = 0;
};

JepaActor::JepaActor(const Jepa& model, JepaActorOptions options)
    : impl_(std::make_unique<Impl>(model, std::move(options))) {}
JepaActor::~JepaActor() = default;

void JepaActor::Begin(const GoalPair& pair, Environment& environment) {
  Impl& self = *impl_;
  if (self.options.threads > 0) SetTorchThreads(self.options.threads);  // counts for the thread that calls it
  Pixels picture = self.options.picture;
  if (picture.empty()) {
    if (self.model.task().parameter_size() > 0) self.posed.SetParameters(pair.parameters);
    self.posed.RestoreState(pair.goal_state, 0);
    picture = self.Draw(self.posed.model(), self.posed.data());
  }
  // At a goal nothing moves: all that is seen at once looks the same.
  const std::deque<Pixels> still(static_cast<size_t>(self.model.options().frames), picture);
  const std::vector<float> latent = self.Encode(Stacked(still), pair.goal_channels);
  self.strangeness = self.model.Strangeness(latent);
  self.goal.SetGoal(latent);
  self.planner.Reset(pair.seed);
  self.frames.clear();
  self.step = 0;
  self.See(environment);
}

void JepaActor::Act(Environment& environment, std::span<double> action) {
  Impl& self = *impl_;
  if (self.step > 0) self.See(environment);
  const int at = self.step++ % self.options.replan;
  if (at == 0) {
    self.plan = self.planner.MakePlan(self.goal, Belief(), self.options.replan);
    ++self.plans;
    self.plan_ms += self.plan.plan_ms;
  }
  const size_t rows = self.plan.actions.size() / std::max<size_t>(1, action.size());
  const size_t row = std::min(static_cast<size_t>(at), rows - 1);
  for (size_t i = 0; i < action.size(); ++i) action[i] = self.plan.actions[row * action.size() + i];
}

double JepaActor::Energy() const { return impl_->goal.Energy(); }
int64_t JepaActor::plans() const { return impl_->plans; }
double JepaActor::plan_ms() const { return impl_->plan_ms; }
double JepaActor::strangeness() const { return impl_->strangeness; }

}  // namespace reverie
