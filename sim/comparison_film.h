// A film of one window of an episode: what happened on the left, what a world model predicted on the right
// and, translucent, over what happened. The file appears whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <stop_token>
#include <string>

#include "sim/environment.h"
#include "sim/episode.h"
#include "sim/renderer.h"

namespace reverie {

struct ComparisonFilmOptions {
  int64_t parts_at = -1;  // the step, from 1, from which on the right half is framed; below 1: never
  int size_px = 480;      // of each half, even
  std::string camera;     // "": the task's
  RenderQuality quality = RenderQuality::kFull;
};

/// Films the real start and the steps after it, as fast as they happened or slower so that they last 3 s, and
/// then the last one for a second. Both halves are seen from where the real camera is; the pose behind
/// predicted channels is PoseFit's. A bar along the bottom fills as the window passes and turns where they
/// part.
/// @param start      row of the episode that the model was given to imagine from.
/// @param predicted  (H, channel_size()): row h is what was predicted for row start + 1 + h.
/// @param label      one line that says what is shown: the model, the episode.
/// @return           false if `stop` ended it; then there is no file.
/// @throws ShapeError if the episode does not fit the task or is shorter, or H is 0; DeviceError without EGL
/// or an encoder; SceneError for an unknown camera; Error if the file cannot be written.
bool WriteComparisonFilm(const std::filesystem::path& path, std::shared_ptr<const CompiledTask> task,
                         const Episode& episode, int64_t start, std::span<const float> predicted,
                         const std::string& label, const ComparisonFilmOptions& options = {},
                         std::stop_token stop = {});

}  // namespace reverie
