// Median rate of something over a run: robust against the machine being busy for a moment. One thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace reverie::cli {

class RateMeter {
 public:
  /// Counts `amount` of work done since the last call.
  void Add(double amount) {
    total_ += amount;
    window_ += amount;
    const Clock::time_point now = Clock::now();
    const double window_s = Seconds(window_start_, now);
    if (window_s < kWindow_s) return;
    rates_.push_back(window_ / window_s);
    window_ = 0;
    window_start_ = now;
  }

  /// Per second: the median over windows of half a second, or over the whole where that is shorter than
  /// three.
  double Median() const {
    if (rates_.size() < 3) return total_ / std::max(1e-9, Elapsed());
    std::vector<double> sorted = rates_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
  }

  /// Wall seconds since it was made.
  double Elapsed() const { return Seconds(start_, Clock::now()); }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr double kWindow_s = 0.5;
  static double Seconds(Clock::time_point from, Clock::time_point to) {
    return std::chrono::duration<double>(to - from).count();
  }

  Clock::time_point start_ = Clock::now(), window_start_ = start_;
  double total_ = 0, window_ = 0;
  std::vector<double> rates_;
};

}  // namespace reverie::cli
