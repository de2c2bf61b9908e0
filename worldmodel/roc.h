// How well a score tells two kinds apart, whatever the threshold. Plain numbers; no threads.
#pragma once

#include <span>

namespace reverie {

/// Area under the receiver operating characteristic: the chance that one of `positives` scores above one of `negatives`,
/// equal scores counting half. 0.5 where nothing is told apart; NaN where either is empty or holds a NaN.
/// Source: Mann and Whitney 1947 (U over the number of pairs); Hanley and McNeil 1982.
double AreaUnderRoc(std::span<const double> positives, std::span<const double> negatives);

}  // namespace reverie
