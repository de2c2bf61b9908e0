// One frame of the whole app: menus, docks, status line, dialogs, messages. ImGui alone, so that tests can run it
// without a window. Window's thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ui/desktop/app.h"
#include "ui/desktop/layout.h"
#include "ui/desktop/panels.h"

namespace reverie::desktop {

/// Registers the app's own actions, then the panels' and those that show them. Once; `layout` and `panels`
/// outlive the app's use of them.
void AddActions(App& app, Layout& layout, std::vector<DockedPanel>& panels);

/// What goes on whether or not a frame is drawn: the app's Update and the panels'.
void UpdateFrame(App& app, std::vector<DockedPanel>& panels);
/// Between ImGui::NewFrame and ImGui::Render.
void DrawFrame(App& app, Layout& layout, std::vector<DockedPanel>& panels);
/// In place of DrawFrame while jobs and threads come to their end.
void DrawClosing();

/// Name and version of what the app stands on, for Help > About; the executable may add to it.
std::vector<std::pair<std::string, std::string>>& AboutLines();

}  // namespace reverie::desktop
