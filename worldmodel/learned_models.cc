// Apart from the options, for what reads options without LibTorch.
#include "sim/error.h"
#include "worldmodel/model_config.h"
#include "worldmodel/model_files.h"
#include "worldmodel/model_options.h"

namespace reverie {

std::unique_ptr<LearnedModel> MakeLearnedModel(std::shared_ptr<const CompiledTask> task, const ModelOptions& options,
                                               const std::string& device, uint64_t seed) {
  if (options.kind == "latent") return std::make_unique<Latent>(std::move(task), options.latent, device, seed);
  return std::make_unique<Ensemble>(std::move(task), options.ensemble, device, seed);
}

nlohmann::json ReadCheckpointNote(const std::filesystem::path& file) { return ReadTrainingNote(file); }

std::unique_ptr<LearnedModel> LoadLearnedModel(const std::filesystem::path& folder,
                                               std::shared_ptr<const CompiledTask> task, const std::string& device) {
  const std::string kind = KindOfModel(ReadModelConfig(folder));
  if (kind == "jepa") {
    throw CheckpointError("model " + folder.string() + ": predicts pictures, not channels, so it is told what to do by a "
                          "goal: reverie evaluate TASK --model " + folder.string() + " --goal FILE.png|EPISODE:STEP|random; " +
                          "what it imagines is measured and drawn by reverie probe");
  }
  if (kind == "latent") return Latent::Load(folder, std::move(task), device);
  return Ensemble::Load(folder, std::move(task), device);
}

}  // namespace reverie
