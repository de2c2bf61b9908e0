#include "ui/desktop/plot.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <imgui_internal.h>

#include "ui/desktop/plot_frame.h"

namespace reverie::desktop::plot {
namespace {

std::unordered_map<ImGuiID, State>& States() {
  static std::unordered_map<ImGuiID, State> states;
  return states;
}

Frame& Current() {
  static Frame frame;
  return frame;
}

View& Last() {
  static View view;
  return view;
}

Screen Moved(Screen screen, ImVec2 by) {
  screen.min = ImVec2(screen.min.x + by.x, screen.min.y + by.y);
  screen.max = ImVec2(screen.max.x + by.x, screen.max.y + by.y);
  return screen;
}

bool Dragged(int button) {
  const ImGuiIO& io = ImGui::GetIO();
  return io.MouseDragMaxDistanceSqr[button] >= io.MouseDragThreshold * io.MouseDragThreshold;
}

void ZoomX(State& state, const Limits& limits, double centre, double factor) {
  state.x = Chosen(ZoomedAround(state.screen.x, centre, factor), limits.x_min, limits.x_max);
  // Zoomed out again until all is seen: back to fitting.
  if (factor > 1 && state.extent_x && state.x->Contains(*state.extent_x)) state.x.reset();
}

/// A click is one where no second one has followed when that would no longer make a double click of it.
void SettleClick(Frame& frame) {
  State& state = *frame.state;
  const int now = ImGui::GetFrameCount();
  const bool seen = std::exchange(state.last_frame, now) + 1 == now;
  if (!seen) state.tapped_x.reset();  // hidden meanwhile: it would come as a surprise
  if (!state.tapped_x || ImGui::GetTime() - state.pressed_s < ImGui::GetIO().MouseDoubleClickTime) return;
  frame.clicked = std::exchange(state.tapped_x, std::nullopt);
}

/// Wheel, drags and clicks act on what the last frame showed: that is what the person aimed at.
void HandleMouse(Frame& frame) {
  State& state = *frame.state;
  const ImGuiIO& io = ImGui::GetIO();
  const Screen screen = Moved(state.screen, frame.min);
  const Limits limits = LimitsOf(frame.options);
  const bool inside = screen.Has(io.MousePos);
  const double x = screen.ValueAtX(io.MousePos.x), y = screen.PositionAtY(io.MousePos.y);
  if (frame.hovered && inside) frame.hovered_x = static_cast<float>(x);

  // A panel that is being scrolled goes on scrolling when a plot comes under the mouse.
  if (frame.hovered && io.MousePos.y >= screen.min.y && ImGui::GetCurrentContext()->WheelingWindow == nullptr) {
    ImGui::SetItemUsingMouseWheel();
    const double factor = std::pow(0.85, io.MouseWheel);
    const bool on_y_axis = io.MousePos.x < screen.min.x;
    if (io.MouseWheel != 0 && (on_y_axis || io.KeyShift)) {
      state.y = Chosen(ZoomedAround(screen.y, y, factor), limits.y_min, limits.y_max);
    } else if (io.MouseWheel != 0) {
      ZoomX(state, limits, x, factor);
    }
  }

  if (ImGui::IsItemActivated()) {
    state.pressed_inside = inside;
    state.drag_x = state.screen.x;
    state.drag_y = state.screen.y;
    state.was_double_click = io.MouseDoubleClicked[0];
    if (io.MouseClicked[0]) {
      state.pressed_s = ImGui::GetTime();
      state.tapped_x.reset();
    }
    if (io.MouseDoubleClicked[0] && io.MousePos.y >= screen.min.y) {
      state.x.reset();
      state.y.reset();
    }
  }
  if (!state.pressed_inside || state.was_double_click) return;
  if (frame.active && io.MouseDown[0] && Dragged(0)) {
    const double dx = io.MousePos.x - io.MouseClickedPos[0].x, dy = io.MousePos.y - io.MouseClickedPos[0].y;
    const double shift_x = dx / (screen.max.x - screen.min.x) * state.drag_x.size();
    const double shift_y = dy / (screen.max.y - screen.min.y) * state.drag_y.size();
    state.x = Chosen({state.drag_x.min - shift_x, state.drag_x.max - shift_x}, limits.x_min, limits.x_max);
    if (state.y || io.KeyShift) {  // else y goes on fitting what is seen
      state.y = Chosen({state.drag_y.min + shift_y, state.drag_y.max + shift_y}, limits.y_min, limits.y_max);
    }
  }
  if (!ImGui::IsItemDeactivated()) return;
  if (frame.tapped && inside) state.tapped_x = static_cast<float>(x);
  if (io.MouseReleased[1] && !Dragged(1)) ImGui::OpenPopup(kMenuId);
  if (io.MouseReleased[1] && Dragged(1)) {
    const ImVec2 from = io.MouseClickedPos[1];
    const double x_from = screen.ValueAtX(from.x), y_from = screen.PositionAtY(from.y);
    if (std::abs(from.x - io.MousePos.x) >= io.MouseDragThreshold) {
      const Range box = Within({std::min(x, x_from), std::max(x, x_from)}, screen.x.min, screen.x.max);
      state.x = Chosen(box, limits.x_min, limits.x_max);
    }
    if (std::abs(from.y - io.MousePos.y) >= io.MouseDragThreshold) {
      const Range box = Within({std::min(y, y_from), std::max(y, y_from)}, screen.y.min, screen.y.max);
      state.y = Chosen(box, limits.y_min, limits.y_max);
    }
  }
}

size_t EntryOf(Frame& frame, const char* label) {
  const ImGuiID id = ImHashStr(label);
  for (size_t i = 0; i < frame.entries.size(); ++i) {
    if (frame.entries[i].id == id) return i;
  }
  const char* end = ImGui::FindRenderedTextEnd(label);
  frame.entries.push_back({id, std::string(label, end), kAuto, &frame.state->labels[id]});
  return frame.entries.size() - 1;
}

void AddSeries(Kind kind, const char* label, std::span<const float> x, std::span<const float> y,
               std::span<const float> high, ImVec4 colour) {
  Frame& frame = Current();
  if (frame.state == nullptr) return;
  size_t count = std::min(x.size(), y.size());
  if (kind == Kind::kBand) count = std::min(count, high.size());
  const size_t entry = EntryOf(frame, label);
  if (frame.entries[entry].colour.w < 0) frame.entries[entry].colour = colour;
  frame.series.push_back({kind, entry, frame.values.size(), count, colour, ExtentOf(x.first(count))});
  const auto add = [&](std::span<const float> part) {
    frame.values.insert(frame.values.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
  };
  add(x);
  add(y);
  if (kind == Kind::kBand) add(high);
}

/// Labels without a colour of their own take the next of the palette that nothing else here has, once and for all.
void GiveColours(Frame& frame) {
  const auto same = [](ImVec4 a, ImVec4 b) { return a.x == b.x && a.y == b.y && a.z == b.z; };
  for (Entry& entry : frame.entries) {
    if (entry.colour.w >= 0) continue;
    int& colour = entry.state->colour;
    for (int tries = 0; colour < 0; ++tries) {
      const int next = frame.state->next_colour++;
      const bool taken = std::any_of(frame.entries.begin(), frame.entries.end(), [&](const Entry& other) {
        return other.colour.w >= 0 && same(other.colour, Colour(next));
      });
      if (!taken || tries > 50) colour = next;
    }
    entry.colour = Colour(colour);
  }
}

ImU32 TextColour(float alpha) { return ImGui::GetColorU32(ImGuiCol_Text, alpha); }

void DrawXAxis(ImDrawList& list, const Frame& frame, const Screen& screen, float texts_y) {
  const float font = ImGui::GetFontSize(), width = screen.max.x - screen.min.x;
  float right = frame.max.x;
  const bool has_texts = texts_y < frame.max.y;
  if (has_texts && !frame.x_label.empty()) {
    const float label = ImGui::CalcTextSize(frame.x_label.c_str()).x;
    if (label < width * 0.6f) {
      right -= label;
      list.AddText(ImVec2(right, texts_y), TextColour(0.75f), frame.x_label.c_str());
      right -= font * 0.5f;
    }
  }
  const std::vector<Tick> ticks = Ticks(screen.x, std::max(1, static_cast<int>(width / (font * 4))));
  float free_from = frame.min.x;
  for (const Tick& tick : ticks) {
    const float x = std::round(static_cast<float>(screen.X(tick.position)));
    list.AddLine(ImVec2(x, screen.min.y), ImVec2(x, screen.max.y), TextColour(0.1f));
    const float text = ImGui::CalcTextSize(tick.text.c_str()).x, left = x - text / 2;
    if (!has_texts || left < free_from || left + text > right) continue;
    list.AddText(ImVec2(left, texts_y), TextColour(0.75f), tick.text.c_str());
    free_from = left + text + font * 0.4f;
  }
}

void DrawYAxis(ImDrawList& list, const Frame& frame, const Screen& screen, const std::vector<Tick>& ticks,
               bool has_texts) {
  const float font = ImGui::GetFontSize();
  float free_to = frame.max.y;  // ticks come from below
  for (const Tick& tick : ticks) {
    const double share = (tick.position - screen.y.min) / screen.y.size();
    const float y = std::round(static_cast<float>(screen.max.y - share * (screen.max.y - screen.min.y)));
    list.AddLine(ImVec2(screen.min.x, y), ImVec2(screen.max.x, y), TextColour(tick.text.empty() ? 0.05f : 0.1f));
    const float top = y - font / 2;
    if (!has_texts || tick.text.empty() || top + font > free_to) continue;
    const float text = ImGui::CalcTextSize(tick.text.c_str()).x;
    list.AddText(ImVec2(screen.min.x - text - font * 0.3f, top), TextColour(0.75f), tick.text.c_str());
    free_to = top - font * 0.1f;
  }
}

void DrawSeries(ImDrawList& list, const Frame& frame, const Screen& screen) {
  const float font = ImGui::GetFontSize();
  const float width = std::max(1.0f, std::round(font * 0.1f));
  for (const bool bands : {true, false}) {  // curves lie over all bands
    for (const Series& series : frame.series) {
      if (!frame.Shown(series) || (series.kind == Kind::kBand) != bands) continue;
      ImVec4 colour = frame.ColourOf(series);
      const bool other = frame.highlighted >= 0 && static_cast<size_t>(frame.highlighted) != series.entry;
      if (other) colour.w *= 0.3f;
      if (bands) colour.w *= 0.25f;
      const ImU32 packed = ImGui::GetColorU32(colour);
      const std::span<const float> x = frame.Part(series, 0), y = frame.Part(series, 1);
      if (series.kind == Kind::kLine) DrawLine(list, screen, x, y, packed, width);
      if (series.kind == Kind::kDots) DrawDots(list, screen, x, y, packed, std::max(1.5f, font * 0.17f));
      if (bands) DrawBand(list, screen, x, y, frame.Part(series, 2), packed);
    }
  }
}

void DrawBox(ImDrawList& list, const Frame& frame, const Screen& screen) {
  const ImGuiIO& io = ImGui::GetIO();
  if (!frame.active || !frame.state->pressed_inside || !io.MouseDown[1] || !Dragged(1)) return;
  ImVec2 a = io.MouseClickedPos[1], b = io.MousePos;
  // A box as flat as a finger trembles spans the whole other axis.
  if (std::abs(a.x - b.x) < io.MouseDragThreshold) a.x = screen.min.x, b.x = screen.max.x;
  if (std::abs(a.y - b.y) < io.MouseDragThreshold) a.y = screen.min.y, b.y = screen.max.y;
  const ImVec2 low(std::min(a.x, b.x), std::min(a.y, b.y)), high(std::max(a.x, b.x), std::max(a.y, b.y));
  list.AddRectFilled(low, high, TextColour(0.12f));
  list.AddRect(low, high, TextColour(0.6f));
}

}  // namespace

bool Begin(const char* id, const Options& options) {
  Frame& frame = Current();
  frame.state = nullptr;
  const ImVec2 room = ImGui::GetContentRegionAvail();
  ImVec2 size = options.size;
  if (size.x <= 0) size.x = room.x + (size.x == -1 ? 0 : size.x);
  if (size.y == 0) size.y = 9 * ImGui::GetTextLineHeightWithSpacing();
  if (size.y < 0) size.y = room.y + (size.y == -1 ? 0 : size.y);
  size = ImVec2(std::max(1.0f, std::floor(size.x)), std::max(1.0f, std::floor(size.y)));

  ImGui::PushID(id);
  frame.min = ImGui::GetCursorScreenPos();
  frame.max = ImVec2(frame.min.x + size.x, frame.min.y + size.y);
  ImGui::InvisibleButton("##plot", size, ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight);
  const float font = ImGui::GetFontSize();
  if (size.x < 2 * font || size.y < font || !ImGui::IsItemVisible()) {
    ImGui::PopID();
    return false;
  }
  frame.id = ImGui::GetItemID();
  frame.state = &States()[frame.id];
  frame.options = options;
  frame.x_label = options.x_label ? options.x_label : "";
  frame.y_label = options.y_label ? options.y_label : "";
  frame.hovered = ImGui::IsItemHovered();
  frame.active = ImGui::IsItemActive();
  frame.tapped = ImGui::IsItemDeactivated() && ImGui::GetIO().MouseReleased[0] && !Dragged(0);
  frame.clicked.reset();
  frame.hovered_x.reset();
  frame.entries.clear();
  frame.series.clear();
  frame.marks.clear();
  frame.values.clear();
  frame.highlighted = -1;
  if (frame.state->shown && frame.state->screen.log_y != options.log_y) {
    frame.state->y.reset();
    frame.state->shown = false;
  }
  if (frame.state->shown) {
    HandleMouse(frame);
    SettleClick(frame);
  }
  return true;
}

void End() {
  Frame& frame = Current();
  if (frame.state == nullptr) return;
  State& state = *frame.state;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const float font = ImGui::GetFontSize(), height = frame.max.y - frame.min.y, width = frame.max.x - frame.min.x;
  list.PushClipRect(frame.min, frame.max, true);
  GiveColours(frame);

  // The head: the y axis' label, then the legend. What there is no room for is left out: first it, then axes.
  float top = frame.min.y;
  if (height >= 5 * font && (!frame.y_label.empty() || (frame.options.legend && !frame.entries.empty()))) {
    float left = frame.min.x;
    if (!frame.y_label.empty()) {
      list.AddText(ImVec2(left, top), TextColour(0.75f), frame.y_label.c_str());
      left += ImGui::CalcTextSize(frame.y_label.c_str()).x + font;
    }
    const int most = std::clamp(static_cast<int>(height / (5 * font)), 1, 3);
    const int rows = frame.options.legend ? LegendRows(frame, left, most) : 1;
    if (frame.options.legend) DrawLegend(frame, left, top, rows);
    top += static_cast<float>(std::max(1, rows)) * ImGui::GetTextLineHeightWithSpacing();
  }
  const bool x_texts = height >= 4 * font, y_texts = width >= 10 * font;
  const float bottom = frame.max.y - (x_texts ? font * 1.25f : 1);

  Screen screen;
  screen.log_y = frame.options.log_y;
  screen.x = RangeX(frame);
  screen.y = RangeY(frame, screen.x);
  const int y_ticks = std::max(1, static_cast<int>((bottom - top) / (font * 2)));
  const std::vector<Tick> ticks = screen.log_y ? LogTicks(screen.y, y_ticks) : Ticks(screen.y, y_ticks);
  float left = frame.min.x;
  if (y_texts) {
    // At least room for a usual number, so that plots in a column line up; slow to shrink, so that it does not jump.
    float text = font * 2.2f;
    for (const Tick& tick : ticks) text = std::max(text, ImGui::CalcTextSize(tick.text.c_str()).x);
    if (text > state.y_text_width || text < state.y_text_width - 2 * font) state.y_text_width = text;
    left += std::ceil(std::min(state.y_text_width, width * 0.4f) + font * 0.4f);
  }
  screen.min = ImVec2(left, std::floor(top));
  screen.max = ImVec2(std::max(left + 1, frame.max.x - 1), std::max(std::floor(top) + 1, std::floor(bottom)));
  state.screen = Moved(screen, ImVec2(-frame.min.x, -frame.min.y));
  state.shown = true;
  const auto value = [&](double position) { return screen.log_y ? std::pow(10, position) : position; };
  Last() = {screen.x.min, screen.x.max, value(screen.y.min), value(screen.y.max), screen.min, screen.max};

  list.AddRectFilled(screen.min, screen.max, TextColour(0.03f));
  DrawXAxis(list, frame, screen, x_texts ? bottom + font * 0.15f : frame.max.y);
  DrawYAxis(list, frame, screen, ticks, y_texts);
  list.PushClipRect(screen.min, screen.max, true);
  DrawSeries(list, frame, screen);
  DrawMarks(list, frame, screen);
  DrawBox(list, frame, screen);
  if (frame.hovered && !ImGui::IsMouseDown(0) && !ImGui::IsMouseDown(1)) DrawReadOut(list, frame, screen);
  list.PopClipRect();
  list.AddRect(screen.min, screen.max, ImGui::GetColorU32(ImGuiCol_Border));
  list.PopClipRect();
  DrawMenu(frame);
  frame.state = nullptr;
  ImGui::PopID();
}

void Line(const char* label, std::span<const float> x, std::span<const float> y, ImVec4 colour) {
  AddSeries(Kind::kLine, label, x, y, {}, colour);
}

void Dots(const char* label, std::span<const float> x, std::span<const float> y, ImVec4 colour) {
  AddSeries(Kind::kDots, label, x, y, {}, colour);
}

void Band(const char* label, std::span<const float> x, std::span<const float> low, std::span<const float> high) {
  AddSeries(Kind::kBand, label, x, low, high, kAuto);
}

void Mark(float x, const char* text, ImVec4 colour) {
  Frame& frame = Current();
  if (frame.state != nullptr && std::isfinite(x)) frame.marks.push_back({x, text ? text : "", colour});
}

std::optional<float> Clicked() { return Current().state ? Current().clicked : std::nullopt; }

std::optional<float> Hovered() { return Current().state ? Current().hovered_x : std::nullopt; }

ImVec4 Colour(int i) {
  // Relative luminance between 0.2 and 0.3: three times lighter or darker than either background.
  static const ImVec4 kPalette[] = {
      {0.20f, 0.53f, 0.90f, 1}, {0.90f, 0.43f, 0.12f, 1}, {0.16f, 0.60f, 0.34f, 1}, {0.60f, 0.44f, 0.88f, 1},
      {0.86f, 0.29f, 0.33f, 1}, {0.08f, 0.59f, 0.64f, 1}, {0.88f, 0.38f, 0.66f, 1}, {0.60f, 0.55f, 0.10f, 1},
      {0.66f, 0.47f, 0.35f, 1}, {0.52f, 0.54f, 0.57f, 1},
  };
  constexpr int kCount = static_cast<int>(std::size(kPalette));
  i = std::max(i, 0);
  if (i < kCount) return kPalette[i];
  // Beyond: hues a golden section apart, brought to the same luminance.
  float rgb[3];
  const float hue = static_cast<float>(i) * 0.618034f;
  ImGui::ColorConvertHSVtoRGB(hue - std::floor(hue), 0.75f, 0.8f, rgb[0], rgb[1], rgb[2]);
  for (float& c : rgb) c = std::pow(c, 2.2f);
  const float luminance = 0.2126f * rgb[0] + 0.7152f * rgb[1] + 0.0722f * rgb[2], wanted = 0.24f;
  for (float& c : rgb) {
    c = luminance > wanted ? c * wanted / luminance : c + (1 - c) * (wanted - luminance) / (1 - luminance);
    c = std::pow(c, 1 / 2.2f);
  }
  return {rgb[0], rgb[1], rgb[2], 1};
}

View LastView() { return Last(); }

void Reset() {
  Current().state = nullptr;
  States().clear();
}

}  // namespace reverie::desktop::plot
