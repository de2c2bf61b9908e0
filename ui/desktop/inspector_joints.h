// The inspector's joints: a slider for each hinge and slide, numbers for balls and free bodies. Moving one pauses
// and changes the state. Window's thread.
#pragma once

#include <array>
#include <utility>

#include "ui/desktop/inspector_section.h"

namespace reverie::desktop {

class JointSection {
 public:
  void Draw(const Inspected& in);

 private:
  enum class Kind { kAngle, kLength, kPosition, kOrientation };
  struct Row {
    int joint;
    Kind kind;
    int address, count;  // in qpos
  };
  void DrawRow(const Inspected& in, const Row& row);
  static std::vector<Row> Rows(const Inspected& in);

  bool degrees_ = false;
  // What is being dragged or typed: the session's answer is some frames behind.
  std::pair<int, Kind> edited_ = {-1, Kind::kAngle};
  std::array<double, 4> values_{};
};

}  // namespace reverie::desktop
