// Words over the picture of the scene: what runs in the corners, the legend of colours, the banner of a
// divergence. Window's thread, within the view's ImGui window.
#pragma once

#include <string>
#include <vector>

#include <imgui.h>

#include "ui/desktop/app.h"

namespace reverie::desktop {

/// Where the picture is, screen px.
struct ViewArea {
  ImVec2 min, size;
};

/// Lines on a dark plate, so that they can be read over any picture.
/// @param corner  (0, 0) top left to (1, 1) bottom right of the area.
/// @return        height of the plate, px; 0 where there is no room.
float DrawPlate(const ViewArea& area, ImVec2 corner, const std::vector<std::string>& lines, float offset_y = 0);

/// Task, step, time, pace, who acts, what is planned in.
std::vector<std::string> StateLines(const App& app);

/// What the overlays' colours mean, of those that are drawn now.
void DrawLegend(const App& app, const ViewArea& area, bool ghosts, bool traces);

/// Says which degree of freedom blew up and offers the ways on. Returns its height, px.
float DrawDivergence(App& app, const ViewArea& area);

/// One message in the middle, wrapped.
void DrawMessage(const ViewArea& area, const std::string& text, ImVec4 colour);

}  // namespace reverie::desktop
