// The one plot widget: several series, bands, axes with units, a legend that toggles, a read-out under the
// mouse, zoom (wheel; over the y axis or with Shift, y; box with the right button; double click to fit) and pan
// (drag). What the person has not zoomed fits the data seen. Its calls have the shape of ImPlot's, which could
// replace it. Immediate mode: state that lasts is kept by `id`; data are copied. Window's thread only.
#pragma once

#include <optional>
#include <span>

#include <imgui.h>

namespace reverie::desktop::plot {

struct Options {
  const char* x_label = "";       // with unit: "time (s)"
  const char* y_label = "";
  ImVec2 size = {-1, 0};          // px; x -1: the width there is; y 0: 9 lines of text
  bool legend = true;
  bool follow = false;            // while the newest data are seen zoomed in, x goes on with them
  std::optional<float> x_min, x_max, y_min, y_max;  // fixed ends, also for zoom and pan; else they fit the data
  bool y_includes_zero = false;
  bool log_y = false;
};

/// Starts a plot. Between it and End (call it where Begin returned true only), series are added; what is not
/// finite is a gap. False where there is no room: draw nothing.
bool Begin(const char* id, const Options& options);
void End();

inline const ImVec4 kAuto(0, 0, 0, -1);  // the next colour of the palette; the same label keeps its own

void Line(const char* label, std::span<const float> x, std::span<const float> y, ImVec4 colour = kAuto);
void Dots(const char* label, std::span<const float> x, std::span<const float> y, ImVec4 colour = kAuto);
/// Between low and high, translucent, in the colour of the series of the same label.
void Band(const char* label, std::span<const float> x, std::span<const float> low, std::span<const float> high);
/// A vertical line with a short text, not in the legend: "now", "they part".
void Mark(float x, const char* text, ImVec4 colour = kAuto);

/// Where a click (no drag, no double click) on the plot was, x in the plot's units; asked between Begin and End. Said
/// in one frame, ImGui's double-click time after the button went down.
std::optional<float> Clicked();
/// Where the mouse is over the plot, x in the plot's units.
std::optional<float> Hovered();

/// Colour i of the palette, readable on dark and light.
ImVec4 Colour(int i);

/// What a plot shows: ranges in its units, and where they lie on the display.
struct View {
  double x_min = 0, x_max = 1, y_min = 0, y_max = 1;
  ImVec2 min, max;  // px, upper left and lower right
};
/// Of the plot that ended last.
View LastView();

/// Forgets all plots' zoom and hidden series (another task).
void Reset();

}  // namespace reverie::desktop::plot
