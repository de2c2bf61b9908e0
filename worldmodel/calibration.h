// Makes stated uncertainty honest: per channel and horizon, by how much a model's standard deviation must be
// stretched so that its 90% interval held 90% of what then happened, on episodes that it had not learned from.
#pragma once

#include <vector>

#include <nlohmann/json.hpp>

namespace reverie {

class Calibration {
 public:
  /// Horizons in control steps at which factors are kept; between them they are interpolated.
  static const std::vector<int>& Knots();

  explicit Calibration(int channel_size = 0);

  /// Collects, for one prediction at one of the knots, |error| / standard deviation of every channel.
  void Observe(int horizon, const std::vector<double>& scaled_errors);
  /// Fits factors to the most recent observations (a fixed number per knot, so that a model that improves is
  /// judged by what it is now). Knots without enough of them keep the factor of their neighbour.
  void Fit();

  /// Factor for `channel` at `horizon` (from 1).
  double Factor(int channel, int horizon) const;

  nlohmann::json ToJson() const;
  static Calibration FromJson(const nlohmann::json& json);

 private:
  int channel_size_;
  std::vector<std::vector<double>> factors_;                 // [knot][channel]
  std::vector<std::vector<std::vector<double>>> observed_;   // [knot][channel], oldest first
};

}  // namespace reverie
