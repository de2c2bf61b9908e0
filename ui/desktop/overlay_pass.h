// What is drawn over MuJoCo's picture with OpenGL directly: traces and ghosts. As geoms of MuJoCo's, thousands
// of segments and several copies of a robot would take longer than everything else.
#pragma once

#include <vector>

#include <mujoco/mujoco.h>

#include "ui/desktop/scene_view.h"

namespace reverie::desktop {

/// While it lives, OpenGL draws translucent things as `camera` sees them into what mjr_render has left in the
/// current framebuffer, hidden by what is nearer.
class OverlayPass {
 public:
  OverlayPass(const mjvGLCamera& camera, int width_px, int height_px);
  ~OverlayPass();
  OverlayPass(const OverlayPass&) = delete;
  OverlayPass& operator=(const OverlayPass&) = delete;

  /// Polylines, which break where points are not finite.
  void Draw(const std::vector<Trace>& traces) const;
};

}  // namespace reverie::desktop
