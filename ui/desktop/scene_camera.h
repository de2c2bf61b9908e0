// Camera mathematics that the view and the drawing share, so that what is clicked is what is seen. SI units,
// degrees; pixels from the top left corner.
#pragma once

#include <mujoco/mujoco.h>

namespace reverie::desktop {

/// The camera that a model starts with: its own choice, else a free one that frames the whole scene.
mjvCamera StartCamera(const mjModel* model);

/// The camera as it can be used with a model: a free one in place of what the model does not have, and a
/// tracking one aimed at its body.
mjvCamera UsableCamera(const mjModel* model, const mjData* data, const mjvCamera& camera);

/// Height of the view, metres: at one metre's distance, or everywhere if the camera is orthographic.
double ViewHeight(const mjvGLCamera& camera);

/// Half the near plane's width in a view of this size.
double HalfWidth(const mjvGLCamera& camera, int width_px, int height_px);

/// Cameras are made for pictures that are wider than tall: in a narrower view they keep the width that they would
/// have at 4:3 and see more above and below, so that what moves sideways does not leave it.
void KeepWidth(mjvGLCamera& camera, int width_px, int height_px);

/// Where a point of the world is in a view of this size; false where it is not before the camera.
bool ProjectPoint(const mjvGLCamera& camera, const double point[3], int width_px, int height_px, double& x, double& y);

/// A free camera that sees what another sees now, as far as a free one can (it does not roll, and has the
/// model's field of view): what is `depth_m` away keeps its place and size.
mjvCamera FreeCameraLike(const mjModel* model, const mjvGLCamera& other, double depth_m);

}  // namespace reverie::desktop
