#include "worldmodel/calibration.h"

#include <algorithm>
#include <cmath>

namespace reverie {
namespace {

constexpr double kNormal90 = 1.6448536269514722;  // half width of a standard normal's central 90%
constexpr size_t kKept = 120;  // observations per knot and channel: three episodes', since the model improves
constexpr size_t kNeeded = 20;

// The value that 90% of what comes next should not exceed: the rank of split conformal prediction, which counts one
// more than was seen.
double Rank90(std::vector<double> values) {
  const size_t rank = std::min(values.size(), static_cast<size_t>(std::ceil(0.9 * static_cast<double>(values.size() + 1))));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank) - 1;
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

}  // namespace

const std::vector<int>& Calibration::Knots() {
  static const std::vector<int> knots = {1, 2, 3, 5, 7, 10, 14, 19, 25, 35, 50};
  return knots;
}

Calibration::Calibration(int channel_size)
    : channel_size_(channel_size),
      factors_(Knots().size(), std::vector<double>(static_cast<size_t>(channel_size), 1.0)),
      observed_(Knots().size(), std::vector<std::vector<double>>(static_cast<size_t>(channel_size))) {}

void Calibration::Observe(int horizon, const std::vector<double>& scaled_errors) {
  const auto knot = std::find(Knots().begin(), Knots().end(), horizon);
  if (knot == Knots().end()) return;
  auto& channels = observed_[static_cast<size_t>(knot - Knots().begin())];
  for (size_t c = 0; c < channels.size(); ++c) {
    if (std::isfinite(scaled_errors[c])) channels[c].push_back(scaled_errors[c]);
  }
}

void Calibration::Fit() {
  for (std::vector<std::vector<double>>& channels : observed_) {
    for (std::vector<double>& all : channels) {
      if (all.size() > kKept) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kKept));
    }
  }
  const size_t knots = factors_.size();
  for (size_t k = 0; k < knots; ++k) {
    for (size_t c = 0; c < factors_[k].size(); ++c) {
      const std::vector<double>& own = observed_[k][c];
      if (own.size() < kNeeded) {
        if (k > 0) factors_[k][c] = factors_[k - 1][c];
        continue;
      }
      std::vector<double> neighbours;
      for (size_t j = k == 0 ? 0 : k - 1; j < std::min(knots, k + 2); ++j) {
        neighbours.insert(neighbours.end(), observed_[j][c].begin(), observed_[j][c].end());
      }
      // A few episodes that are much alike say little about the tail: the wider of what this horizon asks for and
      // what it and its neighbours ask for together, since an interval too narrow is the worse mistake.
      factors_[k][c] = std::clamp(std::max(Rank90(own), Rank90(neighbours)) / kNormal90, 0.05, 100.0);
    }
  }
}

double Calibration::Factor(int channel, int horizon) const {
  const std::vector<int>& knots = Knots();
  const size_t c = static_cast<size_t>(channel);
  const auto above = std::lower_bound(knots.begin(), knots.end(), horizon);
  if (above == knots.begin()) return factors_.front()[c];
  if (above == knots.end()) return factors_.back()[c];
  const size_t k = static_cast<size_t>(above - knots.begin());
  const double share = (std::log(horizon) - std::log(knots[k - 1])) / (std::log(knots[k]) - std::log(knots[k - 1]));
  return std::exp((1.0 - share) * std::log(factors_[k - 1][c]) + share * std::log(factors_[k][c]));
}

nlohmann::json Calibration::ToJson() const {
  return {{"channels", channel_size_}, {"knots", Knots()}, {"factors", factors_}, {"observed", observed_}};
}

Calibration Calibration::FromJson(const nlohmann::json& json) {
  Calibration calibration(json.at("channels").get<int>());
  calibration.factors_ = json.at("factors").get<std::vector<std::vector<double>>>();
  calibration.observed_ = json.at("observed").get<std::vector<std::vector<std::vector<double>>>>();
  return calibration;
}

}  // namespace reverie
