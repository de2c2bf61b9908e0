#include "sim/collect.h"

#include <algorithm>
#include <exception>
#include <string>
#include <vector>

#include <mujoco/mjbatch.h>
#include <mujoco/mujoco.h>

#include "sim/error.h"
#include "sim/random.h"

namespace reverie {
namespace {

struct BatchDeleter {
  void operator()(mjBatch* batch) const { mjb_deleteBatch(batch); }
};
using BatchPtr = std::unique_ptr<mjBatch, BatchDeleter>;

// Purposes of the numbers drawn from an episode's seed, so that they never share a sequence.
constexpr uint64_t kPolicyStream = 1;
constexpr uint64_t kRedrawStream = 1000;
constexpr int kRedraws = 10;
// Episodes a worker gets before results are written: enough to even out lengths, few enough to hold in
// memory.
constexpr int kEpisodesPerWorker = 4;

/// One simulation of the batch: the episode it plays and what became of it.
struct Slot {
  int64_t index = 0;
  uint64_t seed = 0;
  ModelPtr own_model;  // where resets draw into the model
  Episode episode;
  bool finished = false;
  std::exception_ptr error;
};

struct Job {
  const CompiledTask* task;
  const PolicySource* policy;
  std::stop_token stop;
  std::vector<Slot> slots;
};

void PlaySlot(Job& job, Slot& slot, const mjModel* model, mjData* data) {
  // CompiledTask writes to the model only where it draws parameters, and then the model is the slot's own.
  mjModel* writable = slot.own_model ? slot.own_model.get() : const_cast<mjModel*>(model);
  slot.finished =
      PlayEpisode(*job.task, writable, data, *job.policy, slot.index, slot.seed, job.stop, slot.episode);
}

void PlayInBatch(const mjModel* model, mjData* data, int sim, void* argument) {
  Job& job = *static_cast<Job*>(argument);
  Slot& slot = job.slots[static_cast<size_t>(sim)];
  try {
    PlaySlot(job, slot, model, data);
  } catch (...) {  // must not cross MuJoCo's thread pool
    slot.error = std::current_exception();
  }
}

BatchPtr MakeBatch(const CompiledTask& task, int simulations, int workers) {
  mjBatchConfig config;
  mjb_defaultConfig(&config);
  config.nthread = workers;
  char message[512] = "";
  for (const bool persistent : {false, true}) {  // models with sleeping need one mjData per simulation
    config.persistent = persistent;
    if (BatchPtr batch{mjb_makeBatch(task.model(), simulations, &config, message, sizeof(message))})
      return batch;
  }
  throw SceneError(task.scene().origin() + ": MuJoCo cannot simulate it in a batch: " + message);
}

/// Plays the first `count` slots; those that `stop` ended stay unfinished.
class Player {
 public:
  Player(const CompiledTask& task, const PolicySource& policy, int workers, int64_t most_episodes,
         std::stop_token stop)
      : job_{&task, &policy, std::move(stop), {}} {
    const int threads = policy.parallel ? std::max(1, workers) : 1;
    const int64_t slots =
        policy.parallel ? std::min<int64_t>(most_episodes, kEpisodesPerWorker * threads) : 1;
    job_.slots = std::vector<Slot>(static_cast<size_t>(std::max<int64_t>(1, slots)));
    if (task.parameter_size() > 0) {
      for (Slot& slot : job_.slots) slot.own_model.reset(mj_copyModel(nullptr, task.model()));
    }
    if (policy.parallel) {
      batch_ = MakeBatch(task, static_cast<int>(job_.slots.size()), threads);
      for (const Slot& slot : job_.slots) models_.push_back(slot.own_model.get());
      if (task.parameter_size() > 0) mjb_setModels(batch_.get(), models_.data());
      for (size_t i = 0; i < job_.slots.size(); ++i) ids_.push_back(static_cast<int>(i));
    } else {
      data_.reset(mj_makeData(task.model()));
      if (!data_) throw SceneError(task.scene().origin() + ": not enough memory for a simulation of it");
    }
  }

  int64_t slots() const { return static_cast<int64_t>(job_.slots.size()); }
  Slot& slot(int64_t i) { return job_.slots[static_cast<size_t>(i)]; }

  void Play(int64_t count) {
    if (!batch_) {
      PlaySlot(job_, job_.slots.front(), job_.task->model(), data_.get());
      return;
    }
    for (Slot& slot : job_.slots) {
      slot.finished = false;
      slot.error = nullptr;
    }
    mjb_apply(batch_.get(), ids_.data(), static_cast<int>(count), PlayInBatch, &job_, 0);
    const int* status = mjb_status(batch_.get());
    for (int64_t i = 0; i < count; ++i) {
      if (slot(i).error) std::rethrow_exception(slot(i).error);
      if (status[i] != 0) {
        throw SceneError(job_.task->scene().origin() + ": episode " + std::to_string(slot(i).index) +
                         ": MuJoCo: " + mjb_error(batch_.get(), static_cast<int>(i)));
      }
    }
  }

 private:
  Job job_;
  std::vector<const mjModel*> models_;
  std::vector<int> ids_;
  BatchPtr batch_;  // after what it points into
  DataPtr data_;    // for policies that act one at a time
};

}  // namespace

uint64_t PolicySeed(uint64_t episode_seed) {
  return HashSeed(episode_seed, kPolicyStream);
}

bool PlayEpisode(const CompiledTask& task, mjModel* model, mjData* data, const PolicySource& policy,
                 int64_t index, uint64_t seed, std::stop_token stop, Episode& episode) {
  std::vector<double> channels(static_cast<size_t>(task.channel_size()));
  std::vector<double> action(static_cast<size_t>(task.action_size()));
  StepResult result;
  for (int attempt = 0; attempt <= kRedraws; ++attempt) {
    const uint64_t drawn_seed =
        attempt == 0 ? seed : HashSeed(seed, kRedrawStream + static_cast<uint64_t>(attempt));
    Random random(drawn_seed);
    task.Reset(model, data, random);
    task.Observe(model, data, channels);
    const std::unique_ptr<Policy> actor = policy.make(PolicySeed(drawn_seed));
    EpisodeRecorder recorder(task, index, drawn_seed);
    recorder.Start(model, data, channels);
    result = {};
    int step = 0;
    while (!result.terminated && !result.truncated) {
      if (stop.stop_requested()) return false;
      actor->Act({model, data, channels, step}, action);
      result = task.Step(model, data, action, channels);
      ++step;
      if (step >= task.steps_per_episode() && !result.terminated) result.truncated = true;
      recorder.Add(action, result, model, data, channels);
    }
    episode = recorder.Take();
    if (episode.steps > 0) return true;
  }
  throw SceneError(
      task.scene().origin() + ": diverges in its first control step (degree of freedom " +
      (result.diverged_dof >= 0 ? task.scene().DofLabel(result.diverged_dof) : std::string("unknown")) +
      "), in " + std::to_string(kRedraws + 1) + " episodes one after another; a smaller <option timestep>" +
      " or more damping may hold it");
}

void CutEpisode(Episode& episode, int64_t steps) {
  if (steps >= episode.steps) return;
  const auto old_steps = static_cast<size_t>(episode.steps), new_steps = static_cast<size_t>(steps);
  for (std::vector<double>* per_step : {&episode.actions, &episode.rewards}) {
    per_step->resize(per_step->size() / old_steps * new_steps);
  }
  for (std::vector<double>* per_state : {&episode.observations, &episode.signals, &episode.integration_state,
                                         &episode.qpos, &episode.qvel, &episode.time, &episode.success}) {
    per_state->resize(per_state->size() / (old_steps + 1) * (new_steps + 1));
  }
  episode.steps = steps;
  episode.terminated = false;
  episode.truncated = true;
  episode.diverged.clear();
}

CollectResult Collect(std::shared_ptr<const CompiledTask> task, const PolicySource& policy,
                      const CollectOptions& options, const std::function<void(Episode&&)>& keep,
                      std::stop_token stop) {
  CollectResult result;
  const int64_t episode_limit = options.episodes > 0 ? options.episodes : INT64_MAX;
  const int64_t step_limit = options.steps > 0 ? options.steps : INT64_MAX;
  if (options.episodes <= 0 && options.steps <= 0) return result;
  const int64_t full_length = std::max(1, task->steps_per_episode());
  // Episodes cannot be longer than that, so this many are needed at least.
  const int64_t least_episodes =
      (std::min(step_limit, INT64_MAX - full_length) + full_length - 1) / full_length;
  Player player(*task, policy, options.workers,
                std::max<int64_t>(std::min(episode_limit, least_episodes), options.workers), stop);
  while (result.episodes < episode_limit && result.steps < step_limit) {
    const int64_t count = std::min(player.slots(), episode_limit - result.episodes);
    for (int64_t i = 0; i < count; ++i) {
      Slot& slot = player.slot(i);
      slot.index = options.first_episode + result.episodes + i;
      slot.seed = HashSeed(options.seed, static_cast<uint64_t>(slot.index));
    }
    player.Play(count);
    for (int64_t i = 0; i < count && result.steps < step_limit; ++i) {
      if (!player.slot(i).finished) {
        result.interrupted = true;
        return result;
      }
      Episode episode = std::move(player.slot(i).episode);
      CutEpisode(episode, step_limit - result.steps);
      ++result.episodes;
      result.steps += episode.steps;
      if (!episode.diverged.empty()) ++result.quarantined;
      keep(std::move(episode));
    }
  }
  return result;
}

}  // namespace reverie
