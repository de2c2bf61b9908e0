// Where panels stand: four docks (left, centre, right, bottom) with splitters between them that can be dragged,
// and a row of tabs in each. What a person arranges is kept in Settings. Draws with ImGui alone: no window, no GL.
#pragma once

#include <string>
#include <vector>

#include <imgui.h>

#include "ui/desktop/panels.h"
#include "ui/desktop/welcome.h"

namespace reverie::desktop {

struct Settings;

class Layout {
 public:
  /// Draws the docks into a rectangle of the current ImGui window, px.
  void Draw(App& app, std::vector<DockedPanel>& panels, ImVec2 at, ImVec2 size);

  /// Opens the panel if it is closed and puts it in front in its dock.
  static void Show(Settings& settings, const std::vector<DockedPanel>& panels, const std::string& title);
  static void Reset(Settings& settings);
  /// Where it stands: where the person moved it, else where it belongs.
  static Dock DockOf(const Settings& settings, const DockedPanel& panel);
  /// "Predicted and real" to "predicted-and-real", for the ids of actions.
  static std::string Slug(const std::string& title);

  Welcome welcome;               // in the centre while nothing is open
  bool shortcuts_open = false;   // windows of the Help menu
  bool about_open = false;

 private:
  struct Box {
    ImVec2 at, size;
  };
  void DrawDock(App& app, Dock dock, const std::vector<DockedPanel*>& panels, Box box);
  DockedPanel* DrawTabs(App& app, Dock dock, const std::vector<DockedPanel*>& panels);
  /// Returns the share after a person's hand.
  double DrawSplitter(Settings& settings, const char* name, double share, Box box, bool upright, double px_per_share);
};

}  // namespace reverie::desktop
