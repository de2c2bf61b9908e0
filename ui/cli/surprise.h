// The two halves of `surprise`: recorded episodes scored frame by frame, and possible and impossible twins.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "ui/cli/command.h"
#include "worldmodel/jepa.h"

namespace reverie::cli {

struct SurpriseOptions {
  CommonOptions common;
  std::string task, model, encoder, data, out;             // task or data
  std::string violations, policy, picture;        // with task
  int64_t pairs = 0, top = 0;                     // 0: as many as usual
};

/// Return an ExitCode. @throws as SetBody's body may.
int RunSurpriseOfData(const SurpriseOptions& options);
int RunSurpriseOfTwins(const SurpriseOptions& options);

/// The model, on the device that --device names. @throws CheckpointError: not one of pictures, or of another task.
std::unique_ptr<Jepa> OpenJepa(const SurpriseOptions& options, std::shared_ptr<const CompiledTask> task);

/// @throws Error where a file that is to be written is there already and --overwrite is not given.
void CheckNotThere(const std::string& file, const char* option, const CommonOptions& common);

}  // namespace reverie::cli
