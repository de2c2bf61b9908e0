#include "ui/desktop/channel_chooser.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <imgui.h>
#include <imgui_stdlib.h>

#include "ui/desktop/panel_parts.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

constexpr double kOrderKept_s = 2;
constexpr int kMostPlots = 16;

}  // namespace

void ChannelChooser::DrawControls(const char* first, std::span<const std::string> labels) {
  ImGui::PushID(this);
  const float em = ImGui::GetFontSize();
  ImGui::SetNextItemWidth(em * 9);
  ImGui::InputTextWithHint("##search", "search channels", &search);
  theme::Tooltip("Plots only the channels whose name has these words.");
  const bool wide = ImGui::GetContentRegionAvail().x > em * 26;
  if (wide) ImGui::SameLine();
  ImGui::SetNextItemWidth(em * 5);
  ImGui::SliderInt("plots", &count_, 1, kMostPlots, "%d", ImGuiSliderFlags_AlwaysClamp);
  theme::Tooltip("How many channels are plotted at most.");
  if (wide) ImGui::SameLine();
  ImGui::Checkbox(first, &by_score_);
  theme::Tooltip("Otherwise in the order of the task. The order is looked at again every two seconds.");
  if (!pins_.empty()) {
    if (wide) ImGui::SameLine();
    if (ImGui::SmallButton("unpin")) pins_.clear();
    theme::Tooltip("Channels that were pinned in the table are plotted whatever their place in the order.");
  }
  ImGui::TextDisabled("%d of %d channels", static_cast<int>(chosen_.size()), static_cast<int>(labels.size()));
  ImGui::PopID();
}

const std::vector<int>& ChannelChooser::Choose(std::span<const std::string> labels, std::span<const float> score,
                                               double now_s) {
  const bool stale = now_s - ordered_at_s_ >= kOrderKept_s || now_s < ordered_at_s_;
  if (labels.size() != ordered_labels_ || by_score_ != ordered_by_score_ || had_scores_ != !score.empty() ||
      (stale && by_score_)) {
    order_.resize(labels.size());
    std::iota(order_.begin(), order_.end(), 0);
    if (by_score_) {
      const auto rank = [score](int channel) {
        const size_t i = static_cast<size_t>(channel);
        return i < score.size() && !std::isnan(score[i]) ? score[i] : -INFINITY;
      };
      std::stable_sort(order_.begin(), order_.end(), [&](int a, int b) { return rank(a) > rank(b); });
    }
    ordered_at_s_ = now_s;
    ordered_labels_ = labels.size();
    ordered_by_score_ = by_score_;
    had_scores_ = !score.empty();
  }
  chosen_.clear();
  const auto take = [&](int channel) {
    if (static_cast<int>(chosen_.size()) >= count_ || static_cast<size_t>(channel) >= labels.size()) return;
    if (!Finds(search, labels[static_cast<size_t>(channel)])) return;
    chosen_.push_back(channel);
  };
  for (int channel : pins_) take(channel);
  for (int channel : order_)
    if (!pinned(channel)) take(channel);
  return chosen_;
}

bool ChannelChooser::pinned(int channel) const {
  return std::find(pins_.begin(), pins_.end(), channel) != pins_.end();
}

void ChannelChooser::TogglePin(int channel) {
  if (std::erase(pins_, channel) == 0) pins_.push_back(channel);
}

void ChannelChooser::Clear() {
  pins_.clear();
  order_.clear();
  chosen_.clear();
  ordered_labels_ = 0;
  search.clear();
}

}  // namespace reverie::desktop
