#include <algorithm>
#include <cmath>

#include "sim/compiled_task_impl.h"
#include "sim/error.h"
#include "sim/mujoco_messages.h"

namespace reverie {

double ClipAction(double action) {
  return std::isnan(action) ? 0.0 : std::clamp(action, -1.0, 1.0);
}

void UpdateModelConstants(mjModel* model, mjData* data) {
  // mj_setConst computes in the reference configuration, which it leaves in the data.
  std::vector<mjtNum> state(static_cast<size_t>(mj_stateSize(model, mjSTATE_INTEGRATION)));
  mj_getState(model, data, state.data(), mjSTATE_INTEGRATION);
  mj_setConst(model, data);
  mj_setState(model, data, state.data(), mjSTATE_INTEGRATION);
}

int CompiledTask::Impl::Diverged(const mjData* data) const {
  for (const int warning : {mjWARN_BADQPOS, mjWARN_BADQVEL, mjWARN_BADQACC}) {
    if (data->warning[warning].number == 0) continue;
    const int index = data->warning[warning].lastinfo;
    if (warning != mjWARN_BADQPOS) return index;
    const mjModel* m = scene->model();
    for (int joint = static_cast<int>(m->njnt) - 1; joint >= 0; --joint) {
      if (m->jnt_qposadr[joint] <= index) {
        const int last = joint + 1 < m->njnt ? m->jnt_dofadr[joint + 1] - 1 : static_cast<int>(m->nv) - 1;
        return std::min(m->jnt_dofadr[joint] + index - m->jnt_qposadr[joint], last);
      }
    }
    return 0;
  }
  return -1;
}

// One env step, after which positions and velocities, and what derives from them, are current. MuJoCo's
// mj_step leaves derived quantities one step behind; finishing with mj_step1 brings them up to date, and the
// next step then needs only what mj_step does behind mj_step1: mj_step2, or what stands here for Runge-Kutta,
// where mj_step2 would integrate by Euler.
void CompiledTask::Impl::StepOnce(const mjModel* model, mjData* data) const {
  if (model->opt.integrator == mjINT_RK4) {
    mj_forwardSkip(model, data, mjSTAGE_VEL, 0);
    mj_checkAcc(model, data);
    mj_RungeKutta(model, data, 4);
  } else {
    mj_step2(model, data);
  }
  for (int remaining = substeps - 1; remaining > 0; --remaining) mj_step(model, data);
  mj_step1(model, data);
}

double CompiledTask::Impl::Evaluate(const Formula& formula, std::span<const double> channel_values,
                                    std::span<const double> action) const {
  thread_local std::vector<double> scratch;
  return formula.EvaluateScalar(
      [&](int i) {
        return i < channel_size ? channel_values[static_cast<size_t>(i)]
                                : ClipAction(action[static_cast<size_t>(i - channel_size)]);
      },
      scratch);
}

CompiledTask::CompiledTask() : impl_(std::make_unique<Impl>()) {}
CompiledTask::~CompiledTask() = default;

std::shared_ptr<const CompiledTask> CompiledTask::Compile(TaskSpec spec, int action_repeat) {
  if (action_repeat > 0) spec.action_repeat = action_repeat;
  std::error_code ignored;
  if (!spec.task_file.empty() && !std::filesystem::exists(spec.scene_file, ignored)) {
    throw TaskError("task " + spec.task_file.string() + ", key \"scene\": " + spec.scene_file.string() +
                    ": no such file (expected an MJCF, URDF or MJB file)");
  }
  std::shared_ptr<const Scene> scene = Scene::Load(spec.scene_file);
  return Compile(std::move(spec), std::move(scene));
}

std::shared_ptr<const CompiledTask> CompiledTask::Compile(TaskSpec spec, std::shared_ptr<const Scene> scene) {
  InstallMujocoHandlers();
  std::shared_ptr<CompiledTask> task(new CompiledTask());
  Impl& impl = *task->impl_;
  impl.spec = std::move(spec);
  impl.scene = std::move(scene);
  impl.CompileTiming();
  impl.CompileActions();
  impl.CompileChannels();
  impl.CompileResets();
  impl.CompileRewards();
  return task;
}

const TaskSpec& CompiledTask::spec() const {
  return impl_->spec;
}
const Scene& CompiledTask::scene() const {
  return *impl_->scene;
}
std::shared_ptr<const Scene> CompiledTask::scene_ptr() const {
  return impl_->scene;
}
const mjModel* CompiledTask::model() const {
  return impl_->scene->model();
}
int CompiledTask::observation_size() const {
  return impl_->observation_size;
}
int CompiledTask::signal_size() const {
  return impl_->channel_size - impl_->observation_size;
}
int CompiledTask::action_size() const {
  return static_cast<int>(model()->nu);
}
int CompiledTask::state_size() const {
  return static_cast<int>(mj_stateSize(model(), mjSTATE_INTEGRATION));
}
int CompiledTask::parameter_size() const {
  return static_cast<int>(impl_->parameters.size());
}
int CompiledTask::steps_per_episode() const {
  return impl_->steps_per_episode;
}
int CompiledTask::simulation_steps_per_env_step() const {
  return impl_->substeps;
}
double CompiledTask::env_step_s() const {
  return impl_->substeps * model()->opt.timestep;
}
const std::vector<bool>& CompiledTask::angles() const {
  return impl_->angles;
}
const Formula& CompiledTask::reward() const {
  return impl_->reward;
}
const Formula& CompiledTask::planning_reward() const {
  return impl_->planning_reward;
}
const Formula& CompiledTask::terminate() const {
  return impl_->terminate;
}
const Formula& CompiledTask::success() const {
  return impl_->success;
}
const std::vector<RewardTerm>& CompiledTask::reward_terms() const {
  return impl_->reward_terms;
}
bool CompiledTask::reward_terms_are_factors() const {
  return impl_->reward_terms_are_factors;
}

std::vector<std::string> CompiledTask::ObservationLabels() const {
  return {impl_->labels.begin(), impl_->labels.begin() + impl_->observation_size};
}
std::vector<std::string> CompiledTask::SignalLabels() const {
  return {impl_->labels.begin() + impl_->observation_size, impl_->labels.end()};
}
std::vector<std::string> CompiledTask::ActionLabels() const {
  return impl_->action_labels;
}
std::vector<std::string> CompiledTask::ParameterLabels() const {
  std::vector<std::string> labels;
  for (const FieldElement& parameter : impl_->parameters) labels.push_back(parameter.label);
  return labels;
}

void CompiledTask::SetParameters(mjModel* model, mjData* data, std::span<const double> parameters) const {
  if (parameters.size() != impl_->parameters.size()) {
    throw ShapeError("model parameters: expected " + std::to_string(impl_->parameters.size()) +
                     " values, found " + std::to_string(parameters.size()));
  }
  for (size_t i = 0; i < parameters.size(); ++i) impl_->parameters[i].Write(model, data, parameters[i]);
  if (!parameters.empty()) UpdateModelConstants(model, data);
}

void CompiledTask::GetParameters(const mjModel* model, std::span<double> parameters) const {
  for (size_t i = 0; i < impl_->parameters.size(); ++i)
    parameters[i] = impl_->parameters[i].Read(model, nullptr);
}

void CompiledTask::SetState(const mjModel* model, mjData* data, std::span<const double> state) const {
  for (int warning = 0; warning < mjNWARNING; ++warning) data->warning[warning] = {};
  mj_setState(model, data, state.data(), mjSTATE_INTEGRATION);
  mj_forward(model, data);
  // What mj_forward computes leaves traces in the state itself (the warm start); the state is what was asked
  // for.
  mj_setState(model, data, state.data(), mjSTATE_INTEGRATION);
}

void CompiledTask::Observe(const mjModel* model, const mjData* data, std::span<double> channels) const {
  static const std::vector<double> kNoVariables;
  size_t at = 0;
  for (const StateFormula& channel : impl_->channels) {
    const size_t size = channel.formula.size();
    channel.Evaluate(model, data, kNoVariables, nullptr, channels.subspan(at, size));
    at += size;
  }
}

void CompiledTask::ApplyAction(const mjModel* model, mjData* data, std::span<const double> action) const {
  for (int u = 0; u < model->nu; ++u) {
    const size_t i = static_cast<size_t>(u);
    data->ctrl[u] = impl_->action_centre[i] + impl_->action_half_range[i] * ClipAction(action[i]);
  }
}

StepResult CompiledTask::Step(const mjModel* model, mjData* data, std::span<const double> action,
                              std::span<double> channels) const {
  StepResult result;
  ApplyAction(model, data, action);
  thread_local std::vector<double> measured;
  measured.resize(channels.size());
  for (int repeat = 0; repeat < impl_->spec.action_repeat; ++repeat) {
    impl_->StepOnce(model, data);
    result.diverged_dof = impl_->Diverged(data);
    if (result.diverged_dof >= 0) {
      result.truncated = true;
      return result;
    }
    Observe(model, data, measured);
    if (!impl_->reward.empty()) result.reward += impl_->Evaluate(impl_->reward, measured, action);
    result.terminated =
        !impl_->terminate.empty() && impl_->Evaluate(impl_->terminate, measured, action) != 0.0;
    if (result.terminated) break;
  }
  std::copy(measured.begin(), measured.end(), channels.begin());
  return result;
}

int CompiledTask::DivergedDof(const mjData* data) const { return impl_->Diverged(data); }

double CompiledTask::Reward(std::span<const double> channels, std::span<const double> action) const {
  return impl_->reward.empty() ? 0.0 : impl_->Evaluate(impl_->reward, channels, action);
}

void CompiledTask::RewardTerms(std::span<const double> channels, std::span<const double> action,
                               std::span<double> values) const {
  for (size_t i = 0; i < impl_->reward_terms.size(); ++i) {
    values[i] = impl_->Evaluate(impl_->reward_terms[i].formula, channels, action);
  }
}

bool CompiledTask::Success(std::span<const double> channels, std::span<const double> action) const {
  return !impl_->success.empty() && impl_->Evaluate(impl_->success, channels, action) != 0.0;
}

}  // namespace reverie
