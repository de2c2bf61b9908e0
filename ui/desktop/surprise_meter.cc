#include "ui/desktop/surprise_meter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <imgui.h>

#include "ui/desktop/app.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

void DrawGauge(float surprise, double threshold, float low, float high, bool of_pictures) {
  const float em = ImGui::GetFontSize();
  const ImVec2 size(std::max(ImGui::GetContentRegionAvail().x, 1.0f), em * 0.7f);
  const ImVec2 at = ImGui::GetCursorScreenPos();
  ImGui::Dummy(size);
  const std::string what =
      of_pictures ? "How far the last picture was from the one predicted, over how far off the model expected to be. "
                  : "How unlikely the model thought the last step: its negative log-likelihood, mean over channels, in nats. ";
  theme::Tooltip((what + "The mark is the threshold, which 99 of 100 recent steps stayed below.").c_str());
  if (size.x < em) return;
  ImDrawList& draw = *ImGui::GetWindowDrawList();
  const ImVec2 end(at.x + size.x, at.y + size.y);
  const float rounding = em * 0.2f;
  draw.AddRectFilled(at, end, ImGui::GetColorU32(ImGuiCol_FrameBg), rounding);
  const auto place = [&](double value) {
    const double share = high > low ? (value - low) / (static_cast<double>(high) - low) : 0.0;
    return at.x + size.x * static_cast<float>(std::clamp(share, 0.0, 1.0));
  };
  if (std::isfinite(surprise)) {
    const bool unusual = threshold != 0 && surprise > threshold;
    draw.AddRectFilled(at, ImVec2(std::max(place(surprise), at.x + 2), end.y),
                       ImGui::GetColorU32(unusual ? colours::kSurprise : colours::kReal), rounding);
  }
  if (threshold != 0 && std::isfinite(threshold)) {
    const float x = place(threshold);
    draw.AddLine(ImVec2(x, at.y - em * 0.1f), ImVec2(x, end.y + em * 0.1f), ImGui::GetColorU32(ImGuiCol_Text),
                 em * 0.12f);
  }
}

}  // namespace

float SurpriseAt(LineageSeries& series, double time_s) {
  const Curve curve = series.Get(Judged::kSurprise);
  const float until = static_cast<float>(time_s + 1e-3 * series.step_s());
  size_t i = static_cast<size_t>(std::upper_bound(curve.x.begin(), curve.x.end(), until) - curve.x.begin());
  // Judging lags by a few steps; what is older than that says nothing about now.
  for (size_t steps = 0; i > 0 && steps < 100; ++steps) {
    --i;
    if (std::isfinite(curve.y[i])) return curve.y[i];
  }
  return std::numeric_limits<float>::quiet_NaN();
}

std::string DescribeSurprise(float surprise, double threshold) {
  if (!std::isfinite(surprise)) return "Surprise: no step has been judged yet.";
  if (threshold == 0 || !std::isfinite(threshold))
    return "Surprise " + Number(surprise) + "; what is usual is being learned.";
  if (surprise > threshold) return "Surprise " + Number(surprise) + ": more than is usual (" + Number(threshold) + ").";
  return "Surprise " + Number(surprise) + ", as is usual (up to " + Number(threshold) + ").";
}

void DrawSurpriseMeter(App& app, LineageSeries& series, int branch, double from_s, double to_s, double now_s) {
  const double threshold = app.now ? app.now->surprise_threshold : 0;
  const bool of_pictures = app.now && app.now->plans_to_pictures;
  const float surprise = SurpriseAt(series, now_s);
  Paragraph(DescribeSurprise(surprise, threshold));
  const Curve history = series.Between(from_s, to_s, LineageSeries::What::kJudged, static_cast<int>(Judged::kSurprise));
  float low = std::numeric_limits<float>::max(), high = std::numeric_limits<float>::lowest();
  for (const float value : history.y) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  if (threshold != 0 && std::isfinite(threshold)) {
    low = std::min(low, static_cast<float>(threshold));
    high = std::max(high, static_cast<float>(threshold));
  }
  const bool known = low <= high;
  const float margin = known ? std::max(0.1f * (high - low), 1e-6f) : 0;
  DrawGauge(surprise, threshold, known ? low - margin : 0, known ? high + margin : 1, of_pictures);
  if (!known) return;

  plot::Options options;
  options.y_label = of_pictures ? "surprise (of what is expected)" : "surprise (nats per channel)";
  options.legend = false;
  options.follow = true;
  if (!BeginPlot("surprise", 4.5f, options)) return;
  plot::Line("surprise", history.x, history.y, colours::kReal);
  if (threshold != 0 && std::isfinite(threshold) && !history.x.empty()) {
    const std::array x = {history.x.front(), history.x.back()};
    const std::array y = {static_cast<float>(threshold), static_cast<float>(threshold)};
    plot::Line("threshold", x, y, colours::kSurprise);
  }
  plot::Mark(static_cast<float>(now_s), "now");
  GoToTime(app, branch, plot::Clicked());
  plot::End();
}

}  // namespace reverie::desktop
