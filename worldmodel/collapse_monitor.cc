#include "worldmodel/collapse_monitor.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include <torch/torch.h>

namespace reverie {
namespace {

// Every run looks collapsed at its start; these updates it has to begin to tell things apart.
constexpr int64_t kPatience = 200;
constexpr double kLeastRankShare = 0.05;
constexpr double kLeastDeviation = 0.01;
constexpr double kLeastWithinEpisode = 0.1;
constexpr double kMostInverseRatio = 0.9;

std::string Text(const char* format, double value) {
  char text[160];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

std::vector<double> Means(std::span<const float> rows, int64_t count, int64_t dimensions) {
  std::vector<double> means(static_cast<size_t>(dimensions), 0.0);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t d = 0; d < dimensions; ++d) means[static_cast<size_t>(d)] += rows[static_cast<size_t>(i * dimensions + d)];
  }
  for (double& mean : means) mean /= static_cast<double>(std::max<int64_t>(1, count));
  return means;
}

double SumOfSquares(std::span<const float> rows, int64_t count, int64_t dimensions) {
  const std::vector<double> means = Means(rows, count, dimensions);
  double sum = 0.0;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t d = 0; d < dimensions; ++d) {
      const double from_mean = rows[static_cast<size_t>(i * dimensions + d)] - means[static_cast<size_t>(d)];
      sum += from_mean * from_mean;
    }
  }
  return sum;
}

}  // namespace

double EffectiveRank(std::span<const float> rows, int64_t count, int64_t dimensions) {
  if (count < 1) return 0.0;
  torch::NoGradGuard no_grad;
  const torch::Tensor values =
      torch::from_blob(const_cast<float*>(rows.data()), {count, dimensions}, torch::kFloat32).to(torch::kFloat64);
  const torch::Tensor centred = values - values.mean(0, true);
  // Rows and columns have the same eigenvalues but for zeros; the smaller of the two matrices is faster.
  const torch::Tensor products = count < dimensions ? torch::mm(centred, centred.t()) : torch::mm(centred.t(), centred);
  const torch::Tensor eigenvalues = torch::linalg_eigvalsh(products).clamp_min(0.0);
  const double total = eigenvalues.sum().item<double>();
  if (!(total > 0.0)) return 0.0;
  const torch::Tensor shares = eigenvalues / total;
  return std::exp(-torch::xlogy(shares, shares).sum().item<double>());
}

std::vector<double> Deviations(std::span<const float> rows, int64_t count, int64_t dimensions) {
  const std::vector<double> means = Means(rows, count, dimensions);
  std::vector<double> deviations(static_cast<size_t>(dimensions), 0.0);
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t d = 0; d < dimensions; ++d) {
      const double from_mean = rows[static_cast<size_t>(i * dimensions + d)] - means[static_cast<size_t>(d)];
      deviations[static_cast<size_t>(d)] += from_mean * from_mean;
    }
  }
  for (double& value : deviations) value = std::sqrt(value / static_cast<double>(std::max<int64_t>(1, count)));
  return deviations;
}

double WithinEpisodeShare(std::span<const float> rows, int64_t episodes, int64_t per_episode, int64_t dimensions) {
  const double total = SumOfSquares(rows, episodes * per_episode, dimensions);
  if (!(total > 0.0)) return 0.0;
  double within = 0.0;
  for (int64_t e = 0; e < episodes; ++e) {
    within += SumOfSquares(rows.subspan(static_cast<size_t>(e * per_episode * dimensions),
                                        static_cast<size_t>(per_episode * dimensions)),
                           per_episode, dimensions);
  }
  return within / total;
}

std::vector<std::string> CollapseWarnings(const CollapseReport& report, int64_t dimensions, int64_t updates) {
  std::vector<std::string> warnings;
  if (updates < kPatience) return warnings;
  if (report.mean_deviation < kLeastDeviation) {
    warnings.push_back(Text("the latents have collapsed to a point (standard deviation %.4f)", report.mean_deviation));
  }
  if (report.effective_rank < kLeastRankShare * static_cast<double>(dimensions)) {
    warnings.push_back(Text("the latents have collapsed to few directions (effective rank %.1f)", report.effective_rank) +
                       " of " + std::to_string(dimensions));
  }
  if (report.within_episode < kLeastWithinEpisode) {
    warnings.push_back(Text("the latents tell episodes apart and little else (%.3f of their variance lies within episodes); "
                            "a greater --set inverse may help", report.within_episode));
  }
  if (report.inverse_ratio > kMostInverseRatio) {
    warnings.push_back(Text("the latents do not tell which actions were taken (error %.2f of the actions' variance)",
                            report.inverse_ratio));
  }
  return warnings;
}

}  // namespace reverie
