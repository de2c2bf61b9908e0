// Draws what a dataset's cameras see of an episode, state by state, and compresses it: on the thread that plays the
// episode, so that whoever writes has only bytes to put in place. One recorder, with a renderer of its own, for each
// thread.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include <mujoco/mujoco.h>

#include "sim/environment.h"
#include "sim/frames.h"

namespace reverie {

/// Most pixels a side: Minari's metadata states the bounds of every single number of a frame.
inline constexpr int kMostFramePixels = 1024;

/// Completes settings for a task's scene. Without cameras: the task's own, else the scene's first, else kFreeCamera.
/// @throws SceneError for a camera or something hidden that the scene lacks (near names suggested), a camera that is
/// named twice; ShapeError for a size that is not 1 to kMostFramePixels.
FrameSettings CompleteFrames(FrameSettings settings, const CompiledTask& task);

/// Tries whether such frames can be drawn here. @throws DeviceError: what is missing and how to get it; ShapeError.
void CheckFrames(const FrameSettings& settings, const mjModel* model);

class FrameRecorder {
 public:
  /// @param model     its assets are uploaded; it is not kept.
  /// @param settings  complete. @throws DeviceError, ShapeError as Renderer.
  FrameRecorder(const mjModel* model, const FrameSettings& settings);
  ~FrameRecorder();
  FrameRecorder(const FrameRecorder&) = delete;
  FrameRecorder& operator=(const FrameRecorder&) = delete;

  /// Forgets what was drawn.
  void Start();
  /// Draws the state of `data`, whose positions and what derives from them are current.
  void Add(const mjModel* model, mjData* data);
  /// What was drawn since Start, in StreamsOf's order.
  std::vector<FrameSequence> Take();
  /// Draws one picture of `data` and keeps nothing: what Add would record of a stream.
  /// @param frame  stream.frame_bytes(), as ReadFrames gives them.
  /// @throws DatasetError where the settings have no such stream.
  void Draw(const mjModel* model, mjData* data, const FrameStream& stream, std::span<uint8_t> frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// What a renderer calls a camera of a dataset: "" for the free one.
std::string RendererCamera(const mjModel* model, const std::string& camera);

}  // namespace reverie
