#include "ui/desktop/panels.h"

namespace reverie::desktop {

std::vector<DockedPanel> MakePanels() {
  std::vector<DockedPanel> panels;
  panels.push_back({MakeLogPanel(), Dock::kRight});
  return panels;
}

}  // namespace reverie::desktop
