// What was said and what runs: jobs with their progress, and every message since the start.
#include <imgui.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>

#include "ui/desktop/app.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

std::string Duration(double seconds) {
  char text[48];
  if (seconds < 60) {
    std::snprintf(text, sizeof text, "%.0f s", seconds);
  } else if (seconds < 3600) {
    std::snprintf(text, sizeof text, "%.0f min %02.0f s", std::floor(seconds / 60), std::fmod(seconds, 60));
  } else {
    std::snprintf(text, sizeof text, "%.0f h %02.0f min", std::floor(seconds / 3600), std::fmod(seconds / 60, 60));
  }
  return text;
}

class LogPanel : public Panel {
 public:
  const char* title() const override { return "Log"; }
  void Draw(App& app) override {
    DrawJobs(app);
    DrawLines(app);
  }

 private:
  void DrawJobs(App& app);
  /// Returns whether it is to be taken off the list.
  bool DrawJob(const std::shared_ptr<Job>& job, bool removable);
  void DrawLines(App& app);
  bool errors_only_ = false;
};

bool LogPanel::DrawJob(const std::shared_ptr<Job>& job, bool removable) {
  const theme::Palette& palette = theme::Colours();
  const float em = ImGui::GetFontSize();
  const JobStatus status = job->status();
  ImGui::PushID(job.get());
  ImGui::PushTextWrapPos(0);
  ImGui::TextUnformatted(status.title.c_str());
  bool remove = false;
  if (status.finished) {
    const ImVec4 colour = !status.error.empty() ? palette.bad : status.cancelled ? palette.dim : palette.good;
    const std::string text = !status.error.empty() ? status.error
                             : (status.cancelled ? "Stopped after " : "Done in ") + Duration(status.wall_s) +
                                   (status.note.empty() ? "" : ": " + status.note);
    ImGui::PushStyleColor(ImGuiCol_Text, colour);
    ImGui::TextUnformatted(text.c_str());
    ImGui::PopStyleColor();
    if (removable && ImGui::SmallButton("Dismiss")) remove = true;
  } else {
    const bool known = status.total > 0;
    const float share = known ? static_cast<float>(static_cast<double>(status.done) / static_cast<double>(status.total)) : 0;
    std::string text = std::to_string(status.done) + (known ? " of " + std::to_string(status.total) : "") + " " + status.unit;
    if (!known && status.done == 0) text = status.paused ? "paused" : "running";
    ImGui::ProgressBar(std::clamp(share, 0.0f, 1.0f), {-1, 1.3f * em}, text.c_str());
    ImGui::TextDisabled("%s%s%s", Duration(status.wall_s).c_str(), status.note.empty() ? "" : "   ", status.note.c_str());
    if (ImGui::SmallButton(status.paused ? "Go on" : "Pause")) job->Pause(!status.paused);
    ImGui::SameLine();
    if (ImGui::SmallButton("Stop")) job->Cancel();
    theme::Tooltip("Ends it after what is under way; what is finished is kept");
  }
  ImGui::PopTextWrapPos();
  ImGui::Dummy({0, em * 0.3f});
  ImGui::PopID();
  return remove;
}

void LogPanel::DrawJobs(App& app) {
  const bool learning_listed = std::find(app.jobs.begin(), app.jobs.end(), app.learning) != app.jobs.end();
  if (app.jobs.empty() && (app.learning == nullptr || learning_listed)) return;
  if (!ImGui::CollapsingHeader("Jobs", ImGuiTreeNodeFlags_DefaultOpen)) return;
  if (app.learning != nullptr && !learning_listed) DrawJob(app.learning, false);
  std::shared_ptr<Job> removed;
  for (const std::shared_ptr<Job>& job : app.jobs) {
    if (DrawJob(job, true)) removed = job;
  }
  if (removed != nullptr) std::erase(app.jobs, removed);
}

void LogPanel::DrawLines(App& app) {
  if (!ImGui::CollapsingHeader("Messages", ImGuiTreeNodeFlags_DefaultOpen)) return;
  const auto& lines = app.messages.lines();
  if (lines.empty()) {
    ImGui::TextDisabled("Nothing so far");
    return;
  }
  ImGui::Checkbox("Errors only", &errors_only_);
  ImGui::SameLine();
  if (ImGui::SmallButton("Copy all")) {
    std::string all;
    for (const Messages::Line& line : lines) all += (line.error ? "error: " : "") + line.text + "\n";
    ImGui::SetClipboardText(all.c_str());
  }
  theme::Tooltip("Copies every message as text");
  ImGui::PushTextWrapPos(0);
  for (size_t i = lines.size(); i-- > 0;) {  // newest first
    const Messages::Line& line = lines[i];
    if (errors_only_ && !line.error) continue;
    ImGui::PushStyleColor(ImGuiCol_Text, line.error ? theme::Colours().bad : theme::Colours().text);
    std::string text = line.text;
    if (line.repeated > 1) text += "  (" + std::to_string(line.repeated) + " times)";
    ImGui::TextUnformatted(text.c_str(), text.c_str() + text.size());
    ImGui::PopStyleColor();
  }
  ImGui::PopTextWrapPos();
}

}  // namespace

std::unique_ptr<Panel> MakeLogPanel() {
  return std::make_unique<LogPanel>();
}

}  // namespace reverie::desktop
