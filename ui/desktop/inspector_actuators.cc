#include "ui/desktop/inspector_actuators.h"

#include <algorithm>

#include "ui/desktop/inspector_state.h"
#include "ui/desktop/keyboard_control.h"

namespace reverie::desktop {
namespace {

/// What an actuator is set to, as far as this window knows.
double Shown(const Inspected& in, int u) {
  if (in.now.actor == Actor::kPerson || in.app.hand.Held(u)) return in.app.hand.Value(u);
  return static_cast<size_t>(u) < in.now.action.size() ? in.now.action[static_cast<size_t>(u)] : 0;
}

}  // namespace

void ActuatorSection::Draw(const Inspected& in) {
  const int nu = in.model->nu;
  if (nu == 0) return;
  const std::vector<int> ids = in.Matching(mjOBJ_ACTUATOR, nu);
  if (!BeginSection("Actuators", ids.size(), static_cast<size_t>(nu))) return;
  App& app = in.app;
  if (in.now.actor == Actor::kPerson) {
    ImGui::TextDisabled("You act: sliders stay where they are.");
    if (ImGui::SmallButton("All to 0")) {
      for (int u = 0; u < nu; ++u) app.hand.Rest(u, 0);
    }
    if (const std::string keys = KeyHelp(app); !keys.empty()) ImGui::TextWrapped("%s", keys.c_str());
    ImGui::TextDisabled("%s", app.hand.gamepad.empty() ? "No gamepad" : app.hand.gamepad.c_str());
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("%s", GamepadHelp(app).c_str());
  } else {
    ImGui::TextDisabled("%s acts: a slider takes over while held.", ActorName(in.now.actor).c_str());
    if (ImGui::SmallButton("Act yourself") && app.session) app.session->SetActor(Actor::kPerson);
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("Sliders, arrow keys and gamepad drive the actuators from now on");
  }
  std::vector<double> action(static_cast<size_t>(nu));
  for (int u = 0; u < nu; ++u) action[static_cast<size_t>(u)] = Shown(in, u);
  mjData* data = in.data();
  const std::vector<double> controls =
      data ? ControlsOf(*in.now.task, in.model, data, action) : std::vector<double>(action.size());
  ClippedRows("actuators", ids.size(), ImGui::GetFrameHeightWithSpacing(), [&](size_t i) {
    const int u = ids[i];
    DrawRow(in, u, controls[static_cast<size_t>(u)], data ? data->actuator_force[u] : 0);
  });
  app.hand.Send(app.session);
}

void ActuatorSection::DrawRow(const Inspected& in, int u, double control, double force) {
  PersonHand& hand = in.app.hand;
  const bool person = in.now.actor == Actor::kPerson;
  std::string unit = ControlUnit(in.model, u);
  const std::string text = ShortNumber(control) + (unit.empty() ? "" : " " + unit);
  RowName(in.scene().Label(mjOBJ_ACTUATOR, u), 0.36f);
  const float width = ImGui::GetContentRegionAvail().x, beside = 5 * ImGui::GetFontSize();
  ImGui::SetNextItemWidth(std::max(1.0f, width - beside));
  double value = Shown(in, u);
  const double low = -1, high = 1;
  const bool changed = ImGui::SliderScalar("##action", ImGuiDataType_Double, &value, &low, &high, "%.2f",
                                           ImGuiSliderFlags_AlwaysClamp);
  if (ImGui::IsItemActive() && (changed || ImGui::IsMouseDown(ImGuiMouseButton_Left))) {
    hand.Hold(PersonHand::kSlider, u, value);
  } else if (changed) {
    hand.Rest(u, value);
  }
  if (ImGui::IsItemHovered() && !ImGui::IsItemActive()) {
    const std::string force_unit = ForceUnit(in.model, u);
    ImGui::SetTooltip("Action, from -1 to 1. Force now: %s %s", ShortNumber(force).c_str(), force_unit.c_str());
  }
  if (ImGui::BeginPopupContextItem("actuator")) {
    if (ImGui::MenuItem("Set to 0", nullptr, false, person)) hand.Rest(u, 0);
    constexpr const char* kNames[] = {"Drive with left and right (A, D)", "Drive with down and up (S, W)"};
    for (size_t i = 0; i < std::size(kNames); ++i) {
      if (ImGui::MenuItem(kNames[i], nullptr, hand.key_actuators[i] == u)) {
        hand.key_actuators[i] = hand.key_actuators[i] == u ? -1 : u;
      }
    }
    ImGui::EndPopup();
  }
  if (width < beside + 2 * ImGui::GetFontSize()) return;
  ImGui::SameLine();
  ImGui::TextUnformatted(text.data(), text.data() + text.size());
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("Control, in the actuator's own unit");
}

}  // namespace reverie::desktop
