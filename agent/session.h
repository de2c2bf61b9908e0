// Environment and agent together, as the desktop app and the command line drive them. Commands go in from any
// thread and never block; immutable snapshots come out, the latest wins. Inside, simulation, planning and
// imagination have a thread each. No Torch: learned models come through ModelOpener.
//
// In lock-step every control step waits for its plan, and the same commands at the same steps give the same
// states to the bit, as PlayEpisode does headless. In real time the physics keeps the pace and acts on the
// newest plan there is. SI units.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/latest.h"
#include "agent/planner.h"
#include "agent/thread_budget.h"
#include "agent/timeline.h"
#include "sim/environment.h"
#include "worldmodel/world_model.h"

namespace reverie {

/// kPolicy plays what the model's own policy prefers, unplanned.
enum class Actor : uint8_t { kPerson, kRandom, kSmooth, kPlanner, kPolicy };
enum class Pace : uint8_t { kLockStep, kRealTime };
enum class AtEnd : uint8_t { kNextEpisode, kPause, kGoOn };
std::string ActorName(Actor actor);  // "person", "random", "smooth", "planner", "policy"

/// Opens the model in a folder for a task; called on the thread that will use it, "simulator" never.
/// @throws CheckpointError, DeviceError.
using ModelOpener =
    std::function<std::unique_ptr<WorldModel>(const std::string& folder, std::shared_ptr<const CompiledTask> task)>;

/// What is to be imagined for people to look at. It changes nothing about what the agent does.
struct ImaginationOptions {
  bool enabled = true;
  int horizon = 0;          // control steps of the plan to draw; 0: the planner's
  int candidates = 24;      // rollouts drawn as traces; 0: none
  bool members = true;      // one trace for each member of an ensemble
  int traced_body = -1;     // whose path traces follow; -1: the moving body farthest from the root
  bool planning_gap = true; // play the plan in the simulator as well
  bool surprise = true;     // judge each step by the model
  // Predicted versus real: the prediction is imagined from where the world was, with the actions really taken.
  bool compare = true;
  int compare_steps = 25;               // made this many control steps ago
  std::optional<TimelinePlace> frozen;  // or made there, while reality walks away from it
  double tolerance = 0.25;              // they part where a channel is off by this many of its deviations
};

struct SessionOptions {
  uint64_t seed = 0;                // of the run; episode k starts from HashSeed(seed, k)
  Actor actor = Actor::kPlanner;
  Pace pace = Pace::kRealTime;
  AtEnd at_end = AtEnd::kNextEpisode;
  bool playing = false;
  std::string model = "simulator";  // what the planner believes in: "simulator", or a model's folder
  std::optional<PlannerOptions> planner = {};  // empty: what suits the task and the model
  ImaginationOptions imagination = {};
  int64_t memory_bytes = int64_t{256} << 20;  // of the timeline
  int threads = 0;                  // processors to share out; 0: those this process may use
  std::shared_ptr<ThreadBudget> budget = {};  // shared with what works beside it, then instead of `threads`
  ModelOpener open_model = {};           // null: only "simulator"
};

/// What a plan looks like from inside; of the latest plan drawn.
struct ImaginedPlan {
  TimelinePlace from;
  std::string model;
  int horizon = 0, channel_size = 0;
  std::vector<float> actions;           // (H, nu)
  std::vector<float> channels, spread;  // (H, nchannels)
  std::vector<float> rewards;           // (H), the planning reward
  std::vector<double> ghosts;           // (H, nq), poses
  int traced_body = 0;
  int candidates = 0, elites = 0;       // traces are ordered best first; the first `elites` are elites
  std::vector<float> traces;            // (candidates, H + 1, 3), the traced body's position; row 0: where it is
  std::vector<float> scores;            // (candidates)
  int members = 0;
  std::vector<float> member_channels;   // (members, H, nchannels)
  std::vector<float> member_traces;     // (members, H + 1, 3)
  float return_in_model = 0, return_in_simulator = 0;  // of the plan: their difference is the planning gap; NaN
};

constexpr int kMostComparedSteps = 200;  // a prediction is followed so far

/// A prediction beside what happened.
struct PredictedVersusReal {
  TimelinePlace from;                   // where it was made
  int branch = 0;                       // along whose lineage it is compared
  std::string model;
  int steps = 0, channel_size = 0;      // steps that have happened since
  std::vector<float> predicted, spread; // (steps, nchannels)
  std::vector<float> real;              // (steps, nchannels)
  std::vector<bool> tells;              // (nchannels) whether the model can tell the channel to within the tolerance at all,
                                        // as from pictures it may not; empty: all
  std::vector<float> error;             // (steps), root mean square over channels that it tells, in their deviations
  std::vector<double> ghosts;           // (steps, nq)
  std::vector<float> predicted_rewards, real_rewards;  // (steps)
  int parts_at = 0;                     // first step, from 1, past the tolerance; 0: they are together
  int parts_channel = -1;               // which channel is farthest off there

  bool Tells(int channel) const { return tells.empty() || tells[static_cast<size_t>(channel)]; }
};

struct Seen;          // worldmodel/picture_model.h
struct ImaginedFilm;

struct Divergence {
  TimelinePlace before;     // the last sound state
  TimelinePlace back;       // a quarter of a second before it, where other actions may still avoid it
  std::string dof;          // the degree of freedom that blew up
};

/// One line for people: what went wrong or was done.
struct Notice {
  int64_t serial = 0;  // grows
  bool error = false;
  std::string text;
};

struct SessionSnapshot {
  uint64_t serial = 0;
  std::shared_ptr<const CompiledTask> task;
  TimelineView timeline;

  // Now: what is shown, which is the end of a branch unless a person went back.
  TimelinePlace now;
  bool at_end_of_branch = true;
  int simulation_step = 0, simulation_steps = 1;  // within a control step, when stepping one by one
  std::vector<double> state;       // integration state, perturbing forces included
  std::vector<double> parameters;
  std::vector<double> channels, action;
  double time_s = 0, reward = 0, episode_return = 0;
  int64_t control_step = 0;        // of the episode
  uint64_t seed = 0;
  int64_t episode = -1;

  bool playing = false;
  double speed = 1, realtime_factor = 0;  // asked for (0: as fast as it goes), reached
  Actor actor = Actor::kPlanner;
  Pace pace = Pace::kRealTime;
  AtEnd at_end = AtEnd::kNextEpisode;
  bool holding = false;            // a person's hand is on a slider or key

  std::string model;               // planned in
  bool model_loading = false;
  bool model_has_policy = false;   // of its own
  bool plans_to_pictures = false;  // the model: it needs a goal
  std::shared_ptr<const std::vector<double>> goal;  // (nstate) that looks as it should; null: none
  PlannerOptions planner;
  double plan_ms = 0, plans_per_s = 0, imagined_steps_per_s = 0;
  int64_t plans = 0;
  std::vector<std::string> reward_terms;  // labels
  std::vector<double> channel_scale;      // (nchannels) deviations that errors are counted in
  double surprise_threshold = 0;   // of the running calibration; 0: none yet

  std::optional<Divergence> divergence;
  Notice notice;
  std::shared_ptr<const ImaginedPlan> plan;             // null: none yet
  std::shared_ptr<const PredictedVersusReal> compared;  // null: none yet
  std::shared_ptr<const Seen> seen;                     // null: no goal, or none that the model sees
  std::shared_ptr<const ImaginedFilm> planned_film;     // the plan as the model draws it; null: it draws none
  std::shared_ptr<const ImaginedFilm> compared_film;    // a prediction as it draws it, beside what was seen
  ImaginationOptions imagination;
};

class Session {
 public:
  /// Resets to episode 0. @throws SceneError, Error for planner options out of range.
  Session(std::shared_ptr<const CompiledTask> task, SessionOptions options);
  /// Stops all threads; waits for a plan under way.
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const CompiledTask& task() const;
  std::shared_ptr<const SessionSnapshot> Snapshot() const;
  /// Called on the simulation thread whenever there is a new snapshot; may be null. For windows to wake up.
  void OnSnapshot(std::function<void()> callback);
  /// Blocks until the commands given so far have been carried out. For scripts and tests, not for windows.
  void Wait() const;

  // Time. Going on from the past makes a branch; the old future is kept.
  void Play();
  void Pause();
  /// Makes so many control steps, as fast as they go; commands given meanwhile act at once, between two of them.
  void StepControl(int steps = 1);
  /// Makes what is missing to that control step of the episode, counted when the command is carried out, and pauses
  /// there; where the episode already is as far, it pauses.
  void StepTo(int64_t control_step);
  void StepSimulation();
  void SetSpeed(double speed);  // times real time; 0: as fast as it goes
  void SetAtEnd(AtEnd at_end);
  void ResetToEpisode(int64_t episode);
  void ResetToSeed(uint64_t seed);
  void Seek(TimelinePlace place);
  void RemoveBranch(int branch);

  /// What it should look like, for models that plan to pictures: an integration state. Empty: no goal.
  void SetGoal(std::vector<double> state);

  // Who acts.
  void SetActor(Actor actor);
  void SetPace(Pace pace);
  /// What a person does: elements of `held` that are set take over from whoever acts, the others are kept for
  /// when the person acts. Both (nu).
  void SetPersonAction(std::vector<double> action, std::vector<bool> held);
  void SetPlanner(PlannerOptions options);
  /// "simulator", or a model's folder; a bad one is a notice and changes nothing.
  void SetModel(std::string model);
  /// Opens the same folder again, for a newer checkpoint.
  void ReloadModel();
  void SetImagination(ImaginationOptions options);

  // A person's hands. Forces act while the simulation runs, poses are moved while it is paused.
  void SetPerturbation(const mjvPerturb& perturbation);
  /// Replaces the state: a branch from here if `keep_history`, else a new beginning. Control steps count on.
  /// @param label  what was done, for the branch: "joint hinge_1 moved".
  /// @param from   the place whose state was changed, where it may no longer be the present: the branch begins
  ///               there. None: the present.
  void EditState(std::vector<double> state, std::string label, bool keep_history = true, TimelinePlace from = {});
  /// Begins again from a state recorded elsewhere (a dataset's episode).
  void BeginFrom(std::vector<double> state, std::vector<double> parameters, std::string label);

  /// The episode that ends at `place`: its rows since the reset, or since a person last changed the state.
  /// Its states hold the forces that the step before each was made under, so that it can be replayed to the bit.
  /// Any thread. @throws Error where its beginning was dropped.
  Episode ExtractEpisode(TimelinePlace place) const;
  /// Writes every branch that was played to its end or left, as a dataset. Any thread; takes its time.
  /// @return episodes written. @throws DatasetError.
  int64_t SaveEpisodes(const std::filesystem::path& folder) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
