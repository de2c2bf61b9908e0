#include "ui/desktop/welcome.h"

#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <filesystem>

#include "sim/error.h"
#include "sim/task.h"
#include "ui/desktop/app.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

std::shared_ptr<const std::vector<Welcome::Task>> Welcome::Tasks(App& app) {
  if (tasks_ == nullptr) {
    tasks_ = std::make_shared<Latest<std::vector<Task>>>();
    job_ = std::make_shared<Job>(
        "Listing tasks", "tasks",
        [tasks = tasks_, wake = app.wake](JobContext& context) {
          auto found = std::make_shared<std::vector<Task>>();
          for (const std::string& name : ListTasks()) {
            if (context.stop().stop_requested()) return;
            try {
              found->push_back({name, LoadTask(name).description});
            } catch (const Error& error) {  // one that cannot be played does not hide the others
              found->push_back({name, error.what()});
            }
          }
          tasks->Set(found);
          if (wake) wake();
        },
        0);
  }
  if (job_ != nullptr && job_->status().finished) job_ = nullptr;
  return tasks_->Get();
}

void Welcome::DrawTasks(App& app) {
  const float em = ImGui::GetFontSize();
  const auto tasks = Tasks(app);
  ImGui::PushFont(theme::CurrentFonts().bold);
  ImGui::TextUnformatted("Tasks");
  ImGui::PopFont();
  ImGui::SameLine(std::max(5 * em, ImGui::GetContentRegionAvail().x - 14 * em));
  ImGui::SetNextItemWidth(-1);
  ImGui::InputTextWithHint("##tasks", "Filter", &filter_);
  ImGui::Spacing();
  if (tasks == nullptr) {
    ImGui::TextDisabled("Looking for tasks ...");
    return;
  }
  const theme::Palette& palette = theme::Colours();
  if (!ImGui::BeginChild("##list", {0, 0})) return ImGui::EndChild();
  bool any = false;
  for (const Task& task : *tasks) {
    if (!filter_.empty() && !FuzzyScore(filter_, task.name) && !FuzzyScore(filter_, task.description)) continue;
    any = true;
    ImGui::PushID(task.name.c_str());
    const ImVec2 at = ImGui::GetCursorScreenPos();
    const float width = ImGui::GetContentRegionAvail().x, height = 3.1f * em;
    if (ImGui::InvisibleButton("##open", {std::max(width, 1.0f), height})) app.Open(task.name);
    const bool hovered = ImGui::IsItemHovered();
    if (ImGui::IsItemVisible()) {
      ImDrawList& list = *ImGui::GetWindowDrawList();
      list.AddRectFilled(at, {at.x + width, at.y + height},
                         ImGui::GetColorU32(hovered ? palette.frame : palette.popup), em * 0.35f);
      if (hovered) {
        list.AddRectFilled(at, {at.x + em * 0.2f, at.y + height}, ImGui::GetColorU32(palette.accent), em * 0.35f,
                           ImDrawFlags_RoundCornersLeft);
      }
      const float room = width - 1.6f * em;
      const std::string name = theme::Fitted(task.name, room), what = theme::Fitted(task.description, room);
      list.AddText({at.x + 0.8f * em, at.y + 0.45f * em}, ImGui::GetColorU32(palette.text), name.c_str());
      list.AddText({at.x + 0.8f * em, at.y + 1.65f * em}, ImGui::GetColorU32(palette.dim), what.c_str());
    }
    if (hovered && !task.description.empty()) theme::Tooltip(task.description.c_str());
    ImGui::PopID();
  }
  if (!any) ImGui::TextDisabled("%s", tasks->empty() ? "No tasks are installed" : "No task is called that");
  ImGui::EndChild();
}

void Welcome::DrawStart(App& app) {
  const float em = ImGui::GetFontSize();
  const ImVec2 wide = {-1, 2.2f * em};
  ImGui::PushFont(theme::CurrentFonts().bold);
  ImGui::TextUnformatted("Start");
  ImGui::PopFont();
  ImGui::Spacing();
  if (ImGui::Button("Open a task or scene ...", wide)) app.actions.Run("file.open", app);
  if (ImGui::Button("Open a model or dataset ...", wide)) app.actions.Run("file.open_folder", app);
  ImGui::Spacing();
  ImGui::PushTextWrapPos(0);
  ImGui::TextDisabled("Or drop an MJCF, URDF, MJB or task file, or the folder of a model or dataset, on this window.");
  ImGui::Spacing();
  ImGui::TextDisabled("Ctrl+P finds every command by its name. F1 lists the keys.");
  ImGui::PopTextWrapPos();
  ImGui::Dummy({0, em * 0.6f});
  if (app.settings.recent.empty()) return;
  ImGui::PushFont(theme::CurrentFonts().bold);
  ImGui::TextUnformatted("Recent");
  ImGui::PopFont();
  ImGui::Spacing();
  const std::vector<std::string> recent = app.settings.recent;  // opening one reorders them
  for (const std::string& path : recent) {
    ImGui::PushID(path.c_str());
    const float left = ImGui::GetCursorPosX(), room = ImGui::GetContentRegionAvail().x;
    if (ImGui::Selectable("##recent")) app.Open(path);
    const std::string shown = ShownPath(path);
    theme::Tooltip(shown.c_str());
    ImGui::SameLine(left);
    ImGui::TextUnformatted(theme::Fitted(shown, room).c_str());
    ImGui::PopID();
  }
}

void Welcome::Draw(App& app) {
  const float em = ImGui::GetFontSize();
  const ImVec2 room = ImGui::GetContentRegionAvail();
  const float width = std::min(room.x - 2 * em, 62 * em);
  if (width < 2 * em) return;
  const float left = (room.x - width) / 2;
  ImGui::SetCursorPos({left, std::clamp((room.y - 42 * em) / 3, em, 5 * em)});
  ImGui::BeginGroup();
  ImGui::PushFont(theme::CurrentFonts().title);
  ImGui::TextUnformatted("Reverie");
  ImGui::PopFont();
  ImGui::PushTextWrapPos(left + width);
  ImGui::TextDisabled("Step an agent in a scene, watch it imagine, and see where its predictions part from reality.");
  ImGui::PopTextWrapPos();
  ImGui::EndGroup();
  ImGui::Dummy({0, em});
  ImGui::SetCursorPosX(left);
  const float height = std::max(6 * em, ImGui::GetWindowHeight() - ImGui::GetCursorPosY() - 1.5f * em);
  const bool narrow = width < 38 * em;
  const float start = narrow ? width : 20 * em;
  if (ImGui::BeginChild("##start", {start, narrow ? std::min(height, 16 * em) : height})) DrawStart(app);
  ImGui::EndChild();
  if (narrow) {
    ImGui::SetCursorPosX(left);
  } else {
    ImGui::SameLine(0, 2 * em);
  }
  if (ImGui::BeginChild("##tasks", {narrow ? width : width - start - 2 * em, height})) DrawTasks(app);
  ImGui::EndChild();
}

}  // namespace reverie::desktop
