#include "sim/dataset_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>
#include <span>
#include <system_error>
#include <utility>

#include "sim/dataset_files.h"
#include "sim/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
// The fraction of the golden ratio: its multiples fill [0, 1) evenly, whatever the length of the episodes.
constexpr double kGolden = 0.6180339887498949;

/// @param sorted  finite numbers in order.
double Quantile(std::span<const double> sorted, double share) {
  if (sorted.empty()) return kNone;
  const double position = share * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return std::lerp(sorted[below], sorted[above], position - static_cast<double>(below));
}

int64_t KeepFinite(std::vector<double>& values) {
  return static_cast<int64_t>(std::erase_if(values, [](double value) { return !std::isfinite(value); }));
}

// Of sorted numbers.
Histogram HistogramOf(const std::vector<double>& sorted) {
  constexpr size_t kBins = 40;
  if (sorted.empty()) return {};
  Histogram histogram{sorted.front(), sorted.back(), std::vector<int64_t>(kBins)};
  // Halves, since the difference of two finite numbers need not be one.
  const double half_width = histogram.high / 2 - histogram.low / 2;
  for (const double value : sorted) {
    const double share = half_width > 0 ? (value / 2 - histogram.low / 2) / half_width : 0.5;
    ++histogram.counts[std::min(kBins - 1, static_cast<size_t>(share * kBins))];
  }
  return histogram;
}

Spread SpreadOf(std::vector<double> values) {
  Spread spread;
  spread.not_finite = KeepFinite(values);
  std::sort(values.begin(), values.end());
  spread.min = Quantile(values, 0);
  spread.quarter = Quantile(values, 0.25);
  spread.median = Quantile(values, 0.5);
  spread.three_quarters = Quantile(values, 0.75);
  spread.max = Quantile(values, 1);
  spread.histogram = HistogramOf(values);
  double sum = 0;
  for (const double value : values) sum += value;
  spread.mean = values.empty() ? kNone : sum / static_cast<double>(values.size());
  return spread;
}

/// Exact moments and extremes of every column, and a bounded sample of rows for quantiles.
class Columns {
 public:
  Columns(const std::vector<std::string>& labels, int64_t rows, int64_t most_values) : labels_(labels) {
    const auto columns = static_cast<int64_t>(labels.size());
    const int64_t most_rows = std::max<int64_t>(1, most_values / std::max<int64_t>(1, columns));
    every_ = std::max<int64_t>(1, (rows + most_rows - 1) / most_rows);
    moments_.resize(labels.size());
    sample_.reserve(static_cast<size_t>(std::min(rows, most_rows) * columns));
  }

  void Add(std::span<const double> values) {
    if (moments_.empty()) return;
    for (size_t at = 0; at < values.size(); at += moments_.size(), ++rows_) {
      const std::span<const double> row = values.subspan(at, moments_.size());
      for (size_t i = 0; i < row.size(); ++i) moments_[i].Add(row[i]);
      if (rows_ % every_ == 0) {
        const double turns = kGolden * static_cast<double>(rows_ / every_);
        chosen_ = rows_ + static_cast<int64_t>((turns - std::floor(turns)) * static_cast<double>(every_));
      }
      if (rows_ == chosen_) sample_.insert(sample_.end(), row.begin(), row.end());
    }
  }

  Coverage Result() const {
    Coverage coverage;
    coverage.rows = rows_;
    coverage.sampled_every = every_;
    for (size_t i = 0; i < moments_.size(); ++i) {
      const Moments& moments = moments_[i];
      std::vector<double> column;
      column.reserve(sample_.size() / moments_.size());
      for (size_t at = i; at < sample_.size(); at += moments_.size()) column.push_back(sample_[at]);
      KeepFinite(column);
      std::sort(column.begin(), column.end());
      const double count = static_cast<double>(moments.count);
      ChannelCoverage& channel = coverage.channels.emplace_back();
      channel.label = labels_[i];
      channel.min = moments.count ? moments.min : kNone;
      channel.percent_1 = Quantile(column, 0.01);
      channel.median = Quantile(column, 0.5);
      channel.percent_99 = Quantile(column, 0.99);
      channel.max = moments.count ? moments.max : kNone;
      channel.mean = moments.count ? moments.mean : kNone;
      channel.deviation = moments.count ? std::sqrt(moments.squares / count) : kNone;
      channel.at_limit = moments.count ? static_cast<double>(moments.at_limit) / count : kNone;
      channel.not_finite = moments.not_finite;
      channel.histogram = HistogramOf(column);
    }
    return coverage;
  }

 private:
  struct Moments {
    double min = std::numeric_limits<double>::infinity(), max = -min, mean = 0, squares = 0;
    int64_t count = 0, at_limit = 0, not_finite = 0;

    // Welford's update: sums of squares would lose what is small beside the mean.
    void Add(double value) {
      if (!std::isfinite(value)) {
        ++not_finite;
        return;
      }
      ++count;
      min = std::min(min, value);
      max = std::max(max, value);
      at_limit += std::abs(value) >= 1;
      const double delta = value - mean;
      mean += delta / static_cast<double>(count);
      squares += delta * (value - mean);
    }
  };

  std::vector<std::string> labels_;
  std::vector<Moments> moments_;
  std::vector<double> sample_;
  int64_t rows_ = 0, every_ = 1, chosen_ = 0;
};

uint64_t DiskBytes(const fs::path& folder) {
  uint64_t bytes = 0;
  std::error_code code;
  for (fs::recursive_directory_iterator entry(folder, code), end; !code && entry != end; entry.increment(code)) {
    std::error_code of_file;
    if (!entry->is_regular_file(of_file)) continue;
    const auto size = entry->file_size(of_file);
    if (!of_file) bytes += size;
  }
  if (code) throw DatasetError(folder.string() + ": expected to list its files, found: " + code.message());
  return bytes;
}

}  // namespace

std::optional<DatasetReport> ReportDataset(const DatasetReader& dataset, const DatasetReportOptions& options,
                                           const std::function<void(int64_t)>& progress, std::stop_token stop) {
  const DatasetInfo& info = dataset.info();
  const int64_t steps = dataset.steps(), states = steps + dataset.episodes();
  Columns observations(info.observation_labels, states, options.most_sampled_values);
  Columns signals(info.signal_labels, states, options.most_sampled_values);
  Columns actions(info.action_labels, steps, options.most_sampled_values);

  DatasetReport report;
  std::vector<double> returns, lengths;
  for (int64_t k = 0; k < dataset.episodes(); ++k) {
    if (stop.stop_requested()) return std::nullopt;
    const Episode episode = dataset.ReadTransitions(k);
    report.control_steps += episode.steps;
    if (report.control_steps > steps) break;  // the sample is as large as was meant for `steps`
    returns.push_back(episode.Return());
    lengths.push_back(static_cast<double>(episode.steps));
    observations.Add(episode.observations);
    signals.Add(episode.signals);
    actions.Add(episode.actions);
    report.terminated += episode.terminated;
    report.truncated += episode.truncated;
    if (!episode.success.empty()) {
      ++report.with_success;
      report.success_end += episode.success.back() != 0;
      report.success_any += std::any_of(episode.success.begin(), episode.success.end(),
                                        [](double success) { return success != 0; });
    }
    if (!episode.diverged.empty()) {
      report.diverged.push_back(k);
      ++report.diverged_at[episode.diverged];
    }
    if (progress) progress(k + 1);
  }
  const DatasetPaths paths(dataset.folder());
  if (report.control_steps != steps) {
    throw DatasetError(paths.metadata.string() + ": key 'total_steps': expected the sum of the episodes' steps (" +
                       std::to_string(report.control_steps) +
                       (report.control_steps > steps ? " or more" : "") + "), found " + std::to_string(steps));
  }
  report.episodes = dataset.episodes();
  report.env_steps = report.control_steps * info.action_repeat;
  report.returns = SpreadOf(std::move(returns));
  report.lengths = SpreadOf(std::move(lengths));
  report.observations = observations.Result();
  report.signals = signals.Result();
  report.actions = actions.Result();
  report.disk_bytes = DiskBytes(paths.data);
  return report;
}

}  // namespace reverie
