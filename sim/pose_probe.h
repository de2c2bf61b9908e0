// What a pose shows: MuJoCo's position and velocity stages, natural units of the degrees of freedom, and how
// far each channel ranges over chance poses. SI units; no state, the caller's mjData is written to.
#pragma once

#include <vector>

#include "sim/environment.h"

namespace reverie {

/// Units of a degree of freedom that count as fast, per second.
inline constexpr double kTypicalRate = 5.0;

/// One radian, or the length that counts as much, m: the size of the scene, or of its bodies where that is
/// far less.
/// @return  (nv).
std::vector<double> DofUnits(const mjModel* model);

/// Derives what follows from qpos and qvel, sensors included, and nothing that follows from forces.
void ComputePose(const mjModel* model, mjData* data);
/// The same where only qvel has changed.
void ComputeVelocity(const mjModel* model, mjData* data);

/// Standard deviation of each channel over chance poses in the joints' ranges; 0 where no pose shows. The
/// elements of one channel share theirs, so that a cosine counts as much as its sine. Always the same poses.
/// @return  (channel_size()).
std::vector<double> ProbeChannels(const CompiledTask& task, const mjModel* model, mjData* data);

}  // namespace reverie
