#include "ui/desktop/goal_panel.h"

#include <algorithm>
#include <cmath>

#include <imgui.h>

#include "ui/desktop/app.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/imagined_strip.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/series.h"
#include "ui/desktop/theme.h"
#include "worldmodel/picture_model.h"

namespace reverie::desktop {

namespace {

class GoalPanel : public Panel {
 public:
  const char* title() const override { return "Goal"; }
  void Draw(App& app) override;
  void AddActions(App& app) override;

 private:
  void DrawPictures(App& app, const Seen& seen);
  void DrawPlan(App& app);
  void DrawEnergy(App& app);
  void DrawLandscape(const Seen& seen);

  LineageSeries series_;
  ImaginedStrip strip_{"planned film"};
  std::shared_ptr<const Seen> uploaded_;
  int64_t losses_ = 0;
  ImTextureID now_ = nullptr, goal_ = nullptr;
};

bool CanBeGoal(const App& app) { return app.session && app.now; }
bool HasGoal(const App& app) { return CanBeGoal(app) && app.now->goal; }

void GoalPanel::AddActions(App& app) {
  app.actions.Add({.id = "goal.set", .menu = "Agent", .title = "Make it look like this", .shortcut = {},
                   .run = [](App& a) { a.session->SetGoal(a.now->state); }, .enabled = CanBeGoal});
  app.actions.Add({.id = "goal.forget", .menu = "Agent", .title = "Forget the goal", .shortcut = {},
                   .run = [](App& a) { a.session->SetGoal({}); }, .enabled = HasGoal});
}

void GoalPanel::Draw(App& app) {
  if (!CanBeGoal(app)) {
    Paragraph("Nothing is open.");
    return;
  }
  const SessionSnapshot& now = *app.now;
  if (ImGui::Button("Make it look like this")) app.actions.Run("goal.set", app);
  theme::Tooltip("Keeps what the scene shows now as the goal. Pose it first: drag bodies or move joints in the Inspector; then "
                 "go back on the timeline, and let the agent play.");
  ImGui::SameLine();
  ImGui::BeginDisabled(!now.goal);
  if (ImGui::Button("Forget")) app.actions.Run("goal.forget", app);
  ImGui::EndDisabled();
  Paragraph(DescribeGoal(now));
  if (!now.goal || !now.seen) return;
  DrawPictures(app, *now.seen);
  DrawPlan(app);
  DrawEnergy(app);
  DrawLandscape(*now.seen);
}

void GoalPanel::DrawPictures(App& app, const Seen& seen) {
  if (uploaded_ != app.now->seen || losses_ != app.textures.losses()) {
    uploaded_ = app.now->seen;
    losses_ = app.textures.losses();
    now_ = app.textures.Upload("seen now", seen.width, seen.height, seen.now);
    goal_ = app.textures.Upload("seen goal", seen.width, seen.height, seen.goal);
  }
  const float gap = ImGui::GetStyle().ItemSpacing.x;
  const float width = std::clamp((ImGui::GetContentRegionAvail().x - gap) / 2, 8.0f, 16 * ImGui::GetFontSize());
  const ImVec2 size(width, width * static_cast<float>(seen.height) / static_cast<float>(std::max(1, seen.width)));
  const auto picture = [&](ImTextureID texture, const char* what) {
    ImGui::BeginGroup();
    ImGui::TextDisabled("%s", what);
    if (texture) {
      ImGui::Image(texture, size);
    } else {
      ImGui::Dummy(size);
    }
    ImGui::EndGroup();
  };
  picture(now_, "what the model sees");
  ImGui::SameLine();
  picture(goal_, "its goal");
}

void GoalPanel::DrawPlan(App& app) {
  if (!app.now->planned_film) {
    Paragraph("To see what it imagines, and ghosts in the scene, fit probes to it: reverie probe --model DIR --data DATASET.");
    return;
  }
  ImGui::TextDisabled("its plan, as it imagines it");
  strip_.Draw(app, app.now->planned_film);
}

void GoalPanel::DrawEnergy(App& app) {
  const SessionSnapshot& now = *app.now;
  series_.Follow(now.timeline, now.now.branch);
  if (series_.empty()) return;
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = "energy";
  options.y_includes_zero = true;
  options.follow = true;
  if (!BeginPlot("energy", 8, options)) return;
  const Curve energy = series_.Get(Judged::kEnergy);
  plot::Line("distance to the goal", energy.x, energy.y, colours::kPlan);
  plot::Mark(static_cast<float>(static_cast<double>(now.control_step) * now.timeline.control_step_s), "now");
  plot::End();
  theme::Tooltip("Distance between the latents of what is seen and of the goal, each of unit variance.");
}

void GoalPanel::DrawLandscape(const Seen& seen) {
  if (seen.side < 2 || seen.landscape.size() != static_cast<size_t>(seen.side) * seen.side) return;
  ImGui::TextDisabled("Energy by the first action");
  theme::Tooltip("Mean distance to the goal over the plan if the first action were another and the rest as planned: "
                 "across, the first actuator from -1 to 1; upwards, the second. Bright is near.");
  const float width = std::clamp(ImGui::GetContentRegionAvail().x, 8.0f, 14 * ImGui::GetFontSize());
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImGui::Dummy({width, width});
  const auto [least, most] = std::minmax_element(seen.landscape.begin(), seen.landscape.end());
  const float range = std::max(*most - *least, 1e-9f), cell = width / static_cast<float>(seen.side);
  ImDrawList& draw = *ImGui::GetWindowDrawList();
  for (int row = 0; row < seen.side; ++row) {
    for (int column = 0; column < seen.side; ++column) {
      const float share = 1 - (seen.landscape[static_cast<size_t>(row * seen.side + column)] - *least) / range;
      const ImVec2 corner(at.x + cell * static_cast<float>(column), at.y + cell * static_cast<float>(seen.side - 1 - row));
      const ImVec4 colour(0.15f + 0.85f * share, 0.10f + 0.75f * share * share, 0.35f * (1 - share) + 0.15f, 1);
      draw.AddRectFilled(corner, {corner.x + cell + 0.5f, corner.y + cell + 0.5f}, ImGui::GetColorU32(colour));
    }
  }
  ImGui::TextDisabled("%s", ("from " + Number(*least) + " (bright) to " + Number(*most)).c_str());
}

}  // namespace

std::string DescribeGoal(const SessionSnapshot& now) {
  if (!now.goal) {
    return "Pose the scene - drag bodies, move joints in the Inspector - and keep what it shows as the goal." +
           std::string(now.plans_to_pictures ? " Until then this model has nothing to plan for." : "");
  }
  if (!now.plans_to_pictures) {
    return "A goal is kept. A model of pictures plans to it (reverie train --model jepa): choose one in the Agent panel.";
  }
  if (!now.seen) return "The goal is being looked at ...";
  return "The goal is " + Number(now.seen->energy) + " away, as the model sees it.";
}

std::unique_ptr<Panel> MakeGoalPanel() { return std::make_unique<GoalPanel>(); }

}  // namespace reverie::desktop
