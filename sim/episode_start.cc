#include <cmath>
#include <numbers>

#include "sim/compiled_task_impl.h"
#include "sim/error.h"

namespace reverie {
namespace {

constexpr int kResetAttempts = 1000;
constexpr int kDivergedAttempts = 10;

// The delayed controls and measurements that a simulation remembers carry times; these move with the clock.
void SetClockToZero(const mjModel* m, mjData* data) {
  const auto shift = [&](int address, int samples, bool periodic) {
    if (samples == 0) return;
    // Its layout: when it was last due, a cursor, the times, the values.
    if (periodic) data->history[address] -= data->time;
    for (int i = 0; i < samples; ++i) data->history[address + 2 + i] -= data->time;
  };
  for (int i = 0; i < m->nactuator; ++i) shift(m->actuator_historyadr[i], m->actuator_history[2 * i], false);
  for (int i = 0; i < m->nsensor; ++i) {
    shift(m->sensor_historyadr[i], m->sensor_history[2 * i], m->sensor_interval[2 * i] > 0.0);
  }
  data->time = 0.0;
}

}  // namespace

void CompiledTask::Impl::DrawJoints(const mjModel* model, mjData* data, Random& random) const {
  const auto draw_quaternion = [&](mjtNum* quaternion, double limit) {
    if (limit > 0.0) {
      mjtNum axis[3] = {random.Normal(), random.Normal(), random.Normal()};
      mju_normalize3(axis);
      mju_axisAngle2Quat(quaternion, axis, random.Uniform(0.0, limit));
    } else {
      for (int i = 0; i < 4; ++i) quaternion[i] = random.Normal();
      mju_normalize4(quaternion);
    }
  };
  for (int joint = 0; joint < model->njnt; ++joint) {
    mjtNum* qpos = data->qpos + model->jnt_qposadr[joint];
    const bool limited = model->jnt_limited[joint];
    const mjtNum* range = model->jnt_range + 2 * joint;
    switch (model->jnt_type[joint]) {
      case mjJNT_HINGE:
      case mjJNT_SLIDE:
        if (limited) {
          qpos[0] = random.Uniform(range[0], range[1]);
        } else if (model->jnt_type[joint] == mjJNT_HINGE) {
          qpos[0] = random.Uniform(-std::numbers::pi, std::numbers::pi);
        }
        break;
      case mjJNT_BALL:
        draw_quaternion(qpos, limited ? range[1] : 0.0);
        break;
      default:
        draw_quaternion(qpos + 3, 0.0);
        break;
    }
  }
}

void CompiledTask::Impl::Set(size_t step, mjModel* model, mjData* data, const std::vector<double>& variables,
                             Random& random) const {
  const CompiledReset& compiled = reset[step];
  std::vector<double> values(compiled.targets.size());
  if (compiled.formula.formula.size() == values.size()) {
    compiled.formula.Evaluate(model, data, variables, &random, values);
  } else {
    for (double& value : values) {  // one number, drawn for every element
      compiled.formula.Evaluate(model, data, variables, &random, std::span<double>(&value, 1));
    }
  }
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      throw TaskError(Where("reset[" + std::to_string(step) + "]") + ": formula \"" + compiled.step.formula +
                      "\" yields no number (NaN) for " + compiled.targets[i].label);
    }
    compiled.targets[i].Write(model, data, values[i]);
  }
}

void CompiledTask::Impl::Settle(const mjModel* model, mjData* data, int steps) const {
  for (int i = 0; i < steps && Diverged(data) < 0; ++i) mj_step(model, data);
  SetClockToZero(model, data);
}

CompiledTask::Impl::Draw CompiledTask::Impl::DrawOnce(mjModel* model, mjData* data, Random& random) const {
  // Nothing of the episode before may last, nor of a draw that was given up.
  for (const FieldElement& parameter : parameters) {
    parameter.Write(model, data, parameter.Read(scene->model(), nullptr));
  }
  mj_resetData(model, data);
  bool stale = !parameters.empty();
  const auto refresh = [&] {
    if (stale) UpdateModelConstants(model, data);
    stale = false;
  };
  std::vector<double> variables(static_cast<size_t>(variable_count), 0.0);
  for (size_t i = 0; i < reset.size(); ++i) {
    const CompiledReset& compiled = reset[i];
    if (compiled.reads_derived) {
      refresh();
      mj_forward(model, data);
    }
    switch (compiled.step.kind) {
      case ResetStep::Kind::kSet:
        Set(i, model, data, variables, random);
        stale |= compiled.sets_model;
        break;
      case ResetStep::Kind::kLet:
        compiled.formula.Evaluate(model, data, variables, &random,
                                  std::span<double>(&variables[static_cast<size_t>(compiled.id)], 1));
        break;
      case ResetStep::Kind::kJoints:
        DrawJoints(model, data, random);
        break;
      case ResetStep::Kind::kKeyframe:
        mj_resetDataKeyframe(model, data, compiled.id);
        break;
      case ResetStep::Kind::kSettle:
        refresh();
        Settle(model, data, compiled.step.steps);
        break;
      case ResetStep::Kind::kUntil: {
        double holds = 0.0;
        compiled.formula.Evaluate(model, data, variables, &random, std::span<double>(&holds, 1));
        if (holds == 0.0) return Draw::kUnsatisfied;
        break;
      }
    }
    // Nothing can be computed from positions that are not finite.
    mj_checkPos(model, data);
    mj_checkVel(model, data);
    if (Diverged(data) >= 0) return Draw::kDiverged;
  }
  refresh();
  return Draw::kDone;
}

void CompiledTask::Reset(mjModel* model, mjData* data, Random& random) const {
  std::vector<mjtNum> state(static_cast<size_t>(state_size()));
  int diverged_draws = 0;
  for (int attempt = 0; attempt < kResetAttempts; ++attempt) {
    const Impl::Draw draw = impl_->DrawOnce(model, data, random);
    if (draw == Impl::Draw::kUnsatisfied) continue;
    if (draw == Impl::Draw::kDone) {
      mj_getState(model, data, state.data(), mjSTATE_INTEGRATION);
      SetState(model, data, state);
      mj_checkAcc(model, data);
    }
    const int dof = impl_->Diverged(data);
    if (dof < 0) return;
    if (++diverged_draws == kDivergedAttempts) {
      throw SceneError(
          impl_->scene->origin() + ": diverges before the first control step (degree of freedom " +
          impl_->scene->DofLabel(dof) + "), in " + std::to_string(kDivergedAttempts) +
          " draws one after another; a smaller <option timestep>, or another \"reset\" of task " +
          impl_->spec.name + ", may hold it");
    }
  }
  throw TaskError(impl_->Where("reset") + ": no start satisfied its \"until\" in " +
                  std::to_string(kResetAttempts) + " attempts");
}

}  // namespace reverie
