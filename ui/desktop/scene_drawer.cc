#include <algorithm>
#include <chrono>

#include "sim/error.h"
#include "ui/desktop/drawn_scene.h"
#include "ui/desktop/scene_renderer.h"

namespace reverie::desktop {

struct SceneDrawer::Impl {
  RenderQuality quality;
  std::unique_ptr<GlContext> gl;
  std::unique_ptr<DrawnScene> scene;  // of the last task
};

SceneDrawer::SceneDrawer(RenderQuality quality) : impl_(std::make_unique<Impl>()) {
  impl_->quality = quality;
}
SceneDrawer::~SceneDrawer() = default;

void SceneDrawer::Draw(const SceneRequest& request, SceneFrame& frame) {
  const auto start = std::chrono::steady_clock::now();
  Impl& self = *impl_;
  if (!request.task) throw SceneError("cannot draw: no task is open");
  if (!self.gl) self.gl = std::make_unique<GlContext>();
  frame.width = std::clamp(request.width, 0, self.gl->max_size_px());
  frame.height = std::clamp(request.height, 0, self.gl->max_size_px());
  frame.serial = request.serial;
  frame.software = self.gl->software();
  if (frame.width == 0 || frame.height == 0) {
    frame.rgb.clear();
  } else {
    const GlContext::Scope current(*self.gl);
    if (!self.scene || self.scene->task() != request.task) {
      self.scene.reset();  // not both at once
      self.scene = std::make_unique<DrawnScene>(request.task, *self.gl, self.quality);
    }
    self.scene->Draw(request, frame.width, frame.height, frame.rgb);
    self.gl->CheckAlive();
  }
  frame.render_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace reverie::desktop
