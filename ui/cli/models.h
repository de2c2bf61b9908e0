// --model DIR|simulator: the world model that a command plans or predicts with.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/planner.h"
#include "ui/cli/command.h"
#include "worldmodel/world_model.h"

namespace reverie::cli {

/// MuJoCo itself for "simulator", else the model in the folder, on the device that --device names.
/// @throws CheckpointError, DeviceError.
std::unique_ptr<WorldModel> OpenModel(const std::string& model, std::shared_ptr<const CompiledTask> task,
                                      const CommonOptions& options);

/// The same for what is put beside reality, so that a model of pictures will do, if probes read channels out of it.
std::unique_ptr<WorldModel> OpenPredictor(const std::string& model, std::shared_ptr<const CompiledTask> task,
                                          const CommonOptions& options);

/// Options of the planner that plans in `model`: the task's; for a learned model those that learning used; over
/// them --set planner.<option> and --planner.
/// @throws UsageError for a setting of another kind; Error for an unknown option.
PlannerOptions PlanningIn(const std::string& model, const TaskSpec& task, const std::vector<std::string>& settings,
                          const std::string& planner);

}  // namespace reverie::cli
