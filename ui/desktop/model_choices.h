// The model folders that a planner could believe in: looked up and read on a job's thread, since a folder may lie
// on a slow disk. Window's thread only.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "agent/job.h"
#include "agent/latest.h"
#include "sim/environment.h"

namespace reverie::desktop {

struct ModelChoice {
  std::string folder;
  std::string kind;     // "ensemble"
  std::string refusal;  // why it cannot be planned in for this task; empty: it can
};

/// The models among `folders`, in their order, each once; `parents` are searched one level down. Reads files.
std::vector<ModelChoice> FindModels(const std::vector<std::filesystem::path>& folders,
                                    const std::vector<std::filesystem::path>& parents, const CompiledTask& task);

class ModelChoices {
 public:
  /// Begins to look, unless it is looking already.
  void Look(std::vector<std::filesystem::path> folders, std::vector<std::filesystem::path> parents,
            std::shared_ptr<const CompiledTask> task);
  bool looking() const { return job_ && !job_->status().finished; }
  /// What was found last; null: nothing yet.
  std::shared_ptr<const std::vector<ModelChoice>> Found() const { return found_->Get(); }

 private:
  std::shared_ptr<Latest<std::vector<ModelChoice>>> found_ = std::make_shared<Latest<std::vector<ModelChoice>>>();
  std::unique_ptr<Job> job_;
};

}  // namespace reverie::desktop
