// What the desktop app needs of LibTorch, as functions, so that the app itself is built without it.
#pragma once

#include "ui/desktop/app.h"

namespace reverie::desktop {

/// Functions that open models on the device there is, and learn. Each gives Torch its share of the processors on the
/// thread that calls it: planner, imagination and learner, which may all run at once, use no more than there are.
/// @param threads  processors to share out; 0: those this process may use.
LearnedModels MakeLearnedModels(int threads);

}  // namespace reverie::desktop
