#include "sim/dataset_check.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/dataset.h"
#include "sim/dataset_files.h"
#include "sim/dataset_metadata.h"
#include "sim/dataset_space.h"
#include "sim/environment.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/hdf5_episode.h"
#include "sim/replay.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

[[noreturn]] void Violated(const std::string& where, const std::string& expected, const std::string& found) {
  throw DatasetError(where + ": expected " + expected + ", found " + found);
}

/// "step 3, element 1 (position[1])" of an array whose rows are steps.
std::string Place(size_t at, size_t columns, const std::vector<std::string>& labels) {
  std::string place = "step " + std::to_string(at / columns);
  const size_t element = at % columns;
  if (columns > 1 || !labels.empty()) place += ", element " + std::to_string(element);
  if (element < labels.size()) place += " (" + labels[element] + ")";
  return place;
}

struct Spaces {
  BoxSpace observation, action;
};

/// The keys that Minari reads when it opens a dataset.
Spaces CheckMetadata(const fs::path& path, const DatasetInfo& info) {
  const std::string name = path.string();
  const json metadata = ParseJson(ReadFile(path), name);
  const auto text = [&](const char* key, const std::string& expected) {
    const std::string where = name + ": key '" + key + "'";
    if (!metadata.contains(key)) Violated(where, expected, "nothing");
    if (!metadata[key].is_string()) Violated(where, expected, metadata[key].dump());
    return metadata[key].get<std::string>();
  };
  if (const std::string format = text("data_format", "\"hdf5\""); format != "hdf5")
    Violated(name + ": key 'data_format'", "\"hdf5\"", '"' + format + '"');
  const std::string versions = std::string("a version that Minari ") + kMinariVersion + " reads, as \"" +
                               kMinariVersion + "\"";
  if (const std::string version = text("minari_version", versions); !MinariReads(version))
    Violated(name + ": key 'minari_version'", versions, '"' + version + '"');
  const std::string form = "letters, digits, '-', '_' and '/' that end in a version, as \"walker-v0\"";
  if (const std::string id = text("dataset_id", form); !IsMinariId(id))
    Violated(name + ": key 'dataset_id'", form, '"' + id + '"');
  const auto space = [&](const char* key, int64_t size) {
    return ParseBoxSpace(text(key, "a space as Minari writes it"), size, name + ": key '" + key + "'");
  };
  const std::string observations = "observation_space";
  return {ParseObservationSpace(text(observations.c_str(), "a space as Minari writes it"), info.observation_size,
                                info.frames, name + ": key '" + observations + "'"),
          space("action_space", info.action_size)};
}

/// What task.json and scene.mjb make, beside what the dataset says of itself.
void CheckTask(const DatasetReader& dataset, const DatasetPaths& paths) {
  const DatasetInfo& info = dataset.info();
  json expected, found;
  try {
    expected = InfoToJson(DescribeDataset(*TaskOfDataset(dataset), info.seed, info.policy));
    found = InfoToJson(info);
  } catch (const Error& error) {
    throw DatasetError(error.what());
  }
  const std::string where = dataset.finished() ? paths.metadata.string() + " 'reverie'" : paths.run.string();
  const auto compare = [&](const std::string& key, const json& of_task, const json& of_dataset) {
    if (of_task == of_dataset) return;
    Violated(where + ": key '" + key + "'", of_task.dump() + ", as scene.mjb and task.json have it",
             of_dataset.dump());
  };
  for (const char* key : {"mujoco_version", "control_timestep_s", "action_repeat", "state_size", "qpos_size",
                          "qvel_size", "action_size", "observation_size", "signal_size"}) {
    compare(key, expected[key], found[key]);
  }
  for (const std::string key : {"observation_labels", "signal_labels", "action_labels", "parameter_labels"}) {
    const json &a = expected[key], &b = found[key];
    if (a.size() != b.size()) compare(key, a, b);
    for (size_t i = 0; i < a.size(); ++i) compare(key + "[" + std::to_string(i) + "]", a[i], b[i]);
  }
}

class EpisodeChecker {
 public:
  EpisodeChecker(const Hdf5Group& root, int64_t k, const DatasetInfo& info, const Spaces& spaces)
      : group_(root.OpenGroup(EpisodeName(k))), k_(k), info_(info), spaces_(spaces) {}

  /// Returns the episode's control steps.
  int64_t Check() {
    CheckAttributes();
    steps_ = group_.Integer("total_steps");
    if (steps_ < 0 || steps_ > kMostSteps) Violated(Attribute("total_steps"), "0 or more", std::to_string(steps_));
    const int64_t rows = steps_ + 1;
    CheckObservations();
    CheckInside(group_, "actions", spaces_.action, {steps_, info_.action_size}, info_.action_labels);
    Finite(group_, "rewards", {steps_}, {});
    CheckLastOnly("terminations");
    CheckLastOnly("truncations");
    CheckParameters();
    // Minari fails where an episode has no infos.
    if (group_.TypeOf("infos") != "group") Violated(group_.where() + "/infos", "a group", group_.TypeOf("infos"));
    const Hdf5Group infos = group_.OpenGroup("infos");
    CheckStates(infos);
    if (info_.signal_size > 0) Finite(infos, "signals", {rows, info_.signal_size}, info_.signal_labels);
    if (infos.Has("success")) Bools(infos, "success", rows);
    CheckRows(infos);
    return steps_;
  }

 private:
  static constexpr int64_t kMostSteps = int64_t{1} << 40;

  std::string Attribute(const std::string& name) const { return group_.where() + " attribute '" + name + "'"; }

  void CheckAttributes() const {
    const auto type = [&](const std::string& name, const std::string& expected) {
      const std::string found = group_.AttributeType(name);
      const bool is_integer = found.starts_with("int") || found.starts_with("uint");
      if (found != expected && !(expected == "an integer" && is_integer))
        Violated(Attribute(name), expected, found);
      return found;
    };
    type("id", "an integer");
    if (group_.Integer("id") != k_) Violated(Attribute("id"), std::to_string(k_), std::to_string(group_.Integer("id")));
    type("total_steps", "an integer");
    // Gymnasium's reset refuses negative seeds.
    if (type("seed", "an integer").starts_with("int") && group_.Integer("seed") < 0)
      Violated(Attribute("seed"), "0 or more", std::to_string(group_.Integer("seed")));
    for (const char* name : {"terminated", "truncated"}) {
      if (group_.HasAttribute(name)) type(name, "bool");
    }
    if (group_.HasAttribute("diverged")) {
      type("diverged", "text");
      if (group_.String("diverged").empty()) Violated(Attribute("diverged"), "a degree of freedom", "an empty text");
    }
  }

  static void CheckType(const Hdf5Group& group, const std::string& name, const std::string& expected) {
    const std::string found = group.TypeOf(name);
    if (found == "nothing") Violated(group.where() + "/" + name, "an array of " + expected, "nothing of that name");
    if (found != expected) Violated(group.where() + "/" + name, "an array of " + expected, found);
  }

  static std::vector<double> Finite(const Hdf5Group& group, const std::string& name, Hdf5Shape shape,
                                    const std::vector<std::string>& labels) {
    CheckType(group, name, "float64");
    std::vector<double> values = group.ReadDoubles(name, shape);
    const auto bad = std::find_if(values.begin(), values.end(), [](double value) { return !std::isfinite(value); });
    if (bad != values.end()) {
      Violated(group.where() + "/" + name, "finite numbers",
               NumberText(*bad) + " at " +
                   Place(static_cast<size_t>(bad - values.begin()),
                         static_cast<size_t>(std::max<int64_t>(1, shape.columns)), labels));
    }
    return values;
  }

  static std::vector<int8_t> Bools(const Hdf5Group& group, const std::string& name, int64_t rows) {
    CheckType(group, name, "bool");
    std::vector<int8_t> values = group.ReadBools(name, rows);
    const auto bad = std::find_if(values.begin(), values.end(), [](int8_t value) { return value != 0 && value != 1; });
    if (bad != values.end()) {
      Violated(group.where() + "/" + name, "0 or 1",
               std::to_string(*bad) + " at step " + std::to_string(bad - values.begin()));
    }
    return values;
  }

  void CheckObservations() const {
    const Hdf5Shape shape{steps_ + 1, info_.observation_size};
    if (info_.frames.empty()) {
      CheckInside(group_, "observations", spaces_.observation, shape, info_.observation_labels);
      return;
    }
    if (group_.TypeOf("observations") != "group")
      Violated(group_.where() + "/observations", "a group, as there are frames", group_.TypeOf("observations"));
    const Hdf5Group observations = group_.OpenGroup("observations");
    CheckInside(observations, "state", spaces_.observation, shape, info_.observation_labels);
    std::map<std::string, std::vector<std::string>> cameras;
    for (const FrameStream& stream : StreamsOf(info_.frames)) cameras[stream.group()].push_back(stream.name());
    std::vector<std::string> groups{"state"};
    for (const auto& [group, names] : cameras) groups.push_back(group);
    CheckNames(observations, groups);
    for (const auto& [group, names] : cameras) CheckNames(observations.OpenGroup(group), names);
    for (const FrameStream& stream : StreamsOf(info_.frames)) CheckFrames(observations.OpenGroup(stream.group()), stream);
  }

  // Minari fails at an observation that its space does not have.
  static void CheckNames(const Hdf5Group& group, std::vector<std::string> expected) {
    std::sort(expected.begin(), expected.end());
    if (group.Names() != expected)
      Violated(group.where(), "to hold " + Join(expected), group.Names().empty() ? "nothing" : Join(group.Names()));
  }

  /// Inflates every frame, a few at a time.
  void CheckFrames(const Hdf5Group& group, const FrameStream& stream) const {
    constexpr int64_t kBytesAtATime = int64_t{8} << 20;
    const int64_t rows = steps_ + 1, at_a_time = std::max<int64_t>(1, kBytesAtATime / stream.frame_bytes());
    std::vector<uint8_t> frames;
    for (int64_t first = 0; first < rows; first += at_a_time) {
      const int64_t count = std::min(at_a_time, rows - first);
      frames.resize(static_cast<size_t>(count * stream.frame_bytes()));
      group.ReadFrameRows(stream, rows, first, count, frames);
      const auto refuse = [&](size_t at, const std::string& expected, const std::string& found) {
        const auto row = first + static_cast<int64_t>(at) * stream.element_bytes() / stream.frame_bytes();
        Violated(group.where() + "/" + stream.name(), expected, found + " in frame " + std::to_string(row));
      };
      if (stream.kind == FrameKind::kDepth) {
        const std::span depth(reinterpret_cast<const float*>(frames.data()), frames.size() / sizeof(float));
        for (size_t i = 0; i < depth.size(); ++i) {
          if (!(depth[i] >= 0)) refuse(i, "distances of 0 or more", NumberText(depth[i]));
        }
      } else if (stream.kind == FrameKind::kSegmentation) {
        const std::span ids(reinterpret_cast<const int32_t*>(frames.data()), frames.size() / sizeof(int32_t));
        for (size_t i = 0; i < ids.size(); ++i) {
          if (ids[i] < -1) refuse(i, "ids and types of -1 or more", std::to_string(ids[i]));
        }
      }
    }
  }

  void CheckInside(const Hdf5Group& group, const std::string& name, const BoxSpace& space, Hdf5Shape shape,
                   const std::vector<std::string>& labels) const {
    const std::vector<double> values = Finite(group, name, shape, labels);
    const size_t columns = space.low.size();
    for (size_t at = 0; at < values.size(); ++at) {
      const double low = space.low[at % columns], high = space.high[at % columns];
      if (low <= values[at] && values[at] <= high) continue;
      Violated(group.where() + "/" + name,
               "numbers in their space, here from " + NumberText(low) + " to " + NumberText(high),
               NumberText(values[at]) + " at " + Place(at, columns, labels));
    }
  }

  void CheckLastOnly(const std::string& name) const {
    const std::vector<int8_t> flags = Bools(group_, name, steps_);
    const auto early = std::find(flags.begin(), flags.end(), 1);
    if (early != flags.end() && early + 1 != flags.end()) {
      Violated(group_.where() + "/" + name, "none but the last to be true",
               "step " + std::to_string(early - flags.begin()) + " of " + std::to_string(steps_) + " to be");
    }
  }

  void CheckParameters() const {
    const auto count = static_cast<int64_t>(info_.parameter_labels.size());
    if (group_.Has("model_parameters")) {
      Finite(group_, "model_parameters", {count}, {});
    } else if (count > 0) {
      for (const double value : group_.Doubles("model_parameters", count)) {
        if (!std::isfinite(value)) Violated(Attribute("model_parameters"), "finite numbers", NumberText(value));
      }
    }
  }

  // mjSTATE_INTEGRATION begins with the time, the positions and the velocities.
  void CheckStates(const Hdf5Group& infos) const {
    const int64_t rows = steps_ + 1;
    const std::vector<double> state = Finite(infos, "integration_state", {rows, info_.state_size}, {});
    size_t offset = 0;
    const auto part = [&](const std::string& name, Hdf5Shape shape) {
      const std::vector<double> values = Finite(infos, name, shape, {});
      const auto columns = static_cast<size_t>(shape.columns < 0 ? 1 : shape.columns);
      for (size_t at = 0; at < values.size(); ++at) {
        const double& in_state =
            state[at / columns * static_cast<size_t>(info_.state_size) + offset + at % columns];
        if (std::memcmp(&values[at], &in_state, sizeof(double)) == 0) continue;
        Violated(infos.where() + "/" + name, "what integration_state holds, here " + NumberText(in_state),
                 NumberText(values[at]) + " at " + Place(at, columns, {}));
      }
      offset += columns;
    };
    part("time", {rows});
    part("qpos", {rows, info_.qpos_size});
    part("qvel", {rows, info_.qvel_size});
  }

  /// Whatever else lies in infos has a row for every state, too.
  void CheckRows(const Hdf5Group& group) const {
    for (const std::string& name : group.Names()) {
      if (group.TypeOf(name) == "group") {
        CheckRows(group.OpenGroup(name));
        continue;
      }
      const std::vector<int64_t> shape = group.ShapeOf(name);
      if (shape.empty() || shape[0] != steps_ + 1) {
        Violated(group.where() + "/" + name, std::to_string(steps_ + 1) + " rows, one more than steps",
                 shape.empty() ? "a single value" : std::to_string(shape[0]));
      }
    }
  }

  Hdf5Group group_;
  int64_t k_, steps_ = 0;
  const DatasetInfo& info_;
  const Spaces& spaces_;
};

}  // namespace

DatasetCheck CheckDataset(const fs::path& folder, const std::function<void(int64_t, int64_t)>& progress,
                          std::stop_token stop) {
  const DatasetPaths paths(folder);
  const DatasetReader dataset(folder);
  const DatasetInfo& info = dataset.info();
  DatasetCheck check;
  check.finished = dataset.finished();
  const Spaces spaces = check.finished
                            ? CheckMetadata(paths.metadata, info)
                            : Spaces{UnboundedSpace(info.observation_size), UnitSpace(info.action_size)};
  CheckTask(dataset, paths);

  const CommittedEpisodes committed(paths, info);
  for (int64_t k = 0; k < committed.episodes(); ++k) {
    if (stop.stop_requested()) {
      check.interrupted = true;
      return check;
    }
    if (k < committed.in_hdf5()) {
      check.steps += EpisodeChecker(committed.hdf5()->root(), k, info, spaces).Check();
    } else {  // as it will be in main_data.hdf5
      Hdf5File file = Hdf5File::CreateInMemory(paths.log);
      WriteEpisode(file.root(), k, committed.ReadWithFrames(k), info);
      check.steps += EpisodeChecker(file.root(), k, info, spaces).Check();
    }
    ++check.episodes;
    if (progress) progress(check.episodes, committed.episodes());
  }
  if (check.finished && check.steps != dataset.steps()) {
    Violated(paths.metadata.string() + ": key 'total_steps'",
             "the sum of the episodes' steps, " + std::to_string(check.steps), std::to_string(dataset.steps()));
  }
  return check;
}

}  // namespace reverie
