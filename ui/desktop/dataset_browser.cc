#include "ui/desktop/dataset_browser.h"

#include <algorithm>
#include <chrono>
#include <utility>
#include <vector>

#include <imgui.h>
#include <imgui_stdlib.h>

#include "sim/error.h"
#include "sim/replay.h"
#include "ui/desktop/job_line.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {

namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kHandOver(100);  // rows come in handfuls of this long

std::shared_ptr<const BrowsedDataset> Describe(const DatasetReader& reader) {
  auto dataset = std::make_shared<BrowsedDataset>();
  dataset->folder = reader.folder();
  dataset->info = reader.info();
  dataset->episodes = reader.episodes();
  dataset->steps = reader.steps();
  dataset->finished = reader.finished();
  dataset->labels = dataset->info.observation_labels;
  dataset->labels.insert(dataset->labels.end(), dataset->info.signal_labels.begin(), dataset->info.signal_labels.end());
  const auto channels = static_cast<size_t>(dataset->info.observation_size + dataset->info.signal_size);
  for (size_t i = dataset->labels.size(); i < channels; ++i) dataset->labels.push_back("channel " + std::to_string(i));
  dataset->labels.resize(channels);
  try {
    dataset->task = TaskOfDataset(reader);
  } catch (const Error& error) {  // of another MuJoCo: its numbers can be looked at all the same
    dataset->task_problem = error.what();
  }
  return dataset;
}

}  // namespace

void DatasetBrowser::Open(const fs::path& folder) {
  folder_ = folder;
  typed_ = folder.string();
  dataset_.reset();
  table_.Clear();
  chosen_.reset();
  reading_.Cancel();
  view_.Show(nullptr, nullptr);
  loading_.Start("episodes", [this, folder](JobContext& job, const SideWork::Post& post) {
    const DatasetReader reader(folder);
    std::shared_ptr<const BrowsedDataset> dataset = Describe(reader);
    post([this, dataset] { dataset_ = dataset; });
    std::vector<EpisodeSummary> rows;
    const auto hand_over = [&] {
      post([this, rows = std::move(rows)] { table_.Add(rows); });
      rows.clear();
    };
    auto last = std::chrono::steady_clock::now();
    for (int64_t k = 0; k < reader.episodes(); ++k) {
      if (!job.GoOn()) return;
      try {
        rows.push_back(reader.ReadSummary(k));
      } catch (...) {
        hand_over();  // those before it are sound
        throw;
      }
      if (const auto now = std::chrono::steady_clock::now(); now - last > kHandOver) {
        hand_over();
        job.Report(k + 1, reader.episodes(), "");
        last = now;
      }
    }
    hand_over();
  });
}

void DatasetBrowser::Ask(App& app) {
  app.files.Ask({.title = "Dataset to browse", .kind = FileQuestion::Kind::kOpenFolder, .extensions = {},
                 .folder = folder_.parent_path(), .name = "", .shortcuts = {}},
                [this, &app](const fs::path& path) {
                  Open(path);
                  app.actions.Run("view.show.data", app);
                });
}

void DatasetBrowser::Choose(size_t number) {
  if (!dataset_) return;
  chosen_ = number;
  reading_.Start("", [this, number, dataset = dataset_](JobContext&, const SideWork::Post& post) {
    const DatasetReader reader(dataset->folder);
    auto episode = std::make_shared<const RecordedEpisode>(reader.Read(static_cast<int64_t>(number)), reader.info(), number);
    if (episode->channels.size() != dataset->labels.size()) {
      throw DatasetError(dataset->folder.string() + ": is another dataset by now; open it again");
    }
    post([this, dataset, episode] { view_.Show(dataset, episode); });
  });
}

void DatasetBrowser::ChooseNext(int direction) {
  const std::vector<size_t> shown = table_.Shown();
  if (shown.empty()) return;
  const auto here = chosen_ ? std::find(shown.begin(), shown.end(), *chosen_) : shown.end();
  const auto last = static_cast<ptrdiff_t>(shown.size()) - 1;
  Choose(here == shown.end() ? shown.front()
                             : shown[static_cast<size_t>(std::clamp<ptrdiff_t>(here - shown.begin() + direction, 0, last))]);
}

void DatasetBrowser::Update(App& app) {
  const bool loaded = loading_.Update(), read = reading_.Update();
  if (loaded || read || loading_.busy() || reading_.busy()) app.KeepDrawing(0.2);
  view_.Update(app);
}

void DatasetBrowser::Draw(App& app) {
  const float em = ImGui::GetFontSize();
  if (ImGui::Button("Open ...")) Ask(app);
  theme::Tooltip("The folder of a dataset; it can be dropped on the window as well");
  ImGui::SameLine();
  ImGui::SetNextItemWidth(-1);
  if (ImGui::InputTextWithHint("##folder", "or its folder, then Enter", &typed_, ImGuiInputTextFlags_EnterReturnsTrue) &&
      !typed_.empty()) {
    Open(typed_);
  }
  if (loading_.busy()) {
    const JobStatus status = loading_.status();
    const int64_t total = dataset_ ? dataset_->episodes : 0;
    const auto done = static_cast<int64_t>(table_.size());
    const std::string text = total > 0 ? std::to_string(done) + " of " + std::to_string(total) + " episodes" : "opening ...";
    const float share = total > 0 ? static_cast<float>(static_cast<double>(done) / static_cast<double>(total)) : 0.0f;
    ImGui::ProgressBar(share, ImVec2(-1, 1.3f * em), text.c_str());
  }
  if (!problem().empty()) ProblemLine(problem());
  if (dataset_) DrawDataset(app);
}

void DatasetBrowser::DrawDataset(App& app) {
  const BrowsedDataset& dataset = *dataset_;
  Paragraph(dataset.info.task_name + ", " + dataset.info.policy + ": " + std::to_string(dataset.episodes) + " episodes, " +
            Steps(dataset.steps) + " of " + Number(dataset.control_step_s()) + " s" +
            (dataset.finished ? "" : " (not finished: what was committed)"));
  const size_t rows = std::min<size_t>(table_.size(), 8);
  const std::optional<size_t> clicked =
      table_.Draw(chosen_, (static_cast<float>(rows) + 2) * ImGui::GetTextLineHeightWithSpacing());
  if (clicked) Choose(*clicked);
  if (!reading_.error().empty()) ProblemLine(reading_.error());
  if (reading_.busy()) ImGui::TextDisabled("reading ...");
  view_.Draw(app);
}

}  // namespace reverie::desktop
