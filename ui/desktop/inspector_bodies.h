// The inspector's bodies: a tree to search and select in, and what is known of the selected one. Window's thread.
#pragma once

#include <vector>

#include "ui/desktop/inspector_section.h"

namespace reverie::desktop {

class BodySection {
 public:
  void Draw(const Inspected& in);

 private:
  void DrawTree(const Inspected& in);
  void DrawSelected(const Inspected& in);
  void DrawContacts(const Inspected& in, int body);

  const mjModel* model_ = nullptr;
  std::vector<bool> closed_;  // by body
  int scrolled_to_ = 0;       // the selected body that was brought into view
};

}  // namespace reverie::desktop
