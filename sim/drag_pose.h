// Poses a scene by the mouse: a body that is dragged while nothing moves takes its joints along.
#pragma once

#include <mujoco/mujoco.h>

namespace reverie {

/// Brings the point of a body that a mouse holds to where it is dragged, or turns the body as it is twisted. What floats
/// freely or is a mocap body moves as a whole, by mjv_applyPerturbPose; everything else as far as joints and their limits
/// let it, each by little (damped least squares, Levenberg and Marquardt). Equalities and contacts are not looked at.
/// @param data   of `model`, with positions up to date; qpos or mocap poses change, and what follows from positions.
/// @param drag   active, with a body selected; where to: refselpos (m) and refquat.
void DragPose(const mjModel* model, mjData* data, const mjvPerturb& drag);

}  // namespace reverie
