// A goal that is a picture: posed by hand, kept with a button, and how near a model that sees comes to it.
#pragma once

#include <string>

#include "agent/session.h"

namespace reverie::desktop {

/// What stands over the pictures: "Make it look like this: pose the scene ...", or how far away the goal is.
std::string DescribeGoal(const SessionSnapshot& now);

}  // namespace reverie::desktop
