#include "sim/collect.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <mujoco/mjbatch.h>
#include <mujoco/mujoco.h>

#include "sim/error.h"
#include "sim/frame_recorder.h"
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
// Finished episodes that may wait for the one who takes them: enough to even out lengths and a slow disk, few enough
// to hold in memory.
constexpr int64_t kWaitingPerWorker = 4, kMostWaitingBytes = int64_t{256} << 20;

BatchPtr MakeBatch(const CompiledTask& task) {
  mjBatchConfig config;
  mjb_defaultConfig(&config);
  config.nthread = 1;
  char message[512] = "";
  for (const bool persistent : {false, true}) {  // models with sleeping need one mjData per simulation
    config.persistent = persistent;
    if (BatchPtr batch{mjb_makeBatch(task.model(), 1, &config, message, sizeof(message))}) return batch;
  }
  throw SceneError(task.scene().origin() + ": MuJoCo cannot simulate it in a batch: " + message);
}

std::unique_ptr<FrameRecorder> MakeRecorder(const CompiledTask& task, const CollectOptions& options) {
  return options.frames.empty() ? nullptr : std::make_unique<FrameRecorder>(task.model(), options.frames);
}

/// What one thread plays with. A batch of MuJoCo's, since it contains MuJoCo's fatal errors.
class Worker {
 public:
  Worker(const CompiledTask& task, const PolicySource& policy, const CollectOptions& options)
      : task_(task), policy_(policy), seed_(options.seed), frames_(MakeRecorder(task, options)), batch_(MakeBatch(task)) {
    if (task.parameter_size() == 0) return;
    own_model_.reset(mj_copyModel(nullptr, task.model()));  // resets draw into it
    models_ = own_model_.get();
    mjb_setModels(batch_.get(), &models_);
  }
  /// Returns false if `stop` ended it. @throws SceneError.
  bool Play(int64_t index, const std::stop_token& stop, Episode& episode) {
    Round round{*this, index, stop, episode, false, nullptr};
    mjb_apply(batch_.get(), nullptr, 1, PlayRound, &round, 0);
    if (round.error) std::rethrow_exception(round.error);
    if (mjb_status(batch_.get())[0] != 0) {
      throw SceneError(task_.scene().origin() + ": episode " + std::to_string(index) +
                       ": MuJoCo: " + mjb_error(batch_.get(), 0));
    }
    return round.finished;
  }

 private:
  struct Round {
    const Worker& worker;
    int64_t index;
    const std::stop_token& stop;
    Episode& episode;
    bool finished;
    std::exception_ptr error;
  };
  static void PlayRound(const mjModel* model, mjData* data, int, void* argument) {
    Round& round = *static_cast<Round*>(argument);
    const Worker& self = round.worker;
    // CompiledTask writes to the model only where it draws parameters, and then the model is the worker's own.
    mjModel* writable = self.own_model_ ? self.own_model_.get() : const_cast<mjModel*>(model);
    try {
      round.finished = PlayEpisode(self.task_, writable, data, self.policy_, round.index,
                                   HashSeed(self.seed_, static_cast<uint64_t>(round.index)), round.stop, round.episode,
                                   self.frames_.get());
    } catch (...) {  // must not cross MuJoCo
      round.error = std::current_exception();
    }
  }

  const CompiledTask& task_;
  const PolicySource& policy_;
  const uint64_t seed_;
  const std::unique_ptr<FrameRecorder> frames_;
  ModelPtr own_model_;
  const mjModel* models_ = nullptr;  // of the batch's one simulation
  BatchPtr batch_;                   // after what it may point into
};

/// Plays episodes on threads and hands them over in order while they play on: a thread waits only where those that
/// nobody took yet are many.
class Player {
 public:
  Player(const CompiledTask& task, const PolicySource& policy, const CollectOptions& options, int64_t episodes,
         std::stop_token stop)
      : first_(options.first_episode),
        episodes_(episodes),
        full_length_(std::max(1, task.steps_per_episode())),
        threads_count_(std::clamp<int64_t>(episodes, 1, std::max(1, options.workers))),
        most_ahead_(threads_count_ + MostWaiting(task, threads_count_)),
        stopped_by_caller_(std::move(stop), [this] { Close(); }) {
    for (int64_t i = 0; i < threads_count_; ++i) {
      workers_.push_back(std::make_unique<Worker>(task, policy, options));
    }
    for (const std::unique_ptr<Worker>& worker : workers_) {
      threads_.emplace_back([this, &worker = *worker] { PlayOn(worker); });
    }
  }
  ~Player() { Close(); }

  /// The next episode in order, of which so many control steps are wanted at most from now on. Empty: `stop` was
  /// requested before it was played to its end. @throws what playing it threw.
  std::optional<Episode> Next(int64_t steps_wanted) {
    std::unique_lock lock(mutex_);
    // Episodes cannot be longer than that, so this many are needed at least, and no more are begun.
    needed_ = (std::min(steps_wanted, INT64_MAX - full_length_) + full_length_ - 1) / full_length_;
    taken_.notify_all();
    finished_one_.wait(lock, [this] { return finished_.contains(next_) || playing_ == 0; });
    const auto found = finished_.find(next_);
    if (found == finished_.end()) {
      if (error_) std::rethrow_exception(error_);
      return std::nullopt;
    }
    Episode episode = std::move(found->second);
    finished_.erase(found);
    waiting_bytes_ -= episode.bytes();
    ++next_;
    taken_.notify_all();
    return episode;
  }

 private:
  static int64_t MostWaiting(const CompiledTask& task, int64_t workers) {
    const int64_t row = 8 * (task.state_size() + task.channel_size() + task.action_size() + task.model()->nq +
                             task.model()->nv + 3);
    const int64_t fit = kMostWaitingBytes / (row * std::max(1, task.steps_per_episode()));
    return std::clamp<int64_t>(fit, 1, kWaitingPerWorker * workers);
  }

  void Close() {
    closed_.request_stop();
    const std::lock_guard lock(mutex_);
    taken_.notify_all();
  }

  void PlayOn(Worker& worker) {
    try {
      while (const std::optional<int64_t> order = Begin()) {
        Episode episode;
        if (!worker.Play(first_ + *order, closed_.get_token(), episode)) break;
        const std::lock_guard lock(mutex_);
        waiting_bytes_ += episode.bytes();
        finished_.emplace(*order, std::move(episode));
        finished_one_.notify_all();
      }
    } catch (...) {
      {
        const std::lock_guard lock(mutex_);
        if (!error_) error_ = std::current_exception();
      }
      Close();
    }
    const std::lock_guard lock(mutex_);
    --playing_;
    finished_one_.notify_all();
  }

  /// Which episode is to be played; empty: none any more.
  std::optional<int64_t> Begin() {
    std::unique_lock lock(mutex_);
    taken_.wait(lock, [this] {
      if (closed_.stop_requested() || begun_ >= episodes_) return true;
      // How large frames become is not known before. The next one to be taken is always played.
      const bool room = waiting_bytes_ < static_cast<size_t>(kMostWaitingBytes) || begun_ == next_;
      return room && begun_ < next_ + std::min(most_ahead_, needed_);
    });
    if (closed_.stop_requested() || begun_ >= episodes_) return std::nullopt;
    return begun_++;
  }

  const int64_t first_, episodes_, full_length_, threads_count_, most_ahead_;
  std::vector<std::unique_ptr<Worker>> workers_;

  std::mutex mutex_;
  std::condition_variable finished_one_, taken_;
  std::map<int64_t, Episode> finished_;  // by order
  size_t waiting_bytes_ = 0;             // in them
  int64_t begun_ = 0, next_ = 0, needed_ = 0, playing_ = threads_count_;
  std::exception_ptr error_;
  std::stop_source closed_;
  std::vector<std::jthread> threads_;
  std::stop_callback<std::function<void()>> stopped_by_caller_;
};

/// Policies that act one at a time play here and now: what they are slow for is not the disk.
class PlayerInTurn {
 public:
  PlayerInTurn(const CompiledTask& task, const PolicySource& policy, const CollectOptions& options, std::stop_token stop)
      : task_(task), policy_(policy), options_(options), stop_(std::move(stop)) {
    data_.reset(mj_makeData(task.model()));
    if (!data_) throw SceneError(task.scene().origin() + ": not enough memory for a simulation of it");
    if (task.parameter_size() > 0) own_model_.reset(mj_copyModel(nullptr, task.model()));
    frames_ = MakeRecorder(task, options);
  }
  std::optional<Episode> Next(int64_t) {
    const int64_t index = options_.first_episode + played_++;
    mjModel* model = own_model_ ? own_model_.get() : const_cast<mjModel*>(task_.model());
    Episode episode;
    if (!PlayEpisode(task_, model, data_.get(), policy_, index, HashSeed(options_.seed, static_cast<uint64_t>(index)),
                     stop_, episode, frames_.get())) {
      return std::nullopt;
    }
    return episode;
  }

 private:
  const CompiledTask& task_;
  const PolicySource& policy_;
  const CollectOptions& options_;
  std::stop_token stop_;
  ModelPtr own_model_;  // where resets draw into the model
  DataPtr data_;
  std::unique_ptr<FrameRecorder> frames_;
  int64_t played_ = 0;
};

}  // namespace

uint64_t PolicySeed(uint64_t episode_seed) {
  return HashSeed(episode_seed, kPolicyStream);
}

bool PlayEpisode(const CompiledTask& task, mjModel* model, mjData* data, const PolicySource& policy,
                 int64_t index, uint64_t seed, std::stop_token stop, Episode& episode, FrameRecorder* frames) {
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
    std::vector<int8_t> actors;
    recorder.Start(model, data, channels);
    if (frames != nullptr) {
      frames->Start();
      frames->Add(model, data);
    }
    result = {};
    int step = 0;
    std::vector<double> last_action;
    while (!result.terminated && !result.truncated) {
      if (stop.stop_requested()) return false;
      actor->Act({model, data, channels, step, last_action}, action);
      if (!policy.actors.empty()) actors.push_back(static_cast<int8_t>(actor->Actor()));
      result = task.Step(model, data, action, channels);
      ++step;
      if (step >= task.steps_per_episode() && !result.terminated) result.truncated = true;
      last_action = action;
      recorder.Add(action, result, model, data, channels);
      if (frames != nullptr && result.diverged_dof < 0) frames->Add(model, data);
    }
    episode = recorder.Take();
    // A step that diverges is not kept.
    if (!actors.empty()) actors.resize(static_cast<size_t>(episode.steps));
    episode.actors = std::move(actors);
    if (frames != nullptr) episode.frames = frames->Take();
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
  if (!episode.actors.empty()) episode.actors.resize(new_steps);
  for (FrameSequence& sequence : episode.frames) sequence.Keep(steps + 1);
  episode.steps = steps;
  episode.terminated = false;
  episode.truncated = true;
  episode.diverged.clear();
}

namespace {

template <class AnyPlayer>
CollectResult Gather(AnyPlayer& player, int64_t episode_limit, int64_t step_limit,
                     const std::function<void(Episode&&)>& keep) {
  CollectResult result;
  while (result.episodes < episode_limit && result.steps < step_limit) {
    std::optional<Episode> episode = player.Next(step_limit - result.steps);
    if (!episode) {
      result.interrupted = true;
      return result;
    }
    CutEpisode(*episode, step_limit - result.steps);
    ++result.episodes;
    result.steps += episode->steps;
    if (!episode->diverged.empty()) ++result.quarantined;
    keep(std::move(*episode));
  }
  return result;
}

}  // namespace

CollectResult Collect(std::shared_ptr<const CompiledTask> task, const PolicySource& policy,
                      const CollectOptions& options, const std::function<void(Episode&&)>& keep,
                      std::stop_token stop) {
  const int64_t episode_limit = options.episodes > 0 ? options.episodes : INT64_MAX;
  const int64_t step_limit = options.steps > 0 ? options.steps : INT64_MAX;
  if (options.episodes <= 0 && options.steps <= 0) return {};
  if (!policy.parallel) {
    PlayerInTurn player(*task, policy, options, std::move(stop));
    return Gather(player, episode_limit, step_limit, keep);
  }
  Player player(*task, policy, options, episode_limit, std::move(stop));
  return Gather(player, episode_limit, step_limit, keep);
}

}  // namespace reverie
