#include <algorithm>
#include <cmath>

#include <mujoco/mujoco.h>

#include "sim/compiled_task_impl.h"
#include "sim/error.h"

namespace reverie {
namespace {

constexpr double kDefaultControlTimestep = 0.02;
// More steps than anyone waits for; the limit keeps the counts within an int.
constexpr double kMostSteps = 1e9;
// Characters of a reward term's label.
constexpr size_t kLabelSize = 40;

// What an episode may start with; everything else in an mjData follows from these and the model.
const std::vector<std::string> kStateFields = {
    "qpos", "qvel", "act", "ctrl", "mocap_pos", "mocap_quat", "xfrc_applied", "qfrc_applied", "userdata"};

bool IsState(const FieldElement& element) {
  return std::find(kStateFields.begin(), kStateFields.end(), element.field) != kStateFields.end();
}

std::string Shortened(const std::string& text, size_t size) {
  if (text.size() <= size) return text;
  size_t end = size - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // whole UTF-8 characters
  return text.substr(0, end) + "...";
}

}  // namespace

bool ReadsDerived(const StateFormula& formula) {
  return std::any_of(formula.inputs.begin(), formula.inputs.end(), [](const FieldElement& input) {
    return !input.OfModel() && input.type != FieldElement::Type::kTime && !IsState(input);
  });
}

void CompiledTask::Impl::CompileTiming() {
  const double timestep = scene->model()->opt.timestep;
  if (spec.control_timestep_s == 0.0) {
    substeps =
        std::max(1, static_cast<int>(std::lround(std::min(kMostSteps, kDefaultControlTimestep / timestep))));
  } else {
    const double ratio = spec.control_timestep_s / timestep;
    substeps = static_cast<int>(std::lround(std::min(kMostSteps, ratio)));
    if (substeps < 1 || std::abs(ratio - substeps) > 1e-6 * ratio) {
      const int near = std::max(1, substeps);
      throw TaskError(Where("control_timestep_s") + ": expected a whole number of simulation steps of " +
                      nlohmann::json(timestep).dump() + " s, found " +
                      nlohmann::json(spec.control_timestep_s).dump() + " s (" + nlohmann::json(ratio).dump() +
                      " steps); the nearest that fits is " + nlohmann::json(near * timestep).dump());
    }
  }
  const double env_step = substeps * timestep;
  const double env_steps = spec.time_limit_s > 0.0 ? spec.time_limit_s / env_step : kDefaultEnvSteps;
  const double control_steps = std::ceil(std::min(kMostSteps, env_steps / spec.action_repeat) - 1e-6);
  steps_per_episode = std::max(1, static_cast<int>(control_steps));
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
  return ParseStateFormula(*scene, text, Where(key), random, variables);
}

StateFormula ParseStateFormula(const Scene& scene, const std::string& text, const std::string& where, bool random,
                               const std::vector<std::string>& variables) {
  StateFormula state;
  // Variables are numbered after the fields, whose count is known only at the end: they go in from the far
  // end.
  constexpr int kVariables = 1 << 20;
  const auto resolve = [&](const Formula::Reference& reference) -> std::optional<std::vector<int>> {
    if (!reference.argument && reference.component.empty()) {
      const auto variable = std::find(variables.begin(), variables.end(), reference.name);
      if (variable != variables.end()) {
        return std::vector<int>{kVariables + static_cast<int>(variable - variables.begin())};
      }
    }
    const auto elements = FindField(scene, reference, where);
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
    throw TaskError(where + ": " + error.what());
  }
  state.formula.RenumberInputs(
      [&](int i) { return i >= kVariables ? i - kVariables + static_cast<int>(state.inputs.size()) : i; });
  return state;
}

void CompiledTask::Impl::CompileChannels() {
  static const std::vector<std::string> kTaken = {"action", "reward", "pi", "inf"};
  const auto add = [&](const std::vector<Channel>& list, const char* key) {
    for (const Channel& channel : list) {
      const std::string path = std::string(key) + "." + channel.name;
      if (channel_range.contains(channel.name)) throw TaskError(Where(path) + ": the name is used twice");
      if (std::find(kTaken.begin(), kTaken.end(), channel.name) != kTaken.end()) {
        throw TaskError(Where(path) +
                        ": a channel cannot have this name, which means something else in rewards");
      }
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
    if (!found)
      throw TaskError(Where("angles") + ": no channel element '" + label + "'" + DidYouMean(label, labels));
  }
}

std::vector<FieldElement> ParseStateTarget(const Scene& scene, const std::string& text, const std::string& where) {
  const StateFormula target = ParseStateFormula(scene, text, where, false, {});
  std::vector<FieldElement> elements;
  for (const FormulaNode& node : target.formula.nodes()) {
    if (node.op != FormulaOp::kInput)
      throw TaskError(where + ": expected a field to set, found \"" + text + "\"");
  }
  for (int node : target.formula.outputs()) {
    const FieldElement& element = target.inputs[static_cast<size_t>(target.formula.nodes()[node].a)];
    const bool settable = element.OfModel() || IsState(element);
    const bool real =
        element.type == FieldElement::Type::kDouble || element.type == FieldElement::Type::kFloat;
    if (!settable || !real) {
      throw TaskError(where + ": '" + element.field + "' cannot be set (fields of the model can, and " +
                      Join(kStateFields) + ")");
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
        compiled.targets = ParseStateTarget(*scene, compiled.step.target, Where(key));
        compiled.formula = ParseState(compiled.step.formula, key, true, variables);
        const size_t yields = compiled.formula.formula.size();
        if (yields != 1 && yields != compiled.targets.size()) {
          throw TaskError(Where(key) + ": '" + compiled.step.target + "' has " +
                          std::to_string(compiled.targets.size()) + " elements, its formula yields " +
                          std::to_string(yields));
        }
        for (const FieldElement& target : compiled.targets) {
          if (!target.OfModel()) continue;
          compiled.sets_model = true;
          const bool known =
              std::any_of(parameters.begin(), parameters.end(), [&](const FieldElement& other) {
                return other.in_model == target.in_model && other.index == target.index;
              });
          if (!known) parameters.push_back(target);
        }
        break;
      }
      case ResetStep::Kind::kLet:
        compiled.formula = ParseState(compiled.step.formula, key, true, variables);
        if (compiled.formula.formula.size() != 1)
          throw TaskError(Where(key) + ": expected a formula of one number");
        compiled.id = static_cast<int>(variables.size());
        variables.push_back(compiled.step.target);
        break;
      case ResetStep::Kind::kUntil:
        compiled.formula = ParseState(compiled.step.formula, key, true, variables);
        if (compiled.formula.formula.size() != 1)
          throw TaskError(Where(key) + ": expected a formula of one number");
        break;
      case ResetStep::Kind::kKeyframe:
        compiled.id = scene->Find(mjOBJ_KEY, compiled.step.target, Where(key));
        break;
      default:
        break;
    }
    compiled.reads_derived = ReadsDerived(compiled.formula);
    reset.push_back(std::move(compiled));
  }
  variable_count = static_cast<int>(variables.size());
}

Formula CompiledTask::Impl::ParseReward(const std::string& text, const std::string& key,
                                        bool with_reward, FormulaTerms* terms) const {
  if (text.empty()) return Formula();
  const int action_size = static_cast<int>(scene->model()->nu);
  std::map<std::string, std::pair<int, int>> ranges = channel_range;
  ranges["action"] = {channel_size, action_size};
  if (with_reward) ranges["reward"] = {channel_size + action_size, 1};
  std::vector<std::string> known;
  for (const auto& [name, range] : ranges) known.push_back(name);
  const auto resolve = [&](const Formula::Reference& reference) -> std::optional<std::vector<int>> {
    const auto found = ranges.find(reference.name);
    if (found == ranges.end()) return std::nullopt;
    const auto [first, count] = found->second;
    if (reference.argument) {
      throw FormulaError("'" + reference.name + "' takes no name in parentheses; its elements are " +
                         reference.name + "[0] to [" + std::to_string(count - 1) + "]");
    }
    std::vector<int> inputs(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) inputs[static_cast<size_t>(i)] = first + i;
    if (reference.component.empty()) return inputs;
    const size_t axis = std::string("xyz").find(reference.component);
    if (reference.component.size() != 1 || axis >= inputs.size()) {
      throw FormulaError("'" + reference.name + "' of " + std::to_string(count) +
                         " elements has no component '." + reference.component + "'");
    }
    return std::vector<int>{inputs[axis]};
  };
  try {
    Formula formula = Formula::Parse(text, resolve, known);
    if (formula.size() != 1) {
      throw FormulaError("formula \"" + text + "\": expected one number, yields " +
                         std::to_string(formula.size()));
    }
    if (terms) *terms = Formula::ParseTerms(text, resolve, known);
    return formula;
  } catch (const FormulaError& error) {
    throw TaskError(Where(key) + ": " + error.what() + " (it is over observation, signals and action)");
  }
}

void CompiledTask::Impl::CompileRewards() {
  FormulaTerms terms;
  reward = ParseReward(spec.reward, "reward", false, &terms);
  reward_terms_are_factors = terms.are_factors;
  for (Formula& term : terms.terms) {
    std::string label = Shortened(term.text(), kLabelSize);
    const auto taken = [&] {
      return std::any_of(reward_terms.begin(), reward_terms.end(),
                         [&](const RewardTerm& other) { return other.label == label; });
    };
    for (int n = 2; taken(); ++n) {
      const std::string number = " (" + std::to_string(n) + ")";
      label = Shortened(term.text(), kLabelSize - number.size()) + number;
    }
    reward_terms.push_back({std::move(label), std::move(term)});
  }
  planning_reward = ParseReward(spec.planning_reward, "planning_reward", true);
  terminate = ParseReward(spec.terminate, "terminate", false);
  success = ParseReward(spec.success, "success", false);
  if (!spec.camera.empty()) scene->Find(mjOBJ_CAMERA, spec.camera, Where("camera"));
}

}  // namespace reverie
