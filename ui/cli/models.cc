#include "ui/cli/models.h"

#include "agent/planner_policy.h"
#if REVERIE_TORCH
#include "agent/seeing_model.h"
#endif
#include "sim/error.h"
#include "ui/cli/settings.h"
#include "worldmodel/device.h"
#include "worldmodel/model_config.h"
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

std::unique_ptr<WorldModel> OpenPredictor(const std::string& model, std::shared_ptr<const CompiledTask> task,
                                          const CommonOptions& options) {
#if REVERIE_TORCH
  if (model != "simulator" && KindOfModel(ReadModelConfig(model)) == "jepa") {
    const std::string device = ResolveDevice(options.device);
    SetTorchThreads(options.Threads());
    std::unique_ptr<SeeingModel> seeing = SeeingModel::Load(model, std::move(task), device);
    if (!seeing->reads_channels()) {
      throw CheckpointError("model " + model + ": expected probes, by which channels are read out of what a model of pictures "
                            "imagines, found none of its weights; 'reverie probe --model " + model + " --data DATASET' fits them");
    }
    if (const std::vector<std::string> unread = seeing->UnreadChannels(); !unread.empty()) {
      throw CheckpointError("model " + model + ": expected probes of every channel, found none of '" + unread.front() +
                            "'; 'reverie probe --model " + model + " --data DATASET --overwrite' fits them to all of the "
                            "observation");
    }
    return seeing;
  }
#endif
  return OpenModel(model, std::move(task), options);
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
