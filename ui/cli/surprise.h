// The two halves of `surprise`: recorded episodes scored frame by frame, and possible and impossible twins.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/frame_judge.h"
#include "sim/dataset.h"
#include "ui/cli/command.h"

namespace reverie::cli {

struct SurpriseOptions {
  CommonOptions common;
  std::string task, model, encoder, data, out;    // task or data
  std::string violations, policy, picture;        // with task
  VJepa2JudgeOptions published;                   // with an encoder and no model: how it looks
  int pixels = 0;                                 // and at what: 0: as many as it sees; with task
  std::string camera;
  std::vector<std::string> hide;                  // with task
  int64_t pairs = 0, top = 0;                     // 0: as many as usual
};

/// Return an ExitCode. @throws as SetBody's body may.
int RunSurpriseOfData(const SurpriseOptions& options);
int RunSurpriseOfTwins(const SurpriseOptions& options);

/// The model, or the encoder alone with its predictor, on the device that --device names.
/// @param recorded  the pictures there are; null: they are drawn as they are needed.
/// @throws CheckpointError: not one of pictures, or of another task; DatasetError for a camera that has no pictures.
std::unique_ptr<FrameJudge> OpenJudge(const SurpriseOptions& options, std::shared_ptr<const CompiledTask> task,
                                      const DatasetInfo* recorded);

/// The folder of what judges.
inline const std::string& NameOf(const SurpriseOptions& options) {
  return options.model.empty() ? options.encoder : options.model;
}

/// @throws Error where a file that is to be written is there already and --overwrite is not given.
void CheckNotThere(const std::string& file, const char* option, const CommonOptions& common);

}  // namespace reverie::cli
