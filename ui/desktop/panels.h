// Every panel, and where it stands at first.
#pragma once

#include <memory>
#include <vector>

#include "ui/desktop/panel.h"

namespace reverie::desktop {

std::unique_ptr<Panel> MakeViewPanel();         // the scene itself, mouse and overlays; centre
std::unique_ptr<Panel> MakeTimelinePanel();     // transport, scrubbing, events, branches; below
std::unique_ptr<Panel> MakeInspectorPanel();    // bodies, joints, actuators, cameras, flags; left
std::unique_ptr<Panel> MakeAgentPanel();        // who acts, planner, model; left
std::unique_ptr<Panel> MakeGoalPanel();         // a goal that is a picture, and how near it is; right
std::unique_ptr<Panel> MakeRewardPanel();       // reward and its terms, real and predicted, planning gap; right
std::unique_ptr<Panel> MakeImaginationPanel();  // the plan, candidates, members; right
std::unique_ptr<Panel> MakeComparedPanel();     // predicted and real; right
std::unique_ptr<Panel> MakeLearningPanel();     // learning in the background, checkpoints; right
std::unique_ptr<Panel> MakeDataPanel();         // collecting and browsing datasets; right
std::unique_ptr<Panel> MakeLogPanel();          // messages and jobs; right

enum class Dock { kLeft, kCentre, kRight, kBottom };
struct DockedPanel {
  std::unique_ptr<Panel> panel;
  Dock dock;
};
std::vector<DockedPanel> MakePanels();

}  // namespace reverie::desktop
