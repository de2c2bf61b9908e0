// One run of learning in the background: its job, how fast it goes, and the agent that follows the newest model as
// it improves. Window's thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ui/desktop/app.h"
#include "ui/desktop/job_line.h"
#include "ui/desktop/learning_log.h"

namespace reverie::desktop {

class LearningRun {
 public:
  struct Request {
    std::filesystem::path folder;  // empty: the next free one
    std::string kind = "ensemble"; // of model; a resumed run has its own
    int64_t env_steps = 12000;     // in all, those of a resumed run included
    uint64_t seed = 0;
    bool resume = false;
  };
  /// Starts to learn the open task. Returns what keeps it from that, one line; empty: nothing.
  std::string Start(App& app, const Request& request);
  void Pause(App& app, bool paused);
  void Stop(App& app);
  /// Each frame: progress, and the newest model to the agent.
  void Update(App& app);

  static bool Running(const App& app);
  static bool Paused(const App& app);

  /// "the agent uses the newest model as it improves".
  bool use_newest() const { return use_newest_; }
  void SetUseNewest(bool use);

  const std::string& task_name() const { return task_name_; }
  int64_t env_steps() const { return env_steps_; }
  /// In env steps.
  const JobRate& rate() const { return rate_; }
  const LearningCurve& curve() const { return curve_; }
  double calibration() const { return calibration_; }
  /// Grows with each checkpoint.
  int64_t checkpoints() const { return checkpoints_; }

 private:
  struct Shared;
  void FollowNewest(App& app);

  std::shared_ptr<Shared> shared_;  // with the job's thread
  std::shared_ptr<const CompiledTask> task_;
  std::string task_name_;
  int64_t env_steps_ = 0;
  LearningCurve curve_;
  size_t curve_from_ = 0;          // of app.learning_curve, taken over
  double calibration_ = kUnknown;
  int64_t checkpoints_ = 0, used_checkpoint_ = 0;

  JobRate rate_;

  bool use_newest_ = true;
  std::weak_ptr<Session> told_;    // the session that was told to plan in this run's model
  bool was_used_ = false;          // and then did
  std::shared_ptr<const CompiledTask> looked_at_;  // whether this task can use the model
  bool fits_ = false;
};

}  // namespace reverie::desktop
