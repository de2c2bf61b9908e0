// How a plot's series become triangles: within a pixel column a line is reduced to its first, lowest, highest and
// last point, so that cost goes with the width of the plot and no extreme is lost.
#pragma once

#include <span>

#include <imgui.h>

#include "ui/desktop/plot_axes.h"

namespace reverie::desktop::plot {

/// From the plot's units to pixels of the display and back.
struct Screen {
  ImVec2 min, max;  // px, upper left and lower right
  Range x, y;       // what is shown there; y in powers of ten where log_y
  bool log_y = false;

  double X(double value) const { return min.x + (value - x.min) * (max.x - min.x) / x.size(); }
  double Y(double value) const;  // not finite for what a logarithmic axis cannot show
  double ValueAtX(double px) const { return x.min + (px - min.x) * x.size() / (max.x - min.x); }
  double PositionAtY(double px) const { return y.max - (px - min.y) * y.size() / (max.y - min.y); }
  bool Has(ImVec2 px) const { return px.x >= min.x && px.y >= min.y && px.x < max.x && px.y < max.y; }
};

void DrawLine(ImDrawList& list, const Screen& screen, std::span<const float> x, std::span<const float> y,
              ImU32 colour, float width_px);
void DrawBand(ImDrawList& list, const Screen& screen, std::span<const float> x, std::span<const float> low,
              std::span<const float> high, ImU32 colour);
void DrawDots(ImDrawList& list, const Screen& screen, std::span<const float> x, std::span<const float> y,
              ImU32 colour, float radius_px);

}  // namespace reverie::desktop::plot
