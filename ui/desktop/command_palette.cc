// The command palette: every action by a few of its letters.
#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

#include "ui/desktop/app.h"

namespace reverie::desktop {
namespace {

constexpr char kPopup[] = "##palette";

char Lower(char c) {
  return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
}

bool StartsWord(std::string_view text, size_t i) {
  return i == 0 || !std::isalnum(static_cast<unsigned char>(text[i - 1]));
}

std::string Label(const Action& action) {
  std::string label;
  for (const char c : action.menu) label += c == '/' ? std::string(": ") : std::string(1, c);
  return label.empty() ? action.title : label + ": " + action.title;
}

struct Match {
  const Action* action;
  std::string label;
  int score;
};

std::vector<Match> Matches(const std::vector<Action>& actions, const std::string& text) {
  std::vector<Match> matches;
  for (const Action& action : actions) {
    if (!action.run) continue;
    std::string label = Label(action);
    const std::optional<int> in_label = FuzzyScore(text, label), in_title = FuzzyScore(text, action.title);
    if (!in_label && !in_title) continue;
    // Letters of the title itself say more than those of the menu it is in.
    const int score = std::max(in_label.value_or(-1000), in_title ? *in_title + 4 : -1000);
    matches.push_back({&action, std::move(label), score});
  }
  std::stable_sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) { return a.score > b.score; });
  return matches;
}

}  // namespace

std::optional<int> FuzzyScore(std::string_view pattern, std::string_view text) {
  constexpr int kNone = -1'000'000, kStartOfWord = 8, kNeighbour = 6, kFarthest = 4;
  const size_t n = text.size();
  // best[i]: of the letters so far, the last of them at i.
  std::vector<int> best(n), next(n);
  bool first = true;
  for (const char wanted : pattern) {
    if (wanted == ' ') continue;
    int far = kNone;  // the best that is farther away than the cost grows
    for (size_t i = 0; i < n; ++i) {
      next[i] = kNone;
      if (!first && i >= kFarthest) far = std::max(far, best[i - kFarthest]);
      if (Lower(text[i]) != Lower(wanted)) continue;
      int before = first ? 0 : far - kFarthest;
      for (size_t gap = 1; !first && gap < kFarthest && gap <= i; ++gap) {
        before = std::max(before, best[i - gap] + (gap == 1 ? kNeighbour : -static_cast<int>(gap)));
      }
      if (before > kNone / 2) next[i] = before + (StartsWord(text, i) ? kStartOfWord : 0);
    }
    best.swap(next);
    first = false;
  }
  if (first) return 0;
  const int score = n == 0 ? kNone : *std::max_element(best.begin(), best.end());
  if (score <= kNone / 2) return std::nullopt;
  return score - static_cast<int>(n) / 16;
}

void ActionList::OpenPalette() {
  palette_opening_ = true;
}

void ActionList::DrawPalette(App& app) {
  if (palette_opening_) {
    ImGui::OpenPopup(kPopup);
    palette_text_.clear();
    palette_chosen_ = 0;
  }
  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  const float em = ImGui::GetFontSize();
  const float width = std::max(1.0f, std::min(34 * em, viewport.WorkSize.x - em));
  ImGui::SetNextWindowPos({viewport.WorkPos.x + (viewport.WorkSize.x - width) / 2, viewport.WorkPos.y + 2 * em});
  ImGui::SetNextWindowSize({width, 0});
  if (!ImGui::BeginPopup(kPopup, ImGuiWindowFlags_NoMove)) {
    palette_opening_ = false;
    return;
  }
  if (palette_opening_) ImGui::SetKeyboardFocusHere();
  palette_opening_ = false;
  ImGui::SetNextItemWidth(-1);
  if (ImGui::InputTextWithHint("##filter", "Type what you want to do", &palette_text_)) palette_chosen_ = 0;

  const std::vector<Match> matches = Matches(actions_, palette_text_);
  const int count = static_cast<int>(matches.size());
  bool moved = false;
  const auto move = [&](int by) {
    palette_chosen_ += by;
    moved = true;
  };
  if (ImGui::IsKeyPressed(GLFW_KEY_DOWN)) move(1);
  if (ImGui::IsKeyPressed(GLFW_KEY_UP)) move(-1);
  if (ImGui::IsKeyPressed(GLFW_KEY_PAGE_DOWN)) move(8);
  if (ImGui::IsKeyPressed(GLFW_KEY_PAGE_UP)) move(-8);
  palette_chosen_ = std::clamp(palette_chosen_, 0, std::max(0, count - 1));

  const Action* run = nullptr;
  if (ImGui::IsKeyPressed(GLFW_KEY_ENTER, false) || ImGui::IsKeyPressed(GLFW_KEY_KP_ENTER, false)) {
    if (count > 0) run = matches[static_cast<size_t>(palette_chosen_)].action;
  }
  if (ImGui::IsKeyPressed(GLFW_KEY_ESCAPE, false)) ImGui::CloseCurrentPopup();

  const float row = ImGui::GetTextLineHeightWithSpacing();
  const float height = std::min(row * 14, std::max(row, viewport.WorkSize.y - 8 * em));
  if (ImGui::BeginChild("##matches", {0, std::min(height, row * static_cast<float>(std::max(count, 1)) + em / 2)})) {
    if (count == 0) ImGui::TextDisabled("Nothing is called that");
    for (int i = 0; i < count; ++i) {
      const Match& match = matches[static_cast<size_t>(i)];
      const bool enabled = !match.action->enabled || match.action->enabled(app);
      ImGui::PushID(match.action->id.c_str());
      ImGui::BeginDisabled(!enabled);
      const float left = ImGui::GetCursorPosX();
      if (ImGui::Selectable("##run", i == palette_chosen_)) run = match.action;
      if (moved && i == palette_chosen_) ImGui::SetScrollHereY(0.5f);
      ImGui::SameLine(left + em / 4);
      ImGui::TextUnformatted(match.label.c_str());
      const std::string keys = match.action->shortcut.Text();
      if (!keys.empty()) {
        ImGui::SameLine(std::max(left, ImGui::GetContentRegionMax().x - ImGui::CalcTextSize(keys.c_str()).x - em / 2));
        ImGui::TextDisabled("%s", keys.c_str());
      }
      ImGui::EndDisabled();
      ImGui::PopID();
    }
  }
  ImGui::EndChild();
  if (run != nullptr) ImGui::CloseCurrentPopup();
  ImGui::EndPopup();
  if (run != nullptr && (!run->enabled || run->enabled(app))) {
    const auto act = run->run;  // a copy: it may change the list
    act(app);
  }
}

}  // namespace reverie::desktop
