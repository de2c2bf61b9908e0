// Imagining by a model that sees pictures.
#include <algorithm>
#include <cmath>

#include "agent/imaginer.h"

namespace reverie {
namespace {

// Consecutive control steps that were lived, and what was done in between.
struct Lived {
  std::vector<Belief> beliefs;
  std::vector<float> actions;  // (beliefs - 1, nu)
};

/// The `steps` control steps before a place and itself; without beliefs where they are not kept.
/// @param across_edits  whether a person may have changed the state in between.
Lived LivedBefore(const TimelineView& timeline, TimelinePlace to, int64_t steps, int memory, bool across_edits) {
  Lived lived;
  const int64_t last = timeline.StepOf(to), first = last - steps;
  if (first < 0) return {};
  for (int64_t step = first; step <= last; ++step) {
    const TimelinePlace place = timeline.AtStep(to.branch, step);
    const BranchView* branch = timeline.Find(place.branch);
    if (!branch || !branch->Has(place.row)) return {};
    if (!across_edits && step > first && place.row == 0 && branch->info->edited) return {};
    if (step > first) {
      TimelinePlace acted = place;
      if (place.row == 0) acted = timeline.Origin({branch->info->parent, branch->info->parent_row});
      const BranchView* actor = timeline.Find(acted.branch);
      if (!actor || !actor->Has(acted.row)) return {};
      for (const double value : actor->Action(acted.row)) lived.actions.push_back(static_cast<float>(value));
    }
    lived.beliefs.push_back(BeliefAt(timeline, place, memory));
  }
  return lived;
}

}  // namespace

bool Imaginer::LookAtPictures(const Input& input, std::stop_token stop) {
  bool changed = false;
  const bool reads = pictures_->reads_channels();
  if (input.plan && (input.plan->serial != plan_serial_ || !SamePlanOptions(input.options, plan_options_))) {
    const Belief& belief = *input.plan->belief;
    if (reads) ImaginePlan(*input.plan, input.options);
    shown_.seen = pictures_->See(belief, input.plan->plan.actions);
    shown_.planned_film = pictures_->Film({&belief, 1}, input.plan->plan.actions);
    plan_serial_ = input.plan->serial;
    plan_options_ = input.options;
    const BranchView* branch = input.timeline.Find(input.plan->from.branch);
    if (shown_.seen && branch && branch->Has(input.plan->from.row)) {
      branch->Set(Judged::kEnergy, input.plan->from.row, static_cast<float>(shown_.seen->energy));
    }
    changed = true;
  }
  if (stop.stop_requested()) return changed;
  if (!(input.now == compared_now_) || !SameComparison(input.options, compared_options_)) {
    if (reads) Compare(input);
    CompareFilm(input);
    compared_now_ = input.now;
    compared_options_ = input.options;
    changed = true;
  }
  if (input.options.surprise && JudgePictures(input, stop)) changed = true;
  return changed;
}

void Imaginer::CompareFilm(const Input& input) {
  shown_.compared_film = nullptr;
  shown_.compared_branch = input.now.branch;
  const ImaginationOptions& options = input.options;
  if (!options.compare) return;
  const int64_t now_step = input.timeline.StepOf(input.now);
  int64_t steps = std::min<int64_t>(options.compare_steps, now_step);
  if (options.frozen) {
    // As far as it was compared in numbers; where it was not, there is nothing to be drawn either.
    if (!shown_.compared) return;
    steps = shown_.compared->steps;
  }
  const Lived lived = LivedBefore(input.timeline, input.now, steps, model_->memory(), false);
  if (lived.beliefs.size() > 1) shown_.compared_film = pictures_->Film(lived.beliefs, lived.actions);
}

bool Imaginer::JudgePictures(const Input& input, std::stop_token stop) {
  const BranchView& branch = *input.timeline.Find(input.now.branch);
  bool judged = false;
  // What a person did to the scene is judged as well: whether the world may do that is what is asked.
  for (int64_t row = FirstToJudge(input); row <= input.now.row && !stop.stop_requested(); ++row) {
    judged_to_ = {input.now.branch, row};
    if (!std::isnan(branch.Get(Judged::kSurprise, row))) continue;
    const Lived lived = LivedBefore(input.timeline, judged_to_, pictures_->surprise_steps(), model_->memory(), true);
    if (lived.beliefs.empty()) continue;
    KeepSurprise(branch, row, static_cast<float>(pictures_->Surprise(lived.beliefs.front(), lived.actions, lived.beliefs.back())));
    judged = true;
  }
  if (judged) FindThreshold();
  return judged;
}

}  // namespace reverie
