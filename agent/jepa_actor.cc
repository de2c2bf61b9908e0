#include "agent/jepa_actor.h"

#include <algorithm>

#include "agent/jepa_eye.h"
#include "worldmodel/device.h"
#include "worldmodel/jepa_goal.h"

namespace reverie {
struct JepaActor::Impl {
  Impl(const Jepa& given_model, JepaActorOptions given_options)
      : model(given_model),
        options(std::move(given_options)),
        eye(model),
        goal(model),
        planner(options.planning, model.task().action_size()),
        posed(model.task_ptr()) {}

  void See(Environment& environment) {
    goal.SetStart(eye.See(eye.Draw(environment.model(), environment.data()), environment.channels()));
  }

  const Jepa& model;
  const JepaActorOptions options;
  JepaEye eye;
  JepaGoal goal;
  Planner planner;
  Environment posed;  // for drawing goals
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
  JepaEye::Pixels picture = self.options.picture;
  if (picture.empty()) {
    if (self.model.task().parameter_size() > 0) self.posed.SetParameters(pair.parameters);
    self.posed.RestoreState(pair.goal_state, 0);
    picture = self.eye.Draw(self.posed.model(), self.posed.data());
  }
  const std::vector<float> latent = self.eye.SeeStill(picture, pair.goal_channels);
  self.strangeness = self.model.Strangeness(latent);
  self.goal.SetGoal(latent);
  self.planner.Reset(pair.seed);
  self.eye.Forget();
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
