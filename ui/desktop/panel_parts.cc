#include "ui/desktop/panel_parts.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numbers>

#include <imgui.h>

namespace reverie::desktop {

namespace {

std::vector<std::string> Completed(std::vector<std::string> labels, int count, const char* kind) {
  const size_t known = labels.size();
  labels.resize(static_cast<size_t>(std::max(count, 0)));
  for (size_t i = known; i < labels.size(); ++i) labels[i] = std::string(kind) + " " + std::to_string(i);
  return labels;
}

}  // namespace

std::vector<std::string> ChannelLabels(const CompiledTask* task, int count) {
  std::vector<std::string> labels;
  if (task) {
    labels = task->ObservationLabels();
    for (std::string& signal : task->SignalLabels()) labels.push_back(std::move(signal));
  }
  return Completed(std::move(labels), count, "channel");
}

std::vector<std::string> ActionLabels(const CompiledTask* task, int count) {
  return Completed(task ? task->ActionLabels() : std::vector<std::string>(), count, "actuator");
}

std::string Number(double value) {
  if (!std::isfinite(value)) return "unknown";
  char text[64];
  const double size = std::abs(value);
  std::snprintf(text, sizeof text, size >= 999.5 && size < 1e7 ? "%.0f" : "%.3g", value);
  return text;
}

std::string Steps(int64_t count) { return std::to_string(count) + (count == 1 ? " step" : " steps"); }

bool Finds(std::string_view search, std::string_view text) {
  const auto same = [](char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) == std::tolower(static_cast<unsigned char>(b));
  };
  while (!search.empty()) {
    const size_t end = std::min(search.find(' '), search.size());
    const std::string_view word = search.substr(0, end);
    if (std::search(text.begin(), text.end(), word.begin(), word.end(), same) == text.end() && !word.empty())
      return false;
    search.remove_prefix(std::min(end + 1, search.size()));
  }
  return true;
}

bool BeginPlot(const char* id, float height_lines, plot::Options options) {
  const ImVec2 size(-1, height_lines * ImGui::GetTextLineHeight());
  if (!ImGui::IsRectVisible(ImVec2(std::max(ImGui::GetContentRegionAvail().x, 1.0f), size.y))) {
    ImGui::Dummy(ImVec2(1, size.y));
    return false;
  }
  options.size = size;
  return plot::Begin(id, options);
}

void SetControlWidth() {
  const float em = ImGui::GetFontSize();
  ImGui::SetNextItemWidth(std::clamp(ImGui::GetContentRegionAvail().x - em * 6.5f, em, em * 18));
}

void Paragraph(const std::string& text) {
  ImGui::PushTextWrapPos(0);
  ImGui::TextUnformatted(text.data(), text.data() + text.size());
  ImGui::PopTextWrapPos();
}

double InDeviations(double predicted, double real, double scale, bool angle) {
  if (!(scale > 0)) return std::numeric_limits<double>::quiet_NaN();
  double difference = predicted - real;
  if (angle) difference = std::remainder(difference, 2 * std::numbers::pi);
  return difference / scale;
}

}  // namespace reverie::desktop
