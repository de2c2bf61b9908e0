#include "ui/cli/models.h"

#include "worldmodel/device.h"
#include "worldmodel/ensemble.h"
#include "worldmodel/simulator_model.h"

namespace reverie::cli {

std::unique_ptr<WorldModel> OpenModel(const std::string& model, std::shared_ptr<const CompiledTask> task,
                                      const CommonOptions& options) {
  if (model == "simulator") return std::make_unique<SimulatorModel>(std::move(task), options.Threads());
  const std::string device = ResolveDevice(options.device);
  SetTorchThreads(options.Threads());
  return Ensemble::Load(model, std::move(task), device);
}

}  // namespace reverie::cli
