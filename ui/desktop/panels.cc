#include "ui/desktop/panels.h"

namespace reverie::desktop {

std::vector<DockedPanel> MakePanels() {
  std::vector<DockedPanel> panels;
  panels.push_back({MakeViewPanel(), Dock::kCentre});
  panels.push_back({MakeTimelinePanel(), Dock::kBottom});
  panels.push_back({MakeAgentPanel(), Dock::kLeft});
  panels.push_back({MakeInspectorPanel(), Dock::kLeft});
  panels.push_back({MakeRewardPanel(), Dock::kRight});
  panels.push_back({MakeImaginationPanel(), Dock::kRight});
  panels.push_back({MakeComparedPanel(), Dock::kRight});
  panels.push_back({MakeGoalPanel(), Dock::kRight});
  panels.push_back({MakeLearningPanel(), Dock::kRight});
  panels.push_back({MakeDataPanel(), Dock::kRight});
  panels.push_back({MakeLogPanel(), Dock::kRight});
  return panels;
}

}  // namespace reverie::desktop
