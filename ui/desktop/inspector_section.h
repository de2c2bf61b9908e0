// What the inspector's sections share: the scene of this frame, the search, rows with a name and a widget.
// Window's thread only.
#pragma once

#include <string>
#include <vector>

#include <imgui.h>

#include "ui/desktop/app.h"

namespace reverie::desktop {

struct Inspected {
  App& app;
  const SessionSnapshot& now;
  const mjModel* model;
  const ImGuiTextFilter& search;

  const Scene& scene() const { return now.task->scene(); }
  /// The state of now, everything derived (computed on the first call of a frame).
  mjData* data() const { return app.scene.data(); }
  bool Matches(const std::string& label) const { return search.PassFilter(label.c_str()); }
  /// Ids of the objects whose labels match the search.
  std::vector<int> Matching(mjtObj type, int count) const;
  /// Pauses and replaces the state. `label` says what was done.
  void Edit(std::vector<double> state, const std::string& label) const;
};

/// A header that folds: "Joints (3)", or "Joints (2 of 3)" during a search. True where it is open.
bool BeginSection(const char* title, size_t shown, size_t all);

/// A name on the left, cut where it is long, with all of it as a tooltip; the next widget fills the rest.
/// @param share  of the width that the name has.
void RowName(const std::string& name, float share = 0.4f, const char* tooltip = nullptr);
/// A name and a text.
void FactRow(const char* name, const std::string& value, const char* tooltip = nullptr);

/// Draws `row(i)` for those of `count` rows of one height that can be seen; more than a dozen get a scroll bar of
/// their own. `sight` is brought into sight; -1: leave it to the person.
template <class Row>
void ClippedRows(const char* id, size_t count, float row_height, Row&& row, int sight = -1) {
  constexpr size_t kMostRows = 12;
  const float shown = static_cast<float>(count < kMostRows ? count : kMostRows);
  const float height = shown * row_height + (count > kMostRows ? row_height * 0.5f : 0.0f);
  if (ImGui::BeginChild(id, ImVec2(0, height + 1), false)) {
    if (sight >= 0) {
      const float top = row_height * static_cast<float>(sight), room = ImGui::GetWindowHeight() - row_height;
      if (top < ImGui::GetScrollY() || top > ImGui::GetScrollY() + room) ImGui::SetScrollY(top - room / 2);
    }
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(count), row_height);
    while (clipper.Step()) {
      for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
        ImGui::PushID(i);
        row(static_cast<size_t>(i));
        ImGui::PopID();
      }
    }
  }
  ImGui::EndChild();
}

}  // namespace reverie::desktop
