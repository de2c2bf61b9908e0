#include "ui/desktop/episode_view.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <imgui.h>
#include <imgui_stdlib.h>

#include "sim/error.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/job_line.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/theme.h"
#include "worldmodel/simulator_model.h"

namespace reverie::desktop {

namespace {

constexpr double kSpeeds[] = {0.25, 0.5, 1, 2, 4};
constexpr const char* kSpeedNames[] = {"1/4 x", "1/2 x", "1 x", "2 x", "4 x"};

double ClockS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// The next widget stays on the line where there is room for a button of this text.
void SameLineIfRoom(const char* text) {
  const float width = ImGui::CalcTextSize(text).x + 2 * ImGui::GetStyle().FramePadding.x;
  ImGui::SameLine();
  if (ImGui::GetContentRegionAvail().x < width) ImGui::NewLine();
}

std::string ModelName(const std::string& model) {
  return model == "simulator" ? "simulator" : ShownPath(std::filesystem::path(model).filename());
}

}  // namespace

void EpisodeView::Show(std::shared_ptr<const BrowsedDataset> dataset, std::shared_ptr<const RecordedEpisode> episode) {
  if (dataset != dataset_) {
    chooser_.Clear();
    in_scene_ = false;
  }
  dataset_ = std::move(dataset);
  episode_ = std::move(episode);
  cursor_ = 0;
  played_s_ = 0;
  playing_ = false;
  predicting_.Cancel();
  prediction_.reset();
}

std::string EpisodeView::Name() const {
  return "episode " + std::to_string(episode_->episode.index) + ", step " + std::to_string(cursor_);
}

void EpisodeView::SetCursor(int64_t step) {
  cursor_ = std::clamp<int64_t>(step, 0, episode_->episode.steps);
  played_s_ = static_cast<double>(cursor_) * dataset_->control_step_s();
}

void EpisodeView::Clicked(std::optional<float> time_s) {
  if (!time_s || !(dataset_->control_step_s() > 0)) return;
  playing_ = false;
  SetCursor(std::llround(*time_s / dataset_->control_step_s()));
}

void EpisodeView::CheckFit(App& app) {
  const std::shared_ptr<const CompiledTask> task = app.now ? app.now->task : nullptr;
  if (!dataset_ || (task == fitted_to_ && dataset_ == fitted_for_)) return;
  fitted_to_ = task;
  fitted_for_ = dataset_;
  checked_ = false;
  misfit_.clear();
  fitting_.Cancel();
  if (!task) {
    checked_ = true;
    misfit_ = "no task is open";
    return;
  }
  fitting_.Start("", [this, task, dataset = dataset_](JobContext&, const SideWork::Post& post) {
    std::string difference;
    try {
      CheckSameSetup(dataset->info, "the dataset", DescribeDataset(*task, 0, ""), "the open task");
    } catch (const Error& error) {
      difference = error.what();
    }
    post([this, difference] {
      checked_ = true;
      misfit_ = difference;
    });
  });
}

void EpisodeView::Update(App& app) {
  const bool fitted = fitting_.Update(), predicted = predicting_.Update();
  if (fitted || predicted || fitting_.busy() || predicting_.busy()) app.KeepDrawing(0.2);
  CheckFit(app);
  const double now_s = ClockS();
  if (playing_ && episode_) {
    played_s_ += std::max(0.0, now_s - at_s_) * speed_;
    const double step_s = dataset_->control_step_s();
    const int64_t step = step_s > 0 ? static_cast<int64_t>(played_s_ / step_s + 1e-6) : cursor_ + 1;
    cursor_ = std::clamp<int64_t>(step, 0, episode_->episode.steps);
    playing_ = cursor_ < episode_->episode.steps;
    app.KeepDrawing(0.2);
  }
  at_s_ = now_s;
  ShowInScene(app);
}

void EpisodeView::ShowInScene(App& app) {
  // Against the task of this very frame: a state of another size must never reach the scene.
  const bool show = in_scene_ && episode_ && Fits() && app.now && app.now->task == fitted_to_;
  if (show) {
    std::vector<double> state = episode_->State(cursor_);
    if (static_cast<int>(state.size()) == app.now->task->state_size()) {
      const std::string name = Name();
      if (!app.shown_state || app.shown_state->label != name || !showing_) app.KeepDrawing(0.2);
      app.shown_state = ShownState{std::move(state), episode_->episode.model_parameters, name};
      showing_ = true;
      return;
    }
  }
  if (showing_) {
    app.shown_state.reset();
    app.KeepDrawing(0.2);
  }
  showing_ = false;
}

void EpisodeView::Draw(App& app) {
  if (!episode_) return;
  const Episode& episode = episode_->episode;
  Paragraph("Episode " + std::to_string(episode.index) + ": " + Steps(episode.steps) + ", return " +
            Number(episode.Return()) + (episode.diverged.empty() ? "" : ", diverged at " + episode.diverged));
  DrawTransport(app);
  DrawScene(app);
  DrawPredicting(app);
  DrawChannels();
  DrawRest();
}

void EpisodeView::TogglePlaying() {
  if (!episode_) return;
  playing_ = !playing_;
  if (playing_ && cursor_ >= episode_->episode.steps) SetCursor(0);
  if (playing_) in_scene_ = true;
  at_s_ = ClockS();
}

void EpisodeView::DrawTransport(App&) {
  const float em = ImGui::GetFontSize();
  if (ImGui::Button(playing_ ? "Pause##play" : "Play##play", ImVec2(4.5f * em, 0))) TogglePlaying();
  theme::Tooltip("Plays what was recorded in the scene; nothing is simulated");
  ImGui::SameLine();
  size_t chosen = 0;
  while (chosen + 1 < std::size(kSpeeds) && kSpeeds[chosen] != speed_) ++chosen;
  ImGui::SetNextItemWidth(4.5f * em);
  if (ImGui::BeginCombo("##speed", kSpeedNames[chosen])) {
    for (size_t i = 0; i < std::size(kSpeeds); ++i) {
      if (ImGui::Selectable(kSpeedNames[i], i == chosen)) speed_ = kSpeeds[i];
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("Times real time");
  if (ImGui::GetContentRegionAvail().x > 22 * em) ImGui::SameLine();
  int64_t cursor = cursor_;
  const int64_t first = 0, last = episode_->episode.steps;
  ImGui::SetNextItemWidth(-1);
  if (ImGui::SliderScalar("##cursor", ImGuiDataType_S64, &cursor, &first, &last, "step %lld", ImGuiSliderFlags_AlwaysClamp)) {
    playing_ = false;
    SetCursor(cursor);
  }
  theme::Tooltip("The step that is looked at");
}

void EpisodeView::DrawScene(App& app) {
  ImGui::BeginDisabled(!Fits());
  ImGui::Checkbox("Show in the scene", &in_scene_);
  theme::Tooltip("The scene shows the recorded state under the cursor in place of the live one");
  const char* send = "Send this state to the live scene";
  SameLineIfRoom(send);
  if (ImGui::Button(send) && app.session) {
    playing_ = in_scene_ = false;
    app.session->BeginFrom(episode_->State(cursor_), episode_->episode.model_parameters, Name());
    app.messages.Say("The live scene begins again from " + Name());
  }
  theme::Tooltip("The session begins again from the state under the cursor");
  ImGui::EndDisabled();
  if (!checked_) {
    ImGui::TextDisabled("comparing with the open task ...");
  } else if (!misfit_.empty()) {
    Paragraph(app.now ? "It cannot be shown in the open task: " + misfit_ : "Open a task to see it in the scene.");
    if (ImGui::Button("Open the task it was recorded in")) app.Open(dataset_->folder.string());
    theme::Tooltip("From what the dataset itself keeps of task and scene");
  }
}

std::string EpisodeView::ModelFor(const App& app) const {
  if (!chosen_model_.empty()) return chosen_model_;
  return app.now && !app.now->model.empty() ? app.now->model : "simulator";
}

void EpisodeView::Predict(App& app) {
  if (!episode_ || !dataset_->task) return;
  predicting_.Start("", [this, dataset = dataset_, episode = episode_, model = ModelFor(app), start = cursor_, horizon = horizon_,
                         tolerance = tolerance_, open = app.learned.open](JobContext&, const SideWork::Post& post) {
    std::unique_ptr<WorldModel> opened;
    if (model == "simulator") {
      opened = std::make_unique<SimulatorModel>(dataset->task, 1);
    } else if (open) {
      opened = open(model, dataset->task);
      opened->SetThreads(1);
    }
    if (!opened) throw Error("model " + model + ": this build has no LibTorch, so only the simulator can predict");
    auto prediction = std::make_shared<EpisodePrediction>(reverie::desktop::Predict(*opened, *episode, start, horizon, tolerance));
    prediction->model = ModelName(model);
    post([this, prediction] { prediction_ = prediction; });
  });
}

void EpisodeView::DrawPredicting(App& app) {
  if (!ImGui::CollapsingHeader("Put a model's prediction on it", ImGuiTreeNodeFlags_DefaultOpen)) return;
  if (!dataset_->task) return ProblemLine(dataset_->task_problem);
  const float em = ImGui::GetFontSize();
  const std::string session_model = app.now ? app.now->model : "simulator";
  ImGui::SetNextItemWidth(11 * em);
  const std::string model = ModelFor(app);
  if (ImGui::BeginCombo("model", ModelName(model).c_str())) {
    if (ImGui::Selectable("simulator", model == "simulator")) chosen_model_ = "simulator";
    if (app.learned.open) {
      if (session_model != "simulator" && !session_model.empty()) {
        ImGui::PushID("session");
        if (ImGui::Selectable(ModelName(session_model).c_str(), model == session_model)) chosen_model_ = session_model;
        theme::Tooltip("The one that the agent plans in");
        ImGui::PopID();
      }
      if (ImGui::Selectable("another ...")) {
        app.files.Ask({.title = "Folder of a model", .kind = FileQuestion::Kind::kOpenFolder, .extensions = {},
                       .folder = {}, .name = "", .shortcuts = {}},
                      [this](const std::filesystem::path& path) { chosen_model_ = path.string(); });
      }
    }
    ImGui::EndCombo();
  }
  theme::Tooltip(app.learned.open ? "What predicts" : "What predicts; this build has no LibTorch, so only the simulator can");
  ImGui::SetNextItemWidth(6 * em);
  ImGui::InputInt("steps ahead", &horizon_, 5, 25);
  horizon_ = std::clamp(horizon_, 1, 10000);
  ImGui::SetNextItemWidth(6 * em);
  ImGui::InputFloat("tolerance", &tolerance_, 0, 0, "%.3g");
  tolerance_ = std::clamp(tolerance_, 1e-4f, 1e4f);
  theme::Tooltip("They part where a channel is off by this many of its standard deviations in the episode");
  if (ImGui::Button("Predict from here")) Predict(app);
  theme::Tooltip("Imagined from the state under the cursor with the actions that were recorded");
  if (prediction_) {
    SameLineIfRoom("Clear");
    if (ImGui::Button("Clear")) prediction_.reset();
  }
  if (predicting_.busy()) {
    ImGui::SameLine();
    ImGui::TextDisabled("predicting ...");
  }
  if (!predicting_.error().empty()) ProblemLine(predicting_.error());
  if (!prediction_) return;
  const EpisodePrediction& prediction = *prediction_;
  const std::string from = prediction.model + " from step " + std::to_string(prediction.start) + ": ";
  if (prediction.parts_at == 0) {
    Paragraph(from + "together for all " + Steps(prediction.steps));
  } else {
    const auto channel = static_cast<size_t>(prediction.parts_channel);
    Paragraph(from + "they part after " + Steps(prediction.parts_at) + " (" +
              Number(prediction.parts_at * dataset_->control_step_s()) + " s), first in " +
              (channel < dataset_->labels.size() ? dataset_->labels[channel] : "a channel"));
  }
}

void EpisodeView::DrawChannels() {
  if (!ImGui::CollapsingHeader("Channels", ImGuiTreeNodeFlags_DefaultOpen)) return;
  if (dataset_->labels.empty()) return ImGui::TextDisabled("The task observes nothing");
  std::vector<float> score;
  if (prediction_) {
    const size_t last = static_cast<size_t>(prediction_->parts_at > 0 ? prediction_->parts_at : prediction_->steps);
    for (size_t i = 0; i < dataset_->labels.size(); ++i) {
      const float off = std::abs(prediction_->channels[i][last] -
                                 episode_->channels[i][static_cast<size_t>(prediction_->start) + last]);
      score.push_back(episode_->scale[i] > 0 ? off / episode_->scale[i] : 0.0f);
    }
  }
  chooser_.DrawControls("farthest off first", dataset_->labels);
  const std::vector<int>& chosen = chooser_.Choose(dataset_->labels, score, ImGui::GetTime());
  for (const int channel : chosen) DrawChannel(static_cast<size_t>(channel));
}

void EpisodeView::DrawChannel(size_t channel) {
  const std::string& label = dataset_->labels[channel];
  ImGui::PushID(static_cast<int>(channel));
  ImGui::TextUnformatted(label.data(), label.data() + label.size());
  plot::Options options;
  options.x_label = "time (s)";
  options.legend = prediction_ != nullptr;
  if (BeginPlot("##channel", 7, options)) {
    plot::Line("recorded", episode_->time_s, episode_->channels[channel], colours::kReal);
    if (prediction_) {
      plot::Band("predicted", prediction_->time_s, prediction_->low[channel], prediction_->high[channel]);
      plot::Line("predicted", prediction_->time_s, prediction_->channels[channel], colours::kPredicted);
      if (prediction_->parts_at > 0) {
        plot::Mark(prediction_->time_s[static_cast<size_t>(prediction_->parts_at)], "they part", colours::kError);
      }
    }
    plot::Mark(episode_->time_s[static_cast<size_t>(cursor_)], "");
    Clicked(plot::Clicked());
    plot::End();
  }
  ImGui::PopID();
}

void EpisodeView::DrawRest() {
  const size_t steps = episode_->rewards.size();
  const std::span<const float> after(episode_->time_s.data() + std::min<size_t>(1, episode_->time_s.size()), steps);
  plot::Options options;
  options.x_label = "time (s)";
  if (prediction_ && ImGui::CollapsingHeader("Error of the prediction", ImGuiTreeNodeFlags_DefaultOpen)) {
    options.y_label = "deviations";
    options.legend = false;
    options.y_includes_zero = true;
    if (BeginPlot("##error", 7, options)) {
      plot::Line("error", prediction_->time_s, prediction_->error, colours::kError);
      if (prediction_->parts_at > 0) {
        plot::Mark(prediction_->time_s[static_cast<size_t>(prediction_->parts_at)], "they part", colours::kError);
      }
      Clicked(plot::Clicked());
      plot::End();
    }
    theme::Tooltip("Root mean square over channels, in their standard deviations in the episode");
  }
  if (ImGui::CollapsingHeader("Rewards", ImGuiTreeNodeFlags_DefaultOpen)) {
    options.y_label = "reward";
    options.legend = false;
    if (BeginPlot("##reward", 7, options)) {
      plot::Line("reward", after, episode_->rewards, colours::kReal);
      plot::Mark(episode_->time_s[static_cast<size_t>(cursor_)], "");
      Clicked(plot::Clicked());
      plot::End();
    }
  }
  if (!episode_->actions.empty() && ImGui::CollapsingHeader("Actions")) {
    constexpr size_t kMost = 8;
    const size_t shown = std::min(episode_->actions.size(), kMost);
    options.y_label = "action, -1 to 1";
    options.legend = true;
    options.y_min = -1.05f;
    options.y_max = 1.05f;
    if (BeginPlot("##actions", 7, options)) {
      for (size_t i = 0; i < shown; ++i) {
        const bool named = i < dataset_->info.action_labels.size();
        const std::string label = named ? dataset_->info.action_labels[i] : "actuator " + std::to_string(i);
        plot::Line(label.c_str(), after, episode_->actions[i]);
      }
      plot::Mark(episode_->time_s[static_cast<size_t>(cursor_)], "");
      Clicked(plot::Clicked());
      plot::End();
    }
    if (shown < episode_->actions.size()) {
      ImGui::TextDisabled("the first %zu of %zu actuators", shown, episode_->actions.size());
    }
  }
}

}  // namespace reverie::desktop
