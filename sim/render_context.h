// What MuJoCo keeps in OpenGL for one model: meshes, textures, shadow map, off-screen buffer. Use it from one
// thread at a time.
#pragma once

#include <memory>

#include <mujoco/mujoco.h>

#include "sim/gl_context.h"

namespace reverie {

/// Room for every decoration MuJoCo draws with its default options: full scenes make it write a warning file.
int GeomCapacity(const mjModel* model);

class RenderContext {
 public:
  /// Uploads the assets of `model`, whose visual settings say how large the buffers are; the model is not
  /// needed afterwards, but the GL context is, and is made current when needed.
  /// @throws DeviceError where it cannot be made current; SceneError where the driver refuses the buffers.
  RenderContext(const GlContext& gl, const mjModel* model);
  ~RenderContext();
  RenderContext(const RenderContext&) = delete;
  RenderContext& operator=(const RenderContext&) = delete;

  mjrContext* get() { return context_.get(); }

 private:
  const GlContext& gl_;
  std::unique_ptr<mjrContext> context_;
};

}  // namespace reverie
