#include "ui/desktop/frame.h"

#include <imgui.h>
#include <imgui_internal.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>
#include <functional>

#include "sim/versions.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

void TextRight(const std::string& text, ImVec4 colour, float& right) {
  right -= ImGui::CalcTextSize(text.c_str()).x;
  if (right < ImGui::GetCursorPosX()) return;
  ImGui::SameLine();
  ImGui::SetCursorPosX(right);
  ImGui::TextColored(colour, "%s", text.c_str());
  right -= ImGui::GetFontSize() * 1.3f;
}

std::string Text(const char* format, double a, double b = 0) {
  char text[96];
  std::snprintf(text, sizeof text, format, a, b);
  return text;
}

/// What a person wants to know at a glance wherever they look.
void DrawStatus(App& app) {
  const theme::Palette& palette = theme::Colours();
  const float em = ImGui::GetFontSize(), width = ImGui::GetWindowWidth();
  std::string left;
  if (app.now != nullptr) {
    const SessionSnapshot& now = *app.now;
    left = now.task->spec().name;
    if (now.episode >= 0) left += "   episode " + std::to_string(now.episode);
    left += "   step " + std::to_string(now.control_step) + "   " + Text("%.2f s", now.time_s);
  } else if (!app.opening) {
    left = "Nothing is open";
  }
  ImGui::SetCursorPosX(0.8f * em);
  if (app.opening) {
    // An arc that turns: opening goes on.
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float radius = 0.38f * em, from = static_cast<float>(std::fmod(ImGui::GetTime() * 5, 2 * M_PI));
    ImDrawList& list = *ImGui::GetWindowDrawList();
    list.PathArcTo({at.x + radius, at.y + em / 2}, radius, from, from + 4.2f, 16);
    list.PathStroke(ImGui::GetColorU32(palette.accent), 0, std::max(1.5f, em * 0.12f));
    ImGui::Dummy({1.2f * em, em});
    ImGui::SameLine();
    left = left.empty() ? "Opening ..." : "Opening ...   " + left;
  }
  ImGui::TextColored(palette.dim, "%s", theme::Fitted(left, std::max(em, width * 0.55f)).c_str());

  float right = width - 0.8f * em;
  TextRight(Text("%.0f ms/frame", app.frame_ms), palette.dim, right);
  if (app.now != nullptr) {
    const double limit = static_cast<double>(std::max<int64_t>(1, app.now->timeline.bytes_limit));
    const double used = static_cast<double>(app.now->timeline.bytes);
    TextRight(Text("timeline %.1f of %.0f MiB", used / 1048576, limit / 1048576), palette.dim, right);
    const bool slow = app.now->playing && app.now->speed > 0 && app.now->realtime_factor < 0.9 * app.now->speed;
    const std::string pace = app.now->playing ? Text("%.2f x real time", app.now->realtime_factor) : "paused";
    TextRight(pace, slow ? palette.warn : palette.dim, right);
  }
  std::shared_ptr<Job> running;
  const auto look = [&](const std::shared_ptr<Job>& job) {
    if (job != nullptr && !job->status().finished) running = job;
  };
  look(app.learning);
  for (const std::shared_ptr<Job>& job : app.jobs) look(job);
  if (running != nullptr) {
    const JobStatus status = running->status();
    std::string text = status.title + (status.paused ? ", paused" : "");
    if (status.total > 0) text += Text("  %.0f %%", 100.0 * static_cast<double>(status.done) / static_cast<double>(status.total));
    TextRight(theme::Fitted(text, 18 * em), palette.accent, right);
  }
}

void DrawShortcuts(App& app, bool& open) {
  const float em = ImGui::GetFontSize();
  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  ImGui::SetNextWindowPos(viewport.GetWorkCenter(), ImGuiCond_Appearing, {0.5f, 0.5f});
  ImGui::SetNextWindowSize({std::min(34 * em, viewport.WorkSize.x), std::min(40 * em, viewport.WorkSize.y)},
                           ImGuiCond_Appearing);
  if (ImGui::Begin("Keys and mouse", &open, ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings)) {
    if (ImGui::BeginTable("##keys", 2, ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY)) {
      ImGui::TableSetupColumn("Keys", ImGuiTableColumnFlags_WidthFixed, 10 * em);
      ImGui::TableSetupColumn("What they do", ImGuiTableColumnFlags_WidthStretch);
      ImGui::TableSetupScrollFreeze(0, 1);
      ImGui::TableHeadersRow();
      for (const Action& action : app.actions.all()) {
        if (action.shortcut.key == 0) continue;
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(action.shortcut.Text().c_str());
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(((action.menu.empty() ? "" : action.menu + ": ") + action.title).c_str());
      }
      const std::pair<const char*, const char*> mouse[] = {
          {"Left drag", "Scene: turn the camera"},
          {"Right drag", "Scene: move the camera upright, with Shift level"},
          {"Wheel, middle drag", "Scene: come nearer or go away"},
          {"Double click", "Scene: select a body; a plot: fit it to the data"},
          {"Double right click", "Scene: turn about what is there; with Ctrl follow that body"},
          {"Ctrl+right drag", "Scene: push the selected body, with Shift level; while paused, move it"},
          {"Ctrl+left drag", "Scene: twist the selected body"},
          {"Click, drag in a plot", "Go to that time; move the plot. The wheel zooms"},
      };
      for (const auto& [how, what] : mouse) {
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(how);
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(what);
      }
      ImGui::EndTable();
    }
    if (ImGui::IsWindowFocused() && ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_Escape), false)) open = false;
  }
  ImGui::End();
}

void DrawAbout(bool& open) {
  const float em = ImGui::GetFontSize();
  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  ImGui::SetNextWindowPos(viewport.GetWorkCenter(), ImGuiCond_Appearing, {0.5f, 0.5f});
  ImGui::SetNextWindowSize({std::min(30 * em, viewport.WorkSize.x), 0}, ImGuiCond_Appearing);
  if (ImGui::Begin("About Reverie", &open, ImGuiWindowFlags_NoCollapse | ImGuiWindowFlags_NoSavedSettings)) {
    ImGui::PushFont(theme::CurrentFonts().title);
    ImGui::TextUnformatted("Reverie");
    ImGui::PopFont();
    ImGui::PushTextWrapPos(0);
    ImGui::TextDisabled("A physics sandbox with an agent that learns.");
    ImGui::Spacing();
    if (ImGui::BeginTable("##versions", 2)) {
      ImGui::TableSetupColumn("what", ImGuiTableColumnFlags_WidthFixed, 9 * em);
      ImGui::TableSetupColumn("version", ImGuiTableColumnFlags_WidthStretch);
      for (const auto& [name, version] : AboutLines()) {
        ImGui::TableNextColumn();
        ImGui::TextDisabled("%s", name.c_str());
        ImGui::TableNextColumn();
        ImGui::TextWrapped("%s", version.c_str());
      }
      ImGui::EndTable();
    }
    ImGui::PopTextWrapPos();
    if (ImGui::IsWindowFocused() && ImGui::IsKeyPressed(ImGui::GetKeyIndex(ImGuiKey_Escape), false)) open = false;
  }
  ImGui::End();
}

constexpr ImGuiWindowFlags kWholeWindow =
    ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
    ImGuiWindowFlags_NoBringToFrontOnFocus | ImGuiWindowFlags_NoNav | ImGuiWindowFlags_NoScrollWithMouse;

bool BeginWhole(const char* name, ImVec2 at, ImVec2 size) {
  ImGui::SetNextWindowPos(at);
  ImGui::SetNextWindowSize({std::max(size.x, 1.0f), std::max(size.y, 1.0f)});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, 0);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, 0);
  ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0, 0});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowMinSize, {1, 1});
  ImGui::PushStyleColor(ImGuiCol_WindowBg, theme::Colours().window);
  const bool seen = ImGui::Begin(name, nullptr, kWholeWindow);
  ImGui::PopStyleColor();
  ImGui::PopStyleVar(4);
  return seen;
}

}  // namespace

std::vector<std::pair<std::string, std::string>>& AboutLines() {
  static std::vector<std::pair<std::string, std::string>> lines = [] {
    auto versions = LibraryVersions();
    versions.emplace_back("Dear ImGui", IMGUI_VERSION);
    return versions;
  }();
  return lines;
}

namespace {

/// What fails in one place is told and does not take the app with it. The same failure in every frame is told once.
void Guarded(App& app, const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    const auto& lines = app.messages.lines();
    if (lines.empty() || lines.back().text != error.what()) app.messages.Error(error.what());
  }
}

}  // namespace

void UpdateFrame(App& app, std::vector<DockedPanel>& panels) {
  Guarded(app, [&] { app.Update(); });
  for (DockedPanel& panel : panels) Guarded(app, [&] { panel.panel->Update(app); });
}

void DrawFrame(App& app, Layout& layout, std::vector<DockedPanel>& panels) {
  if (theme::Colours().dark != app.settings.dark) theme::Apply(app.settings.dark, theme::Scale());
  Guarded(app, [&] { app.actions.HandleShortcuts(app); });
  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  const float em = ImGui::GetFontSize();
  ImGui::PushStyleVar(ImGuiStyleVar_FramePadding, {0.6f * em, 0.42f * em});
  ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, 0);
  const bool menu_bar = ImGui::BeginMainMenuBar();
  ImGui::PopStyleVar(2);
  try {
    if (menu_bar) {
      app.actions.DrawMenus(app);
      ImGui::EndMainMenuBar();
    }
    if (BeginWhole("##reverie", viewport.WorkPos, viewport.WorkSize)) {
      const float status = 1.75f * em, height = viewport.WorkSize.y - status;
      if (height >= 1) layout.Draw(app, panels, viewport.WorkPos, {viewport.WorkSize.x, height});
      ImGui::SetCursorPos({0, std::max(0.0f, viewport.WorkSize.y - status + 0.35f * em)});
      DrawStatus(app);
    }
    ImGui::End();
    if (layout.shortcuts_open) DrawShortcuts(app, layout.shortcuts_open);
    if (layout.about_open) DrawAbout(layout.about_open);
    app.files.Draw();
    app.actions.DrawPalette(app);
  } catch (const std::exception& error) {
    // What a panel had begun is ended for it, so that the next frame can be drawn.
    ImGui::ErrorCheckEndFrameRecover(nullptr);
    app.messages.Error(error.what());
  }
  app.messages.Draw(ImGui::GetTime());
}

void DrawClosing() {
  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  if (BeginWhole("##closing", viewport.Pos, viewport.Size)) {
    const char* text = "Finishing what is under way ...";
    const ImVec2 size = ImGui::CalcTextSize(text);
    ImGui::SetCursorPos({(viewport.Size.x - size.x) / 2, (viewport.Size.y - size.y) / 2});
    ImGui::TextDisabled("%s", text);
  }
  ImGui::End();
}

}  // namespace reverie::desktop
