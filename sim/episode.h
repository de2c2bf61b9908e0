// One recorded episode: plain arrays, row-major, doubles in SI units. No threads, no files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/frames.h"

namespace reverie {

struct Episode {
  int64_t index = 0;   // position in the run; decides the seed
  uint64_t seed = 0;   // HashSeed(run seed, index)
  int64_t steps = 0;   // T, control steps

  std::vector<double> observations;       // (T+1, nobs)
  std::vector<double> signals;            // (T+1, nsignals); what the reward needs beside the observation
  std::vector<double> actions;            // (T, nu), as applied, in [-1, 1]
  std::vector<double> rewards;            // (T)
  std::vector<double> integration_state;  // (T+1, nstate), mjSTATE_INTEGRATION
  std::vector<double> qpos;               // (T+1, nq)
  std::vector<double> qvel;               // (T+1, nv)
  std::vector<double> time;               // (T+1), s
  std::vector<double> success;            // (T+1) 0 or 1; empty where the task defines no success
  std::vector<double> model_parameters;   // (nparameters); what the reset drew into the model
  std::vector<int8_t> actors;             // (T) who chose each action: DatasetInfo::policies; empty: one alone
  std::vector<FrameSequence> frames;      // T+1 in each, in StreamsOf's order; frame t shows state t

  bool terminated = false;  // the task's termination held after the last step
  bool truncated = false;   // the time limit, or a divergence, ended it
  std::string diverged;     // label of the degree of freedom that blew up; empty: none

  double Return() const;
  /// What it takes in memory, about.
  size_t bytes() const;
};

}  // namespace reverie
