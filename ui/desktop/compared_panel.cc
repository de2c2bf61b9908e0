#include "ui/desktop/compared_panel.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>

#include <imgui.h>

#include "ui/desktop/app.h"
#include "ui/desktop/channel_chooser.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/horizon_errors.h"
#include "ui/desktop/imagination_editor.h"
#include "ui/desktop/imagined_strip.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/series.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

using What = LineageSeries::What;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kDeviationsOf90 = 1.645f;
const std::vector<bool> kNoAngles;

// A model's folder by its own name.
std::string ModelTitle(const std::string& model) {
  const std::filesystem::path path(model);
  const std::string name = path.filename().string();
  return name.empty() ? path.parent_path().filename().string() : name;
}

class ComparedPanel : public Panel {
 public:
  const char* title() const override { return "Predicted and real"; }
  void Update(App& app) override;
  void Draw(App& app) override;

 private:
  void Prepare(const App& app);
  void DrawControls(App& app);
  void DrawError(App& app);
  void DrawChannels(App& app);
  void DrawChannel(App& app, int channel);
  void DrawTable(double step_s);
  void DrawHorizons(App& app);
  void FinishPlot(App& app);

  ImaginationEditor editor_;
  ChannelChooser chooser_{3};
  LineageSeries series_;
  HorizonErrors horizons_;
  ImaginedStrip strip_{"compared film"};
  std::shared_ptr<const PredictedVersusReal> counted_;  // the last that horizons_ has

  std::shared_ptr<const CompiledTask> task_;
  std::vector<std::string> labels_;

  std::shared_ptr<const PredictedVersusReal> compared_;
  double tolerance_ = -1;
  std::vector<ChannelError> errors_;  // worst first
  std::vector<float> score_;          // (nchannels) rms
  std::vector<float> steps_s_;        // (steps) when they happened, s since the reset
  double from_s_ = 0;
  std::vector<float> x_, y_, low_, high_;
};

// Predictions come and go while the panel is hidden, too.
void ComparedPanel::Update(App& app) {
  if (!app.now) return;
  const SessionSnapshot& now = *app.now;
  if (task_ != now.task) {
    horizons_.Clear();
    chooser_.Clear();
    labels_.clear();
    task_ = now.task;
  }
  if (counted_ == now.compared) return;
  counted_ = now.compared;
  if (counted_)
    horizons_.Add(*counted_, now.timeline, now.channel_scale, now.task ? now.task->angles() : kNoAngles);
}

void ComparedPanel::Prepare(const App& app) {
  const SessionSnapshot& now = *app.now;
  const int channels = now.compared ? now.compared->channel_size : static_cast<int>(now.channels.size());
  if (static_cast<int>(labels_.size()) != channels) labels_ = ChannelLabels(now.task.get(), channels);
  const double tolerance = now.imagination.tolerance;
  if (compared_ != now.compared || tolerance_ != tolerance) {
    compared_ = now.compared;
    tolerance_ = tolerance;
    errors_.clear();
    score_.assign(labels_.size(), kNaN);
    if (!compared_) return;
    errors_ = MeasureChannels(*compared_, now.channel_scale, now.task ? now.task->angles() : kNoAngles, tolerance);
    for (const ChannelError& error : errors_) score_[static_cast<size_t>(error.channel)] = error.rms;
  }
  if (!compared_) return;
  series_.Follow(now.timeline, compared_->branch);
  const double known = TimeOf(now.timeline, compared_->from);
  from_s_ = std::isfinite(known) ? known : 0;
  steps_s_.resize(static_cast<size_t>(std::max(compared_->steps, 0)));
  for (size_t i = 0; i < steps_s_.size(); ++i)
    steps_s_[i] = static_cast<float>(from_s_ + static_cast<double>(i + 1) * now.timeline.control_step_s);
}

void ComparedPanel::Draw(App& app) {
  if (!app.now) {
    Paragraph("Nothing is open.");
    return;
  }
  Update(app);
  Prepare(app);
  Paragraph(DescribeCompared(*app.now, errors_, labels_));
  DrawControls(app);
  if (app.now->compared_film) {
    ImGui::TextDisabled("what was seen, and below what was imagined");
    strip_.Draw(app, app.now->compared_film);
  }
  if (compared_ && compared_->steps > 0) {
    DrawError(app);
    if (ImGui::CollapsingHeader("Channels", ImGuiTreeNodeFlags_DefaultOpen)) DrawChannels(app);
    if (ImGui::CollapsingHeader("Errors of all channels", ImGuiTreeNodeFlags_DefaultOpen))
      DrawTable(app.now->timeline.control_step_s);
  }
  if (!horizons_.models().empty() && ImGui::CollapsingHeader("Error by horizon", ImGuiTreeNodeFlags_DefaultOpen))
    DrawHorizons(app);
}

void ComparedPanel::DrawControls(App& app) {
  const SessionSnapshot& now = *app.now;
  ImaginationOptions options = editor_.Current(app);
  const double step_s = now.timeline.control_step_s;
  if (ImGui::Checkbox("compare", &options.compare))
    editor_.Change(app, [on = options.compare](ImaginationOptions& o) { o.compare = on; });
  theme::Tooltip(
      "Puts what was predicted, from where the world was and with the actions really taken, beside what happened.");
  ImGui::BeginDisabled(!options.compare);

  if (options.frozen) {
    if (ImGui::Button("Unfreeze")) editor_.Change(app, [](ImaginationOptions& o) { o.frozen.reset(); });
    theme::Tooltip("Compares again with a prediction made a fixed number of steps ago.");
    ImGui::SameLine();
    const int64_t step = now.timeline.StepOf(*options.frozen);
    const std::string where =
        "frozen at step " + std::to_string(step) + " (" + Number(TimeOf(now.timeline, *options.frozen)) + " s)";
    if (now.timeline.Find(options.frozen->branch)) {
      if (ImGui::Button("Go there")) app.GoTo(*options.frozen);
      theme::Tooltip("Shows the state that the frozen prediction was made from.");
      Paragraph(where);
    } else {
      Paragraph("frozen at a place that is no longer kept");
    }
  } else {
    if (ImGui::Button("Freeze here"))
      editor_.Change(app, [place = now.now](ImaginationOptions& o) { o.frozen = place; });
    theme::Tooltip("Keeps the prediction made from the state that is shown, while reality walks away from it.");
    SetControlWidth();
    const std::string ago = "%d steps, " + Number(options.compare_steps * step_s) + " s";
    if (ImGui::SliderInt("made ago", &options.compare_steps, 1, kMostComparedSteps, ago.c_str(),
                         ImGuiSliderFlags_AlwaysClamp | ImGuiSliderFlags_Logarithmic))
      editor_.Change(app, [n = options.compare_steps](ImaginationOptions& o) { o.compare_steps = n; });
    theme::Tooltip("How long ago the prediction was made that is compared with what happened since.");
  }
  float tolerance = static_cast<float>(options.tolerance);
  SetControlWidth();
  if (ImGui::SliderFloat("tolerance", &tolerance, 0.01f, 2.0f, "%.2f deviations",
                         ImGuiSliderFlags_AlwaysClamp | ImGuiSliderFlags_Logarithmic))
    editor_.Change(app, [tolerance](ImaginationOptions& o) { o.tolerance = tolerance; });
  theme::Tooltip(
      "Prediction and reality part where a channel is off by more than this many of its standard deviations.");
  ImGui::Checkbox("ghost", &app.overlays.compared_ghost);
  theme::Tooltip("Draws the predicted pose, translucent, beside the real one.");
  ImGui::EndDisabled();
}

void ComparedPanel::FinishPlot(App& app) {
  if (compared_->parts_at > 0 && static_cast<size_t>(compared_->parts_at) <= steps_s_.size())
    plot::Mark(steps_s_[static_cast<size_t>(compared_->parts_at - 1)], "they part", colours::kSurprise);
  const SessionSnapshot& now = *app.now;
  if (!now.at_end_of_branch && OnLineage(now.timeline, compared_->branch, now.now))
    plot::Mark(static_cast<float>(TimeOf(now.timeline, now.now)), "now");
  GoToTime(app, compared_->branch, plot::Clicked());
  plot::End();
}

void ComparedPanel::DrawError(App& app) {
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = "error (deviations)";
  options.follow = true;
  options.y_includes_zero = true;
  if (!BeginPlot("error", 8, options)) return;
  const size_t steps = std::min(steps_s_.size(), compared_->error.size());
  plot::Line("all channels", std::span(steps_s_).first(steps), std::span(compared_->error).first(steps),
             colours::kReal);
  // The channel that is worst over all: it is one channel that crosses the tolerance, not their mean.
  const size_t channels = static_cast<size_t>(std::max(compared_->channel_size, 0));
  if (!errors_.empty() && std::isfinite(errors_[0].rms)) {
    const size_t c = static_cast<size_t>(compared_->parts_channel >= 0 ? compared_->parts_channel : errors_[0].channel);
    const SessionSnapshot& now = *app.now;
    const bool angle = now.task && c < now.task->angles().size() && now.task->angles()[c];
    y_.clear();
    for (size_t t = 0; t < steps_s_.size(); ++t) {
      const size_t at = t * channels + c;
      const bool known = at < std::min(compared_->predicted.size(), compared_->real.size()) && c < now.channel_scale.size();
      y_.push_back(known ? static_cast<float>(std::abs(InDeviations(compared_->predicted[at], compared_->real[at],
                                                                    now.channel_scale[c], angle)))
                         : kNaN);
    }
    if (c < labels_.size()) plot::Line(labels_[c].c_str(), steps_s_, y_, colours::kPredicted);
  }
  if (!steps_s_.empty()) {
    const float tolerance = static_cast<float>(tolerance_);
    const std::array x = {static_cast<float>(from_s_), steps_s_.back()};
    const std::array y = {tolerance, tolerance};
    plot::Line("tolerance", x, y, colours::kSurprise);
  }
  FinishPlot(app);
}

void ComparedPanel::DrawChannels(App& app) {
  chooser_.DrawControls("worst first", labels_);
  for (const int channel : chooser_.Choose(labels_, score_, ImGui::GetTime())) {
    ImGui::PushID(channel);
    DrawChannel(app, channel);
    ImGui::PopID();
  }
}

void ComparedPanel::DrawChannel(App& app, int channel) {
  plot::Options options;
  options.x_label = "time (s)";
  options.y_label = labels_[static_cast<size_t>(channel)].c_str();
  options.follow = true;
  if (!BeginPlot("compared", 8, options)) return;
  const size_t size = static_cast<size_t>(std::max(compared_->channel_size, 0)), c = static_cast<size_t>(channel);
  const Curve start = series_.Between(from_s_, from_s_, What::kChannel, channel);
  const float start_y = start.y.empty() ? kNaN : start.y.back();
  x_.assign(1, static_cast<float>(from_s_));
  x_.insert(x_.end(), steps_s_.begin(), steps_s_.end());
  const auto fill = [&](const std::vector<float>& values) {
    y_.assign(1, start_y);
    for (size_t t = 0; t < steps_s_.size(); ++t)
      y_.push_back(t * size + c < values.size() ? values[t * size + c] : kNaN);
  };
  fill(compared_->predicted);
  plot::Line("predicted", x_, y_, colours::kPredicted);
  if (!compared_->spread.empty()) {
    low_ = high_ = y_;
    for (size_t t = 0; t < steps_s_.size(); ++t) {
      const size_t at = t * size + c;
      const float half = at < compared_->spread.size() ? kDeviationsOf90 * compared_->spread[at] : kNaN;
      low_[t + 1] -= half;
      high_[t + 1] += half;
    }
    plot::Band("predicted", x_, low_, high_);
  }
  fill(compared_->real);
  plot::Line("real", x_, y_, colours::kReal);
  // Some of what was before, so that the eye has something to hold on to.
  const double before_s = std::max(0.25 * (x_.back() - from_s_), 5 * app.now->timeline.control_step_s);
  const Curve past = series_.Between(from_s_ - before_s, from_s_, What::kChannel, channel);
  plot::Line("real", past.x, past.y, colours::kReal);
  plot::Mark(static_cast<float>(from_s_), "predicted");
  FinishPlot(app);
}

void ComparedPanel::DrawTable(double step_s) {
  const float em = ImGui::GetFontSize();
  const ImGuiTableFlags flags = ImGuiTableFlags_ScrollY | ImGuiTableFlags_RowBg | ImGuiTableFlags_BordersInnerV |
                                ImGuiTableFlags_SizingStretchProp;
  const size_t lines = 2 + std::min<size_t>(errors_.size(), 9);
  const float height = ImGui::GetTextLineHeightWithSpacing() * static_cast<float>(lines);
  if (!ImGui::BeginTable("errors", 5, flags, ImVec2(0, height))) return;
  ImGui::TableSetupScrollFreeze(0, 1);
  constexpr std::array<const char*, 5> names = {"channel", "error", "last", "in band", "parts"};
  constexpr std::array<const char*, 5> meanings = {
      "A click pins the channel to the plots.",
      "Root mean square over the steps, in the channel's standard deviations.",
      "At the last step, in the channel's standard deviations.",
      "Share of the steps that lie in the 90 % band: near 90 % if the model knows how sure it can be.",
      "The first step at which it is off by more than the tolerance."};
  ImGui::TableSetupColumn(names[0], 0, 2.2f);
  for (size_t i = 1; i < names.size(); ++i) ImGui::TableSetupColumn(names[i], 0, 1.0f);
  ImGui::TableNextRow(ImGuiTableRowFlags_Headers);
  for (size_t i = 0; i < names.size(); ++i) {
    if (!ImGui::TableSetColumnIndex(static_cast<int>(i))) continue;
    ImGui::TableHeader(names[i]);
    theme::Tooltip(meanings[i]);
  }
  const auto number = [](float value) {
    if (std::isnan(value)) {
      ImGui::TextDisabled("-");
    } else {
      ImGui::TextUnformatted(Number(value).c_str());
    }
  };
  ImGuiListClipper clipper;
  clipper.Begin(static_cast<int>(errors_.size()), em + ImGui::GetStyle().CellPadding.y * 2);
  while (clipper.Step()) {
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
      const ChannelError& error = errors_[static_cast<size_t>(i)];
      const size_t c = static_cast<size_t>(error.channel);
      ImGui::PushID(error.channel);
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      if (ImGui::Selectable("##pin", chooser_.pinned(error.channel), ImGuiSelectableFlags_SpanAllColumns))
        chooser_.TogglePin(error.channel);
      ImGui::SameLine(0, 0);
      ImGui::TextUnformatted(c < labels_.size() ? labels_[c].c_str() : "");
      ImGui::TableNextColumn();
      number(error.rms);
      ImGui::TableNextColumn();
      number(error.last);
      ImGui::TableNextColumn();
      if (std::isnan(error.in_band)) {
        ImGui::TextDisabled("-");
      } else {
        ImGui::Text("%.0f %%", 100 * error.in_band);
      }
      ImGui::TableNextColumn();
      if (error.parts_at > 0) {
        ImGui::TextUnformatted((Number(error.parts_at * step_s) + " s").c_str());
      } else {
        ImGui::TextDisabled("-");
      }
      ImGui::PopID();
    }
  }
  ImGui::EndTable();
}

void ComparedPanel::DrawHorizons(App& app) {
  const std::map<std::string, HorizonErrors::ByHorizon>& models = horizons_.models();
  const double step_s = app.now->timeline.control_step_s;
  const auto own = models.find(compared_ ? compared_->model : app.now->model);
  const HorizonErrors::ByHorizon& shown = own != models.end() ? own->second : models.begin()->second;
  const int64_t seen = shown[0].predictions;
  ImGui::TextDisabled("%lld %s seen since the task was opened", static_cast<long long>(seen),
                      seen == 1 ? "prediction" : "predictions");
  theme::Tooltip("Of the predictions that this window has seen happen, each counted once.");
  ImGui::SameLine();
  const bool clear = ImGui::SmallButton("start over");

  constexpr size_t count = HorizonErrors::kHorizons.size();
  std::array<float, count> x{}, y{};
  for (size_t i = 0; i < count; ++i) x[i] = static_cast<float>(HorizonErrors::kHorizons[i] * step_s);
  plot::Options options;
  options.x_label = "ahead (s)";
  options.y_label = "error (deviations)";
  options.follow = true;
  options.y_includes_zero = true;
  if (BeginPlot("horizons", 8, options)) {
    for (size_t i = 0; i < count; ++i) y[i] = static_cast<float>(shown[i].PersistenceRms());
    plot::Line("nothing changes", x, y, colours::kCandidate);
    int colour = 0;
    for (const auto& [model, sums] : models) {
      for (size_t i = 0; i < count; ++i) y[i] = static_cast<float>(sums[i].Rms());
      const std::string name = ModelTitle(model);
      plot::Line(name.c_str(), x, y, plot::Colour(colour));
      plot::Dots(name.c_str(), x, y, plot::Colour(colour));
      ++colour;
    }
    plot::End();
  }
  if (ImGui::BeginTable("by horizon", 3, ImGuiTableFlags_SizingStretchProp | ImGuiTableFlags_RowBg)) {
    ImGui::TableSetupColumn("steps ahead");
    ImGui::TableSetupColumn("model");
    ImGui::TableSetupColumn("nothing changes");
    ImGui::TableHeadersRow();
    for (size_t i = 0; i < count; ++i) {
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      ImGui::Text("%d (%s s)", HorizonErrors::kHorizons[i], Number(HorizonErrors::kHorizons[i] * step_s).c_str());
      for (const double value : {shown[i].Rms(), shown[i].PersistenceRms()}) {
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(std::isnan(value) ? "-" : Number(value).c_str());
      }
    }
    ImGui::EndTable();
  }
  if (clear) horizons_.Clear();
}

}  // namespace

std::unique_ptr<Panel> MakeComparedPanel() { return std::make_unique<ComparedPanel>(); }

}  // namespace reverie::desktop
