// evaluate --goal: goals given as pictures, and the share of them that is reached.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ui/cli/command.h"

namespace reverie::cli {

struct GoalEvaluationOptions {
  std::string task, model, planner, goal, data, encoder;
  std::vector<std::string> settings;
  int64_t pairs = 100;
  int replan = 0;        // 0: 1, or 3 in the simulator
  double across = 0.6;
};

/// Returns an ExitCode. @throws as SetBody's body may.
int RunEvaluateGoal(const GoalEvaluationOptions& options, const CommonOptions& common);

}  // namespace reverie::cli
