#include "ui/desktop/inspector_section.h"

#include <algorithm>
#include <utility>

namespace reverie::desktop {

std::vector<int> Inspected::Matching(mjtObj type, int count) const {
  std::vector<int> ids;
  for (int i = 0; i < count; ++i) {
    if (!search.IsActive() || Matches(scene().Label(type, i))) ids.push_back(i);
  }
  return ids;
}

void Inspected::Edit(std::vector<double> state, const std::string& label) const {
  if (!app.session) return;
  app.session->Pause();
  app.session->EditState(std::move(state), label, true, app.now ? app.now->now : TimelinePlace{});
}

bool BeginSection(const char* title, size_t shown, size_t all) {
  std::string text = title;
  if (shown != all) {
    text += " (" + std::to_string(shown) + " of " + std::to_string(all) + ")";
  } else {
    text += " (" + std::to_string(all) + ")";
  }
  return ImGui::CollapsingHeader((text + "###" + title).c_str());
}

void RowName(const std::string& name, float share, const char* tooltip) {
  const float left = ImGui::GetCursorPosX(), width = std::max(1.0f, ImGui::GetContentRegionAvail().x * share);
  const ImVec2 at = ImGui::GetCursorScreenPos();
  const char *begin = name.data(), *end = begin + name.size();
  ImGui::PushClipRect(at, ImVec2(at.x + width, at.y + ImGui::GetFrameHeight()), true);
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted(begin, end);
  ImGui::PopClipRect();
  if (ImGui::IsItemHovered() && (tooltip || ImGui::GetItemRectSize().x > width)) {
    ImGui::BeginTooltip();
    ImGui::TextUnformatted(begin, end);
    if (tooltip) ImGui::TextDisabled("%s", tooltip);
    ImGui::EndTooltip();
  }
  ImGui::SameLine();
  ImGui::SetCursorPosX(left + width + ImGui::GetStyle().ItemInnerSpacing.x);
  ImGui::SetNextItemWidth(-1);
}

void FactRow(const char* name, const std::string& value, const char* tooltip) {
  const float width = ImGui::GetContentRegionAvail().x, left = ImGui::GetCursorPosX();
  ImGui::TextDisabled("%s", name);
  if (tooltip && ImGui::IsItemHovered()) ImGui::SetTooltip("%s", tooltip);
  ImGui::SameLine();
  ImGui::SetCursorPosX(std::max(ImGui::GetCursorPosX(), left + width * 0.4f));
  ImGui::PushTextWrapPos(0);
  ImGui::TextUnformatted(value.data(), value.data() + value.size());
  ImGui::PopTextWrapPos();
}

}  // namespace reverie::desktop
