#include "agent/imaginer.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "sim/pose_probe.h"
#include "worldmodel/simulator_model.h"

namespace reverie {
namespace {

// Steps judged at most in one go: what is farther back than that when this thread comes to it stays unjudged.
constexpr int64_t kJudgedAtOnce = 32;
constexpr size_t kUsualSteps = 1000;
constexpr size_t kLeastForThreshold = 50;
constexpr double kUsualShare = 0.99;
// A model that is sure beyond this share of a channel's deviation says no more by it.
constexpr double kSurestDeviation = 1e-3;

/// How far a prediction is off, in the channel's own unit; around the circle where it is an angle.
double Off(double predicted, double real, bool angle) {
  const double off = predicted - real;
  return angle ? std::remainder(off, 2 * std::numbers::pi) : off;
}

std::vector<double> ChannelScale(const CompiledTask& task, const WorldModel& model) {
  std::vector<double> scale = model.channel_scale();
  if (scale.empty()) {
    const ModelPtr own(mj_copyModel(nullptr, task.model()));
    const DataPtr data(mj_makeData(own.get()));
    scale = ProbeChannels(task, own.get(), data.get());
  }
  for (double& value : scale) {
    if (!(value > 0)) value = 1;
  }
  return scale;
}

void AppendPosition(const mjData* data, int body, std::vector<float>& path) {
  for (int i = 0; i < 3; ++i) path.push_back(static_cast<float>(data->xipos[3 * body + i]));
}

}  // namespace

bool SamePlanOptions(const ImaginationOptions& a, const ImaginationOptions& b) {
  return a.horizon == b.horizon && a.candidates == b.candidates && a.members == b.members &&
         a.traced_body == b.traced_body && a.planning_gap == b.planning_gap;
}

bool SameComparison(const ImaginationOptions& a, const ImaginationOptions& b) {
  return a.compare == b.compare && a.compare_steps == b.compare_steps && a.frozen == b.frozen &&
         a.tolerance == b.tolerance;
}

Belief BeliefAt(const TimelineView& timeline, TimelinePlace place, int memory) {
  const BranchView& branch = *timeline.Find(place.branch);
  const int64_t row = place.row;
  const auto copy = [](std::span<const double> values) { return std::vector<double>(values.begin(), values.end()); };
  return {.channels = copy(branch.Channels(row)),
          .integration_state = copy(branch.State(row)),
          .parameters = branch.info->parameters,
          .past = timeline.Past(place, memory),
          .past_states = timeline.PastStates(place, memory)};
}

int DefaultTracedBody(const mjModel* model) {
  for (int body = 1; body < model->nbody; ++body) {
    // A trunk: a free joint, or two slides and more, right under the world.
    if (model->body_parentid[body] == 0 && model->body_dofnum[body] >= 3) return body;
  }
  int best = 0, longest = 0;
  std::vector<int> depth(static_cast<size_t>(model->nbody), 0);
  for (int body = 1; body < model->nbody; ++body) {
    depth[static_cast<size_t>(body)] =
        depth[static_cast<size_t>(model->body_parentid[body])] + (model->body_jntnum[body] > 0 ? 1 : 0);
    if (depth[static_cast<size_t>(body)] >= longest && model->body_weldid[body] != 0 && model->body_mass[body] > 0) {
      if (depth[static_cast<size_t>(body)] == longest && best != 0) continue;
      longest = depth[static_cast<size_t>(body)];
      best = body;
    }
  }
  return best;
}

Imaginer::Imaginer(std::shared_ptr<const CompiledTask> task, std::unique_ptr<WorldModel> model, std::string name)
    : task_(std::move(task)),
      model_(std::move(model)),
      pictures_(dynamic_cast<PictureModel*>(model_.get())),
      name_(std::move(name)),
      reading_error_(pictures_ ? pictures_->reading_error() : std::vector<double>()),
      fit_(task_, reading_error_),
      environment_(task_) {
  if (!simulates()) simulator_ = std::make_unique<SimulatorModel>(task_, 1);
  shown_.channel_scale = ChannelScale(*task_, *model_);
}

Imaginer::~Imaginer() = default;

bool Imaginer::Look(const Input& input, std::stop_token stop) {
  if (pictures_) return LookAtPictures(input, stop);
  bool changed = false;
  if (input.plan && (input.plan->serial != plan_serial_ || !SamePlanOptions(input.options, plan_options_))) {
    ImaginePlan(*input.plan, input.options);
    plan_serial_ = input.plan->serial;
    plan_options_ = input.options;
    if (const BranchView* branch = input.timeline.Find(input.plan->from.branch);
        branch && branch->Has(input.plan->from.row)) {
      branch->Set(Judged::kReturnInModel, input.plan->from.row, shown_.plan->return_in_model);
      branch->Set(Judged::kReturnInSimulator, input.plan->from.row, shown_.plan->return_in_simulator);
    }
    changed = true;
  }
  if (stop.stop_requested()) return changed;
  if (!(input.now == compared_now_) || !SameComparison(input.options, compared_options_)) {
    Compare(input);
    compared_now_ = input.now;
    compared_options_ = input.options;
    changed = true;
  }
  if (input.options.surprise && JudgeSteps(input, stop)) changed = true;
  return changed;
}

void Imaginer::FollowChannels(const Belief& belief, std::span<const float> channels, int steps, int body,
                              std::vector<double>* poses, std::vector<float>* path) {
  const size_t size = static_cast<size_t>(task_->channel_size());
  fit_.Start(belief.integration_state, belief.parameters);
  if (path) AppendPosition(fit_.data(), body, *path);
  std::vector<double> row(size);
  for (int h = 0; h < steps; ++h) {
    std::copy_n(channels.begin() + static_cast<ptrdiff_t>(h * static_cast<int>(size)), size, row.begin());
    fit_.Step(row);
    if (poses) poses->insert(poses->end(), fit_.data()->qpos, fit_.data()->qpos + fit_.model()->nq);
    if (path) AppendPosition(fit_.data(), body, *path);
  }
}

void Imaginer::FollowActions(const Belief& belief, std::span<const float> actions, int steps, int body,
                             std::vector<double>* poses, std::vector<float>* path) {
  const size_t size = static_cast<size_t>(task_->action_size());
  if (!belief.parameters.empty()) environment_.SetParameters(belief.parameters);
  environment_.RestoreState(belief.integration_state, 0);
  if (path) AppendPosition(environment_.data(), body, *path);
  std::vector<double> action(size);
  for (int h = 0; h < steps; ++h) {
    std::copy_n(actions.begin() + static_cast<ptrdiff_t>(h * static_cast<int>(size)), size, action.begin());
    // After a divergence the picture of it stands still.
    if (environment_.Step(action).diverged_dof >= 0) environment_.RestoreState(belief.integration_state, 0);
    const mjData* data = environment_.data();
    if (poses) poses->insert(poses->end(), data->qpos, data->qpos + environment_.model()->nq);
    if (path) AppendPosition(data, body, *path);
  }
}

void Imaginer::ImaginePlan(const PlanAnswer& answer, const ImaginationOptions& options) {
  const int nu = task_->action_size();
  auto plan = std::make_shared<ImaginedPlan>();
  ImaginedPlan& p = *plan;
  p.from = answer.from;
  p.model = name_;
  p.channel_size = task_->channel_size();
  const int planned = nu > 0 ? static_cast<int>(answer.plan.actions.size()) / nu : 0;
  p.horizon = options.horizon > 0 ? std::min(options.horizon, planned) : planned;
  const size_t length = static_cast<size_t>(p.horizon * nu);
  p.actions.assign(answer.plan.actions.begin(), answer.plan.actions.begin() + static_cast<ptrdiff_t>(length));
  p.traced_body = options.traced_body > 0 && options.traced_body < task_->model()->nbody
                      ? options.traced_body
                      : DefaultTracedBody(task_->model());
  const Belief& belief = *answer.belief;

  model_->Imagine(belief, p.actions, 1, p.horizon, {.channels = true, .members = options.members}, imagination_);
  p.channels = imagination_.channels;
  p.spread = imagination_.spread;
  p.rewards = imagination_.rewards;
  for (const float reward : p.rewards) p.return_in_model += reward;
  if (options.members && imagination_.members > 1) {
    p.members = imagination_.members;
    p.member_channels = imagination_.member_channels;
  }
  if (simulates()) {
    FollowActions(belief, p.actions, p.horizon, p.traced_body, &p.ghosts, nullptr);
  } else {
    FollowChannels(belief, p.channels, p.horizon, p.traced_body, &p.ghosts, nullptr);
  }
  const size_t row = static_cast<size_t>(p.horizon * p.channel_size);
  for (int m = 0; m < p.members; ++m) {
    FollowChannels(belief, std::span(p.member_channels).subspan(static_cast<size_t>(m) * row, row), p.horizon,
                   p.traced_body, nullptr, &p.member_traces);
  }

  p.candidates = std::min(options.candidates, answer.candidates.count);
  p.elites = std::min(p.candidates, answer.candidates.elites);
  p.scores.assign(answer.candidates.scores.begin(), answer.candidates.scores.begin() + p.candidates);
  std::vector<float> actions;
  for (int i = 0; i < p.candidates; ++i) {
    const auto first = answer.candidates.actions.begin() + static_cast<ptrdiff_t>(i * planned * nu);
    actions.insert(actions.end(), first, first + static_cast<ptrdiff_t>(length));
  }
  if (simulates()) {
    for (int i = 0; i < p.candidates; ++i) {
      FollowActions(belief, std::span(actions).subspan(static_cast<size_t>(i) * length, length), p.horizon,
                    p.traced_body, nullptr, &p.traces);
    }
  } else if (p.candidates > 0) {
    model_->Imagine(belief, actions, p.candidates, p.horizon, {.channels = true}, imagination_);
    for (int i = 0; i < p.candidates; ++i) {
      FollowChannels(belief, std::span(imagination_.channels).subspan(static_cast<size_t>(i) * row, row), p.horizon,
                     p.traced_body, nullptr, &p.traces);
    }
  }

  p.return_in_simulator = std::numeric_limits<float>::quiet_NaN();
  if (simulates()) {
    p.return_in_simulator = p.return_in_model;
  } else if (options.planning_gap && !pictures_) {
    simulator_->Imagine(belief, p.actions, 1, p.horizon, {}, imagination_);
    p.return_in_simulator = 0;
    for (const float reward : imagination_.rewards) p.return_in_simulator += reward;
  }
  shown_.plan = std::move(plan);
}

void Imaginer::Compare(const Input& input) {
  shown_.compared = nullptr;
  const ImaginationOptions& options = input.options;
  if (!options.compare) return;
  const TimelineView& timeline = input.timeline;
  const int64_t now_step = timeline.StepOf(input.now);
  int64_t first_step = now_step - options.compare_steps;
  if (options.frozen) {
    first_step = timeline.StepOf(*options.frozen);
    // Reality took another branch, or has not come to where it was made.
    if (first_step < 0 || first_step > now_step) return;
    const TimelinePlace on_the_way = timeline.AtStep(input.now.branch, first_step);
    const BranchView* branch = timeline.Find(on_the_way.branch);
    const bool where_it_forks = branch && on_the_way.row == 0 && !branch->info->edited &&
                                branch->info->parent == options.frozen->branch;
    if (on_the_way != *options.frozen && !where_it_forks) return;
  }
  // What a person changed by hand no prediction could have known.
  int64_t earliest = 0;
  for (const BranchView* branch : timeline.Lineage(input.now.branch)) {
    if (branch->info->edited || branch->info->parent < 0) earliest = branch->info->first_step;
  }
  if (options.frozen && first_step < earliest) return;
  first_step = std::max(first_step, earliest);
  if (!options.frozen) first_step = std::max(first_step, now_step - kMostComparedSteps);
  // A frozen prediction stays where it was made: it is followed as far as predictions are.
  const int steps = static_cast<int>(std::min<int64_t>(now_step - first_step, kMostComparedSteps));
  const TimelinePlace from = timeline.AtStep(input.now.branch, first_step);
  if (steps < 1 || from.branch < 0) return;

  auto compared = std::make_shared<PredictedVersusReal>();
  PredictedVersusReal& c = *compared;
  c.from = from;
  c.branch = input.now.branch;
  c.model = name_;
  c.steps = steps;
  c.channel_size = task_->channel_size();
  std::vector<float> actions;
  std::vector<TimelinePlace> places;
  for (int h = 1; h <= steps; ++h) {
    places.push_back(timeline.AtStep(input.now.branch, first_step + h));
    if (places.back().branch < 0) return;
    const BranchView& branch = *timeline.Find(places.back().branch);
    // Where a branch begins, the action that led there is the parent's.
    TimelinePlace acted = places.back();
    if (acted.row == 0) acted = {branch.info->parent, branch.info->parent_row};
    const BranchView* actor = timeline.Find(acted.branch);
    if (!actor || !actor->Has(acted.row)) return;
    for (const double value : actor->Action(acted.row)) actions.push_back(static_cast<float>(value));
    for (const double value : branch.Channels(places.back().row)) c.real.push_back(static_cast<float>(value));
    c.real_rewards.push_back(static_cast<float>(actor->Reward(acted.row)));
  }
  const Belief belief = BeliefAt(timeline, from, model_->memory());
  model_->Imagine(belief, actions, 1, steps, {.channels = true}, imagination_);
  c.predicted = imagination_.channels;
  c.spread = imagination_.spread;
  c.predicted_rewards = imagination_.rewards;
  int64_t told = c.channel_size;
  if (!reading_error_.empty()) {
    // What pictures do not show is read as anything: that says nothing about whether they part.
    for (size_t i = 0; i < reading_error_.size(); ++i) {
      c.tells.push_back(reading_error_[i] <= options.tolerance * shown_.channel_scale[i]);
    }
    told = std::count(c.tells.begin(), c.tells.end(), true);
  }
  told = std::max<int64_t>(1, told);
  for (int h = 0; h < steps; ++h) {
    double sum = 0, farthest = 0;
    int channel = -1;
    for (int i = 0; i < c.channel_size; ++i) {
      const size_t at = static_cast<size_t>(h * c.channel_size + i);
      if (!c.Tells(i)) continue;
      const bool angle = task_->angles()[static_cast<size_t>(i)];
      const double off = std::abs(Off(c.predicted[at], c.real[at], angle)) / shown_.channel_scale[static_cast<size_t>(i)];
      sum += off * off;
      if (off > farthest || !std::isfinite(off)) {
        farthest = off;
        channel = i;
      }
    }
    c.error.push_back(static_cast<float>(std::sqrt(sum / static_cast<double>(told))));
    if (c.parts_at == 0 && channel >= 0 && !(farthest <= options.tolerance)) {
      c.parts_at = h + 1;
      c.parts_channel = channel;
    }
  }
  if (simulates()) {
    FollowActions(belief, actions, steps, 0, &c.ghosts, nullptr);
  } else {
    FollowChannels(belief, c.predicted, steps, 0, &c.ghosts, nullptr);
  }
  if (options.frozen) {
    std::optional<TimelinePlace> parting;
    if (c.parts_at > 0) parting = places[static_cast<size_t>(c.parts_at - 1)];
    MarkParting(timeline, parting);
  }
  shown_.compared = std::move(compared);
}

/// One mark at a time: with another tolerance or model they part elsewhere.
void Imaginer::MarkParting(const TimelineView& timeline, std::optional<TimelinePlace> parting) {
  if (parting == parting_) return;
  if (parting_) {
    const BranchView* branch = timeline.Find(parting_->branch);
    if (branch && branch->Has(parting_->row)) branch->RemoveEvent(parting_->row, kPartingEvent);
  }
  if (parting) timeline.Find(parting->branch)->AddEvent(parting->row, kPartingEvent);
  parting_ = parting;
}

void Imaginer::GoOnFrom(const Imaginer& before) {
  const std::vector<double> scale = std::move(shown_.channel_scale);
  shown_ = before.shown_;
  shown_.channel_scale = scale;
  surprises_ = before.surprises_;
  parting_ = before.parting_;
  judged_to_ = before.judged_to_;
}

int64_t Imaginer::FirstToJudge(const Input& input) {
  const BranchView& branch = *input.timeline.Find(input.now.branch);
  int64_t first = std::max<int64_t>({1, branch.first_row + 1, input.now.row - kJudgedAtOnce + 1});
  if (judged_to_.branch == input.now.branch && judged_to_.row <= input.now.row) {
    first = std::max(first, judged_to_.row + 1);
  }
  return first;
}

void Imaginer::KeepSurprise(const BranchView& branch, int64_t row, float surprise) {
  branch.Set(Judged::kSurprise, row, surprise);
  if (shown_.surprise_threshold != 0 && surprise > shown_.surprise_threshold) branch.AddEvent(row, kSurpriseEvent);
  if (std::isfinite(surprise)) surprises_.push_back(surprise);
  if (surprises_.size() > kUsualSteps) surprises_.pop_front();
}

void Imaginer::FindThreshold() {
  if (surprises_.size() < kLeastForThreshold) return;
  std::vector<float> sorted(surprises_.begin(), surprises_.end());
  const auto at = sorted.begin() + static_cast<ptrdiff_t>(kUsualShare * static_cast<double>(sorted.size() - 1));
  std::nth_element(sorted.begin(), at, sorted.end());
  shown_.surprise_threshold = *at;
}

bool Imaginer::JudgeSteps(const Input& input, std::stop_token stop) {
  const BranchView& branch = *input.timeline.Find(input.now.branch);
  bool judged = false;
  std::vector<float> action(static_cast<size_t>(task_->action_size()));
  for (int64_t row = FirstToJudge(input); row <= input.now.row && !stop.stop_requested(); ++row) {
    judged_to_ = {input.now.branch, row};
    if (!std::isnan(branch.Get(Judged::kSurprise, row))) continue;
    std::copy(branch.Action(row).begin(), branch.Action(row).end(), action.begin());
    model_->Imagine(BeliefAt(input.timeline, {input.now.branch, row - 1}, model_->memory()), action, 1, 1, {.channels = true}, imagination_);
    const std::span<const double> real = branch.Channels(row);
    double surprise = 0;
    for (size_t i = 0; i < real.size(); ++i) {
      const double scale = shown_.channel_scale[i];
      const double deviation = std::max(static_cast<double>(imagination_.spread[i]) / scale, kSurestDeviation);
      const double off = Off(imagination_.channels[i], real[i], task_->angles()[i]) / scale / deviation;
      surprise += 0.5 * off * off + std::log(deviation) + 0.9189385332046727;  // ln sqrt(2 pi)
    }
    KeepSurprise(branch, row, static_cast<float>(surprise / static_cast<double>(std::max<size_t>(1, real.size()))));
    branch.Set(Judged::kPredictedReward, row, imagination_.rewards.front());
    judged = true;
  }
  if (judged) FindThreshold();
  return judged;
}

}  // namespace reverie
