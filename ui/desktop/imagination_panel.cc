#include "ui/desktop/imagination_panel.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#define GLFW_INCLUDE_NONE
#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include "ui/desktop/app.h"
#include "ui/desktop/channel_chooser.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/imagination_editor.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/series.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

using What = LineageSeries::What;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kDeviationsOf90 = 1.645f;  // of a normal distribution, to each side
constexpr int kMostCandidates = 100, kMostGhosts = 24, kMostActions = 6;

class ImaginationPanel : public Panel {
 public:
  const char* title() const override { return "Imagination"; }
  void Draw(App& app) override;
  void AddActions(App& app) override;

 private:
  void Prepare(const App& app);
  void DrawControls(App& app);
  void DrawTracedBody(App& app, const ImaginationOptions& options);
  void DrawChannels(App& app);
  void DrawChannel(App& app, int channel);
  void DrawActions(App& app);
  void DrawReward(App& app);
  void DrawCandidates();
  void ShowMembers(App& app, bool show);
  void ChangeHorizon(App& app, int by);
  void FinishPlot(App& app, const SessionSnapshot& now);
  Curve Past(What what, int index) { return series_.Between(past_from_s_, ahead_to_s_, what, index); }

  ImaginationEditor editor_;
  ChannelChooser chooser_{4}, action_chooser_{kMostActions};
  LineageSeries series_;

  // Of the task.
  std::shared_ptr<const CompiledTask> task_;
  int channel_count_ = -1, action_count_ = -1;
  std::vector<std::string> channels_, actions_, bodies_;
  std::string body_search_;

  // Of the plan.
  std::shared_ptr<const ImaginedPlan> plan_;
  PlanFigures figures_;
  std::vector<float> activity_;  // (nu) how much the plan moves each actuator
  std::vector<float> steps_s_;   // (H) seconds since the plan was made, from 1 step on
  int branch_ = -1;              // along which what came is looked at
  double made_s_ = 0, past_from_s_ = 0, ahead_to_s_ = 0;
  std::vector<float> x_, y_, low_, high_;
};

// The element of a row-major (steps, size) array; NaN where the array is shorter than it says.
float ElementOf(const std::vector<float>& values, size_t at) { return at < values.size() ? values[at] : kNaN; }

void ImaginationPanel::Prepare(const App& app) {
  const SessionSnapshot& now = *app.now;
  const int channels = std::max(static_cast<int>(now.channels.size()), now.plan ? now.plan->channel_size : 0);
  const int actions = std::max(static_cast<int>(now.action.size()), now.timeline.sizes.action);
  if (task_ != now.task || channels != channel_count_ || actions != action_count_) {
    if (task_ != now.task) {
      chooser_.Clear();
      action_chooser_.Clear();
      bodies_ = now.task ? now.task->scene().Labels(mjOBJ_BODY) : std::vector<std::string>();
    }
    task_ = now.task;
    channel_count_ = channels;
    action_count_ = actions;
    channels_ = ChannelLabels(now.task.get(), channels);
    actions_ = ActionLabels(now.task.get(), actions);
    plan_ = nullptr;
  }
  if (plan_ != now.plan) {
    plan_ = now.plan;
    figures_ = plan_ ? MeasurePlan(*plan_, now.channel_scale) : PlanFigures{};
    activity_.assign(actions_.size(), 0);
    const size_t count = actions_.size();
    for (size_t i = 0; plan_ && count > 0 && i < plan_->actions.size(); ++i)
      if (std::isfinite(plan_->actions[i])) activity_[i % count] += std::abs(plan_->actions[i]);
  }
  if (!plan_) return;
  const TimelineView& timeline = now.timeline;
  branch_ = OnLineage(timeline, now.now.branch, plan_->from) ? now.now.branch : plan_->from.branch;
  series_.Follow(timeline, branch_);
  const double known = TimeOf(timeline, plan_->from);
  made_s_ = std::isfinite(known) ? known : 0;
  const double ahead_s = plan_->horizon * timeline.control_step_s;
  ahead_to_s_ = made_s_ + ahead_s;
  past_from_s_ = made_s_ - std::max(0.75 * ahead_s, 10 * timeline.control_step_s);
  steps_s_.resize(static_cast<size_t>(std::max(plan_->horizon, 0)));
  for (size_t i = 0; i < steps_s_.size(); ++i)
    steps_s_[i] = static_cast<float>(made_s_ + static_cast<double>(i + 1) * timeline.control_step_s);
}

void ImaginationPanel::Draw(App& app) {
  if (!app.now) {
    Paragraph("Nothing is open.");
    return;
  }
  Prepare(app);
  Paragraph(DescribePlan(*app.now, figures_, channels_));
  DrawControls(app);
  if (!plan_) return;
  if (ImGui::CollapsingHeader("Channels", ImGuiTreeNodeFlags_DefaultOpen)) DrawChannels(app);
  if (ImGui::CollapsingHeader("Actions and reward", ImGuiTreeNodeFlags_DefaultOpen)) {
    DrawActions(app);
    DrawReward(app);
  }
  if (ImGui::CollapsingHeader("Candidates", ImGuiTreeNodeFlags_DefaultOpen)) DrawCandidates();
}

void ImaginationPanel::DrawControls(App& app) {
  ImaginationOptions options = editor_.Current(app);
  const double step_s = app.now->timeline.control_step_s;
  if (ImGui::Checkbox("imagine", &options.enabled))
    editor_.Change(app, [on = options.enabled](ImaginationOptions& o) { o.enabled = on; });
  theme::Tooltip("Switches the drawing of plans on and off. What the agent does stays the same.");
  ImGui::BeginDisabled(!options.enabled);

  const int longest = std::max(app.now->planner.horizon, 1);
  int horizon = options.horizon > 0 ? std::min(options.horizon, longest) : longest;
  const std::string ahead = "%d of " + Steps(longest) + ", " + Number(horizon * step_s) + " s";
  SetControlWidth();
  if (ImGui::SliderInt("horizon", &horizon, 1, longest, ahead.c_str(), ImGuiSliderFlags_AlwaysClamp))
    editor_.Change(app, [=](ImaginationOptions& o) { o.horizon = horizon == longest ? 0 : horizon; });
  theme::Tooltip("How far of the plan is drawn. How far the planner looks is set with the planner.");

  SetControlWidth();
  int candidates = app.overlays.candidates ? options.candidates : 0;
  if (ImGui::SliderInt("candidates", &candidates, 0, kMostCandidates, "%d", ImGuiSliderFlags_AlwaysClamp)) {
    app.overlays.candidates = candidates > 0;
    editor_.Change(app, [candidates](ImaginationOptions& o) { o.candidates = candidates; });
  }
  theme::Tooltip("How many of the rollouts that the planner chose from are drawn as traces, the best first. 0: none.");

  SetControlWidth();
  int ghosts = app.overlays.plan_ghosts ? app.overlays.ghosts : 0;
  if (ImGui::SliderInt("ghosts", &ghosts, 0, kMostGhosts, "%d", ImGuiSliderFlags_AlwaysClamp)) {
    app.overlays.plan_ghosts = ghosts > 0;
    if (ghosts > 0) app.overlays.ghosts = ghosts;
  }
  theme::Tooltip("How many poses along the plan are drawn, translucent, into the scene. 0: none.");

  bool members = options.members && app.overlays.members;
  if (ImGui::Checkbox("members", &members)) ShowMembers(app, members);
  theme::Tooltip("What each member of an ensemble expects: where they fan out, the model does not know.");
  ImGui::SameLine();
  if (ImGui::Checkbox("planning gap", &options.planning_gap))
    editor_.Change(app, [on = options.planning_gap](ImaginationOptions& o) { o.planning_gap = on; });
  theme::Tooltip("Plays each plan in the simulator too, to see what it is really worth.");
  DrawTracedBody(app, options);
  ImGui::EndDisabled();
}

void ImaginationPanel::DrawTracedBody(App& app, const ImaginationOptions& options) {
  const auto name = [this](int body) {
    return body >= 0 && static_cast<size_t>(body) < bodies_.size() ? bodies_[static_cast<size_t>(body)] : "";
  };
  std::string shown = name(options.traced_body);
  if (shown.empty()) {
    shown = plan_ ? name(plan_->traced_body) : "";
    shown = shown.empty() ? "automatic" : "automatic: " + shown;
  }
  SetControlWidth();
  if (ImGui::BeginCombo("traced body", shown.c_str(), ImGuiComboFlags_HeightLarge)) {
    if (ImGui::IsWindowAppearing()) {
      body_search_.clear();
      ImGui::SetKeyboardFocusHere();
    }
    ImGui::SetNextItemWidth(-1);
    ImGui::InputTextWithHint("##search", "search bodies", &body_search_);
    int chosen = options.traced_body;
    if (ImGui::Selectable("automatic", options.traced_body < 0)) chosen = -1;
    std::vector<int> found;
    for (size_t i = 1; i < bodies_.size(); ++i)
      if (Finds(body_search_, bodies_[i])) found.push_back(static_cast<int>(i));
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(found.size()));
    while (clipper.Step()) {
      for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
        const int body = found[static_cast<size_t>(i)];
        ImGui::PushID(body);
        if (ImGui::Selectable("##body", body == options.traced_body)) chosen = body;
        ImGui::SameLine(0, 0);
        ImGui::TextUnformatted(name(body).c_str());
        ImGui::PopID();
      }
    }
    if (chosen != options.traced_body)
      editor_.Change(app, [chosen](ImaginationOptions& o) { o.traced_body = chosen; });
    ImGui::EndCombo();
  }
  theme::Tooltip("The body whose imagined paths are drawn. Automatic: the moving body farthest from the root.");
}

void ImaginationPanel::FinishPlot(App& app, const SessionSnapshot& now) {
  plot::Mark(static_cast<float>(made_s_), "planned");
  if (OnLineage(now.timeline, branch_, now.now)) {
    const double now_s = TimeOf(now.timeline, now.now);
    if (now_s > made_s_ + 0.5 * now.timeline.control_step_s && now_s <= ahead_to_s_)
      plot::Mark(static_cast<float>(now_s), "now");
  }
  GoToTime(app, branch_, plot::Clicked());
  plot::End();
}

void ImaginationPanel::DrawChannels(App& app) {
  chooser_.DrawControls("most uncertain first", channels_);
  const std::vector<float>& score = figures_.disagreement.empty() ? figures_.doubt : figures_.disagreement;
  for (const int channel : chooser_.Choose(channels_, score, ImGui::GetTime())) {
    ImGui::PushID(channel);
    DrawChannel(app, channel);
    ImGui::PopID();
  }
}

void ImaginationPanel::DrawChannel(App& app, int channel) {
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = channels_[static_cast<size_t>(channel)].c_str();
  options.follow = true;
  if (!BeginPlot("imagined", 8, options)) return;
  const SessionSnapshot& now = *app.now;
  const size_t size = static_cast<size_t>(std::max(plan_->channel_size, 0)), c = static_cast<size_t>(channel);
  const size_t horizon = steps_s_.size();

  // Curves begin where the world was when the plan was made.
  const Curve start = series_.Between(made_s_, made_s_, What::kChannel, channel);
  const float start_y = start.y.empty() ? kNaN : start.y.back();
  x_.assign(1, static_cast<float>(made_s_));
  x_.insert(x_.end(), steps_s_.begin(), steps_s_.end());
  const auto fill = [&](const std::vector<float>& values, size_t from) {
    y_.assign(1, start_y);
    for (size_t t = 0; t < horizon; ++t) y_.push_back(c < size ? ElementOf(values, from + t * size + c) : kNaN);
  };
  if (app.overlays.members) {
    for (size_t m = 0; m < static_cast<size_t>(std::max(plan_->members, 0)); ++m) {
      fill(plan_->member_channels, m * horizon * size);
      plot::Line("members", x_, y_, colours::WithAlpha(colours::kMember, 0.4f));
    }
  }
  fill(plan_->channels, 0);
  plot::Line("expected", x_, y_, colours::kPlan);
  if (!plan_->spread.empty() && c < size) {
    low_ = high_ = y_;
    for (size_t t = 0; t < horizon; ++t) {
      const float half = kDeviationsOf90 * ElementOf(plan_->spread, t * size + c);
      low_[t + 1] -= half;
      high_[t + 1] += half;
    }
    plot::Band("expected", x_, low_, high_);
  }
  const Curve real = Past(What::kChannel, channel);
  plot::Line("real", real.x, real.y, colours::kReal);
  FinishPlot(app, now);
}

void ImaginationPanel::DrawActions(App& app) {
  if (actions_.empty()) {
    ImGui::TextDisabled("This scene has no actuators.");
    return;
  }
  const size_t count = actions_.size();
  if (count > static_cast<size_t>(kMostActions)) action_chooser_.DrawControls("most active first", actions_);
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = "action";
  options.follow = true;
  options.y_min = -1.05f;
  options.y_max = 1.05f;
  if (!BeginPlot("actions", 8, options)) return;
  const std::vector<int>& chosen = action_chooser_.Choose(actions_, activity_, ImGui::GetTime());
  for (const int actuator : chosen) {
    const size_t a = static_cast<size_t>(actuator);
    // What was done, then what is planned: an action leads to the time it is drawn at.
    const Curve done = series_.Between(past_from_s_, made_s_, What::kAction, actuator);
    x_.assign(done.x.begin(), done.x.end());
    y_.assign(done.y.begin(), done.y.end());
    x_.insert(x_.end(), steps_s_.begin(), steps_s_.end());
    for (size_t t = 0; t < steps_s_.size(); ++t) y_.push_back(ElementOf(plan_->actions, t * count + a));
    plot::Line(actions_[a].c_str(), x_, y_, plot::Colour(actuator));
  }
  FinishPlot(app, *app.now);
}

void ImaginationPanel::DrawReward(App& app) {
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = "reward of a step";
  options.follow = true;
  if (!BeginPlot("plan reward", 8, options)) return;
  const size_t steps = std::min(steps_s_.size(), plan_->rewards.size());
  // What planners maximise may be another formula than what is earned.
  const bool other = app.now->task && !app.now->task->planning_reward().empty();
  plot::Line(other ? "expected, as planned for" : "expected", std::span(steps_s_).first(steps),
             std::span(plan_->rewards).first(steps), colours::kPlan);
  const Curve real = Past(What::kReward, 0);
  plot::Line("real", real.x, real.y, colours::kReal);
  FinishPlot(app, *app.now);
}

void ImaginationPanel::DrawCandidates() {
  if (plan_->scores.empty()) {
    ImGui::TextDisabled("No candidates are drawn.");
    return;
  }
  plot::Options options;
  options.x_label = "rank";
  options.x_min = 0;
  options.x_max = static_cast<float>(plan_->scores.size() + 1);
  options.y_label = "score";
  options.follow = true;
  if (!BeginPlot("candidates", 8, options)) return;
  y_ = plan_->scores;
  std::stable_sort(y_.begin(), y_.end(), [](float a, float b) { return a > b || (std::isnan(b) && !std::isnan(a)); });
  x_.resize(y_.size());
  std::iota(x_.begin(), x_.end(), 1.0f);
  const size_t elites = static_cast<size_t>(std::clamp(plan_->elites, 0, static_cast<int>(y_.size())));
  plot::Dots("elites", std::span(x_).first(elites), std::span(y_).first(elites), colours::kElite);
  plot::Dots("others", std::span(x_).subspan(elites), std::span(y_).subspan(elites), colours::kCandidate);
  plot::End();
}

void ImaginationPanel::ShowMembers(App& app, bool show) {
  app.overlays.members = show;
  editor_.Change(app, [show](ImaginationOptions& o) { o.members = show; });
}

void ImaginationPanel::ChangeHorizon(App& app, int by) {
  if (!app.now) return;
  const int longest = std::max(app.now->planner.horizon, 1);
  editor_.Change(app, [=](ImaginationOptions& o) {
    const int horizon = std::clamp((o.horizon > 0 ? std::min(o.horizon, longest) : longest) + by, 1, longest);
    o.horizon = horizon == longest ? 0 : horizon;
  });
}

void ImaginationPanel::AddActions(App& app) {
  const std::string menu = "Agent/Imagination";
  const auto open = [](const App& a) { return a.session != nullptr; };
  app.actions.Add({.id = "imagination.toggle",
                   .menu = menu,
                   .title = "Imagine",
                   .shortcut = {.key = GLFW_KEY_I, .alt = true},
                   .run =
                       [this](App& a) {
                         editor_.Change(a, [](ImaginationOptions& o) { o.enabled = !o.enabled; });
                       },
                   .enabled = open,
                   .checked = [](const App& a) { return a.now && a.now->imagination.enabled; },
                   .help = "Imagines each plan for people to look at. What the agent does stays the same."});
  app.actions.Add({.id = "imagination.horizon.longer",
                   .menu = menu,
                   .title = "Draw more of the plan",
                   .shortcut = {.key = GLFW_KEY_RIGHT_BRACKET, .alt = true},
                   .run = [this](App& a) { ChangeHorizon(a, 1); },
                   .enabled = open,
                   .help = "One control step more of the plan is drawn, as far as the planner looks.",
                   .repeats = true});
  app.actions.Add({.id = "imagination.horizon.shorter",
                   .menu = menu,
                   .title = "Draw less of the plan",
                   .shortcut = {.key = GLFW_KEY_LEFT_BRACKET, .alt = true},
                   .run = [this](App& a) { ChangeHorizon(a, -1); },
                   .enabled = open,
                   .help = "One control step less of the plan is drawn.",
                   .repeats = true});
  app.actions.Add({.id = "imagination.candidates",
                   .menu = menu,
                   .title = "Show candidates",
                   .shortcut = {.key = GLFW_KEY_C, .alt = true},
                   .run =
                       [this](App& a) {
                         a.overlays.candidates = !a.overlays.candidates;
                         if (!a.overlays.candidates || editor_.Current(a).candidates > 0) return;
                         const int some = ImaginationOptions{}.candidates;
                         editor_.Change(a, [some](ImaginationOptions& o) { o.candidates = some; });
                       },
                   .checked = [](const App& a) { return a.overlays.candidates; },
                   .help = "Rollouts that the planner chose from, as traces in the scene; the best are brighter."});
  app.actions.Add({.id = "imagination.members",
                   .menu = menu,
                   .title = "Show members",
                   .shortcut = {.key = GLFW_KEY_M, .alt = true},
                   .run = [this](App& a) { ShowMembers(a, !a.overlays.members); },
                   .checked = [](const App& a) { return a.overlays.members; },
                   .help = "What each member of an ensemble expects: where they fan out, the model does not know."});
  app.actions.Add({.id = "imagination.ghosts",
                   .menu = menu,
                   .title = "Show ghosts of the plan",
                   .shortcut = {.key = GLFW_KEY_G, .alt = true},
                   .run = [](App& a) { a.overlays.plan_ghosts = !a.overlays.plan_ghosts; },
                   .checked = [](const App& a) { return a.overlays.plan_ghosts; },
                   .help = "Poses along the plan, translucent, in the scene."});
}

}  // namespace

std::unique_ptr<Panel> MakeImaginationPanel() { return std::make_unique<ImaginationPanel>(); }

}  // namespace reverie::desktop
