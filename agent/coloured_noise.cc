#include "agent/coloured_noise.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace reverie {

double ColouredNoise::Covariance(int length, double exponent, int lag) {
  const int period = 2 * length;
  double covariance = 0.0, variance = 0.0;
  for (int k = 0; k <= length; ++k) {
    // Zero frequency gets the power of the lowest wave: a constant offset of the whole series is as likely.
    const double power = std::pow(std::max(1, k), -exponent) * (k == 0 || k == length ? 1.0 : 2.0);
    variance += power;
    covariance += power * std::cos(2.0 * std::numbers::pi * k * lag / period);
  }
  return covariance / variance;
}

ColouredNoise::ColouredNoise(int length, double exponent) : length_(std::max(1, length)) {
  const int n = length_;
  std::vector<double> by_lag(n);
  for (int lag = 0; lag < n; ++lag) by_lag[lag] = Covariance(n, exponent, lag);
  // Cholesky factor. Smooth noise has directions of almost no variance: rounding may leave less than none there.
  std::vector<double> lower(static_cast<size_t>(n) * n, 0.0);
  for (int row = 0; row < n; ++row) {
    for (int column = 0; column <= row; ++column) {
      double rest = by_lag[row - column];
      for (int k = 0; k < column; ++k) rest -= lower[row * n + k] * lower[column * n + k];
      const double pivot = lower[column * n + column];
      const double below = pivot > 1e-9 ? rest / pivot : 0.0;
      lower[row * n + column] = row == column ? std::sqrt(std::max(rest, 0.0)) : below;
    }
  }
  factor_.reserve(static_cast<size_t>(n) * (n + 1) / 2);
  for (int column = 0; column < n; ++column) {
    for (int row = column; row < n; ++row) factor_.push_back(static_cast<float>(lower[row * n + column]));
  }
}

void ColouredNoise::Sample(Random& random, float* output, int stride) const {
  for (int t = 0; t < length_; ++t) output[static_cast<size_t>(t) * stride] = 0.0f;
  const float* factor = factor_.data();
  for (int k = 0; k < length_; ++k) {
    const float weight = static_cast<float>(random.Normal());
    for (int t = k; t < length_; ++t) output[static_cast<size_t>(t) * stride] += weight * *factor++;
  }
}

}  // namespace reverie
