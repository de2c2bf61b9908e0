#include "ui/cli/models.h"

#include "agent/planner_policy.h"
#include "sim/error.h"
#include "ui/cli/settings.h"
#include "worldmodel/device.h"
#include "worldmodel/model_options.h"
#include "worldmodel/simulator_model.h"

namespace reverie::cli {

std::unique_ptr<WorldModel> OpenModel(const std::string& model, std::shared_ptr<const CompiledTask> task,
                                      const CommonOptions& options) {
  if (model == "simulator") return std::make_unique<SimulatorModel>(std::move(task), options.Threads());
#if REVERIE_TORCH
  const std::string device = ResolveDevice(options.device);
  SetTorchThreads(options.Threads());
  return LoadLearnedModel(model, std::move(task), device);
#else
  throw DeviceError("model " + model + ": this build of reverie has no LibTorch (REVERIE_TORCH=OFF), so only "
                    "'simulator' can be planned in");
#endif
}

PlannerOptions PlanningIn(const std::string& model, const TaskSpec& task, const std::vector<std::string>& settings,
                          const std::string& planner) {
  PlannerOptions options = PlannerOptionsFor(task, model);
  const nlohmann::json parsed = ParseSettings(settings);
  for (const auto& [key, value] : parsed.items()) {
    if (key != "planner") throw UsageError("--set: expected planner.<option>, found '" + key + "'");
    options.Update(value, "--set planner");
  }
  if (!planner.empty()) options.kind = ParsePlannerKind(planner);
  return options;
}

}  // namespace reverie::cli
