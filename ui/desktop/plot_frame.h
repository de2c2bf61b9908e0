// What one plot gathers between Begin and End, what it remembers from frame to frame, and the parts around its
// curves: legend, marks, read-out, menu. Only plot*.cc use it.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "ui/desktop/plot.h"
#include "ui/desktop/plot_series.h"

namespace reverie::desktop::plot {

struct LabelState {
  int colour = -1;  // of the palette; -1: none taken yet
  bool hidden = false;
};

/// What lasts, one for each id.
struct State {
  std::optional<Range> x, y;       // what the person zoomed or panned to; y in powers of ten where log_y
  Screen screen;                   // of the last frame, relative to the plot's upper left corner
  bool shown = false;              // screen holds something
  std::optional<Range> extent_x;   // of the data then
  Range drag_x, drag_y;            // as the drag began
  bool pressed_inside = false, was_double_click = false;
  double pressed_s = 0;            // ImGui's time, of the left button
  std::optional<float> tapped_x;   // a click that may still become a double click
  int last_frame = 0;              // ImGui's count, when it was last looked at
  float y_text_width = 0;
  int next_colour = 0;
  std::unordered_map<ImGuiID, LabelState> labels;
};

/// All series of one label.
struct Entry {
  ImGuiID id = 0;
  std::string name;  // what is shown of the label; empty: not in the legend
  ImVec4 colour = kAuto;
  LabelState* state = nullptr;
};

enum class Kind { kLine, kDots, kBand };

struct Series {
  Kind kind = Kind::kLine;
  size_t entry = 0;
  size_t start = 0, count = 0;  // in Frame::values: x, then y (or low), then high
  ImVec4 colour = kAuto;        // kAuto: the entry's
  std::optional<Range> extent_x;
};

struct MarkLine {
  float x = 0;
  std::string text;
  ImVec4 colour = kAuto;
};

struct Frame {
  State* state = nullptr;
  Options options;
  std::string x_label, y_label;
  ImGuiID id = 0;
  ImVec2 min, max;  // px, all of the plot
  bool hovered = false, active = false;
  bool tapped = false;  // pressed and let go with the left button, without a drag; perhaps half of a double click
  std::optional<float> clicked, hovered_x;
  std::vector<Entry> entries;
  std::vector<Series> series;
  std::vector<MarkLine> marks;
  std::vector<float> values;
  int highlighted = -1;  // entry under the mouse in the legend

  std::span<const float> Part(const Series& s, size_t part) const {
    return std::span<const float>(values).subspan(s.start + part * s.count, s.count);
  }
  bool Shown(const Series& s) const { return !entries[s.entry].state->hidden; }
  ImVec4 ColourOf(const Series& s) const { return s.colour.w < 0 ? entries[s.entry].colour : s.colour; }
};

struct Limits {
  std::optional<double> x_min, x_max, y_min, y_max;  // y in powers of ten where log_y
};

Limits LimitsOf(const Options& options);
/// Of the finite values.
std::optional<Range> ExtentOf(std::span<const float> values);
/// A range that a person chose: never finer than floats are, never beyond what they hold.
Range Chosen(Range range, std::optional<double> lowest, std::optional<double> highest);
/// What x shows in this frame; forgets what the person chose where the data have moved away from it.
Range RangeX(Frame& frame);
/// What y shows while x shows that; in powers of ten where log_y.
Range RangeY(const Frame& frame, Range x);

/// Draws the legend from `left` on, within `rows` lines; a click on an entry hides or shows it. Says which is hovered.
void DrawLegend(Frame& frame, float left, float top, int rows);
/// How many lines the legend wants, given where its first begins and where lines end; at most `most`.
int LegendRows(const Frame& frame, float left, int most);
void DrawMarks(ImDrawList& list, const Frame& frame, const Screen& screen);
/// The tooltip with the values nearest to the mouse, and dots on the curves where they are.
void DrawReadOut(ImDrawList& list, const Frame& frame, const Screen& screen);
/// The menu of the right button; open it with ImGui::OpenPopup(kMenuId) in the same ID scope.
void DrawMenu(Frame& frame);
inline constexpr const char* kMenuId = "plot menu";

}  // namespace reverie::desktop::plot
