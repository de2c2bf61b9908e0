// Who acts in SessionCore, and what they need for it: plans, policies, and the model that is believed in.
#include <algorithm>

#include "agent/planner_policy.h"
#include "agent/session_core.h"
#include "sim/collect.h"
#include "sim/error.h"

namespace reverie {

void SessionCore::NewEpoch() {
  ++epoch_;
  asked_for_now_ = false;
  policy_.reset();
  if (threads_.planning) threads_.planning->Withdraw();
  AskForPlan();
}

void SessionCore::AskForPlan() {
  if (asked_for_now_ || !threads_.planning || task_->action_size() == 0) return;
  if (LacksGoal() || (!ActsOnPlans() && !imagination_.enabled)) return;
  PlanRequest request;
  request.serial = ++asked_;
  request.from = now_;
  request.step = Step();
  request.belief = Belief::Of(environment_);
  if (goal_) request.belief.goal = *goal_;
  request.timeline = timeline_.view();
  request.epoch = epoch_;
  request.seed = PolicySeed(seed_);
  if (request.step > 0) request.seed = HashSeed(request.seed, static_cast<uint64_t>(request.step));
  request.options = planner_;
  if (actor_ == Actor::kPolicy) request.options.kind = PlannerKind::kPolicy;
  request.shown_candidates = imagination_.enabled ? imagination_.candidates : 0;
  threads_.planning->Ask(std::move(request));
  asked_for_now_ = true;
}

bool SessionCore::WaitsForPlan() const {
  if (!ActsOnPlans() || pace_ != Pace::kLockStep || task_->action_size() == 0 || action_chosen_ || LacksGoal()) return false;
  if (!asked_for_now_) return true;
  const std::shared_ptr<const PlanAnswer> answer = threads_.planning->Answer();
  return !answer || answer->serial != asked_;
}

bool SessionCore::ChooseAction() {
  if (action_chosen_) return true;
  std::fill(chosen_.begin(), chosen_.end(), 0.0);
  switch (actor_) {
    case Actor::kPerson: chosen_ = person_action_; break;
    case Actor::kRandom:
    case Actor::kSmooth: {
      if (!policy_) {
        const PolicySource source = actor_ == Actor::kRandom ? RandomPolicy(*task_) : SmoothPolicy(*task_);
        const int64_t step = Step();
        const uint64_t seed = PolicySeed(seed_);
        policy_ = source.make(step == 0 ? seed : HashSeed(seed, static_cast<uint64_t>(step)));
      }
      policy_->Act({environment_.model(), environment_.data(), environment_.channels(), environment_.control_step()},
                   chosen_);
      break;
    }
    case Actor::kPlanner:
    case Actor::kPolicy: {
      const std::shared_ptr<const PlanAnswer> answer = threads_.planning->Answer();
      if (!answer || answer->epoch != epoch_ || answer->plan.actions.empty()) break;
      const int64_t horizon = static_cast<int64_t>(answer->plan.actions.size() / chosen_.size());
      const int64_t row = std::clamp<int64_t>(Step() - answer->step, 0, horizon - 1);
      std::copy_n(answer->plan.actions.begin() + row * static_cast<int64_t>(chosen_.size()), chosen_.size(),
                  chosen_.begin());
      break;
    }
  }
  for (size_t i = 0; i < chosen_.size(); ++i) {
    if (held_[i]) chosen_[i] = person_action_[i];
  }
  action_chosen_ = true;
  return true;
}

void SessionCore::SetActor(Actor actor) {
  if (actor == actor_) return;
  actor_ = actor;
  action_chosen_ = false;
  NewEpoch();
}

void SessionCore::SetPace(Pace pace) {
  if (pace == pace_) return;
  pace_ = pace;
  NewEpoch();
}

void SessionCore::SetGoal(std::vector<double> state) {
  if (!state.empty() && !IsState(state)) return;
  goal_ = state.empty() ? nullptr : std::make_shared<const std::vector<double>>(std::move(state));
  action_chosen_ = false;
  NewEpoch();
}

void SessionCore::SetPlanner(PlannerOptions options) {
  try {
    options.Check("planner");
  } catch (const Error& error) {
    Say(error.what(), true);
    return;
  }
  planner_ = options;
  action_chosen_ = false;
  NewEpoch();
}

void SessionCore::SetModel(std::string model) {
  wanted_ = {std::move(model), wanted_.generation + 1};
  threads_.planning->Choose(wanted_);
  timeline_.AddEvent(now_, kModelEvent);
  action_chosen_ = false;
  NewEpoch();
}

void SessionCore::ReloadModel() { SetModel(wanted_.name); }

void SessionCore::ModelOpened(const PlanningThread::Opened& opened) {
  const auto& [now, tried, has_policy, plans_to_pictures, error, epoch] = opened;
  if (epoch != 0 && epoch != epoch_) return;  // nobody waits for that plan any more
  const bool planning_failed = !error.empty() && tried.generation == wanted_.generation && opened_.generation == wanted_.generation;
  opened_ = now;
  model_has_policy_ = has_policy;
  if (plans_to_pictures != plans_to_pictures_) {
    // What was asked for before it was known what the model plans to does not count.
    plans_to_pictures_ = plans_to_pictures;
    action_chosen_ = false;
    NewEpoch();
  }
  if (error.empty()) return;
  // Unless another was asked for meanwhile, the one before stands.
  if (tried.generation == wanted_.generation) wanted_ = opened_ = {now.name, tried.generation};
  if (planning_failed) {
    Pause();
    asked_for_now_ = false;
  }
  Say(error, true);
}

void SessionCore::SetImagination(ImaginationOptions options) {
  const bool more = options.enabled && (!imagination_.enabled || options.candidates > imagination_.candidates);
  imagination_ = std::move(options);
  // In lock-step the plan of this step is what is acted on, and stays the only one.
  if (more && !(pace_ == Pace::kLockStep && ActsOnPlans())) asked_for_now_ = false;
  AskForPlan();
}

}  // namespace reverie
