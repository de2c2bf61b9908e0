#include "agent/session_core.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "agent/planner_policy.h"

namespace reverie {
namespace {

using std::chrono::duration;
using std::chrono::milliseconds;

// Snapshots of a session that runs as fast as it goes come no closer than this.
constexpr auto kLeastPublishInterval = milliseconds(8);
// A pace that fell behind by more does not rush to make up for it.
constexpr auto kForgivenDelay = milliseconds(250);
constexpr auto kPaceWindow = milliseconds(500);
constexpr auto kIdle = std::chrono::seconds(1);

SessionCore::Clock::duration Seconds(double seconds) {
  return std::chrono::duration_cast<SessionCore::Clock::duration>(duration<double>(seconds));
}

std::vector<std::string> RewardTermLabels(const CompiledTask& task) {
  std::vector<std::string> labels;
  for (const RewardTerm& term : task.reward_terms()) labels.push_back(term.label);
  return labels;
}

TimelineSizes SizesOf(const CompiledTask& task) {
  return {.state = task.state_size(),
          .channels = task.channel_size(),
          .action = task.action_size(),
          .reward_terms = static_cast<int>(task.reward_terms().size())};
}

}  // namespace

std::string ActorName(Actor actor) {
  switch (actor) {
    case Actor::kPerson: return "person";
    case Actor::kRandom: return "random";
    case Actor::kSmooth: return "smooth";
    case Actor::kPlanner: return "planner";
    case Actor::kPolicy: return "policy";
  }
  return "";
}

SessionCore::SessionCore(std::shared_ptr<const CompiledTask> task, const SessionOptions& options,
                         std::function<void(std::shared_ptr<const SessionSnapshot>)> publish)
    : task_(std::move(task)),
      publish_(std::move(publish)),
      environment_(task_),
      timeline_(SizesOf(*task_), task_->env_step_s() * task_->spec().action_repeat, options.memory_bytes),
      run_seed_(options.seed),
      control_step_s_(timeline_.view().control_step_s),
      reward_term_labels_(RewardTermLabels(*task_)),
      chosen_(static_cast<size_t>(task_->action_size())),
      simulation_steps_(task_->simulation_steps_per_env_step() * task_->spec().action_repeat),
      at_end_(options.at_end),
      actor_(options.actor),
      pace_(options.pace),
      person_action_(static_cast<size_t>(task_->action_size())),
      held_(static_cast<size_t>(task_->action_size())),
      given_planner_(options.planner),
      planner_(options.planner ? *options.planner : PlannerOptionsFor(task_->spec())),
      imagination_(options.imagination) {
  planner_.Check("planner");
  mjv_defaultPerturb(&perturbation_);
}

void SessionCore::Start(Threads threads, const std::string& model) {
  threads_ = threads;
  wanted_ = {model, 1};
  threads_.planning->Choose(wanted_);
  ResetToEpisode(0);
}

// ---- Time ----------------------------------------------------------------------------------------------------

SessionCore::Clock::time_point SessionCore::Advance() {
  const Clock::time_point now = Clock::now();
  MeasurePace(now);
  if (!playing_ && !Busy()) return now + kIdle;
  if (!Busy() && speed_ > 0 && now < next_step_) return next_step_;
  // Only now that there is a step to make: an end that nobody goes on from stays in view.
  if (Branch().ended && !Branch().diverged && AtEndOfBranch() && at_end_ != AtEnd::kGoOn) GoOnInNextEpisode();
  // Before the plan is waited for: what was planned for the old branch does not count on the new one.
  if (!AtEndOfBranch() || Branch().diverged) Fork();
  if (WaitsForPlan()) {
    AskForPlan();
    return now + kIdle;  // the answer wakes this thread
  }
  if (pending_simulation_steps_ > 0) {
    --pending_simulation_steps_;
    MakeSimulationStep();
    Publish();
    return now;
  }
  const bool asked = pending_steps_ > 0;
  if (asked) --pending_steps_;
  MakeControlStep();
  ++pace_steps_;
  if (playing_ && speed_ > 0) {
    next_step_ += Seconds(control_step_s_ / speed_);
    if (next_step_ < now - kForgivenDelay) next_step_ = now;
  }
  const bool paced = playing_ && speed_ > 0;
  if (paced || !(playing_ || Busy()) || now - last_publish_ > kLeastPublishInterval) Publish();
  return now;
}

void SessionCore::MeasurePace(Clock::time_point now) {
  if (now - pace_since_ < kPaceWindow) return;
  const double wall_s = duration<double>(now - pace_since_).count();
  realtime_factor_ = static_cast<double>(pace_steps_) * control_step_s_ / wall_s;
  plans_per_s_ = static_cast<double>(pace_plans_) / wall_s;
  imagined_steps_per_s_ = static_cast<double>(pace_imagined_) / wall_s;
  pace_since_ = now;
  pace_steps_ = pace_plans_ = pace_imagined_ = 0;
}

void SessionCore::Play() {
  if (playing_) return;
  playing_ = true;
  divergence_.reset();
  next_step_ = pace_since_ = Clock::now();
  pace_steps_ = pace_plans_ = pace_imagined_ = 0;
}

void SessionCore::Pause() {
  playing_ = false;
  pending_steps_ = pending_simulation_steps_ = 0;
}

void SessionCore::StepControl(int steps) {
  playing_ = false;
  divergence_.reset();
  pending_steps_ += std::max(0, steps);
}

void SessionCore::StepTo(int64_t control_step) {
  const int64_t missing = control_step - Step() - pending_steps_;
  StepControl(static_cast<int>(std::clamp<int64_t>(missing, 0, std::numeric_limits<int>::max())));
}

void SessionCore::StepSimulation() {
  playing_ = false;
  divergence_.reset();
  ++pending_simulation_steps_;
}

void SessionCore::SetSpeed(double speed) {
  speed_ = std::isfinite(speed) && speed > 0 ? speed : 0;
  next_step_ = Clock::now();
}

bool SessionCore::AtEndOfBranch() const { return now_.row + 1 == Branch().rows; }

void SessionCore::BeginBranch(BranchInfo info) {
  const bool reset = info.parent < 0;
  now_ = {timeline_.Begin(std::move(info), environment_.SaveState(), environment_.channels()), 0};
  if (reset) {
    action_.assign(static_cast<size_t>(task_->action_size()), 0.0);
    reward_ = episode_return_ = 0;
  }
  divergence_.reset();
  simulation_step_ = 0;
  action_chosen_ = false;
  NewEpoch();
}

void SessionCore::Reset(uint64_t seed, int64_t episode) {
  pending_steps_ = pending_simulation_steps_ = 0;
  environment_.Reset(seed);
  seed_ = seed;
  episode_ = episode;
  if (episode >= 0) last_episode_ = episode;
  touching_.clear();
  std::fill(held_.begin(), held_.end(), false);
  BranchInfo info;
  info.seed = seed;
  info.episode = episode;
  info.parameters = environment_.parameters();
  info.label = episode >= 0 ? "episode " + std::to_string(episode) : "seed " + std::to_string(seed);
  BeginBranch(std::move(info));
}

void SessionCore::ResetToEpisode(int64_t episode) {
  Reset(HashSeed(run_seed_, static_cast<uint64_t>(std::max<int64_t>(0, episode))), std::max<int64_t>(0, episode));
}

void SessionCore::ResetToSeed(uint64_t seed) { Reset(seed, -1); }

void SessionCore::Restore(TimelinePlace place) {
  const BranchView& branch = *timeline_.view().Find(place.branch);
  if (!branch.info->parameters.empty()) environment_.SetParameters(branch.info->parameters);
  environment_.RestoreState(branch.State(place.row), static_cast<int>(branch.info->first_step + place.row));
  now_ = place;
  seed_ = branch.info->seed;
  episode_ = branch.info->episode;
  const TimelinePlace led_here = timeline_.view().Origin(place);
  const BranchView& led = *timeline_.view().Find(led_here.branch);
  action_.assign(led.Action(led_here.row).begin(), led.Action(led_here.row).end());
  reward_ = led.Reward(led_here.row);
  episode_return_ = 0;
  const std::vector<const BranchView*> lineage = timeline_.view().Lineage(place.branch);
  for (size_t i = 0; i < lineage.size(); ++i) {
    // Of an ancestor what was lived through: up to the row that the next one continues.
    const int64_t last = i + 1 < lineage.size() ? lineage[i + 1]->info->parent_row : place.row;
    for (int64_t row = std::max<int64_t>(1, lineage[i]->first_row); row <= last; ++row) {
      episode_return_ += lineage[i]->Reward(row);
    }
  }
  simulation_step_ = 0;
  action_chosen_ = false;
}

void SessionCore::Seek(TimelinePlace place) {
  Pause();
  const BranchView* branch = timeline_.view().Find(place.branch);
  if (!branch || !branch->Has(place.row)) {
    Say("that step is no longer kept: the timeline's memory is bounded", true);
    return;
  }
  divergence_.reset();
  if (place == now_ && simulation_step_ == 0) return;
  Restore(place);
  touching_.clear();
  NewEpoch();
}

void SessionCore::RemoveBranch(int branch) {
  if (!timeline_.Remove(branch, now_.branch)) Say("what led to the present cannot be removed", true);
}

void SessionCore::Fork() {
  // From where a branch begins, the new one grows beside it: both from the step that led there.
  const TimelinePlace from = timeline_.view().Origin(now_);
  BranchInfo info;
  info.parent = from.branch;
  info.parent_row = from.row;
  info.first_step = Step();
  info.seed = seed_;
  info.episode = episode_;
  info.parameters = environment_.parameters();
  info.label = "branch at step " + std::to_string(info.first_step);
  const double reward = reward_;
  BeginBranch(std::move(info));
  reward_ = reward;
}

// ---- Steps ---------------------------------------------------------------------------------------------------

void SessionCore::LeaveSimulationSteps() {
  if (simulation_step_ == 0) return;
  // The steps in between were only looked at: the control step is made from its beginning, whole.
  const bool chosen = action_chosen_;
  environment_.RestoreState(Branch().State(now_.row), static_cast<int>(Step()));
  simulation_step_ = 0;
  action_chosen_ = chosen;
}

void SessionCore::MakeSimulationStep() {
  ChooseAction();
  if (simulation_step_ + 1 == simulation_steps_) {
    MakeControlStep();
    return;
  }
  const mjModel* model = environment_.model();
  mjData* data = environment_.data();
  if (simulation_step_ == 0) {
    ApplyPush();
    task_->ApplyAction(model, data, chosen_);
  }
  if (model->opt.integrator == mjINT_RK4) {
    mj_step(model, data);
    mj_forward(model, data);
  } else {
    mj_step2(model, data);
    mj_step1(model, data);
  }
  if (const int dof = task_->DivergedDof(data); dof >= 0) return StopAtDivergence(dof);
  ++simulation_step_;
}

void SessionCore::StopAtDivergence(int diverged_dof) {
  const std::string dof = task_->scene().DofLabel(diverged_dof);
  TimelinePlace sound = now_;
  if (const TimelinePlace origin = timeline_.view().Origin(sound); origin != sound) {
    // Nothing came of going on from there once more.
    timeline_.Remove(sound.branch, origin.branch);
    sound = origin;
  } else {
    timeline_.End(sound.branch, true);
  }
  timeline_.AddEvent(sound, kDivergenceEvent);
  Restore(sound);
  NewEpoch();
  Pause();
  const auto steps_back = std::max<int64_t>(1, std::llround(0.25 / control_step_s_));
  const TimelinePlace back = timeline_.view().AtStep(sound.branch, std::max<int64_t>(0, Step() - steps_back));
  divergence_ = Divergence{.before = sound, .back = back.branch >= 0 ? back : sound, .dof = dof};
  Say("the simulation blew up at degree of freedom " + dof + "; paused at the last sound state", true);
}

void SessionCore::MakeControlStep() {
  LeaveSimulationSteps();
  ChooseAction();
  action_chosen_ = false;
  ApplyPush();
  const double last_reward = reward_;
  const StepResult result = environment_.Step(chosen_);
  if (result.diverged_dof >= 0) return StopAtDivergence(result.diverged_dof);
  for (size_t i = 0; i < chosen_.size(); ++i) action_[i] = ClipAction(chosen_[i]);
  reward_ = result.reward;
  episode_return_ += result.reward;
  std::vector<double> terms(reward_term_labels_.size());
  task_->RewardTerms(environment_.channels(), action_, terms);
  const std::vector<double> state = environment_.SaveState();
  const bool person = std::find(held_.begin(), held_.end(), true) != held_.end();
  Timeline::Row row = {.state = state,
                       .channels = environment_.channels(),
                       .action = action_,
                       .reward_terms = terms,
                       .reward = reward_,
                       .events = EventsOf(result, last_reward),
                       .actor = static_cast<uint8_t>(person ? Actor::kPerson : actor_)};
  now_.row = timeline_.Append(now_.branch, row);
  asked_for_now_ = false;
  const bool over = result.terminated || (result.truncated && !Branch().ended);
  if (over) {
    EndEpisode();
  } else {
    AskForPlan();
  }
}

uint32_t SessionCore::EventsOf(const StepResult& result, double last_reward) {
  uint32_t events = 0;
  const mjModel* model = environment_.model();
  const mjData* data = environment_.data();
  std::vector<int> touching;
  for (int i = 0; i < data->ncon; ++i) {
    const mjContact& contact = data->contact[i];
    if (contact.geom[0] < 0 || contact.geom[1] < 0 || contact.exclude) continue;
    const auto [low, high] = std::minmax(model->geom_bodyid[contact.geom[0]], model->geom_bodyid[contact.geom[1]]);
    touching.push_back(low * model->nbody + high);
  }
  std::sort(touching.begin(), touching.end());
  touching.erase(std::unique(touching.begin(), touching.end()), touching.end());
  if (!std::includes(touching_.begin(), touching_.end(), touching.begin(), touching.end())) events |= kContactEvent;
  touching_ = std::move(touching);
  // Of rewards per env step, which most tasks keep between 0 and 1. What an episode begins with is no event.
  const double repeat = task_->spec().action_repeat;
  if (environment_.control_step() > 1 && last_reward / repeat < 0.5 && result.reward / repeat >= 0.5) events |= kRewardEvent;
  if (result.terminated || (result.truncated && environment_.control_step() == task_->steps_per_episode())) {
    events |= kEndEvent;
  }
  return events;
}

void SessionCore::EndEpisode() {
  timeline_.End(now_.branch, false);
  if (at_end_ == AtEnd::kPause) Pause();
  if (at_end_ != AtEnd::kNextEpisode || !(playing_ || Busy())) AskForPlan();
}

void SessionCore::GoOnInNextEpisode() {
  const int64_t steps = pending_steps_, simulation_steps = pending_simulation_steps_;
  ResetToEpisode(last_episode_ + 1);
  pending_steps_ = steps;
  pending_simulation_steps_ = simulation_steps;
}

}  // namespace reverie
