// Draws the scene on a thread of its own, through EGL, into pictures in memory: the window shows the latest
// and never waits. A request replaces one that was not begun.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/latest.h"
#include "ui/desktop/scene_view.h"

namespace reverie::desktop {

struct SceneRequest {
  std::shared_ptr<const CompiledTask> task;
  std::vector<double> state, parameters;
  mjvCamera camera{};
  mjvOption option{};
  mjtByte render_flags[mjNRNDFLAG]{};
  mjvPerturb perturbation{};
  int width = 0, height = 0;  // pixels
  std::vector<Ghost> ghosts;
  std::vector<Trace> traces;
  uint64_t serial = 0;        // the caller's, to know its picture by
};

struct SceneFrame {
  int width = 0, height = 0;
  std::vector<uint8_t> rgb;   // (height, width, 3), first row on top
  uint64_t serial = 0;
  double render_ms = 0;
};

/// The same drawing without a thread, for films: one thread at a time, not one that holds a window's context.
class SceneDrawer {
 public:
  SceneDrawer();
  ~SceneDrawer();
  /// @throws DeviceError without EGL; SceneError.
  void Draw(const SceneRequest& request, SceneFrame& frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class SceneRenderer {
 public:
  SceneRenderer();
  ~SceneRenderer();
  void Submit(SceneRequest request);
  std::shared_ptr<const SceneFrame> Frame() const;  // null: none yet
  /// What keeps it from drawing, one line; empty: nothing. It tries again with each request for another task.
  std::string error() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie::desktop
