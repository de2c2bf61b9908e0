// What the desktop app is given by the executable.
#pragma once

#include "ui/desktop/app.h"

namespace reverie::cli {

/// Learned models where this build has LibTorch, else functions that are empty.
desktop::LearnedModels LearnedModelsHere();

}  // namespace reverie::cli
