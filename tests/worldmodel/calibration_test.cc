// Stated intervals hold what they say: factors recover a known over- or underconfidence.
#include "worldmodel/calibration.h"

#include <cmath>

#include <doctest/doctest.h>

#include "sim/random.h"

using namespace reverie;

TEST_CASE("calibration: a model whose errors are twice its deviation is stretched by two") {
  Calibration calibration(2);
  Random random(1);
  for (int i = 0; i < 160; ++i) {
    for (const int horizon : {1, 25}) {
      calibration.Observe(horizon, {std::abs(2.0 * random.Normal()), std::abs(0.5 * random.Normal())});
    }
  }
  calibration.Fit();
  CHECK(calibration.Factor(0, 1) == doctest::Approx(2.0).epsilon(0.25));
  CHECK(calibration.Factor(1, 1) == doctest::Approx(0.5).epsilon(0.25));
  CHECK(calibration.Factor(0, 25) == doctest::Approx(2.0).epsilon(0.25));
  const Calibration again = Calibration::FromJson(calibration.ToJson());
  CHECK(again.Factor(1, 25) == calibration.Factor(1, 25));
}

TEST_CASE("calibration: only what is recent counts, and too little is no evidence") {
  Calibration calibration(1);
  calibration.Observe(1, {50.0});
  calibration.Fit();
  CHECK(calibration.Factor(0, 1) == 1.0);
  Random random(2);
  for (int i = 0; i < 400; ++i) calibration.Observe(1, {std::abs(10.0 * random.Normal())});
  for (int i = 0; i < 400; ++i) calibration.Observe(1, {std::abs(random.Normal())});
  calibration.Fit();
  CHECK(calibration.Factor(0, 1) == doctest::Approx(1.0).epsilon(0.25));
}
