#include "ui/desktop/learning_panel.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <imgui.h>
#include <imgui_stdlib.h>

#include "ui/desktop/app.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

namespace fs = std::filesystem;

constexpr size_t kFewPoints = 60;  // up to here each episode is a dot

/// A text field as wide as there is room for, its name above it.
void PathField(const char* label, const char* id, const char* hint, std::string& text) {
  ImGui::TextUnformatted(label);
  ImGui::SetNextItemWidth(-1);
  ImGui::InputTextWithHint(id, hint, &text);
}

}  // namespace

void LearningPanel::AddActions(App& app) {
  const auto running = [](const App& a) { return LearningRun::Running(a); };
  app.actions.Add({.id = "learning.start",
                   .menu = "Learning",
                   .title = "Start learning",
                   .run = [this](App& a) { Start(a); },
                   .enabled = [](const App& a) { return a.session && a.learned.learn && !LearningRun::Running(a); },
                   .help = "Learns the open task in the background, as the panel Learning is set"});
  app.actions.Add({.id = "learning.pause",
                   .menu = "Learning",
                   .title = "Pause learning",
                   .run = [this](App& a) { run_.Pause(a, !LearningRun::Paused(a)); },
                   .enabled = running,
                   .checked = [](const App& a) { return LearningRun::Paused(a); },
                   .help = "Or goes on with it"});
  app.actions.Add({.id = "learning.stop",
                   .menu = "Learning",
                   .title = "Stop learning",
                   .run = [this](App& a) { run_.Stop(a); },
                   .enabled = running,
                   .help = "Drops the episode under way and keeps those before; it can go on later"});
  app.actions.Add({.id = "learning.compare",
                   .menu = "Learning",
                   .title = "Curves of all models of this task",
                   .run = [this](App& a) { TickAll(a, !AllTicked(a)); },
                   .enabled = [this](const App& a) { return !OfTask(a).empty(); },
                   .checked = [this](const App& a) { return AllTicked(a); },
                   .help = "Draws what was learned under out/ over one another"});
}

const char* LearningPanel::KindHelp(const std::string& kind) {
  if (kind == "ensemble") {
    return "Predicts what is observed, and how sure it is; plans with the task's own reward. The quickest to learn where "
           "a second or two ahead is far enough.";
  }
  if (kind == "latent") {
    return "Learns reward, value and a policy beside the dynamics, for rewards that lie further ahead than a plan "
           "reaches. Takes more env steps and time.";
  }
  return "";
}

std::vector<fs::path> LearningPanel::OfTask(const App& app) const {
  std::vector<fs::path> folders;
  if (!app.now) return folders;
  for (const std::shared_ptr<KnownModel>& model : models_.models()) {
    if (model->problem.empty() && model->task == app.now->task->spec().name) folders.push_back(model->folder);
  }
  return folders;
}

bool LearningPanel::AllTicked(const App& app) const {
  const std::vector<fs::path> folders = OfTask(app);
  return !folders.empty() && std::ranges::all_of(folders, [&](const fs::path& folder) { return models_.IsTicked(folder); });
}

void LearningPanel::TickAll(App& app, bool on) {
  for (const fs::path& folder : OfTask(app)) models_.Tick(folder, on);
}

void LearningPanel::Start(App& app) {
  const fs::path folder = folder_;
  problem_ = run_.Start(app, {.folder = folder, .kind = kind_, .env_steps = env_steps_, .seed = seed_, .resume = resume_});
  was_running_ = problem_.empty();
  if (problem_.empty()) stopped_.clear();
}

void LearningPanel::Update(App& app) {
  const int64_t checkpoints = run_.checkpoints();
  run_.Update(app);
  if (!app.learning_folder.empty()) {
    if (run_.checkpoints() != checkpoints && models_.read() && !models_.Find(app.learning_folder)) models_.Refresh();
    if (!shown_run_ || *shown_run_ != app.learning_folder) {
      shown_run_ = app.learning_folder;
      models_.Tick(app.learning_folder, true);
    }
  }
  const bool running = LearningRun::Running(app);
  if (was_running_ && !running) {
    const JobStatus status = app.learning ? app.learning->status() : JobStatus{};
    problem_ = status.error;
    stopped_ = status.cancelled && run_.curve().size() > 0 ? app.learning_folder : fs::path();
    if (models_.read()) models_.Refresh();
  }
  was_running_ = running;
  if (app.now && models_.read() && app.now->model != opened_) {
    opened_ = app.now->model;
    if (opened_ != "simulator" && !opened_.empty()) models_.Add(opened_);
  }
  std::erase_if(copies_, [&](const auto& copy) {
    const std::shared_ptr<Job> job = copy.first.lock();
    if (!job) return true;
    const JobStatus status = job->status();
    if (status.finished && status.error.empty()) models_.Add(copy.second);
    return status.finished;
  });
  if (models_.Update() || models_.busy()) app.KeepDrawing(0.3);
}

void LearningPanel::Draw(App& app) {
  if (!models_.read()) models_.Refresh();
  DrawRun(app);
  DrawCurves(app);
  DrawModels(app);
}

void LearningPanel::DrawRun(App& app) {
  if (!app.learned.learn) {
    Paragraph("This build has no LibTorch, so nothing can be learned here. Models' learning curves can still be compared.");
    return;
  }
  const bool running = LearningRun::Running(app);
  if (running) {
    DrawProgress(app);
  } else {
    DrawSettings(app);
  }
  bool use = run_.use_newest();
  if (ImGui::Checkbox("The agent uses the newest model as it improves", &use)) run_.SetUseNewest(use);
  theme::Tooltip("After each episode the planner goes on in the model as it then is. Choosing another model for the "
                 "agent by hand switches this off.");
  if (!problem_.empty()) ProblemLine(problem_);
}

void LearningPanel::DrawSettings(App& app) {
  const float em = ImGui::GetFontSize();
  if (app.now) {
    Paragraph("Learn " + app.now->task->spec().name);
  } else {
    ImGui::TextDisabled("Open a task to learn it");
  }
  if (!app.learned.kinds.empty() && !resume_) {
    ImGui::SetNextItemWidth(9 * em);
    if (ImGui::BeginCombo("model", kind_.c_str())) {
      for (const std::string& kind : app.learned.kinds) {
        if (ImGui::Selectable(kind.c_str(), kind == kind_)) kind_ = kind;
        theme::Tooltip(KindHelp(kind));
      }
      ImGui::EndCombo();
    }
    theme::Tooltip(KindHelp(kind_));
  }
  ImGui::SetNextItemWidth(9 * em);
  const int64_t step = 1000;
  ImGui::InputScalar("env steps", ImGuiDataType_S64, &env_steps_, &step);
  env_steps_ = std::clamp<int64_t>(env_steps_, 1, int64_t{1} << 40);
  theme::Tooltip("How long it acts in all: control steps times action repeat. A run that goes on counts what it had.");
  ImGui::SetNextItemWidth(9 * em);
  const uint64_t one = 1;
  ImGui::InputScalar("seed", ImGuiDataType_U64, &seed_, &one);
  theme::Tooltip("The same seed gives the same run");
  PathField("Folder", "##folder", "the next free one under out/learning", folder_);
  theme::Tooltip("Where model, log and episodes go; nothing there is overwritten");
  ImGui::Checkbox("Go on with the run in that folder", &resume_);
  theme::Tooltip("Goes on after its last checkpoint, with its own seed and options");
  if (resume_) {
    ImGui::SameLine();
    if (ImGui::SmallButton("Choose ...")) {
      app.files.Ask({.title = "Run to go on with", .kind = FileQuestion::Kind::kOpenFolder, .extensions = {},
                     .folder = folder_, .name = "", .shortcuts = {}},
                    [this](const fs::path& path) { folder_ = path.string(); });
    }
  }
  ImGui::BeginDisabled(!app.session);
  if (ImGui::Button("Start learning")) Start(app);
  if (!stopped_.empty()) {
    if (ImGui::Button("Go on with the stopped run")) {
      folder_ = stopped_.string();
      resume_ = true;
      Start(app);
    }
    theme::Tooltip(ShownPath(stopped_).c_str());
  }
  ImGui::EndDisabled();
}

void LearningPanel::DrawProgress(App& app) {
  const JobStatus status = app.learning->status();
  Paragraph((status.paused ? "Paused: " : "Learning ") + run_.task_name());
  JobLines(status, run_.rate(), run_.env_steps());
  if (!app.learning_folder.empty()) {
    ImGui::TextDisabled("%s", theme::Fitted(ShownPath(app.learning_folder), ImGui::GetContentRegionAvail().x).c_str());
    theme::Tooltip(ShownPath(app.learning_folder).c_str());
  }
  if (ImGui::Button(status.paused ? "Go on" : "Pause")) run_.Pause(app, !status.paused);
  ImGui::SameLine();
  if (ImGui::Button("Stop")) run_.Stop(app);
  theme::Tooltip("Drops the episode under way and keeps those before; it can go on later");
}

const LearningCurve* LearningPanel::CurveOf(const App& app, const KnownModel& model) const {
  // What runs is newer in memory than on disk.
  return model.folder == app.learning_folder && run_.curve().size() > 0 ? &run_.curve() : &model.curve;
}

void LearningPanel::DrawCurves(App& app) {
  std::vector<std::pair<std::string, const LearningCurve*>> shown;
  bool own = false;
  for (const auto& model : models_.models()) {
    own |= model->folder == app.learning_folder;
    if (models_.IsTicked(model->folder)) shown.emplace_back(model->name, CurveOf(app, *model));
  }
  if (!own && run_.curve().size() > 0) shown.emplace_back("this run", &run_.curve());
  std::erase_if(shown, [](const auto& one) { return one.second->size() == 0; });
  if (!ImGui::CollapsingHeader("Curves", ImGuiTreeNodeFlags_DefaultOpen)) return;
  if (shown.empty()) {
    ImGui::TextDisabled("Nothing learned yet; tick models below to see theirs");
    return;
  }
  ImGui::SetNextItemWidth(8 * ImGui::GetFontSize());
  if (ImGui::BeginCombo("##axis", AxisName(axis_))) {
    for (int i = 0; i < static_cast<int>(LearningAxis::kCount); ++i) {
      const auto axis = static_cast<LearningAxis>(i);
      if (ImGui::Selectable(AxisName(axis), axis == axis_)) axis_ = axis;
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("What the curves are drawn over");
  for (size_t i = 0; i < kLearningFigures; ++i) {
    const auto figure = static_cast<LearningFigure>(i);
    const bool any = std::any_of(shown.begin(), shown.end(), [&](const auto& one) { return one.second->Has(axis_, figure); });
    if (!any) continue;
    ImGui::TextUnformatted(FigureName(figure));
    theme::Tooltip(FigureHelp(figure));
    ImGui::PushID(static_cast<int>(i));
    plot::Options options;
    options.x_label = AxisName(axis_);
    options.legend = shown.size() > 1;
    if (BeginPlot("##curve", 8, options)) {
      for (const auto& [name, curve] : shown) {
        if (!curve->Has(axis_, figure)) continue;
        plot::Line(name.c_str(), curve->X(axis_), curve->Y(figure));
        if (curve->size() <= kFewPoints) plot::Dots(name.c_str(), curve->X(axis_), curve->Y(figure));
      }
      plot::End();
    }
    ImGui::PopID();
  }
}

void LearningPanel::DrawModels(App& app) {
  if (!ImGui::CollapsingHeader("Models", ImGuiTreeNodeFlags_DefaultOpen)) return;
  if (ImGui::SmallButton("Look again")) models_.Refresh();
  theme::Tooltip("Reads the folders under out/ and those opened by hand again");
  ImGui::SameLine();
  if (ImGui::SmallButton("Add ...")) {
    app.files.Ask({.title = "Folder of a model", .kind = FileQuestion::Kind::kOpenFolder, .extensions = {}, .folder = {},
                   .name = "", .shortcuts = {}},
                  [this](const fs::path& path) { models_.Add(path); });
  }
  theme::Tooltip("A model's folder from elsewhere");
  if (models_.busy()) {
    ImGui::SameLine();
    ImGui::TextDisabled("looking ...");
  }
  if (models_.models().empty()) {
    if (!models_.busy()) ImGui::TextDisabled("No models under out/ yet");
    return;
  }
  DrawTable(app);
  const KnownModel* chosen = models_.Find(chosen_);
  if (chosen) DrawChosen(app, *chosen);
}

void LearningPanel::DrawTable(App& app) {
  const float em = ImGui::GetFontSize();
  const ImGuiStyle& style = ImGui::GetStyle();
  const float rows = static_cast<float>(std::min<size_t>(models_.models().size(), 8));
  const float row_px = std::max(ImGui::GetFrameHeight(), ImGui::GetTextLineHeight() + 2 * style.CellPadding.y);
  const float height_px = ImGui::GetTextLineHeightWithSpacing() + rows * row_px + style.ScrollbarSize + 4;
  const ImGuiTableFlags flags = ImGuiTableFlags_RowBg | ImGuiTableFlags_ScrollY | ImGuiTableFlags_ScrollX |
                                ImGuiTableFlags_Resizable | ImGuiTableFlags_BordersOuter |
                                ImGuiTableFlags_SizingFixedFit;
  if (!ImGui::BeginTable("##models", 6, flags, ImVec2(0, height_px))) return;
  ImGui::TableSetupScrollFreeze(0, 1);
  ImGui::TableSetupColumn("Model", 0, 11 * em);
  ImGui::TableSetupColumn("Last return", 0, 5 * em);
  ImGui::TableSetupColumn("Env steps", 0, 5 * em);
  ImGui::TableSetupColumn("Updates", 0, 4.5f * em);
  ImGui::TableSetupColumn("Calibration", 0, 5 * em);
  ImGui::TableSetupColumn("Task", 0, 10 * em);
  ImGui::TableHeadersRow();
  ImGuiListClipper clipper;
  clipper.Begin(static_cast<int>(models_.models().size()));
  while (clipper.Step()) {
    for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
      const KnownModel& model = *models_.models()[static_cast<size_t>(i)];
      ImGui::PushID(i);
      ImGui::TableNextRow();
      ImGui::TableNextColumn();
      bool ticked = models_.IsTicked(model.folder);
      if (ImGui::Checkbox("##tick", &ticked)) models_.Tick(model.folder, ticked);
      theme::Tooltip("Draws its learning curves with the others");
      ImGui::SameLine();
      const bool planned = app.now && app.now->model == model.folder.string();
      // The name is no label: it may hold what ImGui reads as an id.
      const ImVec2 at = ImGui::GetCursorPos();
      if (ImGui::Selectable("##row", chosen_ == model.folder, ImGuiSelectableFlags_SpanAllColumns |
                                                                   ImGuiSelectableFlags_AllowItemOverlap)) {
        chosen_ = model.folder;
      }
      theme::Tooltip((ShownPath(model.folder) + (model.problem.empty() ? "" : "\n" + model.problem)).c_str());
      ImGui::SetCursorPos(at);
      const ImVec4 colour = !model.problem.empty() ? theme::Colours().bad : planned ? theme::Colours().accent : theme::Colours().text;
      ImGui::PushStyleColor(ImGuiCol_Text, colour);
      ImGui::TextUnformatted(model.name.c_str());
      ImGui::PopStyleColor();
      const bool live = model.folder == app.learning_folder && !app.learning_curve.empty();
      const EpisodeReport* last = live ? &app.learning_curve.back() : nullptr;
      const auto cell = [](const std::string& text) {
        ImGui::TableNextColumn();
        ImGui::TextUnformatted(text.c_str());
      };
      const double last_return = last ? last->episode_return : model.last_return;
      cell(std::isfinite(last_return) ? Number(last_return) : "");
      const int64_t env_steps = last ? last->env_steps : model.env_steps;
      cell(env_steps > 0 ? std::to_string(env_steps) : "");
      cell(std::to_string(last ? last->updates : model.updates));
      const double calibration = live && run_.calibration() > 0 ? run_.calibration() : model.calibration;
      cell(std::isfinite(calibration) ? Number(calibration) : "");
      cell(model.task);
      ImGui::PopID();
    }
  }
  ImGui::EndTable();
}

void LearningPanel::DrawChosen(App& app, const KnownModel& model) {
  if (!model.problem.empty()) ProblemLine(model.problem);
  ImGui::BeginDisabled(!model.problem.empty() || !app.learned.open);
  if (ImGui::Button("Plan in it")) app.OpenAnything(model.folder);
  ImGui::EndDisabled();
  theme::Tooltip(app.learned.open ? "The planner believes in this model from now on; opens its task if another is open"
                                  : "This build has no LibTorch, so models cannot be planned in");
  const auto next = [](const char* text) {
    const float width = ImGui::CalcTextSize(text).x + 2 * ImGui::GetStyle().FramePadding.x;
    ImGui::SameLine();
    if (ImGui::GetContentRegionAvail().x < width) ImGui::NewLine();
    return ImGui::Button(text);
  };
  if (next("Save a copy as ...")) {
    app.files.Ask({.title = "Save a copy of " + model.name, .kind = FileQuestion::Kind::kSaveFolder, .extensions = {},
                   .folder = model.folder.parent_path(), .name = model.folder.filename().string() + "-copy",
                   .shortcuts = {}},
                  [this, &app, from = model.folder](const fs::path& to) { SaveCopy(app, from, to); });
  }
  theme::Tooltip("Model, log and the optimiser's state as of its last checkpoint; whole or not at all");
  if (model.resumable && app.learned.learn && next("Go on learning")) {
    folder_ = model.folder.string();
    resume_ = true;
    env_steps_ = std::max(env_steps_, model.env_steps + 1000);
  }
  if (models_.AddedByHand(model.folder) && next("Forget")) {
    const fs::path folder = model.folder;
    models_.Forget(folder);
  }
}

void LearningPanel::SaveCopy(App& app, const fs::path& from, const fs::path& to) {
  app.jobs.push_back(std::make_shared<Job>("Copy of " + ShownPath(from.filename()), "bytes", [from, to](JobContext& job) {
    CopyModel(from, to, job.stop(), [&](int64_t done, int64_t total) { job.Report(done, total, ""); });
    job.Report(0, 0, "to " + ShownPath(to));
  }));
  copies_.emplace_back(app.jobs.back(), to);
}

std::unique_ptr<Panel> MakeLearningPanel() { return std::make_unique<LearningPanel>(); }

}  // namespace reverie::desktop
