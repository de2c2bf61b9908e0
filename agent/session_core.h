// What Session's simulation thread owns: environment, timeline, who acts, and the pace. Everything here runs on
// that thread; commands reach it through Session's queue.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "agent/imagination_thread.h"
#include "agent/planning_thread.h"
#include "agent/session.h"
#include "sim/policy.h"

namespace reverie {

class SessionCore {
 public:
  using Clock = std::chrono::steady_clock;
  struct Threads {
    PlanningThread* planning = nullptr;
    ImaginationThread* imagination = nullptr;
  };

  /// @param publish  takes each snapshot.
  SessionCore(std::shared_ptr<const CompiledTask> task, const SessionOptions& options,
              std::function<void(std::shared_ptr<const SessionSnapshot>)> publish);
  void Start(Threads threads, const std::string& model);

  /// Does what there is to do now. @return when to be called again at the latest.
  Clock::time_point Advance();
  /// Whether steps that were asked for are still to be made.
  bool Busy() const { return pending_steps_ > 0 || pending_simulation_steps_ > 0; }
  void Publish();

  // Commands.
  void Play();
  void Pause();
  void StepControl(int steps);
  void StepTo(int64_t control_step);
  void StepSimulation();
  void SetSpeed(double speed);
  void SetAtEnd(AtEnd at_end) { at_end_ = at_end; }
  void ResetToEpisode(int64_t episode);
  void ResetToSeed(uint64_t seed);
  void Seek(TimelinePlace place);
  void RemoveBranch(int branch);
  void SetActor(Actor actor);
  void SetPace(Pace pace);
  void SetGoal(std::vector<double> state);
  void SetPersonAction(std::vector<double> action, std::vector<bool> held);
  void SetPlanner(PlannerOptions options);
  void SetModel(std::string model);
  void ReloadModel();
  void SetImagination(ImaginationOptions options);
  void SetPerturbation(const mjvPerturb& perturbation);
  void EditState(const std::vector<double>& state, const std::string& label, bool keep_history,
                 TimelinePlace from = {});
  void BeginFrom(const std::vector<double>& state, std::vector<double> parameters, const std::string& label);

  // What the other threads say.
  void ModelOpened(const PlanningThread::Opened& opened);
  void Say(const std::string& text, bool error);

 private:
  bool AtEndOfBranch() const;
  bool ActsOnPlans() const { return actor_ == Actor::kPlanner || actor_ == Actor::kPolicy; }
  const BranchView& Branch() const { return *timeline_.view().Find(now_.branch); }
  int64_t Step() const { return timeline_.view().StepOf(now_); }
  void Reset(uint64_t seed, int64_t episode);
  void BeginBranch(BranchInfo info);
  void Fork();
  void Restore(TimelinePlace place);
  void NewEpoch();
  void AskForPlan();
  bool WaitsForPlan() const;
  /// There is nothing to plan for.
  bool LacksGoal() const { return plans_to_pictures_ && !goal_; }
  bool ChooseAction();
  void MakeControlStep();
  void MakeSimulationStep();
  void LeaveSimulationSteps();
  void EndEpisode();
  void GoOnInNextEpisode();
  void ApplyPush();
  void StopAtDivergence(int diverged_dof);
  bool IsState(const std::vector<double>& state);  // says so if not
  uint32_t EventsOf(const StepResult& result, double last_reward);
  std::shared_ptr<SessionSnapshot> MakeSnapshot() const;
  void MeasurePace(Clock::time_point now);

  std::shared_ptr<const CompiledTask> task_;
  std::function<void(std::shared_ptr<const SessionSnapshot>)> publish_;
  Threads threads_;
  Environment environment_;
  Timeline timeline_;
  const uint64_t run_seed_;
  double control_step_s_ = 0;
  std::vector<std::string> reward_term_labels_;

  TimelinePlace now_;
  uint64_t seed_ = 0;
  int64_t episode_ = -1, last_episode_ = -1;  // the run's, now and before a person changed it
  std::vector<double> action_;          // that led to now
  std::vector<double> chosen_;          // for the next step
  bool action_chosen_ = false;
  double reward_ = 0, episode_return_ = 0;
  std::vector<int> touching_;           // pairs of bodies, sorted
  std::optional<Divergence> divergence_;
  Notice notice_;

  bool playing_ = false;
  int64_t pending_steps_ = 0, pending_simulation_steps_ = 0;
  int simulation_step_ = 0, simulation_steps_ = 1;
  double speed_ = 1;
  AtEnd at_end_;
  Clock::time_point next_step_{};
  Clock::time_point pace_since_{};
  int64_t pace_steps_ = 0, pace_plans_ = 0;
  int64_t pace_imagined_ = 0;
  double realtime_factor_ = 0, plans_per_s_ = 0, imagined_steps_per_s_ = 0;

  Actor actor_;
  Pace pace_;
  std::vector<double> person_action_;
  std::vector<bool> held_;
  std::unique_ptr<Policy> policy_;      // of random and smooth
  mjvPerturb perturbation_{};

  ModelChoice wanted_, opened_;
  bool model_has_policy_ = false, plans_to_pictures_ = false;
  std::shared_ptr<const std::vector<double>> goal_;  // null: none
  std::optional<PlannerOptions> given_planner_;
  PlannerOptions planner_;
  uint64_t epoch_ = 1, asked_ = 0;      // the serial of the request for now
  bool asked_for_now_ = false;
  uint64_t last_answer_ = 0;
  int64_t plans_ = 0;
  double plan_ms_ = 0;
  ImaginationOptions imagination_;

  uint64_t serial_ = 0;
  Clock::time_point last_publish_{};
};

}  // namespace reverie
