// The inspector's actuators: a slider for each element of the action, which takes over from the agent while held
// and stays where it is when the person acts. Window's thread.
#pragma once

#include <vector>

#include "ui/desktop/inspector_section.h"

namespace reverie::desktop {

class ActuatorSection {
 public:
  void Draw(const Inspected& in);

 private:
  void DrawRow(const Inspected& in, int actuator, double control, double force);
};

}  // namespace reverie::desktop
