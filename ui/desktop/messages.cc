#include "ui/desktop/messages.h"

#include <imgui.h>

#include <algorithm>

#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

constexpr double kShownS = 6, kFadeS = 0.6;
constexpr size_t kShownAtOnce = 5, kKept = 500;

void Add(std::vector<Messages::Line>& lines, const std::string& text, bool error) {
  if (text.empty()) return;
  for (Messages::Line& line : lines) {
    const bool last = &line == &lines.back();
    if (line.text != text || line.error != error || (!last && line.dismissed)) continue;
    if (!last && !line.error) continue;
    ++line.repeated;
    line.since_s = -1;
    line.dismissed = false;
    return;
  }
  lines.push_back({.text = text, .error = error});
  if (lines.size() > kKept) lines.erase(lines.begin());
}

}  // namespace

void Messages::Say(const std::string& text) {
  Add(lines_, text, false);
}

void Messages::Error(const std::string& text) {
  Add(lines_, text, true);
}

bool Messages::fresh() const {
  return std::any_of(lines_.begin(), lines_.end(), [](const Line& line) { return !line.dismissed && !line.error; });
}

void Messages::DismissAll() {
  for (Line& line : lines_) line.dismissed = true;
}

void Messages::Draw(double now_s) {
  std::vector<size_t> shown;
  for (size_t i = 0; i < lines_.size(); ++i) {
    Line& line = lines_[i];
    if (line.dismissed) continue;
    if (line.since_s < 0) line.since_s = now_s;
    if (!line.error && now_s - line.since_s > kShownS) {
      line.dismissed = true;
      continue;
    }
    shown.push_back(i);
  }
  const size_t more = shown.size() > kShownAtOnce ? shown.size() - kShownAtOnce : 0;
  shown.erase(shown.begin(), shown.begin() + static_cast<std::ptrdiff_t>(more));

  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  const float em = ImGui::GetFontSize(), width = std::min(30 * em, viewport.WorkSize.x - 2 * em);
  if (width < 4 * em) return;
  const float right = viewport.WorkPos.x + viewport.WorkSize.x - em;
  float bottom = viewport.WorkPos.y + viewport.WorkSize.y - 2.2f * em;
  const theme::Palette& palette = theme::Colours();
  for (size_t k = shown.size(); k-- > 0 && bottom > viewport.WorkPos.y;) {
    Line& line = lines_[shown[k]];
    float alpha = 1;
    if (!line.error) alpha = static_cast<float>(std::clamp((line.since_s + kShownS - now_s) / kFadeS, 0.0, 1.0));
    ImGui::SetNextWindowPos({right, bottom}, ImGuiCond_Always, {1, 1});
    ImGui::SetNextWindowSize({width, 0});
    ImGui::PushStyleVar(ImGuiStyleVar_Alpha, std::max(alpha, 0.05f));
    ImGui::PushStyleVar(ImGuiStyleVar_WindowRounding, em / 3);
    ImGui::PushStyleVar(ImGuiStyleVar_WindowPadding, {0.9f * em, 0.6f * em});
    ImGui::PushStyleVar(ImGuiStyleVar_WindowBorderSize, 1);
    ImGui::PushStyleColor(ImGuiCol_WindowBg, palette.popup);
    ImGui::PushStyleColor(ImGuiCol_Border, line.error ? palette.bad : palette.line);
    const std::string name = "##message" + std::to_string(k);
    ImGui::Begin(name.c_str(), nullptr,
                 ImGuiWindowFlags_NoDecoration | ImGuiWindowFlags_NoMove | ImGuiWindowFlags_NoSavedSettings |
                     ImGuiWindowFlags_NoFocusOnAppearing | ImGuiWindowFlags_NoNav | ImGuiWindowFlags_AlwaysAutoResize);
    const ImVec2 top = ImGui::GetWindowPos();
    ImGui::GetWindowDrawList()->AddRectFilled(top, {top.x + em / 4, top.y + ImGui::GetWindowHeight()},
                                              ImGui::GetColorU32(line.error ? palette.bad : palette.accent), em / 3,
                                              ImDrawFlags_RoundCornersLeft);
    std::string text = line.text;
    if (line.repeated > 1) text += "  (" + std::to_string(line.repeated) + " times)";
    const float close = 1.6f * em;
    ImGui::PushTextWrapPos(std::max(em, ImGui::GetContentRegionMax().x - close));
    ImGui::TextUnformatted(text.c_str(), text.c_str() + text.size());
    ImGui::PopTextWrapPos();
    ImGui::SetCursorPos({ImGui::GetWindowWidth() - close - em / 4, em / 3});
    if (theme::CloseButton("##dismiss", close)) line.dismissed = true;
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("Dismiss; the log keeps it");
    bottom -= ImGui::GetWindowHeight() + em / 2;
    ImGui::End();
    ImGui::PopStyleColor(2);
    ImGui::PopStyleVar(4);
  }
  if (more > 0) {
    const std::string text = std::to_string(more) + " more in the log";
    ImGui::GetForegroundDrawList()->AddText({right - ImGui::CalcTextSize(text.c_str()).x, bottom - em},
                                            ImGui::GetColorU32(palette.dim), text.c_str());
  }
}

}  // namespace reverie::desktop
