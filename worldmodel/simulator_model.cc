#include "worldmodel/simulator_model.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>

#include <mujoco/mjbatch.h>
#include <mujoco/mujoco.h>

#include "sim/error.h"

namespace reverie {
namespace {

struct BatchDeleter {
  void operator()(mjBatch* batch) const { mjb_deleteBatch(batch); }
};
using BatchPtr = std::unique_ptr<mjBatch, BatchDeleter>;

/// What one Imagine call gives to the simulations of its batch.
struct Playback {
  const CompiledTask* task;
  const Belief* belief;
  std::span<const float> actions;  // (N, H, nu)
  int horizon;
  float* rewards;   // (N, H)
  float* channels;  // (N, H, nchannels), or null
  int* played;      // (N), steps played before the end or the divergence
};

/// Buffers of one thread, kept between sequences so that no step allocates.
struct Scratch {
  std::vector<double> action, channels, formula;
};

/// Plays sequence `i` from its first step to its last. What it writes depends on nothing but that sequence.
void PlaySequence(const mjModel* model, mjData* data, int i, void* argument) {
  const Playback& play = *static_cast<const Playback*>(argument);
  const CompiledTask& task = *play.task;
  thread_local Scratch scratch;
  const size_t action_size = task.action_size(), channel_size = task.channel_size();
  scratch.action.resize(action_size);
  scratch.channels.resize(channel_size);
  const float* action = play.actions.data() + static_cast<size_t>(i) * play.horizon * action_size;
  float* rewards = play.rewards + static_cast<size_t>(i) * play.horizon;
  float* channels = play.channels;
  if (channels) channels += static_cast<size_t>(i) * play.horizon * channel_size;
  const Formula& planning_reward = task.planning_reward();
  const double repeat = std::max(1, task.spec().action_repeat);

  task.SetState(model, data, play.belief->integration_state);
  for (int t = 0; t < play.horizon; ++t, action += action_size) {
    for (size_t j = 0; j < action_size; ++j) {
      // As Environment::Step clips it, for the formula below sees it too.
      scratch.action[j] = std::isnan(action[j]) ? 0.0 : std::clamp(static_cast<double>(action[j]), -1.0, 1.0);
    }
    const StepResult step = task.Step(model, data, scratch.action, scratch.channels);
    if (step.diverged_dof >= 0) return;  // the rewards from here on hold kDivergedReward already
    double reward = step.reward;
    if (!planning_reward.empty()) {
      const double mean_reward = step.reward / repeat;
      const auto input = [&](size_t k) {
        if (k < channel_size) return scratch.channels[k];
        return k < channel_size + action_size ? scratch.action[k - channel_size] : mean_reward;
      };
      reward = repeat * planning_reward.EvaluateScalar(input, scratch.formula);
    }
    rewards[t] = static_cast<float>(reward);
    if (channels) std::copy(scratch.channels.begin(), scratch.channels.end(), channels + t * channel_size);
    play.played[i] = t + 1;
    if (step.terminated) {
      std::fill(rewards + t + 1, rewards + play.horizon, 0.0f);
      return;
    }
  }
}

void CheckSize(const char* what, size_t found, size_t expected) {
  if (found == expected) return;
  throw ShapeError(std::string("simulator as a model: ") + what + ": expected " + std::to_string(expected) +
                   " numbers, found " + std::to_string(found));
}

}  // namespace

struct SimulatorModel::Impl {
  std::shared_ptr<const CompiledTask> task;
  int threads = 1;
  int batch_threads = 0;           // that the batch was made with, as the next
  std::vector<double> parameters;
  BatchPtr batch;
  std::vector<int> ids;     // 0, 1, ... nsim - 1
  std::vector<int> played;  // (N)

  void Rebuild(const Belief& belief, int sequences) {
    batch.reset();
    const mjModel* model = task->model();
    ModelPtr own_model;
    if (!belief.parameters.empty()) {
      own_model.reset(mj_copyModel(nullptr, model));
      const DataPtr data(mj_makeData(own_model.get()));
      if (!data) throw SceneError(task->scene().origin() + ": MuJoCo cannot allocate a simulation of it");
      task->SetParameters(own_model.get(), data.get(), belief.parameters);
      model = own_model.get();
    }
    mjBatchConfig config;
    mjb_defaultConfig(&config);
    config.nthread = threads;
    char message[512] = "";
    for (const bool persistent : {false, true}) {  // models with sleeping need one mjData per simulation
      config.persistent = persistent;
      batch.reset(mjb_makeBatch(model, sequences, &config, message, sizeof(message)));
      if (batch) break;
    }
    if (!batch) {
      throw SceneError(task->scene().origin() + ": MuJoCo cannot simulate it in a batch: " + message);
    }
    batch_threads = threads;
    parameters = belief.parameters;
    ids.resize(sequences);
    std::iota(ids.begin(), ids.end(), 0);
  }
};

SimulatorModel::SimulatorModel(std::shared_ptr<const CompiledTask> task, int threads)
    : impl_(std::make_unique<Impl>()) {
  impl_->task = std::move(task);
  impl_->threads = threads > 0 ? threads : AvailableThreads();
}

SimulatorModel::~SimulatorModel() = default;

void SimulatorModel::SetThreads(int threads) { impl_->threads = std::max(1, threads); }

const CompiledTask& SimulatorModel::task() const { return *impl_->task; }

void SimulatorModel::Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
                             const ImagineOptions& options, Imagination& result) {
  const CompiledTask& task = *impl_->task;
  if (sequences < 1 || horizon < 1) {
    throw ShapeError("simulator as a model: expected at least one sequence of one step, found " +
                     std::to_string(sequences) + " of " + std::to_string(horizon));
  }
  const size_t steps = static_cast<size_t>(sequences) * horizon;
  const size_t channel_size = task.channel_size();
  CheckSize("actions", actions.size(), steps * task.action_size());
  CheckSize("state to start from", belief.integration_state.size(), task.state_size());
  CheckSize("parameters of the episode", belief.parameters.size(), task.parameter_size());
  const bool with_channels = options.channels || options.members;
  if (with_channels) CheckSize("channels to start from", belief.channels.size(), channel_size);

  if (!impl_->batch || mjb_nsim(impl_->batch.get()) < sequences || belief.parameters != impl_->parameters ||
      impl_->batch_threads != impl_->threads) {
    impl_->Rebuild(belief, sequences);
  }
  result.sequences = sequences;
  result.horizon = horizon;
  result.channel_size = task.channel_size();
  // A sequence that stops early leaves this in its remaining steps, whether Step reports a divergence or
  // MuJoCo itself ends the simulation with an error.
  result.rewards.assign(steps, kDivergedReward);
  result.uncertainty.assign(options.uncertainty ? steps : 0, 0.0f);
  result.channels.resize(with_channels ? steps * channel_size : 0);
  result.spread.assign(options.channels ? steps * channel_size : 0, 0.0f);
  result.values.clear();
  result.members = options.members ? 1 : 0;
  result.member_channels.clear();
  impl_->played.assign(sequences, 0);

  Playback play = {.task = &task,
                   .belief = &belief,
                   .actions = actions,
                   .horizon = horizon,
                   .rewards = result.rewards.data(),
                   .channels = with_channels ? result.channels.data() : nullptr,
                   .played = impl_->played.data()};
  mjb_apply(impl_->batch.get(), impl_->ids.data(), sequences, PlaySequence, &play, /*save=*/0);

  if (!with_channels) return;
  // Nothing is known after the end of a sequence: its last measurement is held.
  for (int i = 0; i < sequences; ++i) {
    const int played = impl_->played[i];
    float* row = result.channels.data() + (static_cast<size_t>(i) * horizon + played) * channel_size;
    for (int t = played; t < horizon; ++t, row += channel_size) {
      if (t == 0) {
        std::copy(belief.channels.begin(), belief.channels.end(), row);
      } else {
        std::copy_n(row - channel_size, channel_size, row);
      }
    }
  }
  if (!options.members) return;
  result.member_channels = result.channels;
  if (!options.channels) result.channels.clear();
}

}  // namespace reverie
