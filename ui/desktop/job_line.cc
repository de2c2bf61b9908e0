#include "ui/desktop/job_line.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

#include <imgui.h>

#include "ui/desktop/panel_parts.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

std::string DurationText(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "unknown";
  char text[48];
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole < 60) {
    std::snprintf(text, sizeof text, "%lld s", whole);
  } else if (whole < 3600) {
    std::snprintf(text, sizeof text, "%lld min %02lld s", whole / 60, whole % 60);
  } else {
    std::snprintf(text, sizeof text, "%lld h %02lld min", whole / 3600, whole / 60 % 60);
  }
  return text;
}

void ProblemLine(const std::string& text) {
  ImGui::PushStyleColor(ImGuiCol_Text, theme::Colours().bad);
  Paragraph(text);
  ImGui::PopStyleColor();
}

void JobRate::Update(const JobStatus& status, int64_t first_done, int64_t total) {
  using Clock = std::chrono::steady_clock;
  const double now_s = std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
  if (at_s_ >= 0 && !status.paused && !status.finished) active_s_ += now_s - at_s_;
  at_s_ = now_s;
  const int64_t done = status.done - std::max<int64_t>(first_done, 0);
  if (done <= 0 || active_s_ <= 0 || status.finished) return;
  per_s_ = static_cast<double>(done) / active_s_;
  const int64_t all = status.total > 0 ? status.total : total;
  remaining_s_ = static_cast<double>(std::max<int64_t>(all - status.done, 0)) / per_s_;
}

void JobLines(const JobStatus& status, const JobRate& rate, int64_t total) {
  const int64_t all = status.total > 0 ? status.total : total;
  const double share = all > 0 ? static_cast<double>(status.done) / static_cast<double>(all) : 0.0;
  std::string bar = std::to_string(status.done);
  if (all > 0) bar += " of " + std::to_string(all);
  bar += " " + status.unit;
  ImGui::ProgressBar(static_cast<float>(std::clamp(share, 0.0, 1.0)), ImVec2(-1, 1.3f * ImGui::GetFontSize()), bar.c_str());
  std::string line = "beginning";
  if (rate.per_s() > 0) {
    line = Number(rate.per_s()) + " " + status.unit + "/s";
    if (!status.paused && all > 0) line += ", about " + DurationText(rate.remaining_s()) + " left";
  }
  if (!status.note.empty()) line += ", " + status.note;
  Paragraph(line);
}

}  // namespace reverie::desktop
