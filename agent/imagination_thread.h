// The thread that imagines for people to look at: the plan's motion, candidates, members, predictions beside what
// happened, and how surprising each step was. It has a model of its own, so that nothing it does changes what
// the agent does. The newest picture of the session wins. Not for windows: Session speaks to it.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "agent/planning_thread.h"
#include "agent/session.h"

namespace reverie {

/// What the imagination has to show; each is replaced whole.
struct Imagined {
  std::shared_ptr<const ImaginedPlan> plan;
  std::shared_ptr<const PredictedVersusReal> compared;
  std::shared_ptr<const Seen> seen;
  std::shared_ptr<const ImaginedFilm> planned_film, compared_film;
  int compared_branch = -1;  // compared_film's
  std::vector<double> channel_scale;
  double surprise_threshold = 0;
};

class ImaginationThread {
 public:
  /// @param shown  called on this thread when there is something new in Shown().
  ImaginationThread(std::shared_ptr<const CompiledTask> task, ModelOpener open, int nice, std::function<void()> shown);
  ~ImaginationThread();

  struct Input {
    TimelineView timeline;
    TimelinePlace now;
    ImaginationOptions options;
    ModelChoice model;
    std::shared_ptr<const PlanAnswer> plan;  // null: none for now
  };
  void Show(Input input);
  std::shared_ptr<const Imagined> Shown() const { return shown_.Get(); }

 private:
  void Run(std::stop_token stop);

  const std::shared_ptr<const CompiledTask> task_;
  const ModelOpener open_;
  const int nice_;
  const std::function<void()> on_shown_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::optional<Input> input_;  // guarded by mutex_
  Latest<Imagined> shown_;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace reverie
