// The agent: who acts, at what pace, how the planner plans, and what it believes in. Window's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/job.h"
#include "agent/latest.h"
#include "agent/planner.h"
#include "ui/desktop/app.h"
#include "ui/desktop/model_choices.h"
#include "ui/desktop/panel.h"

namespace reverie::desktop {

class AgentPanel : public Panel {
 public:
  const char* title() const override { return "Agent"; }
  void Draw(App& app) override;
  void Update(App& app) override;
  void AddActions(App& app) override;

 private:
  void DrawActors(App& app);
  void DrawPace(App& app);
  void DrawModel(App& app);
  void DrawGap(const App& app);
  void DrawPlanner(App& app);
  void DrawPlanTimes(const App& app);
  void DrawHint(App& app);

  void ChooseModel(App& app, const std::string& model);
  void ToggleModel(App& app);
  void LookForModels(const App& app);
  void SetPlanner(App& app, const PlannerOptions& options);
  void AskForDefaults(App& app);
  void UpdateGap(const SessionSnapshot& now);

  std::weak_ptr<Session> session_;         // whose numbers these are

  std::optional<PlannerOptions> sent_;     // not yet in a snapshot
  double sent_s_ = 0;
  struct Defaults {
    std::optional<PlannerOptions> options;
    std::string error;
  };
  std::shared_ptr<Latest<Defaults>> defaults_;  // being found out
  std::unique_ptr<Job> defaults_job_;

  ModelChoices models_;
  std::string learned_model_;              // believed in last
  std::map<std::string, PlannerOptions> options_of_;  // by model: what it was last planned with
  std::string chosen_model_;               // asked for; empty: the snapshot has it
  std::string model_error_;
  int64_t notice_before_ = 0;              // serial, when a model was asked for

  int64_t plans_ = -1;
  std::vector<float> plan_ms_;             // of the last plans, oldest first
  struct Gap {
    int plans = 0;
    double in_model = 0, in_simulator = 0; // means
  } mean_gap_;
  std::optional<uint64_t> gap_serial_;  // of the snapshot that it is of
};

/// "the model overrates its plan by 3.1 of 41".
std::string GapInWords(double return_in_model, double return_in_simulator);
/// How a model is called in lists: "simulator", or the end of its folder's path.
std::string ModelLabel(const std::string& model);

}  // namespace reverie::desktop
