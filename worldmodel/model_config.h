// config.json of a model folder: which task a model was trained on, so that it is refused on another. No Torch.
#pragma once

#include <filesystem>

#include <nlohmann/json.hpp>

#include "sim/environment.h"

namespace reverie {

/// Key of config.json under which learning keeps its options.
inline constexpr char kLearningKey[] = "learning";

/// The part of config.json that describes the task: name, channels, actions, control step.
nlohmann::ordered_json DescribeModel(const CompiledTask& task, const std::string& kind);

/// @throws CheckpointError if the folder or its config.json is missing or malformed.
nlohmann::json ReadModelConfig(const std::filesystem::path& folder);

/// What a task file's "learning" says for models of a kind: the ensemble's keys lie there, a latent model's under
/// "latent", a joint-embedding one's under "jepa".
nlohmann::json LearningOfKind(const TaskSpec& spec, const std::string& kind);

/// The kind of model that config.json describes: "ensemble", "latent", "jepa".
std::string KindOfModel(const nlohmann::json& config);

/// @throws CheckpointError naming the first field that differs, with both values.
void CheckModelFits(const nlohmann::json& config, const CompiledTask& task, const std::string& kind,
                    const std::string& where);

}  // namespace reverie
