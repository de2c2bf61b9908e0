// Chooses how many pixels the scene is drawn with, so that motion stays smooth where drawing is slow: software
// OpenGL draws a full window in a tenth of a second. Pure arithmetic; times in ms and s.
#pragma once

#include <cstdint>

namespace reverie::desktop {

enum class Resolution { kAuto, kFull, kHalf };

class ViewResolution {
 public:
  Resolution wanted = Resolution::kAuto;

  /// A picture was drawn at scale() in this time.
  void Drawn(double render_ms);
  /// Whether something in the picture moves. Once nothing has for a moment, it is drawn sharp.
  void Moves(bool moving, double now_s);
  /// Share of each side of the panel that is drawn, 0.5 to 1.
  double scale() const;
  /// How long to wait from one picture to the next, s: drawing gets at most about two thirds of one processor.
  double interval_s() const;

 private:
  static constexpr int kLevels = 5;
  int level_ = 0;         // 0: full, kLevels - 1: half
  double smooth_ms_ = 0;  // of pictures at this level; 0: none yet
  int drawn_ = 0;         // at this level
  bool still_ = false;
  double moved_s_ = 0;
};

}  // namespace reverie::desktop
