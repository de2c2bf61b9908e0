// Which kind of model learns, with the options of each kind; models made and opened by kind. No Torch.
#pragma once

#include "worldmodel/ensemble.h"
#include "worldmodel/latent.h"

namespace reverie {

struct ModelOptions {
  std::string kind = "ensemble";
  EnsembleOptions ensemble;
  LatentOptions latent;

  /// "ensemble", "latent".
  static const std::vector<std::string>& Kinds();
  /// Options of the chosen kind, and its name under "kind".
  nlohmann::ordered_json ToJson() const;
  /// Sets "kind" and the options of that kind that `json` names.
  /// @throws Error for an unknown kind or key, or a value of another type.
  void Update(const nlohmann::json& json, const std::string& where);
};

/// A model that has learned nothing yet. @param device  as ResolveDevice gives it.
std::unique_ptr<LearnedModel> MakeLearnedModel(std::shared_ptr<const CompiledTask> task, const ModelOptions& options,
                                               const std::string& device, uint64_t seed);
/// What was given to SaveTrainingState beside the model, whatever its kind and size. @throws CheckpointError.
nlohmann::json ReadCheckpointNote(const std::filesystem::path& file);
/// The model in `folder`, of whatever kind. @throws CheckpointError.
std::unique_ptr<LearnedModel> LoadLearnedModel(const std::filesystem::path& folder,
                                               std::shared_ptr<const CompiledTask> task, const std::string& device);

}  // namespace reverie
