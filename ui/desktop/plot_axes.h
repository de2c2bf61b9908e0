// One axis of a plot, without ImGui: what range it shows, where its ticks stand and what they say. On a logarithmic
// axis ranges and positions are powers of ten, on any other the values themselves.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace reverie::desktop::plot {

struct Range {
  double min = 0, max = 1;
  double size() const { return max - min; }
  bool Overlaps(Range other) const { return min <= other.max && other.min <= max; }
  bool Contains(Range other) const { return min <= other.min && other.max <= max; }
  bool operator==(const Range&) const = default;
};

struct Tick {
  double position = 0;
  std::string text;  // empty: a line between those that have one
};

/// At most `at_most` round values within the range, 1, 2 or 5 times a power of ten apart, as short as tells them apart.
std::vector<Tick> Ticks(Range range, int at_most);
/// The same for a logarithmic axis.
std::vector<Tick> LogTicks(Range powers, int at_most);

/// A range that can be divided by: a single value gets room around it, and so does one that floats cannot resolve.
Range Resolvable(Range range);
/// Wider by this share of its size at each end.
Range Widened(Range range, double share);
/// Its size times `factor`, with `centre` where it was.
Range ZoomedAround(Range range, double centre, double factor);
/// Moved to within the limits, and cut where it is wider than they are.
Range Within(Range range, std::optional<double> lowest, std::optional<double> highest);

/// Four significant digits: "0.25", "-12.3", "1.5e6".
std::string ValueText(double value);

}  // namespace reverie::desktop::plot
