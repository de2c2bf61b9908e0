#include "ui/desktop/data_panel.h"

#include <algorithm>
#include <utility>

#include <imgui.h>
#include <imgui_stdlib.h>

#include "sim/dataset.h"
#include "ui/desktop/app.h"
#include "ui/desktop/output_folders.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace fs = std::filesystem;
using Policy = CollectRequest::Policy;

namespace {

std::string WorkersText(int got, int wanted) {
  const std::string text = std::to_string(got) + (got == 1 ? " worker" : " workers");
  return got < wanted ? text + ", as many of " + std::to_string(wanted) + " as were free" : text;
}

}  // namespace

void DataPanel::AddActions(App& app) {
  const auto is_open = [](const App& a) { return a.session != nullptr; };
  app.actions.Add({.id = "data.collect",
                   .menu = "Data",
                   .title = "Collect a batch of episodes",
                   .run = [this](App& a) { Collect(a, false); },
                   .enabled = [this](const App& a) { return a.session && !Collecting(); },
                   .help = "In the background, as the panel Data is set"});
  app.actions.Add({.id = "data.save_session",
                   .menu = "Data",
                   .title = "Save this session's episodes ...",
                   .run = [this](App& a) { AskToSave(a); },
                   .enabled = is_open,
                   .help = "As a dataset, every branch an episode"});
  app.actions.Add({.id = "data.open",
                   .menu = "Data",
                   .title = "Browse a dataset ...",
                   .run = [this](App& a) { browser_.Ask(a); }});
  const auto browses = [this](const App&) { return browser_.table().size() > 0; };
  const auto shows = [this](const App&) { return browser_.view().episode() != nullptr; };
  app.actions.Add({.id = "data.next_episode",
                   .menu = "Data",
                   .title = "Next episode",
                   .run = [this](App&) { browser_.ChooseNext(1); },
                   .enabled = browses,
                   .help = "Of the dataset, in the order of the table"});
  app.actions.Add({.id = "data.previous_episode",
                   .menu = "Data",
                   .title = "Previous episode",
                   .run = [this](App&) { browser_.ChooseNext(-1); },
                   .enabled = browses});
  app.actions.Add({.id = "data.play",
                   .menu = "Data",
                   .title = "Play the episode in the scene",
                   .run = [this](App&) { browser_.view().TogglePlaying(); },
                   .enabled = shows,
                   .checked = [this](const App&) { return browser_.view().playing(); }});
  app.actions.Add({.id = "data.predict",
                   .menu = "Data",
                   .title = "Put a model's prediction on the episode",
                   .run = [this](App& a) { browser_.view().Predict(a); },
                   .enabled = shows});
}

void DataPanel::Update(App& app) {
  if (!app.dataset_to_browse.empty()) {
    browser_.Open(app.dataset_to_browse);
    app.dataset_to_browse.clear();
  }
  if (collecting_) rate_.Update(collecting_->status(), outcome_->result().resumed_at, 0);
  browser_.Update(app);
}

void DataPanel::Draw(App& app) {
  if (ImGui::CollapsingHeader("Collect episodes")) DrawCollect(app);
  if (ImGui::CollapsingHeader("Save this session")) DrawSave(app);
  if (ImGui::CollapsingHeader("Browse", ImGuiTreeNodeFlags_DefaultOpen)) browser_.Draw(app);
}

void DataPanel::DrawCollect(App& app) {
  if (!Collecting()) {
    DrawCollectSettings(app);
    if (collecting_) DrawCollected(app);
    return;
  }
  const JobStatus status = collecting_->status();
  Paragraph(status.title + (status.paused ? " (paused)" : ""));
  JobLines(status, rate_, 0);
  if (const int workers = outcome_->workers(); workers > 0) Paragraph(WorkersText(workers, collected_.workers));
  ImGui::PushID("collecting");
  if (ImGui::Button(status.paused ? "Go on" : "Pause")) collecting_->Pause(!status.paused);
  ImGui::SameLine();
  if (ImGui::Button("Cancel")) collecting_->Cancel();
  theme::Tooltip("Keeps the episodes that are finished; it can go on later");
  ImGui::PopID();
}

void DataPanel::DrawCollectSettings(App& app) {
  const float em = ImGui::GetFontSize();
  const bool has_model = app.learned.open && app.now && app.now->model != "simulator";
  ImGui::SetNextItemWidth(13 * em);
  if (ImGui::BeginCombo("policy", PolicyName(policy_))) {
    for (const Policy policy : {Policy::kRandom, Policy::kSmooth, Policy::kPlanner, Policy::kModel, Policy::kLearned}) {
      if (policy == Policy::kModel && !has_model) continue;
      if (policy == Policy::kLearned && !(has_model && app.now->model_has_policy)) continue;
      if (ImGui::Selectable(PolicyName(policy), policy == policy_)) policy_ = policy;
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("What acts. Planners play with the options that suit the task, as `reverie collect` does.");
  int by = by_episodes_ ? 0 : 1;
  ImGui::RadioButton("episodes", &by, 0);
  ImGui::SameLine();
  ImGui::RadioButton("control steps", &by, 1);
  by_episodes_ = by == 0;
  const int64_t step = by_episodes_ ? 10 : 1000;
  int64_t& count = by_episodes_ ? episodes_ : steps_;
  ImGui::SetNextItemWidth(9 * em);
  ImGui::InputScalar("how many", ImGuiDataType_S64, &count, &step);
  theme::Tooltip(by_episodes_ ? "Whole episodes" : "In all; the last episode is cut short");
  count = std::clamp<int64_t>(count, 1, int64_t{1} << 40);
  const uint64_t one = 1;
  ImGui::SetNextItemWidth(9 * em);
  ImGui::InputScalar("seed", ImGuiDataType_U64, &seed_, &one);
  theme::Tooltip("The same seed gives the same episodes, whatever the number of workers");
  ImGui::SetNextItemWidth(9 * em);
  if (workers_ < 1) workers_ = app.threads->total();
  ImGui::InputInt("workers", &workers_);
  workers_ = std::clamp(workers_, 1, app.threads->total());
  theme::Tooltip("Threads that simulate, at most: learning, planning and the window have theirs");
  ImGui::TextUnformatted("Folder");
  ImGui::SetNextItemWidth(-1);
  ImGui::InputTextWithHint("##folder", "the next free one under out/data", &folder_);
  theme::Tooltip("Where the dataset goes; nothing there is overwritten");
  ImGui::BeginDisabled(!app.session);
  if (ImGui::Button("Collect")) Collect(app, false);
  ImGui::EndDisabled();
  if (!app.session) ImGui::TextDisabled("Open a task to collect from it");
}

void DataPanel::DrawCollected(App& app) {
  const JobStatus status = collecting_->status();
  const CollectDatasetResult result = outcome_->result();
  const fs::path folder = outcome_->folder();
  if (!status.error.empty()) ProblemLine(status.error);
  if (result.episodes == 0) return;
  Paragraph((status.cancelled ? "Cancelled: " : "") + std::to_string(result.episodes) + " episodes, " + Steps(result.steps) +
            (result.quarantined > 0 ? ", " + std::to_string(result.quarantined) + " diverged" : "") + " in " + ShownPath(folder));
  ImGui::PushID("collected");
  if (ImGui::Button("Browse them")) browser_.Open(folder);
  if (status.cancelled || !status.error.empty()) {
    ImGui::SameLine();
    if (ImGui::Button("Go on")) Collect(app, true);
    theme::Tooltip("Collects the rest into the same dataset");
  }
  ImGui::PopID();
}

void DataPanel::Collect(App& app, bool resume) {
  if (Collecting()) return;
  if (!resume) {
    if (!app.now) return;
    collected_ = {.task = app.now->task,
                  .policy = policy_,
                  .model = app.now->model,
                  .episodes = by_episodes_ ? episodes_ : 0,
                  .steps = by_episodes_ ? 0 : steps_,
                  .seed = seed_,
                  .workers = workers_ > 0 ? workers_ : app.threads->total(),
                  .threads = app.threads,
                  .folder = folder_,
                  .resume = false};
    const bool has_model = app.now->model != "simulator";
    if (policy_ == Policy::kLearned && !app.now->model_has_policy) collected_.policy = Policy::kModel;
    if (collected_.policy == Policy::kModel && !has_model) collected_.policy = Policy::kPlanner;
  } else {
    collected_.folder = outcome_->folder();
    collected_.resume = true;
  }
  outcome_ = std::make_shared<CollectOutcome>();
  rate_ = JobRate();
  collecting_ = StartCollecting(collected_, app.learned, outcome_);
  app.jobs.push_back(collecting_);
}

void DataPanel::DrawSave(App& app) {
  if (!app.session) return ImGui::TextDisabled("Nothing is open");
  Paragraph("Every branch of the timeline as an episode of a dataset.");
  const bool busy = saving_ && !saving_->status().finished;
  ImGui::BeginDisabled(busy);
  if (ImGui::Button("Save as ...")) AskToSave(app);
  ImGui::EndDisabled();
  theme::Tooltip("Asks for a new folder");
  if (!saving_) return;
  const JobStatus status = saving_->status();
  if (busy) return ImGui::TextDisabled("saving ...");
  if (!status.error.empty()) return ProblemLine(status.error);
  Paragraph(status.note + " in " + ShownPath(saved_to_));
  if (ImGui::Button("Browse them##saved")) browser_.Open(saved_to_);
}

void DataPanel::AskToSave(App& app) {
  if (!app.session || !app.now) return;
  app.files.Ask({.title = "Save this session's episodes", .kind = FileQuestion::Kind::kSaveFolder, .extensions = {},
                 .folder = {}, .name = FileStem(app.now->task->spec().name) + "-session", .shortcuts = {}},
                [this, &app](const fs::path& folder) { Save(app, folder); });
}

void DataPanel::Save(App& app, const fs::path& folder) {
  if (!app.session) return;
  saved_to_ = folder;
  saving_ = std::make_shared<Job>("Saving episodes", "episodes", [session = app.session, folder](JobContext& job) {
    PrepareChosenFolder(folder, kDatasetMarker);
    const int64_t saved = session->SaveEpisodes(folder);
    job.Report(saved, saved, std::to_string(saved) + (saved == 1 ? " episode" : " episodes"));
  });
  app.jobs.push_back(saving_);
}

std::unique_ptr<Panel> MakeDataPanel() { return std::make_unique<DataPanel>(); }

}  // namespace reverie::desktop
