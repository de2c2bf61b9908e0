#include "sim/task.h"

#include <algorithm>
#include <functional>
#include <set>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/locations.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

// One JSON object whose keys are taken one by one, so that what is left over is unknown.
class Keys {
 public:
  Keys(const Json& object, std::string where) : object_(object), where_(std::move(where)) {
    if (!object.is_object()) throw TaskError(where_ + ": expected an object, found " + object.type_name());
  }

  const Json* Find(const std::string& key) {
    known_.push_back(key);
    const auto found = object_.find(key);
    return found == object_.end() ? nullptr : &*found;
  }
  std::string String(const std::string& key, bool required = false) {
    const Json* value = Need(key, required);
    if (!value) return "";
    if (!value->is_string()) Fail(key, "a string", *value);
    return value->get<std::string>();
  }
  double Positive(const std::string& key, double missing) {
    const Json* value = Need(key, false);
    if (!value) return missing;
    if (!value->is_number() || !(value->get<double>() > 0.0)) Fail(key, "a number above 0", *value);
    return value->get<double>();
  }
  int PositiveWhole(const std::string& key, int missing) {
    const Json* value = Need(key, false);
    if (!value) return missing;
    if (!value->is_number_integer() || value->get<int64_t>() < 1 || value->get<int64_t>() > 1000000) {
      Fail(key, "a whole number from 1", *value);
    }
    return value->get<int>();
  }
  void RefuseOthers() const {
    for (const auto& [key, value] : object_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end()) {
        throw TaskError(where_ + ": unknown key \"" + key + "\"" + DidYouMean(key, known_) +
                        " (known: " + Join(known_, 30) + ")");
      }
    }
  }
  bool Flag(const std::string& key) {
    const Json* value = Need(key, false);
    if (!value) return false;
    if (!value->is_boolean()) Fail(key, "true or false", *value);
    return value->get<bool>();
  }
  [[noreturn]] void Fail(const std::string& key, const std::string& expected, const Json& found) const {
    throw TaskError(where_ + ", key \"" + key + "\": expected " + expected + ", found " + found.dump());
  }

 private:
  const Json* Need(const std::string& key, bool required) {
    const Json* value = Find(key);
    if (!value && required) throw TaskError(where_ + ": key \"" + key + "\" is missing");
    return value;
  }

  const Json& object_;
  std::string where_;
  std::vector<std::string> known_;
};

std::vector<std::string> Strings(Keys& keys, const std::string& key, const Json& value,
                                 const char* expected = "a formula or a list of formulas") {
  if (value.is_string()) return {value.get<std::string>()};
  if (!value.is_array()) keys.Fail(key, expected, value);
  std::vector<std::string> strings;
  for (const Json& item : value) {
    if (!item.is_string()) keys.Fail(key, "a list of strings", value);
    strings.push_back(item.get<std::string>());
  }
  return strings;
}

std::vector<Channel> ParseChannels(Keys& keys, const std::string& key, const std::string& where) {
  std::vector<Channel> channels;
  const Json* object = keys.Find(key);
  if (!object) return channels;
  if (!object->is_object()) keys.Fail(key, "an object of channels, as in {\"position\": \"qpos\"}", *object);
  Keys inner(*object, where + ", key \"" + key + "\"");
  for (const auto& [name, value] : object->items()) channels.push_back({name, Strings(inner, name, value)});
  return channels;
}

void ParseResetStep(const Json& item, const std::string& where, std::vector<ResetStep>& steps) {
  Keys keys(item, where);
  if (const Json* set = keys.Find("set")) {
    if (!set->is_string()) keys.Fail("set", "a field, as in \"qpos(slider)\"", *set);
    steps.push_back({ResetStep::Kind::kSet, set->get<std::string>(), keys.String("to", true)});
  } else if (const Json* let = keys.Find("let")) {
    if (!let->is_object()) keys.Fail("let", "an object, as in {\"angle\": \"uniform(0, 1)\"}", *let);
    for (const auto& [name, value] : let->items()) {
      if (!value.is_string()) keys.Fail("let", "formulas", *let);
      steps.push_back({ResetStep::Kind::kLet, name, value.get<std::string>()});
    }
  } else if (const Json* joints = keys.Find("joints")) {
    if (*joints != "random") keys.Fail("joints", "\"random\"", *joints);
    steps.push_back({ResetStep::Kind::kJoints, "", ""});
  } else if (keys.Find("keyframe")) {
    steps.push_back({ResetStep::Kind::kKeyframe, keys.String("keyframe", true), ""});
  } else if (keys.Find("settle")) {
    steps.push_back({ResetStep::Kind::kSettle, "", "", keys.PositiveWhole("settle", 1)});
  } else if (keys.Find("until")) {
    steps.push_back({ResetStep::Kind::kUntil, "", keys.String("until", true)});
  } else {
    throw TaskError(where + ": expected one of set, let, joints, keyframe, settle, until; found " +
                    item.dump());
  }
  keys.RefuseOthers();
}

void ParseViolations(const Json& object, const std::string& where, std::vector<ViolationSpec>& violations) {
  for (const auto& [name, value] : object.items()) {
    const std::string here = where + "." + name + "\"";
    Keys keys(value, here);
    ViolationSpec violation;
    violation.name = name;
    if (name.empty() || name.find_first_of(":,") != std::string::npos || name == "all") {
      throw TaskError(here + ": expected a name without ':' and ',', and not 'all'");
    }
    if (const Json* sizes = keys.Find("sizes")) {
      if (!sizes->is_array() || sizes->empty()) keys.Fail("sizes", "a list of numbers above 0", *sizes);
      for (const Json& size : *sizes) {
        if (!size.is_number() || !(size.get<double>() > 0.0)) keys.Fail("sizes", "a list of numbers above 0", *sizes);
        violation.sizes.push_back(size.get<double>());
      }
    }
    violation.when = keys.String("when");
    if (const Json* steps = keys.Find("do")) {
      if (!steps->is_array()) keys.Fail("do", "a list of steps", *steps);
      for (size_t i = 0; i < steps->size(); ++i) {
        ParseResetStep((*steps)[i], here + ", key \"do[" + std::to_string(i) + "]\"", violation.steps);
        const ResetStep::Kind kind = violation.steps.back().kind;
        if (kind != ResetStep::Kind::kSet && kind != ResetStep::Kind::kLet && kind != ResetStep::Kind::kUntil)
          keys.Fail("do", "steps of set, let and until", (*steps)[i]);
      }
    }
    if (const Json* pass = keys.Find("pass_through")) {
      violation.pass_through = Strings(keys, "pass_through", *pass, "a name or a list of names");
    }
    violation.shows = keys.String("shows");
    violation.window_s = keys.Positive("window_s", 0.0);
    violation.control = keys.Flag("control");
    keys.RefuseOthers();
    if (violation.steps.empty() && violation.pass_through.empty())
      throw TaskError(here + ": expected \"do\" or \"pass_through\", found neither");
    violations.push_back(std::move(violation));
  }
}

fs::path SceneFile(const std::string& scene, const fs::path& folder) {
  const auto package = [&](const char* prefix, const char* name, const char* inside) -> fs::path {
    return scene.starts_with(prefix)
               ? PythonPackageFolder(name) / inside / scene.substr(std::string(prefix).size())
               : fs::path();
  };
  if (const fs::path file = package("dm_control:", "dm_control", "suite"); !file.empty()) return file;
  if (const fs::path file = package("gymnasium:", "gymnasium", "envs/mujoco/assets"); !file.empty())
    return file;
  return folder / scene;
}

TaskSpec Parse(const std::string& text, const std::string& name, const std::string& where,
               const fs::path& folder) {
  Json json;
  try {
    json = Json::parse(text, nullptr, true, true);
  } catch (const Json::exception& error) {
    std::string message = error.what();
    std::replace(message.begin(), message.end(), '\n', ' ');
    throw TaskError("task " + where + ": not valid JSON: " + message);
  }
  TaskSpec spec;
  spec.name = name;
  Keys keys(json, "task " + where);
  spec.description = keys.String("description");
  const std::string scene = keys.String("scene", true);
  if (!folder.empty())
    spec.scene_file = SceneFile(scene, folder);
  else
    spec.scene_file = scene;
  spec.control_timestep_s = keys.Positive("control_timestep_s", 0.0);
  spec.action_repeat = keys.PositiveWhole("action_repeat", 1);
  spec.time_limit_s = keys.Positive("time_limit_s", 0.0);
  spec.camera = keys.String("camera");
  spec.observation = ParseChannels(keys, "observation", "task " + where);
  spec.signals = ParseChannels(keys, "signals", "task " + where);
  if (const Json* angles = keys.Find("angles")) spec.angles = Strings(keys, "angles", *angles);
  if (const Json* reset = keys.Find("reset")) {
    if (!reset->is_array()) keys.Fail("reset", "a list of steps", *reset);
    for (size_t i = 0; i < reset->size(); ++i) {
      ParseResetStep((*reset)[i], "task " + where + ", key \"reset[" + std::to_string(i) + "]\"", spec.reset);
    }
  }
  spec.reward = keys.String("reward");
  spec.planning_reward = keys.String("planning_reward");
  spec.terminate = keys.String("terminate");
  spec.success = keys.String("success");
  const auto object = [&](const std::string& key, nlohmann::json& target) {
    const Json* value = keys.Find(key);
    if (!value) return;
    if (!value->is_object()) keys.Fail(key, "an object of options", *value);
    target = nlohmann::json::parse(value->dump());
  };
  object("goal", spec.goal);
  if (const Json* violations = keys.Find("violations")) {
    if (!violations->is_object()) keys.Fail("violations", "an object of violations by name", *violations);
    ParseViolations(*violations, "task " + where + ", key \"violations", spec.violations);
  }
  object("planner", spec.planner);
  object("learning", spec.learning);
  keys.RefuseOthers();
  if (spec.observation.empty()) spec.observation = {{"qpos", {"qpos"}}, {"qvel", {"qvel"}}};
  return spec;
}

TaskSpec BareModel(const fs::path& file) {
  TaskSpec spec;
  spec.name = file.filename().string();
  spec.description = "the model as it is: no reward";
  spec.scene_file = file;
  spec.observation = {{"qpos", {"qpos"}}, {"qvel", {"qvel"}}};
  return spec;
}

Json StepsJson(const std::vector<ResetStep>& list) {
  Json steps = Json::array();
  for (const ResetStep& step : list) {
    switch (step.kind) {
      case ResetStep::Kind::kSet:
        steps.push_back({{"set", step.target}, {"to", step.formula}});
        break;
      case ResetStep::Kind::kLet:
        steps.push_back({{"let", {{step.target, step.formula}}}});
        break;
      case ResetStep::Kind::kJoints:
        steps.push_back({{"joints", "random"}});
        break;
      case ResetStep::Kind::kKeyframe:
        steps.push_back({{"keyframe", step.target}});
        break;
      case ResetStep::Kind::kSettle:
        steps.push_back({{"settle", step.steps}});
        break;
      case ResetStep::Kind::kUntil:
        steps.push_back({{"until", step.formula}});
        break;
    }
  }
  return steps;
}

Json ViolationsJson(const std::vector<ViolationSpec>& violations) {
  Json all = Json::object();
  for (const ViolationSpec& violation : violations) {
    Json& json = all[violation.name] = Json::object();
    if (!violation.sizes.empty()) json["sizes"] = violation.sizes;
    if (!violation.when.empty()) json["when"] = violation.when;
    if (!violation.steps.empty()) json["do"] = StepsJson(violation.steps);
    if (!violation.pass_through.empty()) json["pass_through"] = violation.pass_through;
    if (!violation.shows.empty()) json["shows"] = violation.shows;
    if (violation.window_s > 0.0) json["window_s"] = violation.window_s;
    if (violation.control) json["control"] = true;
  }
  return all;
}

}  // namespace

Json TaskSpec::ToJson() const {
  Json json;
  const auto put = [&](const char* key, const std::string& value) {
    if (!value.empty()) json[key] = value;
  };
  const auto channels = [&](const char* key, const std::vector<Channel>& list) {
    if (list.empty()) return;
    Json object = Json::object();
    for (const Channel& channel : list) object[channel.name] = channel.formulas;
    json[key] = object;
  };
  put("description", description);
  json["scene"] = scene_file.filename().string();
  if (control_timestep_s > 0.0) json["control_timestep_s"] = control_timestep_s;
  json["action_repeat"] = action_repeat;
  if (time_limit_s > 0.0) json["time_limit_s"] = time_limit_s;
  put("camera", camera);
  channels("observation", observation);
  if (!angles.empty()) json["angles"] = angles;
  channels("signals", signals);
  if (!reset.empty()) json["reset"] = StepsJson(reset);
  put("reward", reward);
  put("planning_reward", planning_reward);
  put("terminate", terminate);
  put("success", success);
  if (!goal.empty()) json["goal"] = goal;
  if (!violations.empty()) json["violations"] = ViolationsJson(violations);
  if (!planner.empty()) json["planner"] = planner;
  if (!learning.empty()) json["learning"] = learning;
  return json;
}

std::vector<std::string> ListTasks() {
  std::vector<std::string> names;
  const fs::path folder = ScenesFolder();
  std::error_code error;
  for (fs::recursive_directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() != ".json") continue;
    names.push_back(fs::relative(it->path(), folder).replace_extension().generic_string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TaskSpec ParseTask(const std::string& json_text, const std::string& name, const std::string& origin) {
  return Parse(json_text, name, origin, {});
}

TaskSpec LoadTask(const std::string& name_or_path) {
  const fs::path listed = ScenesFolder() / (name_or_path + ".json");
  std::error_code ignored;
  const auto from_file = [](const fs::path& file, const std::string& name) {
    // A link's scene lies beside the link, or else beside the file it points to.
    const fs::path folder = fs::absolute(file).parent_path();
    TaskSpec spec = Parse(ReadFile(file), name, file.string(), folder);
    std::error_code error;
    if (!fs::exists(spec.scene_file, error)) {
      const fs::path target = fs::canonical(file, error);
      const TaskSpec other = Parse(ReadFile(file), name, file.string(), target.parent_path());
      if (!error && fs::exists(other.scene_file, error)) spec.scene_file = other.scene_file;
    }
    spec.task_file = file;
    return spec;
  };
  if (!name_or_path.empty() && fs::is_regular_file(listed, ignored)) return from_file(listed, name_or_path);
  const fs::path path(name_or_path);
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  const bool model =
      extension == ".xml" || extension == ".urdf" || extension == ".mjb" || extension == ".mjcf";
  if (fs::is_regular_file(path, ignored)) {
    if (extension == ".json") return from_file(path, path.stem().string());
    if (model) return BareModel(path);
    throw TaskError("task " + name_or_path + ": expected a task file (.json) or a model (.xml, .urdf, .mjb)");
  }
  if (fs::is_directory(path, ignored))
    throw TaskError("task " + name_or_path + ": is a folder, expected a file");
  if (model || extension == ".json") throw TaskError("task " + name_or_path + ": no such file");
  const std::vector<std::string> names = ListTasks();
  throw TaskError("task '" + name_or_path + "': neither a task in " + ScenesFolder().string() +
                  " nor a file" + DidYouMean(name_or_path, names) + " ('reverie tasks' lists all)");
}

}  // namespace reverie
