// A person's hands in SessionCore: acting in place of whoever acts, pushing and moving bodies, changing the state.
#include <algorithm>
#include <cmath>

#include "agent/session_core.h"
#include "sim/drag_pose.h"

namespace reverie {

void SessionCore::SetPersonAction(std::vector<double> action, std::vector<bool> held) {
  if (static_cast<int>(action.size()) != task_->action_size() || held.size() != action.size()) {
    Say("a person's action: expected " + std::to_string(task_->action_size()) + " values, found " +
            std::to_string(action.size()),
        true);
    return;
  }
  for (double& element : action) element = ClipAction(element);
  person_action_ = std::move(action);
  held_ = std::move(held);
}

void SessionCore::ApplyPush() {
  const mjModel* model = environment_.model();
  mjData* data = environment_.data();
  std::fill(data->xfrc_applied, data->xfrc_applied + 6 * model->nbody, 0.0);
  if (perturbation_.active && perturbation_.select > 0 && perturbation_.select < model->nbody) {
    mjv_applyPerturbPose(model, data, &perturbation_, 0);
    mjv_applyPerturbForce(model, data, &perturbation_);
  }
}

void SessionCore::SetPerturbation(const mjvPerturb& perturbation) {
  perturbation_ = perturbation;
  const mjModel* model = environment_.model();
  if (playing_ || !perturbation_.active || perturbation_.select <= 0 || perturbation_.select >= model->nbody) return;
  const std::vector<double> before = environment_.SaveState();
  DragPose(model, environment_.data(), perturbation_);
  const std::vector<double> after = environment_.SaveState();
  if (before == after) return;
  EditState(after, task_->scene().Label(mjOBJ_BODY, perturbation_.select) + " moved", true);
}

bool SessionCore::IsState(const std::vector<double>& state) {
  if (static_cast<int>(state.size()) != task_->state_size()) {
    Say("a state: expected " + std::to_string(task_->state_size()) + " values, found " + std::to_string(state.size()),
        true);
    return false;
  }
  if (!std::all_of(state.begin(), state.end(), [](double value) { return std::isfinite(value); })) {
    Say("a state: expected finite numbers", true);
    return false;
  }
  return true;
}

void SessionCore::EditState(const std::vector<double>& state, const std::string& label, bool keep_history,
                            TimelinePlace from) {
  if (!IsState(state)) return;
  Pause();
  // A slider that is dragged is one change, not one for each frame.
  const BranchInfo& before = *Branch().info;
  const bool same_change = before.edited && before.label == label && Branch().rows == 1 && before.parent >= 0;
  const BranchView* seen = timeline_.view().Find(from.branch);
  if (!same_change && from != now_ && seen && seen->Has(from.row)) Restore(from);
  BranchInfo info;
  info.seed = seed_;
  info.episode = -1;
  info.edited = true;
  info.label = label;
  info.parameters = environment_.parameters();
  const int replaced = same_change ? now_.branch : -1;
  if (keep_history) {
    info.parent = same_change ? before.parent : now_.branch;
    info.parent_row = same_change ? before.parent_row : now_.row;
    info.first_step = Step();
  }
  environment_.RestoreState(state, static_cast<int>(info.first_step));
  episode_ = -1;
  BeginBranch(std::move(info));
  timeline_.AddEvent(now_, kEditEvent);
  if (replaced >= 0) timeline_.Remove(replaced, now_.branch);
}

void SessionCore::BeginFrom(const std::vector<double>& state, std::vector<double> parameters,
                            const std::string& label) {
  if (static_cast<int>(parameters.size()) != task_->parameter_size()) {
    Say("a state from elsewhere: expected " + std::to_string(task_->parameter_size()) + " model parameters, found " +
            std::to_string(parameters.size()),
        true);
    return;
  }
  if (!IsState(state)) return;
  if (!parameters.empty()) environment_.SetParameters(parameters);
  EditState(state, label, false);
}

}  // namespace reverie
