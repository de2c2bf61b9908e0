// Whether a representation has collapsed: to a point, to a few directions, to what stays constant in an episode, or
// to something that actions do not move. Plain arrays; no threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace reverie {

struct CollapseReport {
  double effective_rank = 0;    // exponential of the entropy of the covariance's eigenvalues' shares: 1 to D
  double least_deviation = 0;   // standard deviation, of the dimension that varies least
  double mean_deviation = 0;
  double within_episode = 0;    // share of the variance that lies within episodes: 0, each is one point
  double prediction_ratio = 0;  // squared error of the longest rollout over that of no change at all
  double inverse_ratio = 0;     // squared error of the actions told from latents over their variance: 1, nothing told
  std::vector<std::string> warnings;  // what of this is a collapse; empty: none
};

/// @param rows  (count, dimensions)
/// Source: Roy and Vetterli 2007, "The effective rank".
double EffectiveRank(std::span<const float> rows, int64_t count, int64_t dimensions);

/// Standard deviation of every dimension. @param rows  (count, dimensions)
std::vector<double> Deviations(std::span<const float> rows, int64_t count, int64_t dimensions);

/// @param rows  (episodes, per_episode, dimensions)
double WithinEpisodeShare(std::span<const float> rows, int64_t episodes, int64_t per_episode, int64_t dimensions);

/// Says what is wrong. @param dimensions  of the latent. @param updates  made so far: early on nothing is.
std::vector<std::string> CollapseWarnings(const CollapseReport& report, int64_t dimensions, int64_t updates);

}  // namespace reverie
