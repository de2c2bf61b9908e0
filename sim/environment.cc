#include "sim/environment.h"

#include "sim/dataset.h"
#include "sim/error.h"

namespace reverie {

Environment::Environment(std::shared_ptr<const CompiledTask> task) : task_(std::move(task)) {
  if (task_->parameter_size() > 0) own_model_.reset(mj_copyModel(nullptr, task_->model()));
  data_.reset(mj_makeData(task_->model()));
  if (!data_ || (task_->parameter_size() > 0 && !own_model_)) {
    throw SceneError(task_->scene().origin() + ": not enough memory for a simulation of it");
  }
  channels_.resize(static_cast<size_t>(task_->channel_size()));
  Reset(0);
}

void Environment::Reset(uint64_t seed) {
  Random random(seed);
  // Resets write to the model only where it is this environment's own.
  task_->Reset(own_model_ ? own_model_.get() : const_cast<mjModel*>(task_->model()), data_.get(), random);
  control_step_ = 0;
  task_->Observe(model(), data_.get(), channels_);
}

StepResult Environment::Step(std::span<const double> action) {
  if (static_cast<int>(action.size()) != task_->action_size()) {
    throw ShapeError("action: expected " + std::to_string(task_->action_size()) + " values, found " +
                     std::to_string(action.size()));
  }
  StepResult result = task_->Step(model(), data_.get(), action, channels_);
  ++control_step_;
  if (!result.terminated && control_step_ >= task_->steps_per_episode()) result.truncated = true;
  return result;
}

std::span<const double> Environment::observation() const {
  return std::span<const double>(channels_).first(static_cast<size_t>(task_->observation_size()));
}

std::vector<double> Environment::SaveState() const {
  std::vector<double> state(static_cast<size_t>(task_->state_size()));
  mj_getState(model(), data_.get(), state.data(), mjSTATE_INTEGRATION);
  return state;
}

void Environment::RestoreState(std::span<const double> state, int control_step) {
  if (static_cast<int>(state.size()) != task_->state_size()) {
    throw ShapeError("integration state: expected " + std::to_string(task_->state_size()) +
                     " values, found " + std::to_string(state.size()));
  }
  task_->SetState(model(), data_.get(), state);
  control_step_ = control_step;
  task_->Observe(model(), data_.get(), channels_);
}

std::vector<double> Environment::parameters() const {
  std::vector<double> parameters(static_cast<size_t>(task_->parameter_size()));
  task_->GetParameters(model(), parameters);
  return parameters;
}

void Environment::SetParameters(std::span<const double> parameters) {
  task_->SetParameters(own_model_.get(), data_.get(), parameters);
}

EpisodeRecorder::EpisodeRecorder(const CompiledTask& task, int64_t index, uint64_t seed) : task_(&task) {
  episode_.index = index;
  episode_.seed = seed;
}

void EpisodeRecorder::Start(const mjModel* model, const mjData* data, std::span<const double> channels) {
  episode_.model_parameters.resize(static_cast<size_t>(task_->parameter_size()));
  task_->GetParameters(model, episode_.model_parameters);
  Reserve(model);
  const std::vector<double> no_action(static_cast<size_t>(task_->action_size()), 0.0);
  AddState(model, data, channels, no_action);
}

// Room for a whole episode at once, where that is not so much that an early end would waste it.
void EpisodeRecorder::Reserve(const mjModel* model) {
  constexpr size_t kMostValues = size_t{1} << 23;
  const auto steps = static_cast<size_t>(task_->steps_per_episode()), states = steps + 1;
  if (states * static_cast<size_t>(task_->state_size() + 1) > kMostValues) return;
  const auto reserve = [](std::vector<double>& rows, size_t count, int64_t width) {
    rows.reserve(count * static_cast<size_t>(width));
  };
  reserve(episode_.observations, states, task_->observation_size());
  reserve(episode_.signals, states, task_->signal_size());
  reserve(episode_.actions, steps, task_->action_size());
  reserve(episode_.rewards, steps, 1);
  reserve(episode_.integration_state, states, task_->state_size());
  reserve(episode_.qpos, states, model->nq);
  reserve(episode_.qvel, states, model->nv);
  reserve(episode_.time, states, 1);
  if (!task_->success().empty()) reserve(episode_.success, states, 1);
}

void EpisodeRecorder::Add(std::span<const double> action, const StepResult& result, const mjModel* model,
                          const mjData* data, std::span<const double> channels) {
  if (result.diverged_dof >= 0) {
    // What blew up is not recorded: the episode ends at its last sound state.
    episode_.diverged = task_->scene().DofLabel(result.diverged_dof);
    episode_.truncated = true;
    return;
  }
  for (double value : action) episode_.actions.push_back(ClipAction(value));
  episode_.rewards.push_back(result.reward);
  ++episode_.steps;
  episode_.terminated = result.terminated;
  episode_.truncated = result.truncated;
  AddState(model, data, channels, action);
}

void EpisodeRecorder::AddState(const mjModel* model, const mjData* data, std::span<const double> channels,
                               std::span<const double> action) {
  const auto append = [](std::vector<double>& to, const mjtNum* from, mjtSize count) {
    to.insert(to.end(), from, from + count);
  };
  const size_t observation_size = static_cast<size_t>(task_->observation_size());
  append(episode_.observations, channels.data(), task_->observation_size());
  append(episode_.signals, channels.data() + observation_size, task_->signal_size());
  const size_t at = episode_.integration_state.size();
  episode_.integration_state.resize(at + static_cast<size_t>(task_->state_size()));
  mj_getState(model, data, episode_.integration_state.data() + at, mjSTATE_INTEGRATION);
  append(episode_.qpos, data->qpos, model->nq);
  append(episode_.qvel, data->qvel, model->nv);
  episode_.time.push_back(data->time);
  if (!task_->success().empty()) episode_.success.push_back(task_->Success(channels, action) ? 1.0 : 0.0);
}

Episode EpisodeRecorder::Take() {
  return std::move(episode_);
}

DatasetInfo DescribeDataset(const CompiledTask& task, uint64_t seed, const std::string& policy) {
  DatasetInfo info;
  info.task_name = task.spec().name;
  info.task_json = task.spec().ToJson().dump(2);
  info.scene_mjb = task.scene().ToMjb();
  info.mujoco_version = MujocoVersion();
  info.seed = seed;
  info.policy = policy;
  info.control_timestep_s = task.env_step_s();
  info.action_repeat = task.spec().action_repeat;
  info.observation_size = task.observation_size();
  info.signal_size = task.signal_size();
  info.action_size = task.action_size();
  info.state_size = task.state_size();
  info.qpos_size = task.model()->nq;
  info.qvel_size = task.model()->nv;
  info.observation_labels = task.ObservationLabels();
  info.signal_labels = task.SignalLabels();
  info.action_labels = task.ActionLabels();
  info.parameter_labels = task.ParameterLabels();
  return info;
}

}  // namespace reverie
