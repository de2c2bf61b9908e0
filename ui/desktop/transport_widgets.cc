#include "ui/desktop/transport_widgets.h"

#include <algorithm>

#include <imgui.h>

#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

void DrawIcon(ImDrawList* draw, Icon icon, ImVec2 centre, float r, ImU32 colour) {
  const float x = centre.x, y = centre.y, bar = r * 0.3f;
  const auto triangle = [&](float from, float to) {  // points at `to`
    draw->AddTriangleFilled({x + from * r, y - r}, {x + from * r, y + r}, {x + to * r, y}, colour);
  };
  const auto upright = [&](float at) {
    draw->AddRectFilled({x + at * r - bar / 2, y - r}, {x + at * r + bar / 2, y + r}, colour);
  };
  switch (icon) {
    case Icon::kPlay: triangle(-0.7f, 1); break;
    case Icon::kPause:
      upright(-0.45f);
      upright(0.45f);
      break;
    case Icon::kStep:
      triangle(-0.9f, 0.5f);
      upright(0.75f);
      break;
    case Icon::kStepBack:
      triangle(0.9f, -0.5f);
      upright(-0.75f);
      break;
    case Icon::kSimulationStep:
      draw->AddCircleFilled({x - 0.7f * r, y}, 0.25f * r, colour, 8);
      triangle(-0.2f, 0.9f);
      break;
    case Icon::kToStart:
      upright(-0.9f);
      triangle(0.1f, -0.7f);
      triangle(1, 0.2f);
      break;
    case Icon::kToEnd:
      triangle(-1, -0.2f);
      triangle(-0.1f, 0.7f);
      upright(0.9f);
      break;
    case Icon::kReset:
    case Icon::kReplay: {
      constexpr float kPi = 3.14159265f;
      draw->PathArcTo(centre, 0.8f * r, -1.2f * kPi, 0.3f * kPi, 20);
      draw->PathStroke(colour, 0, std::max(1.0f, bar * 0.9f));
      const ImVec2 tip = {x - 0.65f * r, y + 0.5f * r};
      if (icon == Icon::kReset) {
        draw->AddTriangleFilled({tip.x - 0.5f * r, tip.y - 0.4f * r}, {tip.x + 0.5f * r, tip.y - 0.4f * r},
                                {tip.x - 0.1f * r, tip.y + 0.35f * r}, colour);
      } else {
        draw->AddTriangleFilled({x - 0.25f * r, y - 0.4f * r}, {x - 0.25f * r, y + 0.4f * r}, {x + 0.45f * r, y},
                                colour);
      }
      break;
    }
    case Icon::kFreeze:
      for (const ImVec2 arm : {ImVec2{0, 1}, ImVec2{0.87f, 0.5f}, ImVec2{0.87f, -0.5f}}) {
        draw->AddLine({x - arm.x * r, y - arm.y * r}, {x + arm.x * r, y + arm.y * r}, colour, std::max(1.0f, bar * 0.7f));
      }
      break;
  }
}

}  // namespace

void WrappingRow::Next(float width) {
  const float right = ImGui::GetWindowPos().x + ImGui::GetWindowContentRegionMax().x;
  const float end = ImGui::GetItemRectMax().x + ImGui::GetStyle().ItemSpacing.x + width;
  if (begun_ && end <= right) ImGui::SameLine();
  begun_ = true;
}

bool TextButton(WrappingRow& row, const char* label, const char* tooltip, bool enabled) {
  row.Next(ImGui::CalcTextSize(label, nullptr, true).x + 2 * ImGui::GetStyle().FramePadding.x);
  ImGui::BeginDisabled(!enabled);
  const bool clicked = ImGui::Button(label);
  ImGui::EndDisabled();
  theme::Tooltip(tooltip);
  return clicked;
}

bool IconButton(WrappingRow& row, const char* id, Icon icon, const char* tooltip, bool enabled, bool pressed) {
  const float size = ImGui::GetFrameHeight();
  row.Next(1.3f * size);
  ImGui::BeginDisabled(!enabled);
  if (pressed) ImGui::PushStyleColor(ImGuiCol_Button, ImGui::GetStyleColorVec4(ImGuiCol_ButtonActive));
  ImGui::PushID(id);
  const bool clicked = ImGui::Button("##icon", {1.3f * size, size});
  ImGui::PopID();
  if (pressed) ImGui::PopStyleColor();
  const ImVec2 low = ImGui::GetItemRectMin(), high = ImGui::GetItemRectMax();
  DrawIcon(ImGui::GetWindowDrawList(), icon, {(low.x + high.x) / 2, (low.y + high.y) / 2}, 0.3f * size,
           ImGui::GetColorU32(ImGuiCol_Text));
  ImGui::EndDisabled();
  theme::Tooltip(tooltip);
  return clicked;
}

}  // namespace reverie::desktop
