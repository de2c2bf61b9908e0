// The options that say which pictures of every state are recorded: --pixels, --camera, --quality, --depth,
// --segmentation, --hide.
#pragma once

#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "sim/frames.h"

namespace reverie::cli {

struct FrameOptions {
  std::string pixels, quality;
  std::vector<std::string> cameras, hide;
  bool depth = false, segmentation = false;

  bool asked() const { return !pixels.empty(); }
};

void AddFrameOptions(CLI::App& command, FrameOptions& options);

/// What they ask for, the cameras as given; nothing without --pixels. @throws UsageError.
FrameSettings ReadFrameOptions(const FrameOptions& options);

nlohmann::ordered_json FramesJson(const FrameSettings& frames);

}  // namespace reverie::cli
