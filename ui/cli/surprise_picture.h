// Twins side by side as a picture: some frames of each in rows, under them how much every frame surprised.
#pragma once

#include <vector>

#include "agent/surprise_evaluation.h"
#include "sim/picture.h"

namespace reverie::cli {

/// One strip for each film, one below the other. @param films  of frames of one size; at least one.
Picture DrawTwins(const std::vector<TwinFilm>& films);

}  // namespace reverie::cli
