// An environment: one task played in one scene. CompiledTask is immutable and shared between threads; an
// Environment belongs to one thread and owns its mjData (and, where resets draw into the model, its mjModel).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/episode.h"
#include "sim/formula.h"
#include "sim/random.h"
#include "sim/task.h"

namespace reverie {

struct StepResult {
  double reward = 0.0;  // summed over the action repeat
  bool terminated = false;
  bool truncated = false;  // time limit or divergence
  int diverged_dof = -1;   // the degree of freedom that blew up; -1: none
};

/// An action as it is applied: within [-1, 1], 0 in place of NaN.
double ClipAction(double action);

/// A part of a task's reward, over the inputs of CompiledTask::reward().
struct RewardTerm {
  std::string label;  // its text, at most 40 characters; no two of a task are the same
  Formula formula;
};

/// A task bound to its scene: formulas resolved, sizes known.
class CompiledTask {
 public:
  /// @throws TaskError, SceneError, FormulaError: the file, the key, what is not in the scene, near names.
  static std::shared_ptr<const CompiledTask> Compile(TaskSpec spec, int action_repeat = 0);
  /// From what a dataset or model keeps, needing no file.
  static std::shared_ptr<const CompiledTask> Compile(TaskSpec spec, std::shared_ptr<const Scene> scene);
  ~CompiledTask();

  const TaskSpec& spec() const;
  const Scene& scene() const;
  std::shared_ptr<const Scene> scene_ptr() const;
  const mjModel* model() const;

  int observation_size() const;
  int signal_size() const;
  /// Observation then signals: what a world model predicts.
  int channel_size() const { return observation_size() + signal_size(); }
  int action_size() const;
  int state_size() const;         // mjSTATE_INTEGRATION
  int parameter_size() const;     // model fields drawn by resets
  int steps_per_episode() const;  // control steps
  int simulation_steps_per_env_step() const;
  double env_step_s() const;  // the real control timestep
  std::vector<std::string> ObservationLabels() const;
  std::vector<std::string> SignalLabels() const;
  std::vector<std::string> ActionLabels() const;
  std::vector<std::string> ParameterLabels() const;
  /// Whether channel element i is an angle that wraps.
  const std::vector<bool>& angles() const;

  /// Formulas over inputs numbered: channel elements 0..channel_size(), then action elements; in
  /// planning_reward the input after those is the task's reward. Empty where the task defines none.
  const Formula& reward() const;
  const Formula& planning_reward() const;
  const Formula& terminate() const;
  const Formula& success() const;
  /// What the reward is put together from: its summands, or its factors, else the whole; none without a reward.
  const std::vector<RewardTerm>& reward_terms() const;
  bool reward_terms_are_factors() const;

  // The pieces below act on a caller's mjModel (of this task's scene) and mjData: for batches and planners.

  /// Starts an episode: draws with `random`, computes all derived quantities, control zero.
  /// `model` may be written to only if parameter_size() > 0.
  void Reset(mjModel* model, mjData* data, Random& random) const;
  /// Writes drawn model parameters (as recorded) into a model.
  void SetParameters(mjModel* model, mjData* data, std::span<const double> parameters) const;
  void GetParameters(const mjModel* model, std::span<double> parameters) const;
  /// Restores an integration state and recomputes what is derived from it.
  void SetState(const mjModel* model, mjData* data, std::span<const double> state) const;
  /// Measures all channels, (channel_size()).
  void Observe(const mjModel* model, const mjData* data, std::span<double> channels) const;
  /// Applies an action for one control step: action_repeat env steps, rewards summed, stopping early at
  /// termination or divergence; the time limit is the caller's. Actions outside [-1, 1] are clipped, NaN is
  /// 0.
  /// @param channels  (channel_size()), measured after the step.
  StepResult Step(const mjModel* model, mjData* data, std::span<const double> action,
                  std::span<double> channels) const;
  /// Action in [-1, 1] to the actuators' own units, into data->ctrl.
  void ApplyAction(const mjModel* model, mjData* data, std::span<const double> action) const;
  /// The degree of freedom that MuJoCo warned of since its data was set; -1: none.
  int DivergedDof(const mjData* data) const;
  double Reward(std::span<const double> channels, std::span<const double> action) const;
  /// Evaluates the reward's terms where Reward would be: of one env step, whatever the action repeat.
  /// @param values  receives reward_terms().size() numbers, which add or multiply up to the reward.
  void RewardTerms(std::span<const double> channels, std::span<const double> action,
                   std::span<double> values) const;
  bool Success(std::span<const double> channels, std::span<const double> action) const;

 private:
  CompiledTask();
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Environment {
 public:
  explicit Environment(std::shared_ptr<const CompiledTask> task);

  const CompiledTask& task() const { return *task_; }
  std::shared_ptr<const CompiledTask> task_ptr() const { return task_; }

  /// Starts an episode. The same seed gives the same episode.
  void Reset(uint64_t seed);
  /// Applies `action` (nu, in [-1, 1]) for one control step.
  StepResult Step(std::span<const double> action);

  /// Observation then signals after the last Reset or Step.
  std::span<const double> channels() const { return channels_; }
  std::span<const double> observation() const;
  int control_step() const { return control_step_; }

  std::vector<double> SaveState() const;  // (state_size)
  /// Restores a state that SaveState gave, in an episode at `control_step`; what the reset drew into the
  /// model is SetParameters' to restore, before. The episode goes on to the bit. Until its next step, though,
  /// measurements of accelerations and forces are those of the state itself, where Step leaves those of one
  /// simulation step before.
  void RestoreState(std::span<const double> state, int control_step);
  std::vector<double> parameters() const;
  void SetParameters(std::span<const double> parameters);

  const mjModel* model() const { return own_model_ ? own_model_.get() : task_->model(); }
  mjData* data() { return data_.get(); }
  const mjData* data() const { return data_.get(); }

 private:
  std::shared_ptr<const CompiledTask> task_;
  ModelPtr own_model_;  // only where resets draw into the model
  DataPtr data_;
  std::vector<double> channels_;
  int control_step_ = 0;
};

/// Fills an Episode step by step from an environment.
class EpisodeRecorder {
 public:
  EpisodeRecorder(const CompiledTask& task, int64_t index, uint64_t seed);
  /// After Reset (call once) and after each Step.
  void Start(const mjModel* model, const mjData* data, std::span<const double> channels);
  void Add(std::span<const double> action, const StepResult& result, const mjModel* model, const mjData* data,
           std::span<const double> channels);
  Episode Take();

 private:
  void Reserve(const mjModel* model);
  void AddState(const mjModel* model, const mjData* data, std::span<const double> channels,
                std::span<const double> action);
  const CompiledTask* task_;
  Episode episode_;
};

/// The dataset description that belongs to a task: sizes, labels, scene, task file.
struct DatasetInfo;
DatasetInfo DescribeDataset(const CompiledTask& task, uint64_t seed, const std::string& policy);

}  // namespace reverie
