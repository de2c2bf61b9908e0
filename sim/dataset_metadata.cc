#include "sim/dataset_metadata.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <optional>

#include "sim/dataset_space.h"
#include "sim/error.h"

namespace reverie {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr char kSceneKey[] = "scene", kTaskKey[] = "task", kPoliciesKey[] = "policies", kFramesKey[] = "frames",
               kHideKey[] = "hide";

// Every field of DatasetInfo that JSON keeps, once: visited to write and to read.
template <class Info, class Visit>
void VisitFields(Info& info, Visit&& visit) {
  visit("task_name", info.task_name);
  visit("mujoco_version", info.mujoco_version);
  visit("seed", info.seed);
  visit("policy", info.policy);
  visit("control_timestep_s", info.control_timestep_s);
  visit("action_repeat", info.action_repeat);
  visit("observation_size", info.observation_size);
  visit("signal_size", info.signal_size);
  visit("action_size", info.action_size);
  visit("state_size", info.state_size);
  visit("qpos_size", info.qpos_size);
  visit("qvel_size", info.qvel_size);
  visit("observation_labels", info.observation_labels);
  visit("signal_labels", info.signal_labels);
  visit("action_labels", info.action_labels);
  visit("parameter_labels", info.parameter_labels);
  visit("first_episode", info.first_episode);
  visit("merged_runs", info.merged_runs);
}

template <class Settings, class Visit>
void VisitFrameFields(Settings& frames, Visit&& visit) {
  visit("width", frames.width);
  visit("height", frames.height);
  visit("cameras", frames.cameras);
  visit("quality", frames.quality);
  visit("depth", frames.depth);
  visit("segmentation", frames.segmentation);
}

bool Holds(const json& value, const std::string&) {
  return value.is_string();
}
bool Holds(const json& value, uint64_t) {
  return value.is_number_unsigned();
}
bool Holds(const json& value, int64_t) {
  return value.is_number_unsigned();
}
bool Holds(const json& value, int) {
  return value.is_number_unsigned() && value.get<uint64_t>() < (1u << 30);
}
bool Holds(const json& value, bool) {
  return value.is_boolean();
}
bool Holds(const json& value, double) {
  return value.is_number();
}
bool Holds(const json& value, const std::vector<std::string>&) {
  if (!value.is_array()) return false;
  for (const json& item : value) {
    if (!item.is_string()) return false;
  }
  return true;
}

const char* Kind(const std::string&) {
  return "a text";
}
const char* Kind(bool) {
  return "true or false";
}
const char* Kind(double) {
  return "a number";
}
const char* Kind(const std::vector<std::string>&) {
  return "a list of texts";
}
template <class Integer>
const char* Kind(Integer) {
  return "a whole number, 0 or more";
}

void CheckLabels(const std::string& what, int64_t size, const std::vector<std::string>& labels,
                 const std::string& origin) {
  if (static_cast<int64_t>(labels.size()) == size) return;
  throw DatasetError(origin + ": key '" + what + "_labels': expected " + std::to_string(size) +
                     ", as many as '" + what + "_size' says, found " + std::to_string(labels.size()));
}

std::string Shown(const json& value) {
  constexpr size_t kMost = 80;
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= kMost ? text : text.substr(0, kMost) + "...";
}

// FNV-1a: tells two scenes apart in a message.
std::string Fingerprint(const std::string& bytes) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (const unsigned char byte : bytes) hash = (hash ^ byte) * 0x100000001b3ULL;
  std::array<char, 16> text{};
  std::to_chars(text.data(), text.data() + text.size(), hash, 16);
  const auto end = std::find(text.begin(), text.end(), '\0');
  return std::to_string(bytes.size()) + " bytes, fingerprint " + std::string(text.begin(), end);
}

struct Difference {
  std::string key, a, b;
};

std::optional<Difference> FirstDifference(const json& a, const json& b, const std::string& key) {
  if (a == b) return std::nullopt;
  if (a.is_object() && b.is_object()) {
    for (const auto& [name, value] : a.items()) {
      const std::string inner = key + "." + name;
      if (!b.contains(name)) return Difference{inner, Shown(value), "nothing"};
      if (auto found = FirstDifference(value, b[name], inner)) return found;
    }
    for (const auto& [name, value] : b.items()) {
      if (!a.contains(name)) return Difference{key + "." + name, "nothing", Shown(value)};
    }
  }
  if (a.is_array() && b.is_array()) {
    for (size_t i = 0; i < std::max(a.size(), b.size()); ++i) {
      const std::string inner = key + "[" + std::to_string(i) + "]";
      if (i >= a.size()) return Difference{inner, "nothing", Shown(b[i])};
      if (i >= b.size()) return Difference{inner, Shown(a[i]), "nothing"};
      if (auto found = FirstDifference(a[i], b[i], inner)) return found;
    }
  }
  return Difference{key, Shown(a), Shown(b)};
}

std::string FramesText(const FrameSettings& frames) {
  if (frames.empty()) return "none";
  return std::to_string(frames.width) + " x " + std::to_string(frames.height) + " of " + Join(frames.cameras);
}

std::optional<Difference> FramesDifference(const DatasetInfo& a, const DatasetInfo& b) {
  if (a.frames == b.frames) return std::nullopt;
  if (a.frames.empty() || b.frames.empty()) return Difference{kFramesKey, FramesText(a.frames), FramesText(b.frames)};
  return FirstDifference(json(InfoToJson(a).at(kFramesKey)), json(InfoToJson(b).at(kFramesKey)), kFramesKey);
}

std::optional<Difference> SetupDifference(const DatasetInfo& a, const DatasetInfo& b, bool same_run) {
  const ordered_json fields_a = InfoToJson(a), fields_b = InfoToJson(b);
  for (const auto& [key, value] : fields_a.items()) {
    const bool of_run = key == "task_name" || key == "seed" || key == "policy" || key == "first_episode" ||
                        key == "merged_runs";
    if (of_run && !same_run) continue;
    if (key == kPoliciesKey || key == kFramesKey) continue;  // not in every dataset
    if (auto found = FirstDifference(json(value), json(fields_b.at(key)), key)) return found;
  }
  if (same_run) {
    if (auto found = FramesDifference(a, b)) return found;
    if (auto found = FirstDifference(json(a.policies), json(b.policies), kPoliciesKey)) return found;
  }
  if (a.task_json != b.task_json) {
    json task_a = json::parse(a.task_json, nullptr, false), task_b = json::parse(b.task_json, nullptr, false);
    for (json* task : {&task_a, &task_b}) {
      if (task->is_object()) task->erase("violations");  // nothing that is recorded comes of them
    }
    if (auto found = FirstDifference(task_a, task_b, kTaskKey)) return found;
  }
  if (a.scene_mjb != b.scene_mjb)
    return Difference{kSceneKey, Fingerprint(a.scene_mjb), Fingerprint(b.scene_mjb)};
  return std::nullopt;
}

[[noreturn]] void ThrowDifference(const Difference& difference, const std::string& a_name,
                                  const std::string& b_name, const std::string& advice) {
  throw DatasetError(difference.key + " differs: " + a_name + " has " + difference.a + ", " + b_name +
                     " has " + difference.b + advice);
}

std::string PoliciesText(const std::vector<std::string>& policies) {
  std::string text;
  for (size_t i = 0; i < policies.size(); ++i) text += std::to_string(i) + " " + policies[i] + ", ";
  if (policies.empty()) return "";
  return "; infos/policy says who chose the action at each state: " + text + "-1 none, at the last";
}

std::string FramesDescription(const FrameSettings& frames) {
  if (frames.empty()) return "";
  std::string text = "; observations are state and, of every state, RGB pixels of " + std::to_string(frames.width) +
                     " x " + std::to_string(frames.height) + " by " + Join(frames.cameras) + ", first row on top";
  if (frames.depth) text += ", depth in metres from the camera's plane";
  if (frames.segmentation) text += ", segmentation (object id, object type; -1, -1 nothing)";
  if (!frames.hide.empty()) text += ", without " + Join(frames.hide);
  return text;
}

}  // namespace

ordered_json InfoToJson(const DatasetInfo& info) {
  ordered_json json;
  json["format"] = kFormat;
  VisitFields(info, [&](const char* key, const auto& value) { json[key] = value; });
  if (!info.policies.empty()) json[kPoliciesKey] = info.policies;
  if (!info.frames.empty()) {
    ordered_json& frames = json[kFramesKey];
    VisitFrameFields(info.frames, [&](const char* key, const auto& value) { frames[key] = value; });
    if (!info.frames.hide.empty()) frames[kHideKey] = info.frames.hide;
  }
  return json;
}

DatasetInfo InfoFromJson(const json& object, const std::string& origin) {
  if (!object.is_object()) throw DatasetError(origin + ": expected an object, found " + Shown(object));
  if (!object.contains("format") || object["format"] != kFormat) {
    throw DatasetError(origin + ": key 'format': expected " + std::to_string(kFormat) + ", found " +
                       (object.contains("format") ? Shown(object["format"]) : "nothing") +
                       "; another version of Reverie wrote it");
  }
  DatasetInfo info;
  const auto read_from = [&](const nlohmann::json& from, const std::string& above, const char* key, auto& field) {
    if (!from.contains(key) || !Holds(from[key], field)) {
      throw DatasetError(origin + ": key '" + above + key + "': expected " + Kind(field) + ", found " +
                         (from.contains(key) ? Shown(from[key]) : "nothing"));
    }
    from[key].get_to(field);
  };
  const auto read = [&](const char* key, auto& field) { read_from(object, "", key, field); };
  VisitFields(info, read);
  if (object.contains(kPoliciesKey)) read(kPoliciesKey, info.policies);
  if (object.contains(kFramesKey)) {
    const std::string above = std::string(kFramesKey) + ".";
    const nlohmann::json& frames = object[kFramesKey];
    if (!frames.is_object())
      throw DatasetError(origin + ": key '" + kFramesKey + "': expected an object, found " + Shown(frames));
    VisitFrameFields(info.frames, [&](const char* key, auto& field) { read_from(frames, above, key, field); });
    if (frames.contains(kHideKey)) read_from(frames, above, kHideKey, info.frames.hide);
    if (info.frames.empty() || info.frames.width < 1 || info.frames.height < 1)
      throw DatasetError(origin + ": key '" + kFramesKey + "': expected a camera and a size of 1 or more, found " +
                         Shown(frames));
  }
  CheckLabels("observation", info.observation_size, info.observation_labels, origin);
  CheckLabels("signal", info.signal_size, info.signal_labels, origin);
  CheckLabels("action", info.action_size, info.action_labels, origin);
  return info;
}

json ParseJson(const std::string& text, const std::string& origin) {
  try {
    return json::parse(text);
  } catch (const json::exception& error) {
    throw DatasetError(origin + ": expected JSON, found " + std::to_string(text.size()) +
                       " bytes that are none: " + error.what());
  }
}

std::string MinariId(const std::filesystem::path& folder) {
  std::string id = std::filesystem::weakly_canonical(folder).filename().string();
  if (id.empty()) id = "dataset";
  for (char& c : id) {
    const auto byte = static_cast<unsigned char>(c);
    const bool allowed = (byte < 0x80 && std::isalnum(byte)) || c == '-' || c == '_';
    if (!allowed) c = '_';
  }
  const size_t version = id.rfind("-v");
  const bool versioned = version != std::string::npos && version > 0 && version + 2 < id.size() &&
                         id.find_first_not_of("0123456789", version + 2) == std::string::npos;
  return versioned ? id : id + "-v0";
}

std::string MetadataText(const DatasetInfo& info, const std::string& dataset_id, int64_t episodes,
                         int64_t steps, uint64_t bytes) {
  ordered_json metadata;
  metadata["dataset_id"] = dataset_id;
  metadata["minari_version"] = kMinariVersion;
  metadata["data_format"] = "hdf5";
  metadata["total_episodes"] = episodes;
  metadata["total_steps"] = steps;
  metadata["observation_space"] = ObservationSpaceText(info.observation_size, info.frames);
  metadata["action_space"] = BoxSpaceText("float64", {info.action_size}, "-1.0", "1.0");
  metadata["jpeg_encoding"] = false;
  metadata["description"] =
      std::to_string(episodes) + (episodes == 1 ? " episode of " : " episodes of ") + info.task_name +
      ", policy " + info.policy + ", run seed " + std::to_string(info.seed) +
      "; infos/integration_state is MuJoCo's whole state at every step (mjSTATE_INTEGRATION), "
      "data/scene.mjb the compiled model, data/task.json the task" + PoliciesText(info.policies) +
      FramesDescription(info.frames) + ".";
  metadata["algorithm_name"] = info.policy;
  metadata["code_permalink"] = "";
  metadata["author"] = json::array();
  metadata["author_email"] = json::array();
  metadata["requirements"] = {"mujoco==" + info.mujoco_version};
  metadata["dataset_size"] = std::round(static_cast<double>(bytes) / 1e5) / 10;  // MB, as Minari rounds it
  metadata["reverie"] = InfoToJson(info);
  return metadata.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

void CheckSameRun(const DatasetInfo& a, const std::string& a_name, const DatasetInfo& b,
                  const std::string& b_name, const std::string& advice) {
  if (const auto difference = SetupDifference(a, b, true))
    ThrowDifference(*difference, a_name, b_name, advice);
}

void CheckSameSetup(const DatasetInfo& a, const std::string& a_name, const DatasetInfo& b,
                    const std::string& b_name) {
  if (const auto difference = SetupDifference(a, b, false)) ThrowDifference(*difference, a_name, b_name, "");
}

void CheckSameFrames(const DatasetInfo& a, const std::string& a_name, const DatasetInfo& b,
                     const std::string& b_name) {
  if (const auto difference = FramesDifference(a, b)) ThrowDifference(*difference, a_name, b_name, "");
}

}  // namespace reverie
