// Learning in the background: start, pause, stop; how it goes; the models that are known, to plan in, copy and
// compare. Window's thread only; folders are read in jobs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ui/desktop/learning_run.h"
#include "ui/desktop/model_list.h"
#include "ui/desktop/panel.h"

namespace reverie::desktop {

class LearningPanel : public Panel {
 public:
  const char* title() const override { return "Learning"; }
  void Draw(App& app) override;
  void Update(App& app) override;
  void AddActions(App& app) override;

  const LearningRun& run() const { return run_; }
  const ModelList& models() const { return models_; }

 private:
  std::vector<std::filesystem::path> OfTask(const App& app) const;  // sound models of the open task
  bool AllTicked(const App& app) const;
  void TickAll(App& app, bool on);
  static const char* KindHelp(const std::string& kind);
  void Start(App& app);
  void DrawRun(App& app);
  void DrawSettings(App& app);
  void DrawProgress(App& app);
  void DrawCurves(App& app);
  void DrawModels(App& app);
  void DrawTable(App& app);
  void DrawChosen(App& app, const KnownModel& model);
  void SaveCopy(App& app, const std::filesystem::path& from, const std::filesystem::path& to);
  const LearningCurve* CurveOf(const App& app, const KnownModel& model) const;

  LearningRun run_;
  ModelList models_;
  std::string folder_;
  int64_t env_steps_ = 12000;
  uint64_t seed_ = 0;
  bool resume_ = false;
  std::string kind_ = "ensemble";
  bool was_running_ = false;
  std::string problem_;
  std::filesystem::path stopped_;                    // the run that can go on
  std::string opened_;                               // the session's model when last looked at
  std::optional<std::filesystem::path> shown_run_;   // whose curves were ticked for it
  LearningAxis axis_ = LearningAxis::kEnvSteps;
  std::filesystem::path chosen_;                     // in the table
  std::vector<std::pair<std::weak_ptr<Job>, std::filesystem::path>> copies_;  // under way
};

}  // namespace reverie::desktop
