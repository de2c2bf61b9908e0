// Draws a scene off-screen through EGL, without a display. One renderer per thread; it owns its GL context.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include <mujoco/mujoco.h>

namespace reverie {

enum class RenderQuality { kFast, kFull };  // kFast: no multisampling, shadows or reflections

/// A camera by name or label; "" is the free camera that frames the whole scene.
class Renderer {
 public:
  /// @throws DeviceError where no EGL driver can be had: what is missing and how to get it.
  Renderer(const mjModel* model, int width, int height, RenderQuality quality);
  ~Renderer();
  Renderer(const Renderer&) = delete;
  Renderer& operator=(const Renderer&) = delete;

  /// Adds a translucent copy of the scene in another state to the next Render call: where a model said it would be.
  void AddGhost(const mjModel* model, mjData* data, const float rgba[4]);

  /// Draws `data` as seen by `camera` into `rgb` (height, width, 3), first row on top.
  /// @throws SceneError if there is no such camera (near names suggested); ShapeError.
  void Render(const mjModel* model, mjData* data, const std::string& camera, std::span<uint8_t> rgb);

  int width() const;
  int height() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
