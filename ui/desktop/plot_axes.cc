#include "ui/desktop/plot_axes.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace reverie::desktop::plot {
namespace {

/// "1.50e+06" as people write it: "1.50e6".
std::string ShortExponent(std::string text) {
  const size_t e = text.find('e');
  if (e == std::string::npos) return text;
  const bool negative = text[e + 1] == '-';
  size_t digits = e + 2;
  while (digits + 1 < text.size() && text[digits] == '0') ++digits;
  return text.substr(0, e) + (negative ? "e-" : "e") + text.substr(digits);
}

std::string Formatted(const char* format, int decimals, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, decimals, value);
  return text;
}

/// The smallest of 1, 2, 5 or 10 times a power of ten that is no smaller.
double RoundStep(double size) {
  const double power = std::pow(10.0, std::floor(std::log10(size)));
  for (const double multiple : {1.0, 2.0, 5.0}) {
    if (multiple * power >= size * (1 - 1e-9)) return multiple * power;
  }
  return 10 * power;
}

std::string PowerText(int exponent) {
  if (exponent < -3 || exponent > 4) return "1e" + std::to_string(exponent);
  return Formatted("%.*f", std::max(0, -exponent), std::pow(10.0, exponent));
}

}  // namespace

std::vector<Tick> Ticks(Range range, int at_most) {
  std::vector<Tick> ticks;
  if (at_most < 1 || !(range.size() > 0) || !std::isfinite(range.size())) return ticks;
  double step = RoundStep(range.size() / at_most);
  const auto first_of = [&] { return std::ceil(range.min / step - 1e-6); };
  const auto last_of = [&] { return std::floor(range.max / step + 1e-6); };
  if (last_of() - first_of() + 1 > at_most) step = RoundStep(step * 1.01);  // both ends happen to be round
  const double largest = std::max(std::abs(range.min), std::abs(range.max));
  if (largest / step > 1e12) return ticks;  // closer together than doubles are

  const int step_digit = static_cast<int>(std::floor(std::log10(step) + 1e-9));
  const bool scientific = largest >= 1e6 || largest < 1e-3;
  for (double k = first_of(); k <= last_of(); ++k) {
    const double value = k * step;
    std::string text = "0";
    if (k != 0 && scientific) {
      const int value_digit = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
      text = ShortExponent(Formatted("%.*e", std::max(0, value_digit - step_digit), value));
    } else if (k != 0) {
      text = Formatted("%.*f", std::max(0, -step_digit), value);
    }
    ticks.push_back({value, std::move(text)});
  }
  return ticks;
}

std::vector<Tick> LogTicks(Range powers, int at_most) {
  std::vector<Tick> ticks;
  if (at_most < 1 || !(powers.size() > 0) || !std::isfinite(powers.size())) return ticks;
  const int first = static_cast<int>(std::ceil(powers.min - 1e-9));
  const int last = static_cast<int>(std::floor(powers.max + 1e-9));
  if (last <= first) {  // within a decade or two the powers say too little
    for (Tick& tick : Ticks({std::pow(10, powers.min), std::pow(10, powers.max)}, at_most)) {
      if (tick.position > 0) ticks.push_back({std::log10(tick.position), std::move(tick.text)});
    }
    return ticks;
  }
  const int stride = (last - first) / at_most + 1;
  for (int power = first - 1; power <= last; ++power) {
    const bool labelled = power >= first && (power - first) % stride == 0;
    if (labelled) ticks.push_back({static_cast<double>(power), PowerText(power)});
    if (stride > 1 || last - first > 6) continue;
    for (int multiple = 2; multiple < 10; ++multiple) {
      const double position = power + std::log10(multiple);
      if (position >= powers.min && position <= powers.max) ticks.push_back({position, ""});
    }
  }
  return ticks;
}

Range Resolvable(Range range) {
  const double centre = (range.min + range.max) / 2;
  const double least = std::max(std::abs(centre) * 2e-6, 1e-36);
  if (range.size() >= least) return range;
  const double half = centre == 0 ? 1 : std::abs(centre) * 0.1;
  return range.size() > 0 ? Range{centre - least / 2, centre + least / 2} : Range{centre - half, centre + half};
}

Range Widened(Range range, double share) {
  return {range.min - share * range.size(), range.max + share * range.size()};
}

Range ZoomedAround(Range range, double centre, double factor) {
  return {centre + (range.min - centre) * factor, centre + (range.max - centre) * factor};
}

Range Within(Range range, std::optional<double> lowest, std::optional<double> highest) {
  const double size = range.size();
  if (lowest && range.min < *lowest) range = {*lowest, *lowest + size};
  if (highest && range.max > *highest) range = {*highest - size, *highest};
  if (lowest && highest && *lowest < *highest) {
    range = {std::max(range.min, *lowest), std::min(range.max, *highest)};
  }
  return range;
}

std::string ValueText(double value) {
  if (std::isnan(value)) return "-";
  return ShortExponent(Formatted("%.*g", 4, value));
}

}  // namespace reverie::desktop::plot
