// One task's scene as it is drawn: its model with the parameters drawn into it, its state, and what OpenGL
// keeps of it. One thread at a time; a GL context outlives it.
#pragma once

#include <memory>
#include <vector>

#include "sim/render_context.h"
#include "sim/renderer.h"
#include "ui/desktop/ghost_painter.h"
#include "ui/desktop/scene_renderer.h"

namespace reverie::desktop {

class DrawnScene {
 public:
  /// @throws SceneError where there is no memory for another simulation.
  DrawnScene(std::shared_ptr<const CompiledTask> task, const GlContext& gl, RenderQuality quality);
  ~DrawnScene();
  DrawnScene(const DrawnScene&) = delete;
  DrawnScene& operator=(const DrawnScene&) = delete;

  const std::shared_ptr<const CompiledTask>& task() const { return task_; }
  /// Draws a request for this task into a picture of `width` x `height`; the GL context is current.
  void Draw(const SceneRequest& request, int width, int height, std::vector<uint8_t>& rgb);

 private:
  const mjModel* model() const { return own_model_ ? own_model_.get() : task_->model(); }
  void SetState(const SceneRequest& request);
  void UpdateScene(const SceneRequest& request);
  void DrawGhosts(const SceneRequest& request);
  void Reserve(int geoms);
  void MakeAssets(int width, int height);

  std::shared_ptr<const CompiledTask> task_;
  const GlContext& gl_;
  RenderQuality quality_;
  ModelPtr own_model_;  // only where resets draw into the model
  bool draws_assets_ = false;  // resets draw into what OpenGL keeps
  DataPtr data_, ghost_data_;
  std::vector<double> state_, parameters_;
  std::unique_ptr<RenderContext> assets_;  // null: to be made
  std::unique_ptr<GhostPainter> painter_;
  mjvScene scene_;
};

}  // namespace reverie::desktop
