#include "ui/desktop/layout.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "sim/error.h"
#include "ui/desktop/app.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

constexpr std::array kDockNames = {"left", "centre", "right", "bottom"};
constexpr double kLeftShare = 0.22, kRightShare = 0.29, kBottomShare = 0.25;

const char* DockName(Dock dock) {
  return kDockNames[static_cast<size_t>(dock)];
}

double ShareOf(const Settings& settings, const char* name, double otherwise) {
  const auto found = settings.splits.find(name);
  return found != settings.splits.end() && std::isfinite(found->second) ? std::clamp(found->second, 0.0, 1.0)
                                                                        : otherwise;
}

bool IsHidden(const Settings& settings, const std::string& title) {
  const auto found = settings.hidden.find(title);
  return found != settings.hidden.end() && found->second;
}

}  // namespace

std::string Layout::Slug(const std::string& title) {
  std::string slug;
  for (const char c : title) {
    if (std::isalnum(static_cast<unsigned char>(c))) {
      slug += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (!slug.empty() && slug.back() != '-') {
      slug += '-';
    }
  }
  while (!slug.empty() && slug.back() == '-') slug.pop_back();
  return slug;
}

Dock Layout::DockOf(const Settings& settings, const DockedPanel& panel) {
  const auto moved = settings.docks.find(panel.panel->title());
  if (moved != settings.docks.end()) {
    for (size_t i = 0; i < kDockNames.size(); ++i) {
      if (moved->second == kDockNames[i]) return static_cast<Dock>(i);
    }
  }
  return panel.dock;
}

void Layout::Show(Settings& settings, const std::vector<DockedPanel>& panels, const std::string& title) {
  for (const DockedPanel& panel : panels) {
    if (panel.panel->title() != title) continue;
    settings.hidden.erase(title);
    const Dock dock = DockOf(settings, panel);
    settings.tabs[DockName(dock)] = title;
    // One dragged to nothing would hide it still.
    const auto share = settings.splits.find(DockName(dock));
    if (share != settings.splits.end() && share->second < 0.08) settings.splits.erase(share);
  }
}

void Layout::Reset(Settings& settings) {
  settings.splits.clear();
  settings.hidden.clear();
  settings.docks.clear();
  settings.tabs.clear();
}

double Layout::DrawSplitter(Settings& settings, const char* name, double share, Box box, bool upright,
                            double px_per_share) {
  ImGui::SetCursorScreenPos(box.at);
  ImGui::PushID(name);
  ImGui::InvisibleButton("##splitter", {std::max(box.size.x, 1.0f), std::max(box.size.y, 1.0f)});
  const bool held = ImGui::IsItemActive(), hovered = ImGui::IsItemHovered();
  if (held || hovered) {
    ImGui::SetMouseCursor(upright ? ImGuiMouseCursor_ResizeEW : ImGuiMouseCursor_ResizeNS);
    const float thickness = std::max(1.0f, ImGui::GetFontSize() * 0.14f);
    const ImVec2 middle = {box.at.x + box.size.x / 2, box.at.y + box.size.y / 2};
    const ImVec2 half = upright ? ImVec2(thickness / 2, box.size.y / 2) : ImVec2(box.size.x / 2, thickness / 2);
    ImGui::GetWindowDrawList()->AddRectFilled({middle.x - half.x, middle.y - half.y},
                                              {middle.x + half.x, middle.y + half.y},
                                              ImGui::GetColorU32(theme::Colours().accent), thickness / 2);
  }
  if (held && px_per_share != 0) {
    const float moved = upright ? ImGui::GetIO().MouseDelta.x : ImGui::GetIO().MouseDelta.y;
    if (moved != 0) {
      share = std::clamp(share + moved / px_per_share, 0.0, 0.9);
      settings.splits[name] = share;
    }
  }
  if (hovered && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left)) settings.splits.erase(name);
  ImGui::PopID();
  return share;
}

DockedPanel* Layout::DrawTabs(App& app, Dock dock, const std::vector<DockedPanel*>& panels) {
  Settings& settings = app.settings;
  DockedPanel* front = panels.front();
  const auto remembered = settings.tabs.find(DockName(dock));
  for (DockedPanel* panel : panels) {
    if (remembered != settings.tabs.end() && remembered->second == panel->panel->title()) front = panel;
  }
  // The scene alone needs no tab: it explains itself, and wants the room.
  if (dock == Dock::kCentre && panels.size() == 1) return front;

  const theme::Palette& palette = theme::Colours();
  const float em = ImGui::GetFontSize(), height = 1.75f * em, pad = 0.6f * em;
  const ImVec2 from = ImGui::GetCursorScreenPos();
  const float width = ImGui::GetContentRegionAvail().x;
  ImDrawList& list = *ImGui::GetWindowDrawList();
  float x = 0, y = 0;
  for (DockedPanel* panel : panels) {
    const std::string title = panel->panel->title();
    const float wide = ImGui::CalcTextSize(title.c_str()).x + 2 * pad;
    if (x > 0 && x + wide > width) {
      x = 0;
      y += height;
    }
    const ImVec2 at = {from.x + x, from.y + y};
    ImGui::SetCursorScreenPos(at);
    ImGui::PushID(title.c_str());
    if (ImGui::InvisibleButton("##tab", {std::max(wide, 1.0f), height})) {
      settings.tabs[DockName(dock)] = title;
      front = panel;
    }
    const bool hovered = ImGui::IsItemHovered(), is_front = panel == front;
    if (ImGui::IsItemHovered() && ImGui::IsMouseReleased(ImGuiMouseButton_Middle)) settings.hidden[title] = true;
    if (ImGui::BeginPopupContextItem("##menu")) {
      if (ImGui::MenuItem("Close")) settings.hidden[title] = true;
      ImGui::Separator();
      for (size_t i = 0; i < kDockNames.size(); ++i) {
        const std::string label = std::string("Move to the ") + kDockNames[i];
        if (!ImGui::MenuItem(label.c_str(), nullptr, false, static_cast<Dock>(i) != dock)) continue;
        settings.docks[title] = kDockNames[i];
        settings.tabs[kDockNames[i]] = title;
      }
      ImGui::EndPopup();
    }
    if (hovered && !is_front) {
      list.AddRectFilled({at.x + em * 0.1f, at.y + em * 0.2f}, {at.x + wide - em * 0.1f, at.y + height - em * 0.2f},
                         ImGui::GetColorU32(palette.frame), em * 0.3f);
    }
    list.AddText({at.x + pad, at.y + (height - em) / 2}, ImGui::GetColorU32(is_front ? palette.text : palette.dim),
                 title.c_str());
    if (is_front) {
      const float line = std::max(2.0f, em * 0.13f);
      list.AddRectFilled({at.x + pad * 0.6f, at.y + height - line}, {at.x + wide - pad * 0.6f, at.y + height},
                         ImGui::GetColorU32(palette.accent), line / 2);
    }
    ImGui::PopID();
    x += wide;
  }
  ImGui::SetCursorScreenPos({from.x, from.y + y + height});
  list.AddLine({from.x, from.y + y + height}, {from.x + width, from.y + y + height}, ImGui::GetColorU32(palette.line));
  return front;
}

void Layout::DrawDock(App& app, Dock dock, const std::vector<DockedPanel*>& panels, Box box) {
  if (box.size.x < 1 || box.size.y < 1) return;
  ImGui::SetCursorScreenPos(box.at);
  ImGui::PushStyleColor(ImGuiCol_ChildBg, theme::Colours().panel);
  ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {0, 0});
  const bool seen = ImGui::BeginChild(DockName(dock), box.size, false,
                                      ImGuiWindowFlags_NoScrollbar | ImGuiWindowFlags_NoScrollWithMouse);
  ImGui::PopStyleColor();
  if (seen && !panels.empty()) {
    DockedPanel* front = DrawTabs(app, dock, panels);
    const bool bare = dock == Dock::kCentre;
    const float em = ImGui::GetFontSize();
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, bare ? ImVec2(0, 0) : ImVec2(0.6f * em, 0.5f * em));
    const ImVec2 room = ImGui::GetContentRegionAvail();
    const bool drawn = room.x >= 1 && room.y >= 1 &&
                       ImGui::BeginChild(front->panel->title(), room, false, bare ? ImGuiWindowFlags_NoScrollbar : ImGuiWindowFlags_AlwaysUseWindowPadding);
    ImGui::PopStyleVar();
    if (drawn) {
      ImGui::PopStyleVar();  // spacing of the docks
      front->panel->Draw(app);
      ImGui::PushStyleVar(ImGuiStyleVar_ItemSpacing, {0, 0});
    }
    if (room.x >= 1 && room.y >= 1) ImGui::EndChild();
  } else if (seen) {
    ImGui::SetCursorPos({ImGui::GetFontSize(), ImGui::GetFontSize()});
    ImGui::PushTextWrapPos(0);
    ImGui::TextDisabled("Every panel of this place is closed. The View menu brings them back.");
    ImGui::PopTextWrapPos();
  }
  ImGui::EndChild();
  ImGui::PopStyleVar();
}

void Layout::Draw(App& app, std::vector<DockedPanel>& panels, ImVec2 at, ImVec2 size) {
  std::array<std::vector<DockedPanel*>, kDockNames.size()> docked;
  for (DockedPanel& panel : panels) {
    if (!IsHidden(app.settings, panel.panel->title())) {
      docked[static_cast<size_t>(DockOf(app.settings, panel))].push_back(&panel);
    }
  }
  const auto& left = docked[0];
  const auto& centre = docked[1];
  const auto& right = docked[2];
  const auto& bottom = docked[3];
  const bool welcoming = app.session == nullptr;

  const float gap = std::max(2.0f, std::round(ImGui::GetFontSize() * 0.4f));
  const ImVec2 inner = {size.x - 2 * gap, size.y - gap};
  const float x0 = at.x + gap, y0 = at.y;
  if (inner.x < 1 || inner.y < 1) return;
  const bool with_left = !welcoming && !left.empty(), with_right = !welcoming && !right.empty();
  const bool with_bottom = !welcoming && !bottom.empty();

  double left_share = with_left ? ShareOf(app.settings, "left", kLeftShare) : 0;
  double right_share = with_right ? ShareOf(app.settings, "right", kRightShare) : 0;
  double bottom_share = with_bottom ? ShareOf(app.settings, "bottom", kBottomShare) : 0;
  const auto px = [](double share, float of) { return std::floor(static_cast<float>(share) * of); };
  // Splitters stay within reach, however far each was dragged.
  if (left_share + right_share > 0.95) right_share = std::max(0.0, 0.95 - left_share);

  float upper = inner.y;
  if (with_bottom) {
    const float height = std::clamp(px(bottom_share, inner.y), 0.0f, std::max(0.0f, inner.y - gap));
    upper = inner.y - height - gap;
    DrawSplitter(app.settings, "bottom", bottom_share, {{x0, y0 + upper}, {inner.x, gap}}, false, -inner.y);
    DrawDock(app, Dock::kBottom, bottom, {{x0, y0 + upper + gap}, {inner.x, height}});
  }
  float centre_from = x0, centre_to = x0 + inner.x;
  if (with_left) {
    const float width = px(left_share, inner.x);
    DrawDock(app, Dock::kLeft, left, {{x0, y0}, {width, upper}});
    DrawSplitter(app.settings, "left", left_share, {{x0 + width, y0}, {gap, upper}}, true, inner.x);
    centre_from = x0 + width + gap;
  }
  if (with_right) {
    const float width = px(right_share, inner.x);
    DrawDock(app, Dock::kRight, right, {{x0 + inner.x - width, y0}, {width, upper}});
    DrawSplitter(app.settings, "right", right_share, {{x0 + inner.x - width - gap, y0}, {gap, upper}}, true, -inner.x);
    centre_to = x0 + inner.x - width - gap;
  }
  const Box middle = {{centre_from, y0}, {centre_to - centre_from, upper}};
  if (!welcoming) {
    DrawDock(app, Dock::kCentre, centre, middle);
  } else if (middle.size.x >= 1 && middle.size.y >= 1) {
    ImGui::SetCursorScreenPos(middle.at);
    ImGui::PushStyleColor(ImGuiCol_ChildBg, theme::Colours().panel);
    if (ImGui::BeginChild("welcome", middle.size, false)) welcome.Draw(app);
    ImGui::EndChild();
    ImGui::PopStyleColor();
  }
}

}  // namespace reverie::desktop
