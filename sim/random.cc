#include "sim/random.h"

#include <cmath>
#include <numbers>

namespace reverie {

uint64_t HashSeed(uint64_t seed, uint64_t index) {
  uint64_t z = seed + 0x9e3779b97f4a7c15ULL * (index + 1);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

double Random::Uniform(double low, double high) {
  constexpr double kScale = 1.0 / 9007199254740992.0;  // 2^-53
  return low + (high - low) * (static_cast<double>(engine_() >> 11) * kScale);
}

// Box-Muller rather than std::normal_distribution, whose sequence the standard leaves open.
double Random::Normal(double mean, double deviation) {
  if (has_spare_) {
    has_spare_ = false;
    return mean + deviation * spare_normal_;
  }
  const double radius = std::sqrt(-2.0 * std::log(1.0 - Uniform()));
  const double angle = 2.0 * std::numbers::pi * Uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_ = true;
  return mean + deviation * radius * std::cos(angle);
}

int64_t Random::Index(int64_t count) {
  return static_cast<int64_t>(Uniform() * static_cast<double>(count));
}

}  // namespace reverie
