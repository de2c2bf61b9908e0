// A policy that meets what a scene is made of: it moves steadily one way for a while, slides along what it runs into
// while pressing against it, and goes on through where that gives way. It knows no scene: contacts and actuators alone
// tell it. An instance plays one episode on one thread.
#pragma once

#include "sim/policy.h"

namespace reverie {

/// A direction in action space held for 0.1 to 1.5 s, with smooth noise on it. Where constraint forces push back on
/// what the actuators drive: as often as not, for 1 to 6 s a push along the obstacle, either way, and a lighter one
/// against it; else straight on for 0.2 to 1.5 s, or away again. Where the pushing back ends while it slides, the whole
/// push goes that way for as long as it takes to be through. Where something can move that no actuator drives, every other
/// direction leads to it: what would come of touching it is hardly ever seen by chance.
PolicySource ExplorePolicy(const CompiledTask& task);

}  // namespace reverie
