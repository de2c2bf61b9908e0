// Draws the scene on a thread of its own, through EGL, into pictures in memory: the window shows the latest
// and never waits. A request replaces one that was not begun.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/latest.h"
#include "sim/renderer.h"
#include "ui/desktop/scene_view.h"

namespace reverie::desktop {

struct SceneRequest {
  std::shared_ptr<const CompiledTask> task;
  std::vector<double> state, parameters;
  mjvCamera camera{};
  mjvOption option{};
  mjtByte render_flags[mjNRNDFLAG]{};
  mjvPerturb perturbation{};
  int width = 0, height = 0;  // pixels; what the driver cannot draw is drawn as large as it can
  // Drawn in this order, so later ones over earlier ones, where no body is nearer.
  std::vector<Ghost> ghosts;  // what has another size than qpos, or is not finite, is left out
  std::vector<Trace> traces;
  uint64_t serial = 0;        // the caller's, to know its picture by
};

struct SceneFrame {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;   // (height, width, 3), first row on top
  uint64_t serial = 0;
  double render_ms = 0;
  bool software = false;      // drawn without graphics hardware: shadows and smooth edges cost much
};

/// The same drawing without a thread, for films: one thread at a time, not one that holds a window's context.
class SceneDrawer {
 public:
  /// @param quality  kFast: as a window needs it, without smooth edges and fine shadows where there is no
  ///                 graphics hardware; kFull: for pictures that are kept.
  explicit SceneDrawer(RenderQuality quality = RenderQuality::kFast);
  ~SceneDrawer();
  /// @throws DeviceError without EGL: what is missing and how to get it; SceneError; ShapeError for a state that
  /// is not the task's.
  void Draw(const SceneRequest& request, SceneFrame& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class SceneRenderer {
 public:
  SceneRenderer();
  ~SceneRenderer();
  /// Never blocks. A request that differs only in its serial is answered with the picture there is.
  void Submit(SceneRequest request);
  std::shared_ptr<const SceneFrame> Frame() const;  // null: none yet
  /// What keeps it from drawing, one line; empty: nothing. It tries again with requests for another task, and
  /// every few seconds.
  std::string error() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie::desktop
