// A learned model on disk: config.json with weights.safetensors, and the state of its training. Internal: needs Torch.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include <torch/torch.h>

#include "worldmodel/calibration.h"
#include "worldmodel/model_config.h"

namespace reverie {

using NamedTensors = std::map<std::string, torch::Tensor>;

/// What a model's folder and its training's state hold of it; tensors are views, read into in place.
struct ModelContent {
  const CompiledTask& task;
  std::string kind;
  NamedTensors tensors;
  int64_t& updates;
  Calibration& calibration;
};

void WriteModel(const std::filesystem::path& folder, const ModelContent& content, const nlohmann::ordered_json& options,
                const nlohmann::ordered_json& more);
/// @param config  config.json, already checked against the task.
/// @throws CheckpointError naming the tensor that is missing, misshapen or belongs to no part of the model.
void ReadModel(const std::filesystem::path& folder, const nlohmann::json& config, ModelContent content);

void WriteTrainingState(const std::filesystem::path& file, const ModelContent& content, const nlohmann::json& extra,
                        const std::function<void(torch::serialize::OutputArchive&)>& more = nullptr);
/// Returns `extra` alone, of any kind and size of model. @throws CheckpointError.
nlohmann::json ReadTrainingNote(const std::filesystem::path& file);
/// Returns `extra`. @throws CheckpointError.
nlohmann::json ReadTrainingState(const std::filesystem::path& file, ModelContent content, const torch::Device& device,
                                 const std::function<void(torch::serialize::InputArchive&)>& more = nullptr);

}  // namespace reverie
