// Learning by acting: play an episode with what is known, learn from it, play the next. Lock-step and
// deterministic; every episode is on disk and checkpointed before the next begins. One thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/planner.h"
#include "worldmodel/model_options.h"

namespace reverie {

struct LearningOptions {
  int64_t env_steps = 12000;     // control steps x action repeat, at most
  int random_episodes = 1;       // played with smooth noise before the first model
  int first_updates = 1000;      // after those
  double updates_per_step = 4.0; // per control step of a later episode
  int64_t capacity = 1000000;    // control steps that are learned from, the newest; all stay on disk
  double exploration = 0.0;      // noise on planned actions, in deviations of what the planner last drew them with
  ModelOptions model;
  PlannerOptions planner;
  uint64_t seed = 0;

  /// Defaults for a kind of model, over them the task file's "learning" and "planner". Keys of the model's options lie
  /// under "learning": {"model": {...}}; for a latent model all lie under "learning": {"latent": {...}}.
  /// @throws Error for an unknown key.
  static LearningOptions For(const TaskSpec& spec, const std::string& kind = "ensemble");
  /// Sets the options that `json` names. @throws Error for an unknown key or a value of another kind.
  void Update(const nlohmann::json& json, const std::string& where);
  nlohmann::ordered_json ToJson() const;
  /// Sets the options that a run in `folder` was started with, seed included, as far as its config.json tells.
  /// @throws CheckpointError, Error.
  void UpdateFrom(const std::filesystem::path& folder);
};

/// One line of log.jsonl.
struct EpisodeReport {
  int64_t episode = 0;
  int64_t env_steps = 0;   // in all so far
  double episode_return = 0;
  bool success_any = false, success_end = false;
  double wall_s = 0;       // since the run began, resumed parts added up
  bool judged = false;     // whether there was a model yet to predict it
  double model_nll = 0;    // of this episode, by the model that played it, before it learned from it
  double model_nrmse = 0;
  double loss = 0;
  double plan_ms = 0;      // mean over the episode's plans
  double update_ms = 0;
  int64_t updates = 0;
  std::string diverged;    // label of the degree of freedom that blew up; empty: none
  std::string quarantined; // what in it was not a finite number, so that nothing was learned from it; empty: nothing

  nlohmann::ordered_json ToJson() const;
  static EpisodeReport FromJson(const nlohmann::json& json);
};

/// Where a run is between two reports.
struct LearningProgress {
  enum class Phase { kActing, kLearning };
  Phase phase = Phase::kActing;
  int64_t env_steps = 0;            // in all so far
  int64_t updates = 0, updates_of = 0;  // done of this round's; 0 of 0 while acting
};

struct LearningResult {
  std::vector<EpisodeReport> episodes;  // those of earlier parts of a resumed run too
  int64_t env_steps = 0;
  double wall_s = 0;
  double update_ms = 0;  // mean over the run
  bool interrupted = false;
};

class LearningLoop {
 public:
  /// Starts in `folder` (prepared, empty) or, with `resume`, goes on after the last checkpoint in it. A checkpoint of
  /// offline training goes on too: what it was trained on is learned from beside what is played.
  /// Layout: config.json, weights.safetensors, optimizer.pt, log.jsonl; with data/ the folder is a Minari dataset as well.
  /// @throws CheckpointError, DatasetError; Error if the run's options differ from the checkpoint's.
  LearningLoop(std::shared_ptr<const CompiledTask> task, LearningOptions options, const std::string& device,
               std::filesystem::path folder, bool resume);
  ~LearningLoop();

  /// Learns until the env steps are spent or `stop` is requested, which is heeded at the next control step or update:
  /// the episode under way and what was learned from it are then dropped, and a later run plays and learns the same.
  /// @param report  called after each episode is on disk.
  /// @param tick    called before each control step and each update; may be null, may block to pause the run.
  LearningResult Run(const std::function<void(const EpisodeReport&)>& report,
                     const std::function<void(const LearningProgress&)>& tick, std::stop_token stop);

  LearnedModel& model();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// The file, relative to the folder, by which a model's folder is known.
inline constexpr char kModelMarker[] = "config.json";

}  // namespace reverie
