// The panel "Scene": everything in the model, to look at and to change by hand. Window's thread only.
#pragma once

#include "ui/desktop/inspector_actuators.h"
#include "ui/desktop/inspector_bodies.h"
#include "ui/desktop/inspector_joints.h"
#include "ui/desktop/panel.h"

namespace reverie::desktop {

class InspectorPanel : public Panel {
 public:
  const char* title() const override { return "Scene"; }
  void Draw(App& app) override;
  void AddActions(App& app) override;

 private:
  ImGuiTextFilter search_;
  BodySection bodies_;
  JointSection joints_;
  ActuatorSection actuators_;
};

}  // namespace reverie::desktop
