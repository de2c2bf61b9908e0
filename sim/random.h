// Seeded random numbers: one generator per episode, so that results do not depend on who runs what when.
#pragma once

#include <cstdint>
#include <random>

namespace reverie {

/// Mixes a run's seed with an index (episode, purpose) into an independent seed (SplitMix64 finaliser).
uint64_t HashSeed(uint64_t seed, uint64_t index);

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  /// Uniform in [low, high).
  double Uniform(double low = 0.0, double high = 1.0);
  double Normal(double mean = 0.0, double deviation = 1.0);
  /// Uniform integer in [0, count).
  int64_t Index(int64_t count);

 private:
  std::mt19937_64 engine_;
  double spare_normal_ = 0.0;
  bool has_spare_ = false;
};

}  // namespace reverie
