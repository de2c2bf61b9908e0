// Collecting a batch of episodes in the background, as `reverie collect` does it: the same task, policy and seed
// give the same dataset. Episodes that are finished are kept, however it ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>

#include "agent/job.h"
#include "sim/collect_dataset.h"
#include "ui/desktop/app.h"

namespace reverie::desktop {

struct CollectRequest {
  enum class Policy { kRandom, kSmooth, kPlanner, kModel, kLearned };
  std::shared_ptr<const CompiledTask> task;
  Policy policy = Policy::kRandom;
  std::string model;              // kModel: the folder that is planned in; kLearned: whose policy it is
  int64_t episodes = 0;           // or
  int64_t steps = 0;              // control steps
  uint64_t seed = 0;
  int workers = 1;                // at most; fewer where the budget has fewer
  std::shared_ptr<ThreadBudget> threads;  // null: `workers` are there
  std::filesystem::path folder;   // empty: the next free one under out/data
  bool resume = false;
};
const char* PolicyName(CollectRequest::Policy policy);

/// What became of it; filled on the job's thread.
class CollectOutcome {
 public:
  void SetFolder(const std::filesystem::path& folder) {
    const std::lock_guard lock(mutex_);
    folder_ = folder;
  }
  void SetResult(const CollectDatasetResult& result) {
    const std::lock_guard lock(mutex_);
    result_ = result;
  }
  void SetWorkers(int workers) {
    const std::lock_guard lock(mutex_);
    workers_ = workers;
  }
  int workers() const {
    const std::lock_guard lock(mutex_);
    return workers_;
  }
  std::filesystem::path folder() const {
    const std::lock_guard lock(mutex_);
    return folder_;
  }
  CollectDatasetResult result() const {
    const std::lock_guard lock(mutex_);
    return result_;
  }

 private:
  mutable std::mutex mutex_;
  std::filesystem::path folder_;   // empty: not made yet
  CollectDatasetResult result_;    // as far as it is
  int workers_ = 0;                // that it got; 0: it has not begun
};

/// Starts it. @param learned  opens kModel's model, on the job's thread.
std::shared_ptr<Job> StartCollecting(const CollectRequest& request, const LearnedModels& learned,
                                     std::shared_ptr<CollectOutcome> outcome);

}  // namespace reverie::desktop
