// The area under the ROC curve against counts made by hand and the example of scikit-learn's documentation.
#include "worldmodel/roc.h"

#include <cmath>
#include <limits>
#include <vector>

#include <doctest/doctest.h>

using namespace reverie;

TEST_CASE("the area under the curve is the share of pairs in order, equal ones counting half") {
  const std::vector<double> positives = {3, 2, 2}, negatives = {1, 2, 0};
  // 3 beats all three; each 2 beats 1 and 0 and ties with 2: (3 + 2.5 + 2.5) of 9.
  CHECK(AreaUnderRoc(positives, negatives) == doctest::Approx(8.0 / 9.0));
  CHECK(AreaUnderRoc(negatives, positives) == doctest::Approx(1.0 / 9.0));
  // roc_auc_score([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]) of scikit-learn's documentation.
  CHECK(AreaUnderRoc(std::vector<double>{0.35, 0.8}, std::vector<double>{0.1, 0.4}) == doctest::Approx(0.75));
}

TEST_CASE("the area under the curve at its limits") {
  const std::vector<double> high = {5, 6, 7, 8}, low = {-1, 0}, same = {2, 2, 2};
  CHECK(AreaUnderRoc(high, low) == 1.0);
  CHECK(AreaUnderRoc(low, high) == 0.0);
  CHECK(AreaUnderRoc(same, same) == 0.5);
  CHECK(AreaUnderRoc(std::vector<double>{std::numeric_limits<double>::infinity()}, high) == 1.0);
  CHECK(std::isnan(AreaUnderRoc({}, low)));
  CHECK(std::isnan(AreaUnderRoc(low, {})));
  CHECK(std::isnan(AreaUnderRoc(std::vector<double>{std::nan("")}, low)));
}
