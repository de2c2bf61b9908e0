#include "agent/coloured_noise.h"

#include <cmath>
#include <vector>

#include <doctest/doctest.h>

using namespace reverie;

namespace {

constexpr int kLength = 30, kSeries = 20000;

struct Statistics {
  std::vector<double> mean = std::vector<double>(kLength, 0.0);
  std::vector<double> variance = std::vector<double>(kLength, 0.0);
  double covariance[3] = {};  // of steps 1, 5 and 20 apart
};

constexpr int kLags[3] = {1, 5, 20};

Statistics Measure(double exponent) {
  const ColouredNoise noise(kLength, exponent);
  Random random(3);
  Statistics result;
  std::vector<float> series(kLength);
  for (int s = 0; s < kSeries; ++s) {
    noise.Sample(random, series.data());
    for (int t = 0; t < kLength; ++t) {
      result.mean[t] += series[t] / kSeries;
      result.variance[t] += series[t] * series[t] / kSeries;
      for (int l = 0; l < 3; ++l) {
        const int lag = kLags[l];
        if (t >= lag) result.covariance[l] += series[t] * series[t - lag] / (kSeries * 1.0 * (kLength - lag));
      }
    }
  }
  return result;
}

}  // namespace

TEST_CASE("Every step of coloured noise has zero mean and unit variance") {
  for (double exponent : {0.0, 1.0, 2.0, 4.0}) {
    CAPTURE(exponent);
    const Statistics statistics = Measure(exponent);
    for (int t = 0; t < kLength; ++t) {  // five standard errors of 20,000 draws
      CHECK(std::abs(statistics.mean[t]) < 5.0 / std::sqrt(kSeries));
      CHECK(std::abs(statistics.variance[t] - 1.0) < 5.0 * std::sqrt(2.0 / kSeries));
    }
  }
}

TEST_CASE("Steps are correlated as a spectrum of power f^-exponent makes them") {
  // From numpy: irfft of the power spectrum max(k, 1)^-exponent over a period of 60 steps, divided by its value
  // at lag 0 (Wiener-Khinchin), at lags 1, 5 and 20.
  const struct {
    double exponent, covariance[3];
  } kExpected[] = {{0.0, {0.0, 0.0, 0.0}},
                 {1.0, {0.632086, 0.259592, -0.011093}},
                 {2.0, {0.941033, 0.658872, -0.022891}},
                 {3.0, {0.988310, 0.827210, -0.020129}}};
  for (const auto& expected : kExpected) {
    CAPTURE(expected.exponent);
    const Statistics statistics = Measure(expected.exponent);
    for (int l = 0; l < 3; ++l) CHECK(std::abs(statistics.covariance[l] - expected.covariance[l]) < 0.03);
  }
}

TEST_CASE("Short and strided series") {
  Random random(1), same(1);
  float one = 0.0f;
  ColouredNoise(1, 2.0).Sample(random, &one);
  CHECK(one == doctest::Approx(same.Normal()));

  std::vector<float> dense(5), strided(15, 7.0f);
  Random first(2), second(2);
  ColouredNoise(5, 2.0).Sample(first, dense.data());
  ColouredNoise(5, 2.0).Sample(second, strided.data() + 1, 3);
  for (int t = 0; t < 5; ++t) {
    CHECK(strided[3 * t + 1] == dense[t]);
    CHECK(strided[3 * t] == 7.0f);
  }
}
