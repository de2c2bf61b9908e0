// --model DIR|simulator: the world model that a command plans or predicts with.
#pragma once

#include <memory>
#include <string>

#include "ui/cli/command.h"
#include "worldmodel/world_model.h"

namespace reverie::cli {

/// MuJoCo itself for "simulator", else the model in the folder, on the device that --device names.
/// @throws CheckpointError, DeviceError.
std::unique_ptr<WorldModel> OpenModel(const std::string& model, std::shared_ptr<const CompiledTask> task,
                                      const CommonOptions& options);

}  // namespace reverie::cli
