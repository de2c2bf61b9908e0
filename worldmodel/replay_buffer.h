// Transitions that models learn from: what was measured, what was done, what was measured next. In memory,
// in the order in which episodes were added. Not thread-safe.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/environment.h"

namespace reverie {

class ReplayBuffer {
 public:
  ReplayBuffer(int channel_size, int action_size) : channel_size_(channel_size), action_size_(action_size) {}

  /// Adds an episode's transitions; those with a number that is not finite are left out and counted.
  void Add(const Episode& episode);
  /// Takes back what was added last, down to as many transitions and left out ones.
  void KeepFirst(int64_t transitions, int64_t left_out);

  int channel_size() const { return channel_size_; }
  int action_size() const { return action_size_; }
  int64_t transitions() const { return transitions_; }
  int64_t left_out() const { return left_out_; }
  const std::vector<double>& channels() const { return channels_; }      // (transitions, nchannels)
  const std::vector<double>& actions() const { return actions_; }        // (transitions, nu)
  const std::vector<double>& next_channels() const { return next_; }     // (transitions, nchannels)

 private:
  int channel_size_, action_size_;
  int64_t transitions_ = 0, left_out_ = 0;
  std::vector<double> channels_, actions_, next_;
};

/// Observation then signals of step t of an episode, (nchannels).
std::vector<double> ChannelsAt(const Episode& episode, int64_t t);

}  // namespace reverie
