#include "ui/desktop/scene_camera.h"

#include <algorithm>
#include <cmath>

#include <glm/glm.hpp>
#include <glm/gtc/constants.hpp>
#include <glm/gtc/type_ptr.hpp>

namespace reverie::desktop {
namespace {

constexpr double kLeastProportion = 4.0 / 3, kMostWidening = 4;

using glm::dvec3;

dvec3 Vector(const float v[3]) {
  return dvec3(glm::make_vec3(v));
}

mjvCamera FramingCamera(const mjModel* model) {
  mjvCamera camera;
  mjv_defaultCamera(&camera);
  mjv_defaultFreeCamera(model, &camera);
  return camera;
}

}  // namespace

mjvCamera StartCamera(const mjModel* model) {
  mjvCamera camera = FramingCamera(model);
  const int chosen = model->vis.global.cameraid;
  if (chosen >= 0 && chosen < model->ncam) {
    camera.type = mjCAMERA_FIXED;
    camera.fixedcamid = chosen;
  }
  return camera;
}

mjvCamera UsableCamera(const mjModel* model, const mjData* data, const mjvCamera& camera) {
  mjvCamera usable = camera;
  switch (camera.type) {
    case mjCAMERA_FIXED:
      if (camera.fixedcamid >= 0 && camera.fixedcamid < model->ncam) return usable;
      return FramingCamera(model);
    case mjCAMERA_TRACKING:
      if (camera.trackbodyid >= 0 && camera.trackbodyid < model->nbody) {
        mju_copy3(usable.lookat, data->subtree_com + 3 * camera.trackbodyid);
        break;
      }
      return FramingCamera(model);
    case mjCAMERA_FREE:
      break;
    default:
      return FramingCamera(model);
  }
  if (!(usable.distance > 0)) return FramingCamera(model);
  return usable;
}

double ViewHeight(const mjvGLCamera& camera) {
  const double height = camera.frustum_top - camera.frustum_bottom;
  return camera.orthographic ? height : height / camera.frustum_near;
}

double HalfWidth(const mjvGLCamera& camera, int width_px, int height_px) {
  if (camera.frustum_width > 0) return camera.frustum_width;  // a lens with its own proportions
  return 0.5 * width_px / height_px * (camera.frustum_top - camera.frustum_bottom);
}

void KeepWidth(mjvGLCamera& camera, int width_px, int height_px) {
  if (camera.frustum_width > 0 || width_px < 1 || height_px < 1) return;  // a lens with its own proportions
  const double narrower = kLeastProportion * height_px / width_px;
  if (!(narrower > 1)) return;
  // A view one pixel wide would see nothing but the ends of the world.
  const auto factor = static_cast<float>(std::min(narrower, kMostWidening));
  camera.frustum_top *= factor;
  camera.frustum_bottom *= factor;
}

bool ProjectPoint(const mjvGLCamera& of_model, const double point[3], int width_px, int height_px, double& x,
                  double& y) {
  if (width_px < 1 || height_px < 1) return false;
  mjvGLCamera camera = of_model;
  KeepWidth(camera, width_px, height_px);
  const dvec3 forward = Vector(camera.forward), up = Vector(camera.up), right = glm::cross(forward, up);
  const dvec3 away = glm::make_vec3(point) - Vector(camera.pos);
  const double depth = glm::dot(away, forward);
  if (!(depth > mjMINVAL)) return false;
  const double shrink = camera.orthographic ? 1 : camera.frustum_near / depth;
  const double left = camera.frustum_center - HalfWidth(camera, width_px, height_px);
  const double across = glm::dot(away, right) * shrink - left, down = camera.frustum_top - glm::dot(away, up) * shrink;
  x = across / (2 * HalfWidth(camera, width_px, height_px)) * width_px;
  y = down / (camera.frustum_top - camera.frustum_bottom) * height_px;
  return std::isfinite(x) && std::isfinite(y);
}

mjvCamera FreeCameraLike(const mjModel* model, const mjvGLCamera& other, double depth_m) {
  mjvCamera camera = FramingCamera(model);
  const dvec3 forward = Vector(other.forward);
  const dvec3 target = Vector(other.pos) + depth_m * forward;
  const double degrees = 180 / glm::pi<double>();
  std::copy_n(glm::value_ptr(target), 3, camera.lookat);
  camera.elevation = std::clamp(std::asin(std::clamp(forward.z, -1.0, 1.0)) * degrees, -89.0, 89.0);
  // Straight up or down, what is up in the picture tells where the camera faces.
  const dvec3 facing = std::abs(forward.z) > 0.9998 ? -std::copysign(1.0, forward.z) * Vector(other.up) : forward;
  camera.azimuth = std::atan2(facing.y, facing.x) * degrees;
  const double height = other.orthographic ? ViewHeight(other) : ViewHeight(other) * depth_m;
  if (!model->vis.global.orthographic) {
    camera.distance = height / (2 * std::tan(model->vis.global.fovy * glm::pi<double>() / 360));
  }
  return camera;
}

}  // namespace reverie::desktop
