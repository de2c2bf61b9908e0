// What the inspector does to states and reads from them, apart from drawing: parts of an integration state,
// keyframes, angles, units. SI units; any thread.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include <mujoco/mujoco.h>

#include "sim/environment.h"

namespace reverie::desktop {

/// A part (mjSTATE_QPOS, ...) of an integration state; empty where the state has another size.
std::span<double> StatePart(const mjModel* model, std::vector<double>& state, mjtState part);

/// The state with positions, velocities, activations and mocap bodies of a keyframe; time goes on, nothing pushes.
std::vector<double> WithKeyframe(const mjModel* model, std::vector<double> state, int keyframe);

/// A state as a line of MJCF: `<key name="..." time="..." qpos="..." .../>`.
std::string KeyLine(const mjModel* model, const std::vector<double>& state, const std::string& name);

/// MJCF's euler="x y z" (turned about x, then the new y, then the new z) in degrees, of a unit quaternion.
std::array<double, 3> EulerDegrees(const double quat[4]);

/// Unit of an actuator's control: "N", "N·m", "rad", "m/s"; empty where it is not known.
std::string ControlUnit(const mjModel* model, int actuator);
/// Unit of an actuator's force: "N" or "N·m".
std::string ForceUnit(const mjModel* model, int actuator);

/// What an action becomes, in the actuators' own units.
std::vector<double> ControlsOf(const CompiledTask& task, const mjModel* model, mjData* data,
                               std::span<const double> action);

/// A short number, "-0.0123", "1.2e+06"; and several, separated by spaces, at most `most`, then "...".
std::string ShortNumber(double value);
std::string ShortNumbers(std::span<const double> values, size_t most = 8);

}  // namespace reverie::desktop
