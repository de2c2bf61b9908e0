// What is seen of SessionCore from outside: its snapshots, and what the imagination is given to look at.
#include <algorithm>

#include "agent/session_core.h"

namespace reverie {

void SessionCore::Say(const std::string& text, bool error) {
  notice_ = {.serial = notice_.serial + 1, .error = error, .text = text};
}

void SessionCore::Publish() {
  const std::shared_ptr<const PlanAnswer> answer = threads_.planning->Answer();
  const bool current = answer && answer->epoch == epoch_;
  if (current && answer->serial > last_answer_) {
    last_answer_ = answer->serial;
    ++plans_;
    ++pace_plans_;
    pace_imagined_ += answer->plan.imagined_steps;
    plan_ms_ = answer->plan.plan_ms;
    if (const BranchView* branch = timeline_.view().Find(answer->from.branch); branch && branch->Has(answer->from.row)) {
      branch->Set(Judged::kPlanMs, answer->from.row, static_cast<float>(answer->plan.plan_ms));
      branch->Set(Judged::kPlannedReturn, answer->from.row, answer->plan.planned_return);
    }
  }
  if (imagination_.enabled) {
    threads_.imagination->Show({.timeline = timeline_.view(),
                                .now = now_,
                                .options = imagination_,
                                .model = opened_,
                                .plan = current ? answer : nullptr});
  }
  last_publish_ = Clock::now();
  publish_(MakeSnapshot());
}

std::shared_ptr<SessionSnapshot> SessionCore::MakeSnapshot() const {
  auto snapshot = std::make_shared<SessionSnapshot>();
  SessionSnapshot& s = *snapshot;
  s.serial = const_cast<SessionCore*>(this)->serial_++;
  s.task = task_;
  s.timeline = timeline_.view();
  s.now = now_;
  s.at_end_of_branch = AtEndOfBranch();
  s.simulation_step = simulation_step_;
  s.simulation_steps = simulation_steps_;
  s.state = environment_.SaveState();
  s.parameters = environment_.parameters();
  s.channels.assign(environment_.channels().begin(), environment_.channels().end());
  s.action = action_;
  s.time_s = environment_.data()->time;
  s.reward = reward_;
  s.episode_return = episode_return_;
  s.control_step = Step();
  s.seed = seed_;
  s.episode = episode_;
  s.playing = playing_;
  s.speed = speed_;
  s.realtime_factor = playing_ ? realtime_factor_ : 0;
  s.actor = actor_;
  s.pace = pace_;
  s.at_end = at_end_;
  s.holding = std::find(held_.begin(), held_.end(), true) != held_.end();
  s.model = opened_.generation > 0 ? opened_.name : wanted_.name;
  s.model_loading = !(wanted_ == opened_);
  s.model_has_policy = model_has_policy_;
  s.plans_to_pictures = plans_to_pictures_;
  s.goal = goal_;
  s.planner = planner_;
  s.plan_ms = plan_ms_;
  s.plans_per_s = plans_per_s_;
  s.imagined_steps_per_s = imagined_steps_per_s_;
  s.plans = plans_;
  s.reward_terms = reward_term_labels_;
  s.divergence = divergence_;
  s.notice = notice_;
  s.imagination = imagination_;
  if (const std::shared_ptr<const Imagined> shown = imagination_.enabled ? threads_.imagination->Shown() : nullptr) {
    s.channel_scale = shown->channel_scale;
    s.surprise_threshold = shown->surprise_threshold;
    if (shown->plan) {
      // A plan of another past says nothing about now.
      const int64_t step = s.timeline.StepOf(shown->plan->from);
      const bool ours = step >= 0 && step <= s.control_step && s.control_step - step <= shown->plan->horizon &&
                        s.timeline.AtStep(now_.branch, step) == shown->plan->from;
      if (ours) s.plan = shown->plan;
    }
    if (goal_) {
      s.seen = shown->seen;
      s.planned_film = shown->planned_film;
    }
    if (shown->compared_branch == now_.branch) s.compared_film = shown->compared_film;
    if (shown->compared && shown->compared->branch == now_.branch) s.compared = shown->compared;
  }
  return snapshot;
}

}  // namespace reverie
