#include "ui/desktop/overlay_pass.h"

#include <algorithm>
#include <cmath>

#include <GL/gl.h>

#include <glm/glm.hpp>
#include <glm/gtc/matrix_transform.hpp>
#include <glm/gtc/type_ptr.hpp>

#include "ui/desktop/scene_camera.h"

namespace reverie::desktop {
namespace {

// From GL_ARB_clip_control, which MuJoCo uses where the driver has it.
constexpr GLenum kClipDepthMode = 0x935D;
constexpr GLint kZeroToOne = 0x935F;

/// Turns depths of -1 (near) to 1 into MuJoCo's, which fall from near to far.
glm::mat4 ReversedDepth() {
  GLint mode = 0;
  glGetIntegerv(kClipDepthMode, &mode);
  glGetError();  // of a driver that does not know the word
  glm::mat4 reversed(1);
  if (mode == kZeroToOne) {
    reversed[2][2] = -0.5f;
    reversed[3][2] = 0.5f;
  } else {
    reversed[2][2] = -1;
  }
  return reversed;
}

glm::mat4 Projection(const mjvGLCamera& camera, int width_px, int height_px) {
  const auto half = static_cast<float>(HalfWidth(camera, width_px, height_px));
  const float left = camera.frustum_center - half, right = camera.frustum_center + half;
  const float bottom = camera.frustum_bottom, top = camera.frustum_top, near = camera.frustum_near,
              far = camera.frustum_far;
  return ReversedDepth() * (camera.orthographic ? glm::orthoRH_NO(left, right, bottom, top, near, far)
                                                : glm::frustumRH_NO(left, right, bottom, top, near, far));
}

glm::mat4 View(const mjvGLCamera& camera) {
  const glm::vec3 eye = glm::make_vec3(camera.pos);
  return glm::lookAtRH(eye, eye + glm::make_vec3(camera.forward), glm::make_vec3(camera.up));
}

void DrawTrace(const Trace& trace) {
  glLineWidth(std::max(1.0f, trace.width_px));
  glColor4fv(trace.rgba);
  bool drawing = false;
  for (size_t i = 0; i + 2 < trace.points.size(); i += 3) {
    const float* point = trace.points.data() + i;
    const bool finite = std::all_of(point, point + 3, [](float value) { return std::isfinite(value); });
    if (finite && !drawing) glBegin(GL_LINE_STRIP);
    if (!finite && drawing) glEnd();
    drawing = finite;
    if (finite) glVertex3fv(point);
  }
  if (drawing) glEnd();
}

}  // namespace

OverlayPass::OverlayPass(const mjvGLCamera& camera, int width_px, int height_px) {
  glPushAttrib(GL_ALL_ATTRIB_BITS);
  glMatrixMode(GL_PROJECTION);
  glLoadMatrixf(glm::value_ptr(Projection(camera, width_px, height_px)));
  glMatrixMode(GL_MODELVIEW);
  glLoadMatrixf(glm::value_ptr(View(camera)));
  glDisable(GL_LIGHTING);
  glDisable(GL_FOG);
  glEnable(GL_DEPTH_TEST);
  glDepthFunc(GL_GEQUAL);
  glDepthMask(GL_FALSE);
  glEnable(GL_BLEND);
  glBlendFunc(GL_SRC_ALPHA, GL_ONE_MINUS_SRC_ALPHA);
}

OverlayPass::~OverlayPass() {
  glPopAttrib();
}

void OverlayPass::Draw(const std::vector<Trace>& traces) const {
  glEnable(GL_LINE_SMOOTH);
  for (const Trace& trace : traces) DrawTrace(trace);
  glDisable(GL_LINE_SMOOTH);
}

}  // namespace reverie::desktop
