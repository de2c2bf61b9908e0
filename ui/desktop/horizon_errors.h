// How far off predictions were, by how far ahead they were made, over everything that was seen happen: running
// root mean squares in the channels' deviations, one for each model, beside the guess that nothing changes.
// Window's thread only.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/session.h"

namespace reverie::desktop {

class HorizonErrors {
 public:
  static constexpr std::array<int, 4> kHorizons = {1, 5, 10, 25};  // control steps

  struct Sums {
    double model = 0, persistence = 0;  // of squares, over predictions and channels
    int64_t numbers = 0;                // that were summed
    int64_t predictions = 0;
    double Rms() const;                 // NaN: none
    double PersistenceRms() const;
  };
  using ByHorizon = std::array<Sums, kHorizons.size()>;

  /// Counts what of a prediction has not been counted yet.
  /// @param scale   (nchannels); channels of scale 0 count nowhere.
  /// @param angles  which channels wrap; may be shorter.
  void Add(const PredictedVersusReal& compared, const TimelineView& timeline, std::span<const double> scale,
           const std::vector<bool>& angles);
  void Clear();
  const std::map<std::string, ByHorizon>& models() const { return models_; }

 private:
  // Which horizons of a prediction were counted: bits. Forgotten when there are very many; a person who goes back
  // that far counts some twice.
  std::map<std::pair<int, int64_t>, unsigned> counted_;
  std::string counted_model_;
  std::map<std::string, ByHorizon> models_;
};

}  // namespace reverie::desktop
