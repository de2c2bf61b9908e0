#include "sim/episode.h"

#include <numeric>

namespace reverie {

double Episode::Return() const {
  return std::accumulate(rewards.begin(), rewards.end(), 0.0);
}

}  // namespace reverie
