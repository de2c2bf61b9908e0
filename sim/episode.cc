#include "sim/episode.h"

#include <numeric>

namespace reverie {

double Episode::Return() const {
  return std::accumulate(rewards.begin(), rewards.end(), 0.0);
}

size_t Episode::bytes() const {
  const size_t numbers = observations.size() + signals.size() + actions.size() + rewards.size() +
                         integration_state.size() + qpos.size() + qvel.size() + time.size() + success.size();
  size_t total = numbers * sizeof(double) + actors.size();
  for (const FrameSequence& sequence : frames) total += sequence.bytes() + static_cast<size_t>(sequence.size()) * sizeof(size_t);
  return total;
}

}  // namespace reverie
