#include "worldmodel/replay_buffer.h"

#include <algorithm>
#include <cmath>

#include "sim/error.h"

namespace reverie {

std::vector<double> ChannelsAt(const Episode& episode, int64_t t) {
  const size_t rows = static_cast<size_t>(episode.steps + 1);
  const size_t nobs = episode.observations.size() / rows, nsignals = episode.signals.size() / rows;
  const auto row = [&](const std::vector<double>& values, size_t width) {
    return values.begin() + static_cast<std::ptrdiff_t>(static_cast<size_t>(t) * width);
  };
  std::vector<double> channels(row(episode.observations, nobs), row(episode.observations, nobs) + static_cast<std::ptrdiff_t>(nobs));
  channels.insert(channels.end(), row(episode.signals, nsignals), row(episode.signals, nsignals) + static_cast<std::ptrdiff_t>(nsignals));
  return channels;
}

void ReplayBuffer::Add(const Episode& episode) {
  const auto finite = [](const auto& values) {
    return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
  };
  std::vector<double> current = ChannelsAt(episode, 0);
  if (static_cast<int>(current.size()) != channel_size_) {
    throw ShapeError("episode " + std::to_string(episode.index) + ": expected " + std::to_string(channel_size_) +
                     " channels, found " + std::to_string(current.size()));
  }
  bool gap = true;
  for (int64_t t = 0; t < episode.steps; ++t) {
    std::vector<double> next = ChannelsAt(episode, t + 1);
    const double reward = episode.rewards.empty() ? 0.0 : episode.rewards[static_cast<size_t>(t)];
    if (finite(current) && finite(next) && std::isfinite(reward)) {
      if (gap) runs_.push_back(transitions_);
      gap = false;
      rewards_.push_back(reward);
      terminal_.push_back(episode.terminated && t + 1 == episode.steps);
      channels_.insert(channels_.end(), current.begin(), current.end());
      next_.insert(next_.end(), next.begin(), next.end());
      const auto action = episode.actions.begin() + static_cast<std::ptrdiff_t>(t * action_size_);
      actions_.insert(actions_.end(), action, action + action_size_);
      ++transitions_;
    } else {
      ++left_out_;
      gap = true;
    }
    current = std::move(next);
  }
}

void ReplayBuffer::KeepFirst(int64_t transitions, int64_t left_out) {
  transitions_ = std::min(transitions_, transitions);
  left_out_ = std::min(left_out_, left_out);
  channels_.resize(static_cast<size_t>(transitions_ * channel_size_));
  next_.resize(channels_.size());
  actions_.resize(static_cast<size_t>(transitions_ * action_size_));
  rewards_.resize(static_cast<size_t>(transitions_));
  terminal_.resize(static_cast<size_t>(transitions_));
  while (!runs_.empty() && runs_.back() >= transitions_) runs_.pop_back();
}

void ReplayBuffer::Forget(int64_t most) {
  if (runs_.empty() || transitions_ <= most + most / 10) return;
  const auto kept = std::lower_bound(runs_.begin(), runs_.end() - 1, transitions_ - most);
  const int64_t dropped = *kept;
  const auto drop = [&](auto& values, int64_t width) {
    values.erase(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(dropped * width));
  };
  drop(channels_, channel_size_);
  drop(next_, channel_size_);
  drop(actions_, action_size_);
  drop(rewards_, 1);
  drop(terminal_, 1);
  runs_.erase(runs_.begin(), kept);
  for (int64_t& run : runs_) run -= dropped;
  transitions_ -= dropped;
}

}  // namespace reverie
