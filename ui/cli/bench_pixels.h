// How fast pictures of every state are collected.
#pragma once

#include <memory>

#include <nlohmann/json.hpp>

#include "sim/environment.h"
#include "sim/frames.h"

namespace reverie::cli {

/// Collects episodes with frames to disk, as `collect` does, five times in turn with the same without them and with
/// drawing alone, and reports the medians. Rates a core are per second of processor time, which other programs on the
/// machine do not change much.
/// @param frames   complete.
/// @param seconds  about how long each measurement takes.
/// @throws DeviceError where frames cannot be drawn.
nlohmann::ordered_json BenchPixels(const std::shared_ptr<const CompiledTask>& task, const FrameSettings& frames,
                                   int threads, double seconds);

}  // namespace reverie::cli
