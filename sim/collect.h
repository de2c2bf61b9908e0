// Runs whole episodes and hands them over in order: in parallel on MuJoCo's batch, one episode a simulation.
// Episode k depends on HashSeed(seed, k) alone, so any number of workers gives the same episodes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

#include "sim/environment.h"
#include "sim/episode.h"
#include "sim/policy.h"

namespace reverie {

struct CollectOptions {
  int64_t episodes = 0;  // how many; 0: until `steps`
  int64_t steps = 0;     // control steps in all, the last episode cut short and truncated; 0: no limit
  int64_t first_episode =
      0;  // the run's index of the first, where shards or an earlier call play those before
  int workers = 1;
  uint64_t seed = 0;
  FrameSettings frames;  // complete (CompleteFrames); empty: none are drawn
};

struct CollectResult {
  int64_t episodes = 0;
  int64_t steps = 0;        // control steps
  int64_t quarantined = 0;  // episodes that ended in a divergence, kept up to the last finite state
  bool interrupted = false;
};

/// Plays episodes and passes each, in order, to `keep` on the calling thread. An episode that was running
/// when `stop` was requested is dropped; those before it are kept. Episode::index is the run's:
/// first_episode, first_episode + 1, ...; Episode::seed is HashSeed(seed, index).
/// @throws SceneError if a scene diverges in its first control step again and again, or MuJoCo gives up; DeviceError
/// where frames are asked for and cannot be drawn.
CollectResult Collect(std::shared_ptr<const CompiledTask> task, const PolicySource& policy,
                      const CollectOptions& options, const std::function<void(Episode&&)>& keep,
                      std::stop_token stop = {});

class FrameRecorder;

/// Plays one episode with the caller's model and data. Returns false if `stop` ended it.
/// Draws again, from seeds derived from `seed`, where the very first control step diverges: nothing of it is
/// finite.
/// @param frames  draws every state; null: none is drawn.
bool PlayEpisode(const CompiledTask& task, mjModel* model, mjData* data, const PolicySource& policy,
                 int64_t index, uint64_t seed, std::stop_token stop, Episode& episode, FrameRecorder* frames = nullptr);

/// The seed of the policy that plays an episode.
uint64_t PolicySeed(uint64_t episode_seed);

/// Cuts an episode to its first `steps` control steps and marks it truncated.
void CutEpisode(Episode& episode, int64_t steps);

}  // namespace reverie
