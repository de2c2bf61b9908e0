#include "ui/desktop/view_text.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "ui/desktop/colours.h"

namespace reverie::desktop {
namespace {

// Over a picture, whatever the theme.
constexpr ImU32 kPlate = IM_COL32(16, 18, 22, 168), kInk = IM_COL32(236, 238, 240, 255);

float Em() { return ImGui::GetFontSize(); }

std::string Number(const char* format, double value) {
  char text[64];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

bool Roomy(const ViewArea& area) { return area.size.x > 14 * Em() && area.size.y > 6 * Em(); }

}  // namespace

float DrawPlate(const ViewArea& area, ImVec2 corner, const std::vector<std::string>& lines, float offset_y) {
  if (lines.empty() || !Roomy(area)) return 0;
  const float pad = 0.4f * Em(), line = ImGui::GetTextLineHeight(), margin = 0.5f * Em();
  float width = 0;
  for (const std::string& text : lines) {
    width = std::max(width, ImGui::CalcTextSize(text.data(), text.data() + text.size()).x);
  }
  width = std::min(width, area.size.x - 2 * (margin + pad));
  const ImVec2 size(width + 2 * pad, line * static_cast<float>(lines.size()) + 2 * pad);
  if (size.y + offset_y + 2 * margin > area.size.y) return 0;
  const float x = area.min.x + margin + corner.x * (area.size.x - size.x - 2 * margin);
  const float y = area.min.y + margin + corner.y * (area.size.y - size.y - 2 * margin) +
                  (corner.y < 0.5f ? offset_y : -offset_y);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled({x, y}, {x + size.x, y + size.y}, kPlate, 0.3f * Em());
  list->PushClipRect({x, y}, {x + size.x, y + size.y}, true);
  for (size_t i = 0; i < lines.size(); ++i) {
    const std::string& text = lines[i];
    list->AddText({x + pad, y + pad + line * static_cast<float>(i)}, kInk, text.data(), text.data() + text.size());
  }
  list->PopClipRect();
  return size.y + margin;
}

std::vector<std::string> StateLines(const App& app) {
  if (!app.now || !app.now->task) return {};
  const SessionSnapshot& now = *app.now;
  std::vector<std::string> lines;
  std::string title = now.task->spec().name;
  if (now.episode >= 0) title += ", episode " + std::to_string(now.episode);
  lines.push_back(title);
  std::string step = "step " + std::to_string(now.control_step);
  if (now.simulation_step > 0) {
    step += " + " + std::to_string(now.simulation_step) + "/" + std::to_string(now.simulation_steps);
  }
  lines.push_back(step + Number("   %.2f s", now.time_s) +
                  (now.playing ? Number("   %.2f x real time", now.realtime_factor) : "   paused") +
                  (now.at_end_of_branch ? "" : "   in the past"));
  std::string acting = ActorName(now.actor) + " acts";
  if (now.actor == Actor::kPlanner) {
    const std::string model =
        now.model == "simulator" ? "the simulator" : std::filesystem::path(now.model).filename().string();
    acting = PlannerName(now.planner.kind) + " plans in " + model;
    if (now.plan_ms > 0) acting += Number("   %.0f ms a plan", now.plan_ms);
  }
  if (now.actor == Actor::kPolicy) {
    acting = "policy of " + std::filesystem::path(now.model).filename().string() + " acts";
  }
  if (now.holding && now.actor != Actor::kPerson) acting += "   held by you";
  lines.push_back(acting);
  if (now.model_loading) lines.push_back("loading the model ...");
  return lines;
}

void DrawLegend(const App& app, const ViewArea& area, bool ghosts, bool traces) {
  if (!app.now || !Roomy(area)) return;
  struct Entry {
    const char* text;
    ImVec4 colour, until;
  };
  std::vector<Entry> entries;
  const SessionSnapshot& now = *app.now;
  const Overlays& overlays = app.overlays;
  const auto add = [&](const char* text, ImVec4 colour) { entries.push_back({text, colour, colour}); };
  if (ghosts && overlays.plan_ghosts && now.plan && !now.plan->ghosts.empty()) {
    entries.push_back({"plan, soon to late", colours::kPlan, colours::kPlanFar});
  }
  if (traces && overlays.candidates && now.plan && now.plan->candidates > 0) {
    if (now.plan->elites > 0) add("best rollouts", colours::kElite);
    if (now.plan->candidates > now.plan->elites) add("other rollouts", colours::kCandidate);
  }
  if (traces && overlays.members && now.plan && now.plan->members > 0) add("ensemble members", colours::kMember);
  if (ghosts && overlays.compared_ghost && now.compared && !now.compared->ghosts.empty()) {
    add("predicted for now", colours::kPredicted);
  }
  if (traces && overlays.branches && now.timeline.branches.size() > 1) add("other branches", colours::kOtherBranch);
  if (traces && overlays.branches && !now.at_end_of_branch) add("what came next", colours::kReal);
  if (entries.empty()) return;

  const float pad = 0.4f * Em(), line = ImGui::GetTextLineHeight(), margin = 0.5f * Em(), swatch = 1.6f * Em();
  float width = 0;
  for (const Entry& entry : entries) width = std::max(width, ImGui::CalcTextSize(entry.text).x);
  const ImVec2 size(width + swatch + 3 * pad, line * static_cast<float>(entries.size()) + 2 * pad);
  if (size.x + 2 * margin > area.size.x || size.y + 2 * margin > area.size.y) return;
  const ImVec2 at(area.min.x + area.size.x - size.x - margin, area.min.y + area.size.y - size.y - margin);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(at, {at.x + size.x, at.y + size.y}, kPlate, 0.3f * Em());
  for (size_t i = 0; i < entries.size(); ++i) {
    const float y = at.y + pad + line * static_cast<float>(i);
    const ImU32 near = ImGui::ColorConvertFloat4ToU32(entries[i].colour);
    const ImU32 far = ImGui::ColorConvertFloat4ToU32(entries[i].until);
    list->AddRectFilledMultiColor({at.x + pad, y + 0.3f * line}, {at.x + pad + swatch, y + 0.7f * line}, near, far,
                                  far, near);
    list->AddText({at.x + 2 * pad + swatch, y}, kInk, entries[i].text);
  }
}

float DrawDivergence(App& app, const ViewArea& area) {
  if (!app.now || !app.now->divergence || area.size.x < 4 * Em() || area.size.y < 2 * Em()) return 0;
  const Divergence divergence = *app.now->divergence;
  const std::string text = "The simulation blew up in " + divergence.dof + ".";
  const float pad = 0.5f * Em(), wrap = area.size.x - 2 * pad;
  const float text_height = ImGui::CalcTextSize(text.data(), text.data() + text.size(), false, wrap).y;
  const float height = std::min(area.size.y, text_height + ImGui::GetFrameHeight() + 3 * pad);
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled(area.min, {area.min.x + area.size.x, area.min.y + height},
                      ImGui::ColorConvertFloat4ToU32(colours::WithAlpha(colours::kError, 0.94f)));
  list->AddText(nullptr, 0, {area.min.x + pad, area.min.y + pad}, IM_COL32_WHITE, text.data(),
                text.data() + text.size(), wrap);
  ImGui::SetCursorScreenPos({area.min.x + pad, area.min.y + text_height + 2 * pad});
  if (ImGui::Button("Go back before it")) app.GoTo(divergence.back);
  ImGui::SameLine();
  if (ImGui::Button("Reset") && app.session) {
    if (app.now->episode >= 0) {
      app.session->ResetToEpisode(app.now->episode);
    } else {
      app.session->ResetToSeed(app.now->seed);
    }
  }
  return height;
}

void DrawMessage(const ViewArea& area, const std::string& text, ImVec4 colour) {
  if (text.empty() || area.size.x < 4 * Em() || area.size.y < Em()) return;
  const float pad = 0.6f * Em(), wrap = std::min(area.size.x - 4 * pad, 40 * Em());
  if (wrap < 2 * Em()) return;
  const char *begin = text.data(), *end = begin + text.size();
  const ImVec2 size = ImGui::CalcTextSize(begin, end, false, wrap);
  const ImVec2 at(area.min.x + (area.size.x - size.x) / 2, area.min.y + std::max(pad, (area.size.y - size.y) / 2));
  ImDrawList* list = ImGui::GetWindowDrawList();
  list->AddRectFilled({at.x - pad, at.y - pad}, {at.x + size.x + pad, at.y + size.y + pad}, kPlate, 0.4f * Em());
  list->AddText(nullptr, 0, at, ImGui::ColorConvertFloat4ToU32(colour), begin, end, wrap);
}

}  // namespace reverie::desktop
