// The thread that plans: it owns the planner and the world model that it imagines in. The newest request wins;
// each answer says which request it is for. Not for windows: Session speaks to it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "agent/session.h"
#include "agent/thread_budget.h"

namespace reverie {

/// Which model, and how often it was opened: a folder opened again may hold a newer checkpoint.
struct ModelChoice {
  std::string name = "simulator";
  uint64_t generation = 0;
  bool operator==(const ModelChoice&) const = default;
};

/// Opens what a choice names, to imagine with one thread: MuJoCo itself for "simulator".
/// @throws CheckpointError, DeviceError.
std::unique_ptr<WorldModel> OpenChosenModel(const ModelChoice& choice, std::shared_ptr<const CompiledTask> task,
                                            const ModelOpener& open);

struct PlanRequest {
  uint64_t serial = 0;
  TimelinePlace from;
  int64_t step = 0;      // control steps since the reset
  Belief belief;         // without its past, which is
  TimelineView timeline; // here: how far it is needed, the model says
  uint64_t epoch = 0;    // another epoch is a planner made anew
  uint64_t seed = 0;     // from which it begins
  PlannerOptions options;
  int shown_candidates = 0;
};

struct PlanAnswer {
  uint64_t serial = 0, epoch = 0;
  TimelinePlace from;
  int64_t step = 0;
  std::shared_ptr<const Belief> belief;
  Plan plan;
  Planner::Candidates candidates;
  ModelChoice model;
};

class PlanningThread {
 public:
  /// What became of a choice: the model there is now, the one that was tried, and why that failed, else empty.
  struct Opened {
    ModelChoice now, tried;
    bool has_policy = false;         // of its own
    bool plans_to_pictures = false;
    std::string error;
    uint64_t epoch = 0;       // of the plan that failed; 0: it was the opening
  };
  using OpenedCallback = std::function<void(const Opened&)>;
  /// @param threads   of which each plan borrows what is free.
  /// @param answered  called on the planning thread after each plan.
  /// @param opened    called there when a model was opened, or could not be (then the one before is kept), or a
  ///                  plan failed.
  PlanningThread(std::shared_ptr<const CompiledTask> task, ModelOpener open, std::shared_ptr<ThreadBudget> threads,
                 int nice, std::function<void()> answered,
                 OpenedCallback opened);
  ~PlanningThread();

  void Choose(const ModelChoice& model);
  void Ask(PlanRequest request);
  /// Forgets a request that was not begun.
  void Withdraw();
  std::shared_ptr<const PlanAnswer> Answer() const { return answer_.Get(); }

 private:
  void Run(std::stop_token stop);

  const std::shared_ptr<const CompiledTask> task_;
  const ModelOpener open_;
  const std::shared_ptr<ThreadBudget> threads_;
  const int nice_;
  const std::function<void()> answered_;
  const OpenedCallback opened_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<PlanRequest> request_;  // guarded by mutex_, as the next
  ModelChoice wanted_;
  Latest<PlanAnswer> answer_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace reverie
