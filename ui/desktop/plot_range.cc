// What a plot's axes show: the data seen, fixed ends, and what the person chose.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "ui/desktop/plot_frame.h"

namespace reverie::desktop::plot {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::optional<Range> Union(std::optional<Range> a, std::optional<Range> b) {
  if (!a || !b) return a ? a : b;
  return Range{std::min(a->min, b->min), std::max(a->max, b->max)};
}

/// Of the finite values above `least`. Lanes let the compiler do several at once: it runs over all data, each frame.
std::optional<Range> ExtentAbove(std::span<const float> values, float least) {
  constexpr size_t kLanes = 16;
  constexpr float kMax = std::numeric_limits<float>::max();
  std::array<float, kLanes> min, max;
  min.fill(kInfinity);
  max.fill(-kInfinity);
  const auto add = [&](float value, size_t lane) {
    min[lane] = (value < min[lane]) & (value > least) ? value : min[lane];
    max[lane] = (value > max[lane]) & (value <= kMax) & (value > least) ? value : max[lane];
  };
  size_t i = 0;
  for (; i + kLanes <= values.size(); i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) add(values[i + lane], lane);
  }
  for (; i < values.size(); ++i) add(values[i], 0);
  const float low = *std::min_element(min.begin(), min.end()), high = *std::max_element(max.begin(), max.end());
  return low <= high ? std::optional(Range{low, high}) : std::nullopt;
}

std::optional<Range> ExtentX(const Frame& frame) {
  std::optional<Range> extent;
  for (const Series& series : frame.series) {
    if (frame.Shown(series)) extent = Union(extent, series.extent_x);
  }
  return extent;
}

/// Of what is seen at these x, in the plot's units.
std::optional<Range> ExtentY(const Frame& frame, Range within) {
  const float least = frame.options.log_y ? 0 : -kInfinity;
  std::optional<Range> extent;
  std::vector<float> seen;
  for (const Series& series : frame.series) {
    if (!frame.Shown(series) || !series.extent_x || !series.extent_x->Overlaps(within)) continue;
    const std::span<const float> x = frame.Part(series, 0);
    for (size_t part = 1; part <= (series.kind == Kind::kBand ? 2 : 1); ++part) {
      std::span<const float> y = frame.Part(series, part);
      if (!within.Contains(*series.extent_x)) {
        seen.clear();
        for (size_t i = 0; i < series.count; ++i) {
          if (x[i] >= within.min && x[i] <= within.max) seen.push_back(y[i]);
        }
        for (size_t i = 0; seen.empty() && i + 1 < series.count; ++i) {  // zoomed in between two samples
          if (Range{x[i], x[i + 1]}.Contains(within)) seen = {y[i], y[i + 1]};
        }
        y = seen;
      }
      extent = Union(extent, ExtentAbove(y, least));
    }
  }
  return extent;
}

}  // namespace

std::optional<Range> ExtentOf(std::span<const float> values) { return ExtentAbove(values, -kInfinity); }

Limits LimitsOf(const Options& options) {
  Limits limits{options.x_min, options.x_max, options.y_min, options.y_max};
  if (options.log_y) {
    for (std::optional<double>* end : {&limits.y_min, &limits.y_max}) {
      if (*end && **end > 0) {
        *end = std::log10(**end);
      } else {
        end->reset();
      }
    }
  }
  return limits;
}

Range Chosen(Range range, std::optional<double> lowest, std::optional<double> highest) {
  const double centre = (range.min + range.max) / 2;
  range = Resolvable({std::min(range.min, centre), std::max(range.max, centre)});
  range = Within(range, lowest, highest);
  return Within(range, -1e39, 1e39);
}

Range RangeX(Frame& frame) {
  State& state = *frame.state;
  const Limits limits = LimitsOf(frame.options);
  const std::optional<Range> extent = ExtentX(frame);
  if (state.x && extent && state.extent_x && extent != state.extent_x) {
    const double grown = extent->max - state.extent_x->max;
    const bool same_data = extent->Overlaps(*state.extent_x);
    if (same_data && frame.options.follow && grown > 0 && state.x->max >= state.extent_x->max) {
      state.x = Range{state.x->min + grown, state.x->max + grown};
    }
    if (!same_data || !state.x->Overlaps(*extent)) state.x.reset();  // what was zoomed into is gone
  }
  state.extent_x = extent;
  if (state.x) return *state.x;
  Range range = extent.value_or(Range{0, 1});
  if (limits.x_min) range.min = *limits.x_min;
  if (limits.x_max) range.max = *limits.x_max;
  if (range.max < range.min) range = {limits.x_min.value_or(range.max), limits.x_max.value_or(range.min)};
  if (range.max < range.min) std::swap(range.min, range.max);
  return Resolvable(range);
}

Range RangeY(const Frame& frame, Range x) {
  const State& state = *frame.state;
  if (state.y) return *state.y;
  const bool log_y = frame.options.log_y;
  const Limits limits = LimitsOf(frame.options);
  Range range = ExtentY(frame, x).value_or(log_y ? Range{1, 10} : Range{0, 1});
  const bool positive = range.min >= 0, negative = range.max <= 0;
  if (log_y) {
    range = Resolvable({std::log10(range.min), std::log10(range.max)});
    range = Widened(range, 0.05);
  } else {
    const bool to_zero = frame.options.y_includes_zero;
    if (to_zero) range = {std::min(range.min, 0.0), std::max(range.max, 0.0)};
    range = Widened(Resolvable(range), 0.05);
    if (to_zero && positive) range.min = 0;
    if (to_zero && negative && !positive) range.max = 0;
  }
  const double size = range.size();
  if (limits.y_min) range.min = *limits.y_min;
  if (limits.y_max) range.max = *limits.y_max;
  if (range.max <= range.min) range = limits.y_max && !limits.y_min ? Range{range.max - size, range.max}
                                                                   : Range{range.min, range.min + size};
  return Resolvable(range);
}

}  // namespace reverie::desktop::plot
