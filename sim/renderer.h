// Draws a scene off-screen through EGL, without a display. A renderer owns its GL context; use it from one
// thread at a time, and not on a thread where a window's GLX context is current. Positions are drawn as
// `data` derives them (xpos, geom_xpos, ...): call mj_forward after setting qpos.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <mujoco/mujoco.h>

namespace reverie {

enum class RenderQuality { kFast, kFull };  // kFast: no multisampling, shadows or reflections

class Renderer {
 public:
  /// The picture has this size whatever the scene's own off-screen size; the model is only read.
  /// @throws DeviceError where no EGL driver can be had: what is missing and how to get it; ShapeError for a
  /// size that the driver does not draw.
  Renderer(const mjModel* model, int width, int height, RenderQuality quality);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  /// Adds a tinted copy of the moving bodies in another state to the next Render call: where a model said
  /// they would be. Skins and flexible bodies have no copy.
  /// @param rgba  tint and opacity, 0 to 1.
  void AddGhost(const mjModel* model, mjData* data, const float rgba[4]);

  /// Draws `data` as seen by `camera` (name or label; "" is a free camera that frames the whole scene).
  /// @param rgb  (height, width, 3), first row on top.
  /// @throws SceneError if there is no such camera (near names suggested); ShapeError.
  void Render(const mjModel* model, mjData* data, const std::string& camera, std::span<uint8_t> rgb);

  /// What Render does, in parts, for several pictures of one state: takes in what `camera` sees, then draws it.
  /// @throws SceneError, ShapeError as Render.
  void Look(const mjModel* model, mjData* data, const std::string& camera);
  /// @param rgb  as in Render.
  void DrawPixels(std::span<uint8_t> rgb);
  /// @param metres  (height, width) from the camera's plane, first row on top; the far clipping plane's distance where
  /// nothing is. Not affected by ghosts or translucency.
  void DrawDepth(std::span<float> metres);
  /// @param ids  (height, width, 2) first row on top: the id of the object seen, then its type (mjtObj; 5: a geom);
  /// -1, -1 where nothing is, as dm_control and MuJoCo's Python renderer have it.
  void DrawSegmentation(std::span<int32_t> ids);

  /// Leaves these out of every picture from now on: a body with all that is fixed to it, a geom or a site, by name.
  /// @throws SceneError for a name that is none of these (near names suggested).
  void Hide(const mjModel* model, const std::vector<std::string>& names);

  int width() const;
  int height() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Labels of a scene's cameras: their names, "camera_2" for one without.
std::vector<std::string> CameraLabels(const mjModel* model);
bool HasCamera(const mjModel* model, const std::string& camera);
/// @throws SceneError if there is no such camera (near names suggested).
void CheckCamera(const mjModel* model, const std::string& camera);

/// @throws SceneError if one of `names` is no body, geom or site of the scene (near names suggested).
void CheckHidden(const mjModel* model, const std::vector<std::string>& names);

/// The OpenGL driver that renderers use, its version, and how EGL reached it. @throws DeviceError.
std::string DescribeGl();

}  // namespace reverie
