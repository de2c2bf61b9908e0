// Transitions that models learn from: what was measured, what was done, what was measured next. In memory,
// in the order in which episodes were added. A run is a stretch of one episode without a gap: sequences lie within
// one run. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/environment.h"

namespace reverie {

class ReplayBuffer {
 public:
  ReplayBuffer(int channel_size, int action_size) : channel_size_(channel_size), action_size_(action_size) {}

  /// Adds an episode's transitions; those with a number that is not finite are left out and counted, and what comes
  /// after them begins a new run.
  void Add(const Episode& episode);
  /// Takes back what was added last, down to as many transitions and left out ones.
  void KeepFirst(int64_t transitions, int64_t left_out);
  /// Drops the oldest runs once there are a tenth more than `most` transitions, until at most `most` are left; the newest
  /// run stays. So memory is bounded, and what is kept depends on nothing but what was added.
  void Forget(int64_t most);

  int channel_size() const { return channel_size_; }
  int action_size() const { return action_size_; }
  int64_t transitions() const { return transitions_; }
  int64_t left_out() const { return left_out_; }
  const std::vector<double>& channels() const { return channels_; }      // (transitions, nchannels)
  const std::vector<double>& actions() const { return actions_; }        // (transitions, nu)
  const std::vector<double>& next_channels() const { return next_; }     // (transitions, nchannels)
  const std::vector<double>& rewards() const { return rewards_; }        // (transitions) of one control step
  const std::vector<uint8_t>& terminal() const { return terminal_; }     // (transitions) 1: the task ended there
  /// The first transition of each run, ascending.
  const std::vector<int64_t>& runs() const { return runs_; }

 private:
  int channel_size_, action_size_;
  int64_t transitions_ = 0, left_out_ = 0;
  std::vector<double> channels_, actions_, next_, rewards_;
  std::vector<uint8_t> terminal_;
  std::vector<int64_t> runs_;
};

/// Observation then signals of step t of an episode, (nchannels).
std::vector<double> ChannelsAt(const Episode& episode, int64_t t);

}  // namespace reverie
