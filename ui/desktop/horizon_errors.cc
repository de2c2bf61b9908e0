#include "ui/desktop/horizon_errors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/desktop/panel_parts.h"

namespace reverie::desktop {

namespace {

constexpr size_t kMostRemembered = 100'000;

double RootMean(double sum, int64_t count) {
  return count > 0 ? std::sqrt(sum / static_cast<double>(count)) : std::numeric_limits<double>::quiet_NaN();
}

}  // namespace

double HorizonErrors::Sums::Rms() const { return RootMean(model, numbers); }
double HorizonErrors::Sums::PersistenceRms() const { return RootMean(persistence, numbers); }

void HorizonErrors::Add(const PredictedVersusReal& compared, const TimelineView& timeline,
                        std::span<const double> scale, const std::vector<bool>& angles) {
  const BranchView* branch = timeline.Find(compared.from.branch);
  if (!branch || !branch->Has(compared.from.row)) return;
  const std::span<const double> start = branch->Channels(compared.from.row);
  const size_t channels = std::min<size_t>(std::max(compared.channel_size, 0), std::min(start.size(), scale.size()));
  if (compared.model != counted_model_ || counted_.size() > kMostRemembered) counted_.clear();
  counted_model_ = compared.model;
  unsigned& counted = counted_[{compared.from.branch, compared.from.row}];
  ByHorizon& sums = models_[compared.model];
  for (size_t k = 0; k < kHorizons.size(); ++k) {
    if (kHorizons[k] > compared.steps || (counted & 1u << k)) continue;
    const size_t at = static_cast<size_t>(kHorizons[k] - 1) * static_cast<size_t>(compared.channel_size);
    if (at + channels > compared.predicted.size() || at + channels > compared.real.size()) continue;
    counted |= 1u << k;
    ++sums[k].predictions;
    for (size_t c = 0; c < channels; ++c) {
      const bool angle = c < angles.size() && angles[c];
      const double real = compared.real[at + c];
      const double off = InDeviations(compared.predicted[at + c], real, scale[c], angle);
      const double still = InDeviations(start[c], real, scale[c], angle);
      if (!std::isfinite(off) || !std::isfinite(still)) continue;
      sums[k].model += off * off;
      sums[k].persistence += still * still;
      ++sums[k].numbers;
    }
  }
}

void HorizonErrors::Clear() {
  counted_.clear();
  models_.clear();
}

}  // namespace reverie::desktop
