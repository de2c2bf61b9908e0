// Internal to CompiledTask: what compile_task.cc works out, compiled_task.cc steps with, and episode_start.cc
// draws episodes from. Immutable after compilation and shared between threads.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/environment.h"
#include "sim/fields.h"

namespace reverie {

/// A formula over MuJoCo's fields and, after those, variables of the reset.
struct StateFormula {
  Formula formula;
  std::vector<FieldElement> inputs;

  void Evaluate(const mjModel* model, const mjData* data, const std::vector<double>& variables,
                Random* random, std::span<double> output) const {
    thread_local std::vector<double> scratch;
    const auto input = [&](int i) {
      const size_t k = static_cast<size_t>(i);
      return k < inputs.size() ? inputs[k].Read(model, data) : variables[k - inputs.size()];
    };
    formula.Evaluate(DoubleArithmetic{random}, input, scratch, output);
  }
};

/// Parses a formula over MuJoCo's fields and `variables`. @param where  names it in messages.
/// @throws TaskError.
StateFormula ParseStateFormula(const Scene& scene, const std::string& text, const std::string& where, bool random,
                               const std::vector<std::string>& variables);
/// Whether it reads what MuJoCo computes from the state.
bool ReadsDerived(const StateFormula& formula);
/// The fields that a text names, of the model or of the state, each a real number. @throws TaskError.
std::vector<FieldElement> ParseStateTarget(const Scene& scene, const std::string& text, const std::string& where);
/// After a change of model fields: brings those that MuJoCo computed from them up to date.
void UpdateModelConstants(mjModel* model, mjData* data);

struct CompiledTask::Impl {
  struct CompiledReset {
    ResetStep step;
    std::vector<FieldElement> targets;  // kSet
    StateFormula formula;               // kSet, kLet, kUntil
    int id = 0;                         // kLet: the variable; kKeyframe: the key
    bool sets_model = false;            // kSet: model fields, from which MuJoCo has computed others
    bool reads_derived = false;         // the formula reads what MuJoCo computes from the state
  };

  static constexpr int kDefaultEnvSteps = 1000;

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
  Formula reward, planning_reward, terminate, success;
  std::vector<RewardTerm> reward_terms;
  bool reward_terms_are_factors = false;
  int substeps = 1, steps_per_episode = kDefaultEnvSteps;
  std::vector<double> action_centre, action_half_range;
  std::vector<std::string> action_labels;

  std::string Where(const std::string& key) const {
    return "task " + (spec.task_file.empty() ? spec.name : spec.task_file.string()) + ", key \"" + key + "\"";
  }

  // compile_task.cc
  void CompileTiming();
  void CompileActions();
  void CompileChannels();
  void CompileResets();
  void CompileRewards();
  Formula ParseReward(const std::string& text, const std::string& key, bool with_reward,
                      FormulaTerms* terms = nullptr) const;
  StateFormula ParseState(const std::string& text, const std::string& key, bool random,
                          const std::vector<std::string>& variables) const;

  // episode_start.cc
  enum class Draw { kDone, kUnsatisfied, kDiverged };
  Draw DrawOnce(mjModel* model, mjData* data, Random& random) const;
  void DrawJoints(const mjModel* model, mjData* data, Random& random) const;
  void Set(size_t step, mjModel* model, mjData* data, const std::vector<double>& variables,
           Random& random) const;
  void Settle(const mjModel* model, mjData* data, int steps) const;

  // compiled_task.cc
  /// The degree of freedom that blew up, or -1.
  int Diverged(const mjData* data) const;
  void StepOnce(const mjModel* model, mjData* data) const;
  double Evaluate(const Formula& formula, std::span<const double> channel_values,
                  std::span<const double> action) const;
};

}  // namespace reverie
