#include "worldmodel/model_config.h"

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {

nlohmann::ordered_json DescribeModel(const CompiledTask& task, const std::string& kind) {
  return {{"format", 1},
          {"model", kind},
          {"task", task.spec().name},
          {"observation", task.ObservationLabels()},
          {"signals", task.SignalLabels()},
          {"actions", task.ActionLabels()},
          {"angles", task.angles()},
          {"action_repeat", task.spec().action_repeat},
          {"env_step_s", task.env_step_s()},
          {"task_json", task.spec().ToJson()}};
}

nlohmann::json ReadModelConfig(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / "config.json";
  std::error_code ignored;
  if (!std::filesystem::exists(folder, ignored)) {
    throw CheckpointError("model " + folder.string() + ": no such folder (expected one made by 'reverie learn' or 'reverie train')");
  }
  if (!std::filesystem::exists(file, ignored)) {
    throw CheckpointError("model " + folder.string() + ": holds no config.json, so it is no finished model");
  }
  try {
    return nlohmann::json::parse(ReadFile(file));
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError("model " + file.string() + ": not valid JSON: " + error.what());
  }
}

nlohmann::json LearningOfKind(const TaskSpec& spec, const std::string& kind) {
  nlohmann::json learning = spec.learning.is_object() ? spec.learning : nlohmann::json::object();
  if (kind == "latent" || kind == "jepa") return learning.value(kind, nlohmann::json::object());
  learning.erase("latent");
  learning.erase("jepa");
  return learning;
}

std::string KindOfModel(const nlohmann::json& config) {
  const auto kind = config.is_object() ? config.find("model") : config.end();
  return kind != config.end() && kind->is_string() ? kind->get<std::string>() : "ensemble";
}

void CheckModelFits(const nlohmann::json& config, const CompiledTask& task, const std::string& kind,
                    const std::string& where) {
  const nlohmann::json expected = nlohmann::json::parse(DescribeModel(task, kind).dump());
  for (const char* key : {"format", "model", "observation", "signals", "actions", "angles", "action_repeat", "env_step_s"}) {
    const nlohmann::json found = config.is_object() && config.contains(key) ? config.at(key) : nlohmann::json();
    if (found == expected.at(key)) continue;
    const std::string trained_on = config.is_object() && config.contains("task") ? config.at("task").dump() : "?";
    throw CheckpointError("model " + where + ", key \"" + key + "\": task '" + task.spec().name + "' needs " +
                          expected.at(key).dump() + ", found " + found.dump() + " (the model was trained on " +
                          trained_on + ")");
  }
}

}  // namespace reverie
