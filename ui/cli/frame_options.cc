#include "ui/cli/frame_options.h"

#include <charconv>
#include <string_view>

#include "sim/frame_recorder.h"
#include "ui/cli/command.h"

namespace reverie::cli {
namespace {

/// Reads "64", or "64x48": width, then height.
void ReadSize(const std::string& text, FrameSettings& frames) {
  const auto refuse = [&] {
    return UsageError("--pixels " + text + ": expected a size from 1 to " + std::to_string(kMostFramePixels) +
                      ", or width x height as 64x48");
  };
  const auto number = [&](std::string_view digits) {
    int value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 1 || value > kMostFramePixels)
      throw refuse();
    return value;
  };
  const std::string_view size = text;
  const size_t cross = size.find('x');
  frames.width = number(size.substr(0, cross));
  frames.height = cross == std::string_view::npos ? frames.width : number(size.substr(cross + 1));
}

}  // namespace

void AddFrameOptions(CLI::App& command, FrameOptions& options) {
  command.add_option("--pixels", options.pixels,
                     "Record pictures of every state, drawn without a display: SIZE, or WIDTHxHEIGHT. Observations are "
                     "then a Dict: state, pixels/CAMERA");
  // One at a time, so that a task may follow.
  command.add_option("--camera", options.cameras,
                     "Which camera takes them; again for several (the task's, else the scene's first, else free: one "
                     "that frames the whole scene)")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--hide", options.hide,
                     "A body, geom or site that pictures leave out, as a goal's marker; again for several")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--quality", options.quality,
                     "fast: no multisampling, shadows or reflections; full: as the scene has them, many "
                     "times slower without a graphics card (fast)")
      ->check(CLI::IsMember({"fast", "full"}));
  command.add_flag("--depth", options.depth, "depth/CAMERA, too: metres from the camera's plane, float32");
  command.add_flag("--segmentation", options.segmentation,
                   "segmentation/CAMERA, too: object id and object type, int32, -1 where nothing is");
}

FrameSettings ReadFrameOptions(const FrameOptions& options) {
  FrameSettings frames;
  if (!options.asked()) {
    const char* given = !options.cameras.empty()   ? "--camera"
                        : !options.hide.empty()    ? "--hide"
                        : !options.quality.empty() ? "--quality"
                        : options.depth            ? "--depth"
                        : options.segmentation     ? "--segmentation"
                                                   : nullptr;
    if (given != nullptr) throw UsageError(std::string(given) + " needs --pixels SIZE: no pictures are taken without it");
    return frames;
  }
  ReadSize(options.pixels, frames);
  frames.cameras = options.cameras;
  frames.hide = options.hide;
  if (!options.quality.empty()) frames.quality = options.quality;
  frames.depth = options.depth;
  frames.segmentation = options.segmentation;
  return frames;
}

nlohmann::ordered_json FramesJson(const FrameSettings& frames) {
  return {{"width", frames.width},     {"height", frames.height},
          {"cameras", frames.cameras}, {"quality", frames.quality},
          {"depth", frames.depth},     {"segmentation", frames.segmentation},
          {"hide", frames.hide}};
}

}  // namespace reverie::cli
