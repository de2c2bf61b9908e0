#include <algorithm>
#include <cfloat>
#include <cmath>

#include "ui/desktop/plot_frame.h"

namespace reverie::desktop::plot {
namespace {

float TextWidth(const std::string& text) { return ImGui::CalcTextSize(text.data(), text.data() + text.size()).x; }

void AddText(ImDrawList& list, ImVec2 at, ImU32 colour, const std::string& text) {
  list.AddText(at, colour, text.data(), text.data() + text.size());
}

/// Where the legend's entries stand: as many as there is room for, then "12 more".
struct Legend {
  struct Place {
    size_t entry = 0;
    float left = 0, width = 0;
    int row = 0;
  };
  std::vector<Place> places;
  size_t more = 0;
  float more_left = 0;
  int rows = 0;
};

std::string MoreText(size_t count) { return std::to_string(count) + " more"; }

Legend Lay(const Frame& frame, float left, int most_rows) {
  const float font = ImGui::GetFontSize(), right = frame.max.x, widest = (right - frame.min.x) * 0.5f;
  const float more = TextWidth(MoreText(frame.entries.size()));
  const auto named = std::count_if(frame.entries.begin(), frame.entries.end(),
                                   [](const Entry& entry) { return !entry.name.empty(); });
  Legend legend;
  float at = left;
  int row = 0;
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    if (frame.entries[i].name.empty()) continue;
    const float width = font * 1.1f + std::min(TextWidth(frame.entries[i].name), widest);
    const size_t rest = static_cast<size_t>(named) - legend.places.size() - 1;
    const auto fits = [&] { return at + width + (row + 1 == most_rows && rest > 0 ? font + more : 0) <= right; };
    if (!fits() && at > frame.min.x && row + 1 < most_rows) {
      ++row;
      at = frame.min.x;
    }
    if (!fits() && at > frame.min.x) {
      legend.more = rest + 1;
      legend.more_left = at;
      break;
    }
    legend.places.push_back({i, at, width, row});
    at += width + font;
  }
  legend.rows = legend.places.empty() && legend.more == 0 ? 0 : row + 1;
  return legend;
}

/// "time (s)" is a name and a unit.
struct NameAndUnit {
  std::string name, unit;
};

NameAndUnit Split(const std::string& label) {
  const size_t open = label.rfind('(');
  if (open == std::string::npos || label.back() != ')') return {label, ""};
  std::string name = label.substr(0, open);
  while (!name.empty() && name.back() == ' ') name.pop_back();
  return {name, label.substr(open + 1, label.size() - open - 2)};
}

std::string Spaced(const std::string& a, const std::string& b) { return a.empty() || b.empty() ? a + b : a + " " + b; }

/// What the read-out says of one entry.
struct Reading {
  size_t entry = 0;
  bool has_value = false, has_band = false;
  double low = DBL_MAX, high = -DBL_MAX;  // of all its curves
  double band_low = 0, band_high = 0;
  double distance_px = DBL_MAX;

  std::string Text(const std::string& unit) const {
    std::string text;
    if (has_value) text = low == high ? ValueText(low) : ValueText(low) + " to " + ValueText(high);
    if (has_band) {
      const std::string band = ValueText(band_low) + " to " + ValueText(band_high);
      text = has_value ? text + " (" + band + ")" : band;
    }
    return Spaced(text, unit);
  }
};

/// The sample nearest to x, if the series reaches there.
std::optional<size_t> Nearest(std::span<const float> xs, double x, double tolerance) {
  std::optional<size_t> nearest;
  double least = DBL_MAX, min = DBL_MAX, max = -DBL_MAX;
  for (size_t i = 0; i < xs.size(); ++i) {
    if (!std::isfinite(xs[i])) continue;
    min = std::min<double>(min, xs[i]);
    max = std::max<double>(max, xs[i]);
    const double distance = std::abs(xs[i] - x);
    if (distance < least) {
      least = distance;
      nearest = i;
    }
  }
  return x >= min - tolerance && x <= max + tolerance ? nearest : std::nullopt;
}

}  // namespace

int LegendRows(const Frame& frame, float left, int most) { return Lay(frame, left, most).rows; }

void DrawLegend(Frame& frame, float left, float top, int rows) {
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const float font = ImGui::GetFontSize(), line = ImGui::GetTextLineHeightWithSpacing();
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  const Legend legend = Lay(frame, left, std::max(1, rows));
  const auto over = [&](float from, float width, int row) {
    const float y = top + static_cast<float>(row) * line;
    return frame.hovered && mouse.x >= from && mouse.x < from + width && mouse.y >= y && mouse.y < y + line;
  };
  for (const Legend::Place& place : legend.places) {
    Entry& entry = frame.entries[place.entry];
    const bool hovered = over(place.left, place.width, place.row);
    if (hovered && frame.tapped) entry.state->hidden = !entry.state->hidden;
    const bool hidden = entry.state->hidden;
    if (hovered && !hidden) frame.highlighted = static_cast<int>(place.entry);
    const float y = top + static_cast<float>(place.row) * line;
    ImVec4 opaque = entry.colour;
    opaque.w = 1;
    const ImU32 dim = ImGui::GetColorU32(ImGuiCol_TextDisabled);
    list.AddRectFilled(ImVec2(place.left, y + font * 0.35f), ImVec2(place.left + font * 0.8f, y + font * 0.65f),
                       hidden ? dim : ImGui::GetColorU32(opaque));
    list.PushClipRect(ImVec2(place.left, y), ImVec2(place.left + place.width, y + line), true);
    AddText(list, ImVec2(place.left + font * 1.1f, y),
            hidden ? dim : ImGui::GetColorU32(ImGuiCol_Text, hovered ? 1.0f : 0.85f), entry.name);
    list.PopClipRect();
    if (hovered) {
      ImGui::BeginTooltip();
      ImGui::TextUnformatted(entry.name.data(), entry.name.data() + entry.name.size());
      ImGui::TextDisabled(hidden ? "click to show" : "click to hide");
      ImGui::EndTooltip();
    }
  }
  if (legend.more > 0) {
    const std::string text = MoreText(legend.more);
    const bool hovered = over(legend.more_left, TextWidth(text), legend.rows - 1);
    AddText(list, ImVec2(legend.more_left, top + static_cast<float>(legend.rows - 1) * line),
            ImGui::GetColorU32(hovered ? ImGuiCol_Text : ImGuiCol_TextDisabled), text);
    if (hovered && frame.tapped) ImGui::OpenPopup(kMenuId);
  }
}

void DrawMarks(ImDrawList& list, const Frame& frame, const Screen& screen) {
  const float font = ImGui::GetFontSize(), pad = font * 0.2f;
  constexpr int kRows = 3;
  std::vector<const MarkLine*> marks;
  for (const MarkLine& mark : frame.marks) {
    const double x = screen.X(mark.x);
    if (x >= screen.min.x - 1 && x <= screen.max.x + 1) marks.push_back(&mark);
  }
  std::stable_sort(marks.begin(), marks.end(), [](const MarkLine* a, const MarkLine* b) { return a->x < b->x; });
  float free_from[kRows];
  std::fill_n(free_from, kRows, -FLT_MAX);
  for (const MarkLine* mark : marks) {
    const float x = std::round(static_cast<float>(screen.X(mark->x)));
    const ImU32 colour =
        mark->colour.w < 0 ? ImGui::GetColorU32(ImGuiCol_Text, 0.5f) : ImGui::GetColorU32(mark->colour);
    list.AddLine(ImVec2(x, screen.min.y), ImVec2(x, screen.max.y), colour, std::max(1.0f, std::round(font * 0.08f)));
    if (mark->text.empty()) continue;
    const float width = TextWidth(mark->text) + 2 * pad;
    const float left = x + width <= screen.max.x ? x + 1 : std::max(screen.min.x, x - width);
    // The first line of text that is free here; where there is none, the read-out at the mark says it.
    for (int row = 0; row < kRows; ++row) {
      const float top = screen.min.y + static_cast<float>(row) * font * 1.1f;
      if (top + font > screen.max.y) break;
      if (left < free_from[row]) continue;
      ImVec4 ground = ImGui::GetStyleColorVec4(ImGuiCol_WindowBg);
      ground.w = 0.75f;
      list.AddRectFilled(ImVec2(left, top), ImVec2(left + width, top + font * 1.1f), ImGui::GetColorU32(ground));
      AddText(list, ImVec2(left + pad, top), ImGui::GetColorU32(ImGuiCol_Text), mark->text);
      free_from[row] = left + width;
      break;
    }
  }
}

void DrawReadOut(ImDrawList& list, const Frame& frame, const Screen& screen) {
  const ImVec2 mouse = ImGui::GetIO().MousePos;
  if (!screen.Has(mouse)) return;
  const float font = ImGui::GetFontSize();
  const double x = screen.ValueAtX(mouse.x), tolerance = font * screen.x.size() / (screen.max.x - screen.min.x);
  list.AddLine(ImVec2(mouse.x, screen.min.y), ImVec2(mouse.x, screen.max.y), ImGui::GetColorU32(ImGuiCol_Text, 0.25f));

  std::vector<Reading> readings(frame.entries.size());
  double nearest_x = x, least = DBL_MAX;
  for (const Series& series : frame.series) {
    if (!frame.Shown(series)) continue;
    const std::optional<size_t> i = Nearest(frame.Part(series, 0), x, tolerance);
    if (!i) continue;
    Reading& reading = readings[series.entry];
    const double at_x = frame.Part(series, 0)[*i], y = frame.Part(series, 1)[*i];
    if (series.kind == Kind::kBand) {
      const double high = frame.Part(series, 2)[*i];
      if (!std::isfinite(y) || !std::isfinite(high)) continue;
      reading.has_band = true;
      reading.band_low = y;
      reading.band_high = high;
    } else {
      if (!std::isfinite(y)) continue;
      reading.has_value = true;
      reading.low = std::min(reading.low, y);
      reading.high = std::max(reading.high, y);
      const double px = screen.X(at_x), py = screen.Y(y);
      if (screen.Has(ImVec2(static_cast<float>(px), static_cast<float>(py)))) {
        list.AddCircleFilled(ImVec2(static_cast<float>(px), static_cast<float>(py)), std::max(2.0f, font * 0.2f),
                             ImGui::GetColorU32(frame.ColourOf(series)), 12);
      }
      reading.distance_px = std::min(reading.distance_px, std::abs(py - mouse.y));
    }
    if (std::abs(at_x - x) < least) {
      least = std::abs(at_x - x);
      nearest_x = at_x;
    }
  }
  for (size_t i = 0; i < readings.size(); ++i) readings[i].entry = i;
  std::erase_if(readings, [](const Reading& reading) { return !reading.has_value && !reading.has_band; });
  constexpr size_t kMost = 12;  // of hundreds, those whose curves pass nearest
  const size_t more = readings.size() > kMost ? readings.size() - kMost : 0;
  if (more > 0) {
    std::stable_sort(readings.begin(), readings.end(),
                     [](const Reading& a, const Reading& b) { return a.distance_px < b.distance_px; });
    readings.resize(kMost);
    std::sort(readings.begin(), readings.end(), [](const Reading& a, const Reading& b) { return a.entry < b.entry; });
  }
  std::vector<const MarkLine*> marks;
  for (const MarkLine& mark : frame.marks) {
    if (!mark.text.empty() && std::abs(screen.X(mark.x) - mouse.x) < font * 0.4f) marks.push_back(&mark);
  }
  if (readings.empty() && marks.empty()) return;

  const auto say = [](const std::string& text) { ImGui::TextUnformatted(text.data(), text.data() + text.size()); };
  const auto [x_name, x_unit] = Split(frame.x_label);
  const std::string y_unit = Split(frame.y_label).unit;
  float names = 0;
  for (const Reading& reading : readings) names = std::max(names, TextWidth(frame.entries[reading.entry].name));
  ImGui::BeginTooltip();
  const float start = ImGui::GetCursorPosX();
  say(Spaced(Spaced(x_name, ValueText(nearest_x)), x_unit));
  for (const MarkLine* mark : marks) say(mark->text);
  for (const Reading& reading : readings) {
    const ImVec2 at = ImGui::GetCursorScreenPos();
    ImVec4 colour = frame.entries[reading.entry].colour;
    colour.w = 1;
    ImGui::GetWindowDrawList()->AddRectFilled(ImVec2(at.x, at.y + font * 0.2f),
                                              ImVec2(at.x + font * 0.6f, at.y + font * 0.8f),
                                              ImGui::GetColorU32(colour));
    ImGui::Dummy(ImVec2(font * 0.6f, font));
    ImGui::SameLine(start + font);
    say(frame.entries[reading.entry].name);
    ImGui::SameLine(start + font + (names > 0 ? names + font * 0.6f : 0));
    say(reading.Text(y_unit));
  }
  if (more > 0) say(MoreText(more));
  ImGui::EndTooltip();
}

void DrawMenu(Frame& frame) {
  if (!ImGui::BeginPopup(kMenuId)) return;
  State& state = *frame.state;
  if (ImGui::MenuItem("Fit to the data", "double click", false, state.x || state.y)) {
    state.x.reset();
    state.y.reset();
  }
  ImGui::TextDisabled("Wheel zooms, on the y axis or with Shift in y.");
  ImGui::TextDisabled("Drag moves; drag with the right button zooms into a box.");
  const auto named = std::count_if(frame.entries.begin(), frame.entries.end(),
                                   [](const Entry& entry) { return !entry.name.empty(); });
  if (named > 0) {
    ImGui::Separator();
    if (ImGui::Button("Show all")) {
      for (Entry& entry : frame.entries) entry.state->hidden = false;
    }
    ImGui::SameLine();
    if (ImGui::Button("Hide all")) {
      for (Entry& entry : frame.entries) entry.state->hidden = !entry.name.empty();
    }
    const float rows = static_cast<float>(std::min<std::ptrdiff_t>(named, 16));
    ImGui::BeginChild("series", ImVec2(ImGui::GetFontSize() * 20, rows * ImGui::GetFrameHeightWithSpacing()));
    for (Entry& entry : frame.entries) {
      if (entry.name.empty()) continue;
      ImGui::PushID(static_cast<int>(entry.id));
      bool shown = !entry.state->hidden;
      ImVec4 colour = entry.colour;
      colour.w = 1;
      ImGui::PushStyleColor(ImGuiCol_CheckMark, colour);
      if (ImGui::Checkbox("##shown", &shown)) entry.state->hidden = !shown;
      ImGui::PopStyleColor();
      ImGui::SameLine();
      ImGui::TextUnformatted(entry.name.data(), entry.name.data() + entry.name.size());
      ImGui::PopID();
    }
    ImGui::EndChild();
  }
  ImGui::EndPopup();
}

}  // namespace reverie::desktop::plot
