#include "worldmodel/model_config.h"

#include <algorithm>
#include <type_traits>

#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/ensemble.h"

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

namespace {

// Options that both ToJson and FromJson walk, so that neither forgets one.
template <class Options, class Visit>
void VisitOptions(Options& options, Visit&& visit) {
  visit("members", options.members);
  visit("layers", options.layers);
  visit("width", options.width);
  visit("learning_rate", options.learning_rate);
  visit("weight_decay", options.weight_decay);
  visit("batch", options.batch);
  visit("variance_weighting", options.variance_weighting);
  visit("bootstrap", options.bootstrap);
  visit("planning_members", options.planning_members);
  visit("drawn_members", options.drawn_members);
  visit("noise_samples", options.noise_samples);
}

}  // namespace

nlohmann::ordered_json EnsembleOptions::ToJson() const {
  nlohmann::ordered_json json;
  VisitOptions(*this, [&](const char* key, const auto& value) { json[key] = value; });
  return json;
}

void EnsembleOptions::Update(const nlohmann::json& json, const std::string& where) {
  if (!json.is_object()) throw Error(where + ": expected an object of model options, found " + json.dump());
  std::vector<std::string> known;
  VisitOptions(*this, [&](const char* key, auto& value) {
    known.push_back(key);
    if (!json.contains(key)) return;
    using Value = std::remove_reference_t<decltype(value)>;
    const bool fits = std::is_same_v<Value, int> ? json.at(key).is_number_integer() : json.at(key).is_number();
    if (!fits || json.at(key).get<double>() < 0.0) {
      throw Error(where + ", key \"" + key + "\": expected a " + (std::is_same_v<Value, int> ? "whole " : "") +
                  "number from 0, found " + json.at(key).dump());
    }
    value = json.at(key).get<Value>();
  });
  for (const auto& [key, value] : json.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      throw Error(where + ": unknown model option \"" + key + "\"" + DidYouMean(key, known));
    }
  }
  if (members < 1 || layers < 1 || width < 1 || batch < 1 || planning_members < 1 || drawn_members < 1) {
    throw Error(where + ": members, layers, width and batch must be at least 1");
  }
}

}  // namespace reverie
