#include <algorithm>
#include <cmath>
#include <map>
#include <numbers>

#include "sim/environment.h"
#include "sim/error.h"
#include "sim/fields.h"
#include "sim/mujoco_messages.h"

namespace reverie {
namespace {

constexpr double kDefaultControlTimestep = 0.02;
constexpr int kDefaultEnvSteps = 1000;
constexpr int kResetAttempts = 1000;

// Fields whose change makes other constants of the model stale (mj_setConst recomputes them).
bool ChangesConstants(const std::string& field) {
  static const std::vector<std::string> kPrefixes = {"body_mass", "body_inertia", "body_ipos", "body_iquat",
                                                     "body_pos",  "body_quat",    "jnt_pos",   "jnt_axis",
                                                     "qpos0",     "dof_armature"};
  return std::find(kPrefixes.begin(), kPrefixes.end(), field) != kPrefixes.end();
}

// A formula over MuJoCo's fields and, after those, variables of the reset.
struct StateFormula {
  Formula formula;
  std::vector<FieldElement> inputs;

  void Evaluate(const mjModel* model, const mjData* data, const std::vector<double>& variables, Random* random,
                std::span<double> output) const {
    thread_local std::vector<double> scratch;
    const auto input = [&](int i) {
      const size_t k = static_cast<size_t>(i);
      return k < inputs.size() ? inputs[k].Read(model, data) : variables[k - inputs.size()];
    };
    formula.Evaluate(DoubleArithmetic{random}, input, scratch, output);
  }
};

}  // namespace

double ClipAction(double action) { return std::isnan(action) ? 0.0 : std::clamp(action, -1.0, 1.0); }

struct CompiledTask::Impl {
  struct CompiledReset {
    ResetStep step;
    std::vector<FieldElement> targets;  // kSet
    StateFormula formula;               // kSet, kLet, kUntil
    int id = 0;                         // kLet: the variable; kKeyframe: the key
  };

  TaskSpec spec;
  std::shared_ptr<const Scene> scene;
  int observation_size = 0, channel_size = 0;
  std::vector<StateFormula> channels;
  std::vector<std::string> labels;
  std::vector<bool> angles;
  std::map<std::string, std::pair<int, int>> channel_range;  // first element, count
  std::vector<CompiledReset> reset;
  int variable_count = 0;
  std::vector<FieldElement> parameters;
  bool parameters_change_constants = false;
  Formula reward, planning_reward, terminate, success;
  int substeps = 1, steps_per_episode = kDefaultEnvSteps;
  std::vector<double> action_centre, action_half_range;
  std::vector<std::string> action_labels;

  std::string Where(const std::string& key) const {
    return "task " + (spec.task_file.empty() ? spec.name : spec.task_file.string()) + ", key \"" + key + "\"";
  }

  void CompileTiming();
  void CompileActions();
  void CompileChannels();
  void CompileResets();
  void CompileRewards();
  StateFormula ParseState(const std::string& text, const std::string& key, bool random,
                          const std::vector<std::string>& variables) const;
  std::vector<FieldElement> ParseTarget(const std::string& text, const std::string& key) const;

  void DrawJoints(const mjModel* model, mjData* data, Random& random) const;
  bool DrawOnce(mjModel* model, mjData* data, Random& random) const;
  // The degree of freedom that blew up, or -1.
  int Diverged(const mjData* data) const;
  void StepOnce(const mjModel* model, mjData* data) const;
  double Evaluate(const Formula& formula, std::span<const double> channel_values,
                  std::span<const double> action) const;
};

void CompiledTask::Impl::CompileTiming() {
  const double timestep = scene->model()->opt.timestep;
  if (spec.control_timestep_s == 0.0) {
    substeps = std::max(1, static_cast<int>(std::lround(kDefaultControlTimestep / timestep)));
  } else {
    const double ratio = spec.control_timestep_s / timestep;
    substeps = static_cast<int>(std::lround(ratio));
    if (substeps < 1 || std::abs(ratio - substeps) > 1e-6 * ratio) {
      const int near = std::max(1, substeps);
      throw TaskError(Where("control_timestep_s") + ": expected a whole number of simulation steps of " +
                      nlohmann::json(timestep).dump() + " s, found " + nlohmann::json(spec.control_timestep_s).dump() +
                      " s (" + nlohmann::json(ratio).dump() + " steps); the nearest that fits is " +
                      nlohmann::json(near * timestep).dump());
    }
  }
  const double env_step = substeps * timestep;
  const double env_steps = spec.time_limit_s > 0.0 ? spec.time_limit_s / env_step : kDefaultEnvSteps;
  steps_per_episode = std::max(1, static_cast<int>(std::ceil(env_steps / spec.action_repeat - 1e-6)));
}

void CompiledTask::Impl::CompileActions() {
  const mjModel* m = scene->model();
  for (int a = 0; a < m->nactuator; ++a) {
    for (int k = 0; k < m->actuator_ctrlnum[a]; ++k) {
      const std::string suffix = m->actuator_ctrlnum[a] > 1 ? "[" + std::to_string(k) + "]" : "";
      action_labels.push_back(scene->Label(mjOBJ_ACTUATOR, a) + suffix);
    }
  }
  for (int u = 0; u < m->nu; ++u) {
    const double low = m->actuator_ctrlrange[2 * u], high = m->actuator_ctrlrange[2 * u + 1];
    const bool limited = m->actuator_ctrllimited[u];
    action_centre.push_back(limited ? 0.5 * (low + high) : 0.0);
    action_half_range.push_back(limited ? 0.5 * (high - low) : 1.0);
  }
}

StateFormula CompiledTask::Impl::ParseState(const std::string& text, const std::string& key, bool random,
                                            const std::vector<std::string>& variables) const {
  StateFormula state;
  // Variables are numbered after the fields, whose count is known only at the end: they go in from the far end.
  constexpr int kVariables = 1 << 20;
  const auto resolve = [&](const Formula::Reference& reference) -> std::optional<std::vector<int>> {
    if (!reference.argument && reference.component.empty()) {
      const auto variable = std::find(variables.begin(), variables.end(), reference.name);
      if (variable != variables.end()) return std::vector<int>{kVariables + static_cast<int>(variable - variables.begin())};
    }
    const auto elements = FindField(*scene, reference, Where(key));
    if (!elements) return std::nullopt;
    std::vector<int> inputs;
    for (const FieldElement& element : *elements) {
      inputs.push_back(static_cast<int>(state.inputs.size()));
      state.inputs.push_back(element);
    }
    return inputs;
  };
  std::vector<std::string> known = FieldNames();
  known.insert(known.end(), variables.begin(), variables.end());
  try {
    state.formula = Formula::Parse(text, resolve, known, random);
  } catch (const FormulaError& error) {
    throw TaskError(Where(key) + ": " + error.what());
  }
  state.formula.RenumberInputs([&](int i) {
    return i >= kVariables ? i - kVariables + static_cast<int>(state.inputs.size()) : i;
  });
  return state;
}

void CompiledTask::Impl::CompileChannels() {
  const auto add = [&](const std::vector<Channel>& list, const char* key) {
    for (const Channel& channel : list) {
      const std::string path = std::string(key) + "." + channel.name;
      if (channel_range.contains(channel.name)) throw TaskError(Where(path) + ": the name is used twice");
      const int first = channel_size;
      for (const std::string& text : channel.formulas) {
        channels.push_back(ParseState(text, path, false, {}));
        channel_size += static_cast<int>(channels.back().formula.size());
      }
      const int count = channel_size - first;
      channel_range[channel.name] = {first, count};
      for (int i = 0; i < count; ++i) {
        labels.push_back(count == 1 ? channel.name : channel.name + "[" + std::to_string(i) + "]");
      }
    }
  };
  add(spec.observation, "observation");
  observation_size = channel_size;
  add(spec.signals, "signals");
  angles.assign(static_cast<size_t>(channel_size), false);
  for (const std::string& label : spec.angles) {
    bool found = false;
    for (size_t i = 0; i < labels.size(); ++i) {
      const bool whole = labels[i].starts_with(label + "[");
      if (labels[i] == label || whole || labels[i] + "[0]" == label) found = angles[i] = true;
    }
    if (!found) throw TaskError(Where("angles") + ": no channel element '" + label + "'" + DidYouMean(label, labels));
  }
}

std::vector<FieldElement> CompiledTask::Impl::ParseTarget(const std::string& text, const std::string& key) const {
  const StateFormula target = ParseState(text, key, false, {});
  std::vector<FieldElement> elements;
  for (const FormulaNode& node : target.formula.nodes()) {
    if (node.op != FormulaOp::kInput) throw TaskError(Where(key) + ": expected a field to set, found \"" + text + "\"");
  }
  for (int node : target.formula.outputs()) {
    const FieldElement& element = target.inputs[static_cast<size_t>(target.formula.nodes()[node].a)];
    static const std::vector<std::string> kStates = {"qpos", "qvel",      "act",        "ctrl",         "mocap_pos",
                                                     "mocap_quat", "xfrc_applied", "qfrc_applied", "userdata"};
    const bool settable = element.OfModel() || std::find(kStates.begin(), kStates.end(), element.field) != kStates.end();
    const bool real = element.type == FieldElement::Type::kDouble || element.type == FieldElement::Type::kFloat;
    if (!settable || !real) {
      throw TaskError(Where(key) + ": '" + element.field + "' cannot be set (fields of the model can, and " +
                      Join(kStates) + ")");
    }
    elements.push_back(element);
  }
  return elements;
}

void CompiledTask::Impl::CompileResets() {
  std::vector<std::string> variables;
  for (size_t i = 0; i < spec.reset.size(); ++i) {
    const std::string key = "reset[" + std::to_string(i) + "]";
    CompiledReset compiled;
    compiled.step = spec.reset[i];
    switch (compiled.step.kind) {
      case ResetStep::Kind::kSet: {
        compiled.targets = ParseTarget(compiled.step.target, key);
        compiled.formula = ParseState(compiled.step.formula, key, true, variables);
        const size_t yields = compiled.formula.formula.size();
        if (yields != 1 && yields != compiled.targets.size()) {
          throw TaskError(Where(key) + ": '" + compiled.step.target + "' has " +
                          std::to_string(compiled.targets.size()) + " elements, its formula yields " +
                          std::to_string(yields));
        }
        for (const FieldElement& target : compiled.targets) {
          if (!target.OfModel()) continue;
          const bool known = std::any_of(parameters.begin(), parameters.end(), [&](const FieldElement& other) {
            return other.in_model == target.in_model && other.index == target.index;
          });
          if (!known) parameters.push_back(target);
          parameters_change_constants |= ChangesConstants(target.field);
        }
        break;
      }
      case ResetStep::Kind::kLet:
        compiled.formula = ParseState(compiled.step.formula, key, true, variables);
        if (compiled.formula.formula.size() != 1) throw TaskError(Where(key) + ": expected a formula of one number");
        compiled.id = static_cast<int>(variables.size());
        variables.push_back(compiled.step.target);
        break;
      case ResetStep::Kind::kUntil:
        compiled.formula = ParseState(compiled.step.formula, key, true, variables);
        if (compiled.formula.formula.size() != 1) throw TaskError(Where(key) + ": expected a formula of one number");
        break;
      case ResetStep::Kind::kKeyframe:
        compiled.id = scene->Find(mjOBJ_KEY, compiled.step.target, Where(key));
        break;
      default: break;
    }
    reset.push_back(std::move(compiled));
  }
  variable_count = static_cast<int>(variables.size());
}

void CompiledTask::Impl::CompileRewards() {
  const int action_size = static_cast<int>(scene->model()->nu);
  const auto parse = [&](const std::string& text, const std::string& key, bool with_reward) {
    if (text.empty()) return Formula();
    std::vector<std::string> known = {"action"};
    for (const auto& [name, range] : channel_range) known.push_back(name);
    if (with_reward) known.push_back("reward");
    const auto resolve = [&](const Formula::Reference& reference) -> std::optional<std::vector<int>> {
      std::pair<int, int> range;
      if (const auto channel = channel_range.find(reference.name); channel != channel_range.end()) {
        range = channel->second;
      } else if (reference.name == "action") {
        range = {channel_size, action_size};
      } else if (with_reward && reference.name == "reward") {
        range = {channel_size + action_size, 1};
      } else {
        return std::nullopt;
      }
      if (reference.argument) return std::nullopt;
      std::vector<int> inputs(static_cast<size_t>(range.second));
      for (int i = 0; i < range.second; ++i) inputs[static_cast<size_t>(i)] = range.first + i;
      if (reference.component.empty()) return inputs;
      const size_t axis = std::string("xyz").find(reference.component);
      if (reference.component.size() != 1 || axis >= inputs.size()) return std::nullopt;
      return std::vector<int>{inputs[axis]};
    };
    try {
      Formula formula = Formula::Parse(text, resolve, known);
      if (formula.size() != 1) {
        throw FormulaError("formula \"" + text + "\": expected one number, yields " + std::to_string(formula.size()));
      }
      return formula;
    } catch (const FormulaError& error) {
      throw TaskError(Where(key) + ": " + error.what() + " (a reward is over observation, signals and action)");
    }
  };
  reward = parse(spec.reward, "reward", false);
  planning_reward = parse(spec.planning_reward, "planning_reward", true);
  terminate = parse(spec.terminate, "terminate", false);
  success = parse(spec.success, "success", false);
}

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
    const mjtNum *range = model->jnt_range + 2 * joint;
    switch (model->jnt_type[joint]) {
      case mjJNT_HINGE:
      case mjJNT_SLIDE:
        if (limited) qpos[0] = random.Uniform(range[0], range[1]);
        else if (model->jnt_type[joint] == mjJNT_HINGE) qpos[0] = random.Uniform(-std::numbers::pi, std::numbers::pi);
        break;
      case mjJNT_BALL: draw_quaternion(qpos, limited ? range[1] : 0.0); break;
      default: draw_quaternion(qpos + 3, 0.0); break;
    }
  }
}

bool CompiledTask::Impl::DrawOnce(mjModel* model, mjData* data, Random& random) const {
  mj_resetData(model, data);
  std::vector<double> variables(static_cast<size_t>(variable_count), 0.0);
  for (const CompiledReset& compiled : reset) {
    switch (compiled.step.kind) {
      case ResetStep::Kind::kSet: {
        std::vector<double> values(compiled.formula.formula.size());
        compiled.formula.Evaluate(model, data, variables, &random, values);
        for (size_t i = 0; i < compiled.targets.size(); ++i) {
          if (i > 0 && values.size() == 1) compiled.formula.Evaluate(model, data, variables, &random, values);
          compiled.targets[i].Write(model, data, values[values.size() == 1 ? 0 : i]);
        }
        break;
      }
      case ResetStep::Kind::kLet:
        compiled.formula.Evaluate(model, data, variables, &random,
                                  std::span<double>(&variables[static_cast<size_t>(compiled.id)], 1));
        break;
      case ResetStep::Kind::kJoints: DrawJoints(model, data, random); break;
      case ResetStep::Kind::kKeyframe: mj_resetDataKeyframe(model, data, compiled.id); break;
      case ResetStep::Kind::kSettle:
        for (int i = 0; i < compiled.step.steps; ++i) mj_step(model, data);
        data->time = 0.0;
        break;
      case ResetStep::Kind::kUntil: {
        double holds = 0.0;
        mj_forward(model, data);
        compiled.formula.Evaluate(model, data, variables, &random, std::span<double>(&holds, 1));
        if (holds == 0.0) return false;
        break;
      }
    }
  }
  return true;
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

// One env step, after which positions and velocities, and what derives from them, are current. MuJoCo's mj_step
// leaves derived quantities one step behind; finishing with mj_step1 brings them up to date, and the next step
// then needs only mj_step2 (except for Runge-Kutta, which evaluates several points anew).
void CompiledTask::Impl::StepOnce(const mjModel* model, mjData* data) const {
  int remaining = substeps;
  if (model->opt.integrator != mjINT_RK4) {
    mj_step2(model, data);
    --remaining;
  }
  for (; remaining > 0; --remaining) mj_step(model, data);
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

const TaskSpec& CompiledTask::spec() const { return impl_->spec; }
const Scene& CompiledTask::scene() const { return *impl_->scene; }
std::shared_ptr<const Scene> CompiledTask::scene_ptr() const { return impl_->scene; }
const mjModel* CompiledTask::model() const { return impl_->scene->model(); }
int CompiledTask::observation_size() const { return impl_->observation_size; }
int CompiledTask::signal_size() const { return impl_->channel_size - impl_->observation_size; }
int CompiledTask::action_size() const { return static_cast<int>(model()->nu); }
int CompiledTask::state_size() const { return static_cast<int>(mj_stateSize(model(), mjSTATE_INTEGRATION)); }
int CompiledTask::parameter_size() const { return static_cast<int>(impl_->parameters.size()); }
int CompiledTask::steps_per_episode() const { return impl_->steps_per_episode; }
int CompiledTask::simulation_steps_per_env_step() const { return impl_->substeps; }
double CompiledTask::env_step_s() const { return impl_->substeps * model()->opt.timestep; }
const std::vector<bool>& CompiledTask::angles() const { return impl_->angles; }
const Formula& CompiledTask::reward() const { return impl_->reward; }
const Formula& CompiledTask::planning_reward() const { return impl_->planning_reward; }
const Formula& CompiledTask::terminate() const { return impl_->terminate; }
const Formula& CompiledTask::success() const { return impl_->success; }

std::vector<std::string> CompiledTask::ObservationLabels() const {
  return {impl_->labels.begin(), impl_->labels.begin() + impl_->observation_size};
}
std::vector<std::string> CompiledTask::SignalLabels() const {
  return {impl_->labels.begin() + impl_->observation_size, impl_->labels.end()};
}
std::vector<std::string> CompiledTask::ActionLabels() const { return impl_->action_labels; }
std::vector<std::string> CompiledTask::ParameterLabels() const {
  std::vector<std::string> labels;
  for (const FieldElement& parameter : impl_->parameters) labels.push_back(parameter.label);
  return labels;
}

void CompiledTask::Reset(mjModel* model, mjData* data, Random& random) const {
  for (int attempt = 0; attempt < kResetAttempts; ++attempt) {
    if (!impl_->DrawOnce(model, data, random)) continue;
    if (impl_->parameters_change_constants) {
      std::vector<double> drawn(impl_->parameters.size());
      GetParameters(model, drawn);
      SetParameters(model, data, drawn);
    }
    std::vector<mjtNum> state(static_cast<size_t>(state_size()));
    mj_getState(model, data, state.data(), mjSTATE_INTEGRATION);
    SetState(model, data, state);
    return;
  }
  throw TaskError("task " + impl_->spec.name + ", key \"reset\": no start satisfied its \"until\" in " +
                  std::to_string(kResetAttempts) + " attempts");
}

void CompiledTask::SetParameters(mjModel* model, mjData* data, std::span<const double> parameters) const {
  if (parameters.size() != impl_->parameters.size()) {
    throw ShapeError("model parameters: expected " + std::to_string(impl_->parameters.size()) + " values, found " +
                     std::to_string(parameters.size()));
  }
  for (size_t i = 0; i < parameters.size(); ++i) impl_->parameters[i].Write(model, data, parameters[i]);
  if (!impl_->parameters_change_constants) return;
  std::vector<mjtNum> state(static_cast<size_t>(state_size()));
  mj_getState(model, data, state.data(), mjSTATE_INTEGRATION);
  mj_setConst(model, data);
  mj_setState(model, data, state.data(), mjSTATE_INTEGRATION);
}

void CompiledTask::GetParameters(const mjModel* model, std::span<double> parameters) const {
  for (size_t i = 0; i < impl_->parameters.size(); ++i) parameters[i] = impl_->parameters[i].Read(model, nullptr);
}

void CompiledTask::SetState(const mjModel* model, mjData* data, std::span<const double> state) const {
  for (int warning = 0; warning < mjNWARNING; ++warning) data->warning[warning] = {};
  mj_setState(model, data, state.data(), mjSTATE_INTEGRATION);
  mj_forward(model, data);
  // What mj_forward computes leaves traces in the state itself (the warm start); the state is what was asked for.
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
    result.terminated = !impl_->terminate.empty() && impl_->Evaluate(impl_->terminate, measured, action) != 0.0;
    if (result.terminated) break;
  }
  std::copy(measured.begin(), measured.end(), channels.begin());
  return result;
}

double CompiledTask::Reward(std::span<const double> channels, std::span<const double> action) const {
  return impl_->reward.empty() ? 0.0 : impl_->Evaluate(impl_->reward, channels, action);
}

bool CompiledTask::Success(std::span<const double> channels, std::span<const double> action) const {
  return !impl_->success.empty() && impl_->Evaluate(impl_->success, channels, action) != 0.0;
}

}  // namespace reverie
