#include "ui/desktop/reward_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include <imgui.h>

#include "ui/desktop/app.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/surprise_meter.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

using What = LineageSeries::What;

// The last value known up to now; plans are not made at every step in real time.
float LastKnown(LineageSeries& series, Judged what, double now_s) {
  const Curve curve = series.Between(now_s - 50 * series.step_s(), now_s, What::kJudged, static_cast<int>(what));
  for (size_t i = curve.y.size(); i-- > 0;)
    if (std::isfinite(curve.y[i])) return curve.y[i];
  return NAN;
}

struct Points {
  std::vector<float> x, y;
};

// In real time a plan is made every few steps only: what lies less than a second apart is one curve.
Curve Joined(Curve curve, Points& points) {
  points.x.clear();
  points.y.clear();
  for (size_t i = 0; i < curve.x.size(); ++i) {
    if (!std::isfinite(curve.y[i])) continue;
    if (!points.x.empty() && curve.x[i] - points.x.back() > 1) {
      points.x.push_back(points.x.back());
      points.y.push_back(NAN);
    }
    points.x.push_back(curve.x[i]);
    points.y.push_back(curve.y[i]);
  }
  return {points.x, points.y};
}

constexpr double kWidths_s[] = {2, 5, 10, 30, 60, 0};
constexpr const char* kWidthNames[] = {"2 s", "5 s", "10 s", "30 s", "1 min", "whole episode"};

class RewardPanel : public Panel {
 public:
  const char* title() const override { return "Reward"; }
  void Draw(App& app) override;

 private:
  void DrawReward(App& app, double now_s);
  void DrawTerms(App& app, double now_s);
  void DrawReturn(App& app, double now_s);
  void DrawPromised(App& app, double now_s);
  plot::Options PlotOptions(const char* y_label) const;
  Curve In(What what, int index = 0) { return series_.Between(window_.from, window_.to, what, index); }
  Curve In(Judged what) { return In(What::kJudged, static_cast<int>(what)); }

  LineageSeries series_;
  TimeWindow window_;
  int branch_ = -1;
  int width_ = 2;
  std::vector<float> returns_;
  std::array<Points, 3> joined_;
};

plot::Options RewardPanel::PlotOptions(const char* y_label) const {
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = y_label;
  options.follow = true;
  return options;
}

void RewardPanel::Draw(App& app) {
  if (!app.now) {
    Paragraph("Nothing is open.");
    return;
  }
  const SessionSnapshot& now = *app.now;
  const int branch_before = std::exchange(branch_, now.now.branch);
  series_.Follow(now.timeline, branch_);
  if (series_.empty()) {
    Paragraph("Nothing has happened yet.");
    return;
  }
  const double now_s = TimeOf(now.timeline, now.now);
  Paragraph(DescribeReward(now, series_, now_s));
  ImGui::SetNextItemWidth(ImGui::GetFontSize() * 9);
  bool move = ImGui::Combo("##width", &width_, kWidthNames, static_cast<int>(std::size(kWidthNames)));
  theme::Tooltip("How much of the time up to now is plotted. A click in a plot goes to that time.");
  width_ = std::clamp(width_, 0, static_cast<int>(std::size(kWidths_s)) - 1);
  // While a person goes about in the past the window stands still, so that one click does not move the next.
  move |= branch_before != branch_ || now.at_end_of_branch || !(now_s >= window_.from && now_s <= window_.to);
  if (move) window_ = WindowAround(series_, now_s, kWidths_s[width_]);

  DrawSurpriseMeter(app, series_, branch_, window_.from, window_.to, now_s);
  DrawReward(app, now_s);
  DrawTerms(app, now_s);
  DrawReturn(app, now_s);
  DrawPromised(app, now_s);
}

void RewardPanel::DrawReward(App& app, double now_s) {
  if (!BeginPlot("reward", 9, PlotOptions("reward of a step"))) return;
  const Curve real = In(What::kReward), predicted = In(Judged::kPredictedReward);
  plot::Line("real", real.x, real.y, colours::kReal);
  // Models are asked for what planners maximise, which may be another formula than what is earned.
  const bool other = app.now->task && !app.now->task->planning_reward().empty();
  plot::Line(other ? "predicted, as planned for" : "predicted", predicted.x, predicted.y, colours::kPredicted);
  plot::Mark(static_cast<float>(now_s), "now");
  GoToTime(app, branch_, plot::Clicked());
  plot::End();
}

void RewardPanel::DrawTerms(App& app, double now_s) {
  const std::vector<std::string>& terms = app.now->reward_terms;
  const int count = std::min(static_cast<int>(terms.size()), app.now->timeline.sizes.reward_terms);
  if (count < 1) return;
  if (!BeginPlot("reward terms", 9, PlotOptions("terms of the reward"))) return;
  for (int i = 0; i < count; ++i) {
    const Curve term = In(What::kRewardTerm, i);
    plot::Line(terms[static_cast<size_t>(i)].c_str(), term.x, term.y, plot::Colour(i));
  }
  plot::Mark(static_cast<float>(now_s), "now");
  GoToTime(app, branch_, plot::Clicked());
  plot::End();
}

void RewardPanel::DrawReturn(App& app, double now_s) {
  if (!BeginPlot("return", 7, PlotOptions("return so far"))) return;
  Curve so_far = In(What::kReturn);
  if (!series_.complete()) {
    // The beginning is not kept: what the session has summed up tells how much is missing.
    const Curve here = series_.Between(now_s, now_s, What::kReturn);
    const float missing = here.y.empty() ? NAN : static_cast<float>(app.now->episode_return) - here.y.back();
    returns_.assign(so_far.y.begin(), so_far.y.end());
    for (float& value : returns_) value += missing;
    so_far.y = returns_;
  }
  plot::Line("return so far", so_far.x, so_far.y, colours::kReal);
  plot::Mark(static_cast<float>(now_s), "now");
  GoToTime(app, branch_, plot::Clicked());
  plot::End();
}

void RewardPanel::DrawPromised(App& app, double now_s) {
  const Curve planned = Joined(In(Judged::kPlannedReturn), joined_[0]);
  const Curve model = Joined(In(Judged::kReturnInModel), joined_[1]);
  const Curve simulator = Joined(In(Judged::kReturnInSimulator), joined_[2]);
  if (planned.x.empty() && model.x.empty() && simulator.x.empty()) return;
  ImGui::TextDisabled("What plans promise");
  theme::Tooltip("What each plan was expected to earn over its horizon: by the planner, by the model, and when the same "
          "actions are played in the simulator. The difference between the last two is the planning gap.");
  if (!BeginPlot("promised", 9, PlotOptions("return of the plan"))) return;
  plot::Line("planned", planned.x, planned.y, colours::kPlan);
  plot::Line("in the model", model.x, model.y, colours::kPredicted);
  plot::Line("in the simulator", simulator.x, simulator.y, colours::kReal);
  plot::Mark(static_cast<float>(now_s), "now");
  GoToTime(app, branch_, plot::Clicked());
  plot::End();
}

}  // namespace

TimeWindow WindowAround(const LineageSeries& series, double now_s, double width_s) {
  const double first = static_cast<double>(series.first_step()) * series.step_s();
  const double last = static_cast<double>(std::max(series.end_step() - 1, series.first_step())) * series.step_s();
  if (!(width_s > 0)) return {first, last};
  const double now = std::isfinite(now_s) ? std::clamp(now_s, first, last) : last;
  const double to = std::min(now + 0.25 * width_s, last);
  return {std::max(to - width_s, first), to};
}

std::string DescribeReward(const SessionSnapshot& now, LineageSeries& series, double now_s) {
  std::string text = "Reward " + Number(now.reward) + " now, return " + Number(now.episode_return) + " after " +
                     Number(now_s) + " s.";
  if (now.task && now.task->reward().empty()) text = "This task gives no reward; " + Number(now_s) + " s have passed.";
  const float model = LastKnown(series, Judged::kReturnInModel, now_s);
  const float simulator = LastKnown(series, Judged::kReturnInSimulator, now_s);
  const float planned = LastKnown(series, Judged::kPlannedReturn, now_s);
  if (std::isfinite(model) && std::isfinite(simulator)) {
    text += " The plan promises " + Number(model) + " in the model and " + Number(simulator) +
            " in the simulator: a planning gap of " + Number(model - simulator) + ".";
  } else if (std::isfinite(planned)) {
    text += " The plan promises " + Number(planned) + ".";
  }
  return text;
}

std::unique_ptr<Panel> MakeRewardPanel() { return std::make_unique<RewardPanel>(); }

}  // namespace reverie::desktop
