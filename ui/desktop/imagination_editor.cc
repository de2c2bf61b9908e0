#include "ui/desktop/imagination_editor.h"

#include <imgui.h>

#include "ui/desktop/app.h"

namespace reverie::desktop {

namespace {

constexpr double kPatience_s = 0.5;  // the session may have put a value into its range: then the snapshot's counts

bool Same(const ImaginationOptions& a, const ImaginationOptions& b) {
  return a.enabled == b.enabled && a.horizon == b.horizon && a.candidates == b.candidates &&
         a.members == b.members && a.traced_body == b.traced_body && a.planning_gap == b.planning_gap &&
         a.surprise == b.surprise && a.compare == b.compare && a.compare_steps == b.compare_steps &&
         a.frozen == b.frozen && a.tolerance == b.tolerance;
}

}  // namespace

ImaginationOptions ImaginationEditor::Current(const App& app) {
  const ImaginationOptions known = app.now ? app.now->imagination : ImaginationOptions{};
  if (!sent_) return known;
  if (session_ != app.session.get() || Same(*sent_, known) || ImGui::GetTime() - sent_at_s_ > kPatience_s) {
    sent_.reset();
    return known;
  }
  return *sent_;
}

void ImaginationEditor::Change(App& app, const std::function<void(ImaginationOptions&)>& change) {
  if (!app.session) return;
  ImaginationOptions options = Current(app);
  change(options);
  app.session->SetImagination(options);
  sent_ = options;
  sent_at_s_ = ImGui::GetTime();
  session_ = app.session.get();
}

}  // namespace reverie::desktop
