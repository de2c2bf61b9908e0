// Dear ImGui without a window: frames of 1/60 s, a mouse and a keyboard that the test moves, and what was drawn
// read back from the draw lists (texts, colours within a rectangle, triangles). Places are pixels of the display.
//
//   ImGuiFixture ui(800, 600);
//   ui.RunInWindow(2, {800, 600}, [&] { panel.Draw(app); });  // remembered: what follows draws the same
//   ui.ClickText("Play");
//   CHECK(ui.Shows("Pause"));
#pragma once

#include <algorithm>
#include <array>
#include <cfloat>
#include <cmath>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <GLFW/glfw3.h>
#include <imgui.h>

#include "ui/desktop/plot.h"

namespace reverie::desktop {

struct DrawnText {
  std::string text;  // UTF-8, one line of it
  ImVec2 min, max;   // of its glyphs
  ImU32 colour;
  ImVec2 centre() const { return {(min.x + max.x) / 2, (min.y + max.y) / 2}; }
};

class ImGuiFixture {
 public:
  explicit ImGuiFixture(float width = 1280, float height = 800) : context_(ImGui::CreateContext()) {
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    io.LogFilename = nullptr;
    io.DeltaTime = 1.0f / 60;
    io.BackendFlags |= ImGuiBackendFlags_RendererHasVtxOffset;
    io.ConfigInputTextCursorBlink = false;
    io.MousePos = ImVec2(-FLT_MAX, -FLT_MAX);
    MapKeys(io);
    unsigned char* pixels = nullptr;
    int atlas_width = 0, atlas_height = 0;
    io.Fonts->GetTexDataAsRGBA32(&pixels, &atlas_width, &atlas_height);
    Resize(width, height);
  }
  ~ImGuiFixture() {
    plot::Reset();  // ids repeat from test to test
    ImGui::DestroyContext(context_);
  }
  ImGuiFixture(const ImGuiFixture&) = delete;
  ImGuiFixture& operator=(const ImGuiFixture&) = delete;

  ImGuiIO& io() { return ImGui::GetIO(); }
  void Resize(float width, float height) { io().DisplaySize = ImVec2(width, height); }

  /// Draws frames as `draw` says, outside any window; it is remembered for the calls without it.
  void Run(int frames, std::function<void()> draw) {
    draw_ = std::move(draw);
    Run(frames);
  }
  void Run(int frames = 1) {
    for (int i = 0; i < frames; ++i) {
      ImGui::NewFrame();
      if (draw_) draw_();
      ImGui::Render();
      io().MouseWheel = io().MouseWheelH = 0;
    }
  }
  /// The same within one window at (0, 0) that has neither title nor padding, as a panel is drawn in.
  void RunInWindow(int frames, ImVec2 size, std::function<void()> draw) {
    Run(frames, [size, draw = std::move(draw)] {
      ImGui::SetNextWindowPos(ImVec2(0, 0));
      ImGui::SetNextWindowSize(size);
      ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, ImVec2(0, 0));
      ImGui::PushStyleVar(ImGuiStyleVar_WindowMinSize, ImVec2(1, 1));
      ImGui::Begin("panel under test", nullptr,
                   ImGuiWindowFlags_NoTitleBar | ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoCollapse |
                       ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings);
      ImGui::PopStyleVar(2);
      draw();
      ImGui::End();
    });
  }

  // The person's hands. Those that say so run frames; the others take effect in the next one.
  void MoveMouse(ImVec2 to) { io().MousePos = to; }
  void MouseButton(int button, bool down) { io().MouseDown[button] = down; }
  void Wheel(float notches) { io().MouseWheel += notches; }
  /// Moves there, presses, lets go, and looks once more; runs 4 frames.
  void Click(ImVec2 at, int button = 0) {
    MoveMouse(at);
    Run();
    MouseButton(button, true);
    Run();
    MouseButton(button, false);
    Run(2);
  }
  /// Two clicks at once; runs 7 frames.
  void DoubleClick(ImVec2 at) {
    Click(at);
    MouseButton(0, true);
    Run();
    MouseButton(0, false);
    Run(2);
  }
  /// Presses at one place and lets go at the other, in `steps` frames between.
  void Drag(ImVec2 from, ImVec2 to, int button = 0, int steps = 4) {
    MoveMouse(from);
    Run();
    MouseButton(button, true);
    Run();
    for (int i = 1; i <= steps; ++i) {
      const float share = static_cast<float>(i) / static_cast<float>(steps);
      MoveMouse(ImVec2(from.x + (to.x - from.x) * share, from.y + (to.y - from.y) * share));
      Run();
    }
    MouseButton(button, false);
    Run(2);
  }
  /// Lets time pass without a frame, so that what follows is no double click.
  void Wait(float seconds) {
    io().DeltaTime = seconds;
    Run();
    io().DeltaTime = 1.0f / 60;
  }
  /// Holds or lets go a key, GLFW_KEY_*, with its modifiers.
  void Hold(int key, bool down, bool ctrl = false, bool shift = false, bool alt = false) {
    io().KeysDown[key] = down;
    io().KeyCtrl = down && ctrl;
    io().KeyShift = down && shift;
    io().KeyAlt = down && alt;
  }
  /// Presses a key and lets it go; runs 2 frames.
  void Press(int key, bool ctrl = false, bool shift = false, bool alt = false) {
    Hold(key, true, ctrl, shift, alt);
    Run();
    Hold(key, false);
    Run();
  }
  /// Types into what has the focus; runs 1 frame.
  void Type(const char* utf8) {
    io().AddInputCharactersUTF8(utf8);
    Run();
  }
  /// Clicks on the middle of a drawn line that is, else that contains, `text`. False: there is none.
  bool ClickText(std::string_view text, int button = 0) {
    const std::optional<DrawnText> found = Find(text);
    if (!found) return false;
    Click(found->centre(), button);
    return true;
  }

  // What the last frame drew.
  int triangles() const { return ImGui::GetDrawData()->TotalIdxCount / 3; }
  int vertices() const { return ImGui::GetDrawData()->TotalVtxCount; }

  /// Every line of text that can be seen at least in part, in the order of drawing.
  std::vector<DrawnText> Texts() const;
  std::optional<DrawnText> Find(std::string_view text) const {
    const std::vector<DrawnText> texts = Texts();
    for (const DrawnText& drawn : texts) {
      if (drawn.text == text) return drawn;
    }
    for (const DrawnText& drawn : texts) {
      if (drawn.text.find(text) != std::string::npos) return drawn;
    }
    return std::nullopt;
  }
  /// Whether it was drawn, on one line or wrapped.
  bool Shows(std::string_view text) const {
    std::string all;
    for (const DrawnText& drawn : Texts()) all += drawn.text + " ";
    return all.find(text) != std::string::npos;
  }
  /// How many triangles that reach into the rectangle have a corner of this colour, whatever its alpha (but 0).
  int Triangles(ImVec4 colour, ImVec2 min, ImVec2 max) const;
  int Triangles(ImVec4 colour) const { return Triangles(colour, ImVec2(0, 0), ImGui::GetIO().DisplaySize); }

 private:
  static void MapKeys(ImGuiIO& io) {
    const std::pair<ImGuiKey_, int> keys[] = {
        {ImGuiKey_Tab, GLFW_KEY_TAB},           {ImGuiKey_LeftArrow, GLFW_KEY_LEFT},
        {ImGuiKey_RightArrow, GLFW_KEY_RIGHT},  {ImGuiKey_UpArrow, GLFW_KEY_UP},
        {ImGuiKey_DownArrow, GLFW_KEY_DOWN},    {ImGuiKey_PageUp, GLFW_KEY_PAGE_UP},
        {ImGuiKey_PageDown, GLFW_KEY_PAGE_DOWN}, {ImGuiKey_Home, GLFW_KEY_HOME},
        {ImGuiKey_End, GLFW_KEY_END},           {ImGuiKey_Insert, GLFW_KEY_INSERT},
        {ImGuiKey_Delete, GLFW_KEY_DELETE},     {ImGuiKey_Backspace, GLFW_KEY_BACKSPACE},
        {ImGuiKey_Space, GLFW_KEY_SPACE},       {ImGuiKey_Enter, GLFW_KEY_ENTER},
        {ImGuiKey_Escape, GLFW_KEY_ESCAPE},     {ImGuiKey_KeyPadEnter, GLFW_KEY_KP_ENTER},
        {ImGuiKey_A, GLFW_KEY_A},               {ImGuiKey_C, GLFW_KEY_C},
        {ImGuiKey_V, GLFW_KEY_V},               {ImGuiKey_X, GLFW_KEY_X},
        {ImGuiKey_Y, GLFW_KEY_Y},               {ImGuiKey_Z, GLFW_KEY_Z},
    };
    for (const auto& [imgui, glfw] : keys) io.KeyMap[imgui] = glfw;
  }
  static bool Overlaps(const std::array<ImVec2, 3>& triangle, ImVec2 min, ImVec2 max);
  static void AppendUtf8(std::string& text, unsigned code) {
    if (code < 0x80) {
      text += static_cast<char>(code);
    } else if (code < 0x800) {
      text += static_cast<char>(0xC0 | code >> 6);
      text += static_cast<char>(0x80 | (code & 0x3F));
    } else {
      text += static_cast<char>(0xE0 | code >> 12);
      text += static_cast<char>(0x80 | (code >> 6 & 0x3F));
      text += static_cast<char>(0x80 | (code & 0x3F));
    }
  }

  ImGuiContext* context_;
  std::function<void()> draw_;
};

/// Text is quads whose corners are a glyph's place in the font atlas; neighbours on a line are one text.
inline std::vector<DrawnText> ImGuiFixture::Texts() const {
  struct GlyphOfFont {
    const ImFont* font;
    const ImFontGlyph* glyph;
  };
  std::map<std::pair<float, float>, GlyphOfFont> glyphs;
  for (const ImFont* font : ImGui::GetIO().Fonts->Fonts) {
    for (const ImFontGlyph& glyph : font->Glyphs) {
      if (glyph.Visible) glyphs[{glyph.U0, glyph.V0}] = {font, &glyph};
    }
  }

  std::vector<DrawnText> texts;
  const ImDrawData* data = ImGui::GetDrawData();
  for (int l = 0; l < data->CmdListsCount; ++l) {
    const ImDrawList* list = data->CmdLists[l];
    float pen_x = -FLT_MAX, line_y = -FLT_MAX;
    for (const ImDrawCmd& command : list->CmdBuffer) {
      if (command.UserCallback) continue;
      const ImDrawVert* vertices = list->VtxBuffer.Data + command.VtxOffset;
      const ImDrawIdx* indices = list->IdxBuffer.Data + command.IdxOffset;
      for (unsigned i = 0; i + 6 <= command.ElemCount;) {
        const ImDrawVert &first = vertices[indices[i]], &opposite = vertices[indices[i + 2]];
        const auto found = glyphs.find({first.uv.x, first.uv.y});
        if (indices[i + 3] != indices[i] || indices[i + 4] != indices[i + 2] || found == glyphs.end() ||
            opposite.uv.x != found->second.glyph->U1 || opposite.uv.y > found->second.glyph->V1) {
          i += 3;
          continue;
        }
        i += 6;
        const ImFontGlyph& glyph = *found->second.glyph;
        const float x = (first.pos.x + opposite.pos.x) / 2, y = (first.pos.y + opposite.pos.y) / 2;
        const ImVec4& clip = command.ClipRect;
        if (x < clip.x || y < clip.y || x > clip.z || y > clip.w) continue;

        const float scale = (opposite.pos.x - first.pos.x) / (glyph.X1 - glyph.X0);
        const float origin_x = first.pos.x - glyph.X0 * scale, origin_y = first.pos.y - glyph.Y0 * scale;
        const float space = found->second.font->GetCharAdvance(' ') * scale, gap = origin_x - pen_x;
        const float spaces = std::round(gap / space);
        const bool same_line = !texts.empty() && std::abs(origin_y - line_y) < 0.5f &&
                               texts.back().colour == first.col && spaces >= 0 && spaces <= 2 &&
                               std::abs(gap - spaces * space) < 0.6f;
        if (!same_line) texts.push_back({"", first.pos, opposite.pos, first.col});
        DrawnText& text = texts.back();
        if (same_line) text.text.append(static_cast<size_t>(spaces), ' ');
        AppendUtf8(text.text, glyph.Codepoint);
        text.min = ImVec2(std::min(text.min.x, first.pos.x), std::min(text.min.y, first.pos.y));
        text.max = ImVec2(std::max(text.max.x, opposite.pos.x), std::max(text.max.y, opposite.pos.y));
        pen_x = origin_x + glyph.AdvanceX * scale;
        line_y = origin_y;
      }
    }
  }
  return texts;
}

/// Separating axes: those of the rectangle and the normals of the triangle's sides.
inline bool ImGuiFixture::Overlaps(const std::array<ImVec2, 3>& triangle, ImVec2 min, ImVec2 max) {
  const ImVec2 corners[] = {min, ImVec2(max.x, min.y), max, ImVec2(min.x, max.y)};
  ImVec2 axes[] = {ImVec2(1, 0), ImVec2(0, 1), {}, {}, {}};
  for (size_t i = 0; i < 3; ++i) {
    const ImVec2 a = triangle[i], b = triangle[(i + 1) % 3];
    axes[2 + i] = ImVec2(b.y - a.y, a.x - b.x);
  }
  for (const ImVec2 axis : axes) {
    float low_a = FLT_MAX, high_a = -FLT_MAX, low_b = FLT_MAX, high_b = -FLT_MAX;
    for (const ImVec2 p : triangle) {
      low_a = std::min(low_a, p.x * axis.x + p.y * axis.y);
      high_a = std::max(high_a, p.x * axis.x + p.y * axis.y);
    }
    for (const ImVec2 p : corners) {
      low_b = std::min(low_b, p.x * axis.x + p.y * axis.y);
      high_b = std::max(high_b, p.x * axis.x + p.y * axis.y);
    }
    if (high_a < low_b || high_b < low_a) return false;
  }
  return true;
}

inline int ImGuiFixture::Triangles(ImVec4 colour, ImVec2 min, ImVec2 max) const {
  const ImU32 rgb_mask = IM_COL32(255, 255, 255, 0), rgb = ImGui::ColorConvertFloat4ToU32(colour) & rgb_mask;
  int count = 0;
  const ImDrawData* data = ImGui::GetDrawData();
  for (int l = 0; l < data->CmdListsCount; ++l) {
    const ImDrawList* list = data->CmdLists[l];
    for (const ImDrawCmd& command : list->CmdBuffer) {
      if (command.UserCallback) continue;
      const ImVec2 low(std::max(min.x, command.ClipRect.x), std::max(min.y, command.ClipRect.y));
      const ImVec2 high(std::min(max.x, command.ClipRect.z), std::min(max.y, command.ClipRect.w));
      if (low.x > high.x || low.y > high.y) continue;
      const ImDrawVert* vertices = list->VtxBuffer.Data + command.VtxOffset;
      const ImDrawIdx* indices = list->IdxBuffer.Data + command.IdxOffset;
      for (unsigned i = 0; i + 3 <= command.ElemCount; i += 3) {
        std::array<ImVec2, 3> corners;
        bool has_colour = false;
        for (unsigned j = 0; j < 3; ++j) {
          const ImDrawVert& vertex = vertices[indices[i + j]];
          corners[j] = vertex.pos;
          has_colour |= (vertex.col & rgb_mask) == rgb && (vertex.col & ~rgb_mask) != 0;
        }
        count += has_colour && Overlaps(corners, low, high);
      }
    }
  }
  return count;
}

}  // namespace reverie::desktop
