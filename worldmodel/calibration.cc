#include "worldmodel/calibration.h"

#include <algorithm>
#include <cmath>

namespace reverie {
namespace {

constexpr double kNormal90 = 1.6448536269514722;  // half width of a standard normal's central 90%
constexpr size_t kKept = 60;   // observations per knot and channel: three episodes', since the model improves
constexpr size_t kNeeded = 20;

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
  for (size_t k = 0; k < factors_.size(); ++k) {
    for (size_t c = 0; c < factors_[k].size(); ++c) {
      std::vector<double>& all = observed_[k][c];
      if (all.size() > kKept) all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(kKept));
      if (all.size() < kNeeded) {
        if (k > 0) factors_[k][c] = factors_[k - 1][c];
        continue;
      }
      // One more than was seen: the rank that split conformal prediction gives for what comes next.
      std::vector<double> sorted = all;
      const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(std::ceil(0.9 * static_cast<double>(sorted.size() + 1))) - 1;
      std::nth_element(sorted.begin(), at, sorted.end());
      factors_[k][c] = std::clamp(*at / kNormal90, 0.05, 100.0);
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
