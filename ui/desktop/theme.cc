#include "ui/desktop/theme.h"

#include <imgui_internal.h>

#include <algorithm>
#include <cmath>

namespace reverie::desktop::theme {
namespace {

ImVec4 Rgb(unsigned hex, float alpha = 1) {
  return {static_cast<float>(hex >> 16 & 255) / 255, static_cast<float>(hex >> 8 & 255) / 255,
          static_cast<float>(hex & 255) / 255, alpha};
}

ImVec4 Fade(ImVec4 colour, float alpha) {
  return {colour.x, colour.y, colour.z, alpha};
}

ImVec4 Mix(ImVec4 a, ImVec4 b, float share) {
  return {a.x + (b.x - a.x) * share, a.y + (b.y - a.y) * share, a.z + (b.z - a.z) * share, 1};
}

Palette DarkPalette() {
  Palette p;
  p.dark = true;
  p.window = Rgb(0x12151b);
  p.panel = Rgb(0x1a1e26);
  p.popup = Rgb(0x222732);
  p.frame = Rgb(0x2a303c);
  p.line = Rgb(0x343b49);
  p.text = Rgb(0xe7eaf0);
  p.dim = Rgb(0x99a3b5);
  p.accent = Rgb(0x6ea8fe);
  p.good = Rgb(0x63c98a);
  p.warn = Rgb(0xe9b44c);
  p.bad = Rgb(0xf07178);
  return p;
}

Palette LightPalette() {
  Palette p;
  p.dark = false;
  p.window = Rgb(0xe3e7ed);
  p.panel = Rgb(0xf7f8fa);
  p.popup = Rgb(0xffffff);
  p.frame = Rgb(0xe6eaf1);
  p.line = Rgb(0xc6cdd9);
  p.text = Rgb(0x1b212c);
  p.dim = Rgb(0x5a6577);
  p.accent = Rgb(0x2460c8);
  p.good = Rgb(0x1f7a45);
  p.warn = Rgb(0x97640a);
  p.bad = Rgb(0xb3261e);
  return p;
}

Palette g_palette = DarkPalette();
float g_scale = 1;

void SetColours(ImVec4* colours) {
  const Palette& p = g_palette;
  const ImVec4 clear = {0, 0, 0, 0};
  const ImVec4 pressed = Mix(p.frame, p.accent, 0.45f), hovered = Mix(p.frame, p.accent, p.dark ? 0.22f : 0.16f);
  colours[ImGuiCol_Text] = p.text;
  colours[ImGuiCol_TextDisabled] = p.dim;
  colours[ImGuiCol_WindowBg] = p.panel;
  colours[ImGuiCol_ChildBg] = clear;
  colours[ImGuiCol_PopupBg] = p.popup;
  colours[ImGuiCol_Border] = p.line;
  colours[ImGuiCol_BorderShadow] = clear;
  colours[ImGuiCol_FrameBg] = p.frame;
  colours[ImGuiCol_FrameBgHovered] = hovered;
  colours[ImGuiCol_FrameBgActive] = pressed;
  colours[ImGuiCol_TitleBg] = p.popup;
  colours[ImGuiCol_TitleBgActive] = p.popup;
  colours[ImGuiCol_TitleBgCollapsed] = p.popup;
  colours[ImGuiCol_MenuBarBg] = p.window;
  colours[ImGuiCol_ScrollbarBg] = clear;
  colours[ImGuiCol_ScrollbarGrab] = p.line;
  colours[ImGuiCol_ScrollbarGrabHovered] = Mix(p.line, p.dim, 0.4f);
  colours[ImGuiCol_ScrollbarGrabActive] = p.dim;
  colours[ImGuiCol_CheckMark] = p.accent;
  colours[ImGuiCol_SliderGrab] = Mix(p.frame, p.accent, 0.75f);
  colours[ImGuiCol_SliderGrabActive] = p.accent;
  colours[ImGuiCol_Button] = p.dark ? p.frame : Mix(p.frame, p.line, 0.35f);
  colours[ImGuiCol_ButtonHovered] = hovered;
  colours[ImGuiCol_ButtonActive] = pressed;
  colours[ImGuiCol_Header] = Fade(p.accent, p.dark ? 0.14f : 0.11f);
  colours[ImGuiCol_HeaderHovered] = Fade(p.accent, 0.24f);
  colours[ImGuiCol_HeaderActive] = Fade(p.accent, 0.36f);
  colours[ImGuiCol_Separator] = p.line;
  colours[ImGuiCol_SeparatorHovered] = p.accent;
  colours[ImGuiCol_SeparatorActive] = p.accent;
  colours[ImGuiCol_ResizeGrip] = clear;
  colours[ImGuiCol_ResizeGripHovered] = Fade(p.accent, 0.5f);
  colours[ImGuiCol_ResizeGripActive] = p.accent;
  colours[ImGuiCol_Tab] = clear;
  colours[ImGuiCol_TabHovered] = Fade(p.accent, 0.30f);
  colours[ImGuiCol_TabActive] = Fade(p.accent, 0.22f);
  colours[ImGuiCol_TabUnfocused] = clear;
  colours[ImGuiCol_TabUnfocusedActive] = Fade(p.accent, 0.22f);
  colours[ImGuiCol_PlotLines] = p.accent;
  colours[ImGuiCol_PlotLinesHovered] = p.warn;
  colours[ImGuiCol_PlotHistogram] = p.accent;
  colours[ImGuiCol_PlotHistogramHovered] = p.warn;
  colours[ImGuiCol_TableHeaderBg] = Mix(p.panel, p.frame, 0.7f);
  colours[ImGuiCol_TableBorderStrong] = p.line;
  colours[ImGuiCol_TableBorderLight] = Mix(p.panel, p.line, 0.5f);
  colours[ImGuiCol_TableRowBg] = clear;
  colours[ImGuiCol_TableRowBgAlt] = Fade(p.text, 0.03f);
  colours[ImGuiCol_TextSelectedBg] = Fade(p.accent, 0.35f);
  colours[ImGuiCol_DragDropTarget] = p.accent;
  colours[ImGuiCol_NavHighlight] = p.accent;
  colours[ImGuiCol_NavWindowingHighlight] = p.accent;
  colours[ImGuiCol_NavWindowingDimBg] = Fade(p.window, 0.5f);
  colours[ImGuiCol_ModalWindowDimBg] = Fade(p.dark ? Rgb(0x000000) : Rgb(0x1b212c), p.dark ? 0.55f : 0.35f);
}

}  // namespace

const Palette& Colours() {
  return g_palette;
}

float Scale() {
  return g_scale;
}

void Apply(bool dark, float scale) {
  g_scale = std::max(scale, 0.25f);
  g_palette = dark ? DarkPalette() : LightPalette();
  ImGuiStyle style;
  style.WindowPadding = {10, 9};
  style.FramePadding = {8, 4};
  style.CellPadding = {6, 3};
  style.ItemSpacing = {8, 6};
  style.ItemInnerSpacing = {6, 4};
  style.IndentSpacing = 16;
  style.ScrollbarSize = 11;
  style.GrabMinSize = 11;
  style.WindowBorderSize = 1;
  style.ChildBorderSize = 1;
  style.PopupBorderSize = 1;
  style.FrameBorderSize = 0;
  style.WindowRounding = 7;
  style.ChildRounding = 5;
  style.FrameRounding = 5;
  style.PopupRounding = 7;
  style.ScrollbarRounding = 6;
  style.GrabRounding = 4;
  style.TabRounding = 5;
  style.WindowTitleAlign = {0.02f, 0.5f};
  style.WindowMenuButtonPosition = ImGuiDir_None;
  style.DisabledAlpha = 0.45f;
  SetColours(style.Colors);
  style.ScaleAllSizes(g_scale);
  ImGui::GetStyle() = style;
}

bool CloseButton(const char* id, float size) {
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const bool pressed = ImGui::InvisibleButton(id, {std::max(size, 1.0f), std::max(size, 1.0f)});
  const bool hovered = ImGui::IsItemHovered();
  ImDrawList& list = *ImGui::GetWindowDrawList();
  const ImVec2 middle = {at.x + size / 2, at.y + size / 2};
  if (hovered) list.AddCircleFilled(middle, size / 2, ImGui::GetColorU32(ImGuiCol_HeaderHovered));
  const float arm = size * 0.2f, thickness = std::max(1.0f, size * 0.07f);
  const ImU32 colour = ImGui::GetColorU32(hovered ? ImGuiCol_Text : ImGuiCol_TextDisabled);
  list.AddLine({middle.x - arm, middle.y - arm}, {middle.x + arm, middle.y + arm}, colour, thickness);
  list.AddLine({middle.x - arm, middle.y + arm}, {middle.x + arm, middle.y - arm}, colour, thickness);
  return pressed;
}

std::string Fitted(std::string_view text, float width) {
  const auto wide = [](std::string_view part) {
    return ImGui::CalcTextSize(part.data(), part.data() + part.size()).x;
  };
  if (wide(text) <= width) return std::string(text);
  const auto boundary = [&](size_t i) {  // of a UTF-8 character, at or after i
    while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) ++i;
    return i;
  };
  // Most of what is kept is the end: there a path has its name.
  size_t low = 0, high = text.size();  // characters kept
  const auto shortened = [&](size_t kept) {
    const size_t head = boundary(kept / 3), tail = boundary(text.size() - (kept - kept / 3));
    return std::string(text.substr(0, head)) + "…" + std::string(text.substr(std::max(head, tail)));
  };
  while (low < high) {
    const size_t middle = (low + high + 1) / 2;
    if (wide(shortened(middle)) <= width) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low == 0 ? "" : shortened(low);
}

void Tooltip(const char* text) {
  if (!ImGui::IsItemHovered(ImGuiHoveredFlags_AllowWhenDisabled)) return;
  ImGui::BeginTooltip();
  ImGui::PushTextWrapPos(ImGui::GetFontSize() * 24);
  ImGui::TextUnformatted(text);
  ImGui::PopTextWrapPos();
  ImGui::EndTooltip();
}

}  // namespace reverie::desktop::theme
