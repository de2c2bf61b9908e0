// Gaussian noise along time with a power-law spectrum: what planners add to action sequences.
// Tables are computed once; sampling allocates nothing. An instance may be shared by threads.
#pragma once

#include <vector>

#include "sim/random.h"

namespace reverie {

class ColouredNoise {
 public:
  /// @param length    time steps, at least 1; sampling takes length^2 / 2 operations.
  /// @param exponent  power at frequency f is f^-exponent: 0 is white, 2 Brownian.
  ColouredNoise(int length, double exponent);

  /// Draws one series; each element has zero mean and unit variance. It is a piece, `length` steps long, of
  /// noise whose period is twice that: noise that repeats after `length` would tie the last action to the first.
  /// @param output  (length, stride) row-major: element t goes to output[t * stride].
  /// Sources: Timmer and König 1995, "On generating power law noise"; for actions Pinneri et al. 2020.
  void Sample(Random& random, float* output, int stride = 1) const;

  /// Covariance of two elements that are `lag` steps apart.
  static double Covariance(int length, double exponent, int lag);

 private:
  int length_;
  std::vector<float> factor_;  // lower triangle by columns; times its transpose it is the covariance
};

}  // namespace reverie
