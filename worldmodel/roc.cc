#include "worldmodel/roc.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

namespace reverie {

double AreaUnderRoc(std::span<const double> positives, std::span<const double> negatives) {
  std::vector<std::pair<double, bool>> scores;
  for (const double score : positives) scores.emplace_back(score, true);
  for (const double score : negatives) scores.emplace_back(score, false);
  const bool unknown = std::any_of(scores.begin(), scores.end(), [](const auto& score) { return std::isnan(score.first); });
  if (positives.empty() || negatives.empty() || unknown) return std::numeric_limits<double>::quiet_NaN();
  std::sort(scores.begin(), scores.end());
  double ranks = 0.0;  // of the positives, equal scores sharing the mean of theirs
  for (size_t i = 0; i < scores.size();) {
    size_t end = i, here = 0;
    while (end < scores.size() && scores[end].first == scores[i].first) here += scores[end++].second;
    ranks += static_cast<double>(here) * 0.5 * static_cast<double>(i + 1 + end);
    i = end;
  }
  const auto n = static_cast<double>(positives.size()), m = static_cast<double>(negatives.size());
  return (ranks - n * (n + 1.0) / 2.0) / (n * m);
}

}  // namespace reverie
