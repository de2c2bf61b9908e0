#include "ui/desktop/view_resolution.h"

#include <algorithm>
#include <cmath>

namespace reverie::desktop {
namespace {

constexpr double kSlow_ms = 28;    // a picture that takes longer stutters
constexpr double kQuick_ms = 18;   // what the next finer level may take
constexpr int kSettled = 6;        // pictures of a level before it is judged too coarse or slow
constexpr double kStill_s = 0.35;  // without motion, after which the picture is drawn sharp

}  // namespace

void ViewResolution::Drawn(double render_ms) {
  if (wanted != Resolution::kAuto || still_ || !std::isfinite(render_ms) || render_ms < 0) return;
  smooth_ms_ = drawn_ == 0 ? render_ms : smooth_ms_ + 0.3 * (render_ms - smooth_ms_);
  if (++drawn_ < kSettled) return;
  const auto scale_of = [](int level) { return 1 - 0.5 * level / (kLevels - 1); };
  int level = level_;
  if (smooth_ms_ > kSlow_ms && level_ < kLevels - 1) {
    ++level;
  } else if (level_ > 0) {
    // Cost grows with the number of pixels at most.
    const double ratio = scale_of(level_ - 1) / scale_of(level_);
    if (smooth_ms_ * ratio * ratio < kQuick_ms) --level;
  }
  if (level == level_) return;
  level_ = level;
  drawn_ = 0;
}

void ViewResolution::Moves(bool moving, double now_s) {
  if (moving) moved_s_ = now_s;
  still_ = now_s - moved_s_ > kStill_s;
}

double ViewResolution::scale() const {
  if (wanted == Resolution::kHalf) return 0.5;
  if (wanted == Resolution::kFull || still_) return 1;
  return 1 - 0.5 * level_ / (kLevels - 1);
}

double ViewResolution::interval_s() const { return std::clamp(1.5e-3 * smooth_ms_, 0.0, 0.1); }

}  // namespace reverie::desktop
