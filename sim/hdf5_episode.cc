#include "sim/hdf5_episode.h"

#include "sim/episode_frames.h"
#include "sim/error.h"

namespace reverie {
namespace {

// HDF5 keeps an attribute of up to 64 KB in the object's header; more goes into an array of the same name.
constexpr size_t kMaxAttributeDoubles = 7500;
constexpr char kParameters[] = "model_parameters", kPolicy[] = "policy";
// Minari's infos have a row per state, and nobody acts in the last one.
constexpr int8_t kNobody = -1;

void CheckSize(const char* name, size_t found, int64_t rows, int64_t columns) {
  if (found == static_cast<size_t>(rows * columns)) return;
  throw ShapeError(std::string("episode array '") + name + "': expected " + std::to_string(rows) + " x " +
                   std::to_string(columns) + " = " + std::to_string(rows * columns) + " values, found " +
                   std::to_string(found));
}

std::vector<int8_t> ReadActors(const Hdf5Group& infos, int64_t steps, size_t policies) {
  std::vector<int8_t> actors = infos.ReadIndices(kPolicy, steps + 1);
  actors.pop_back();
  CheckActors(actors, policies, infos.where());
  return actors;
}

std::vector<int8_t> LastOnly(int64_t size, bool last) {
  std::vector<int8_t> values(static_cast<size_t>(size), 0);
  if (size > 0) values.back() = last;
  return values;
}

}  // namespace

std::string EpisodeName(int64_t id) {
  return "episode_" + std::to_string(id);
}

void CheckActors(const std::vector<int8_t>& actors, size_t policies, const std::string& where) {
  for (size_t t = 0; t < actors.size(); ++t) {
    if (actors[t] >= 0 && static_cast<size_t>(actors[t]) < policies) continue;
    throw DatasetError(where + "/" + kPolicy + ": row " + std::to_string(t) + ": expected one of the " +
                       std::to_string(policies) + " policies, from 0, found " + std::to_string(actors[t]));
  }
}

void CheckEpisode(const Episode& episode, const DatasetInfo& info) {
  if (episode.steps < 0)
    throw ShapeError("episode steps: expected 0 or more, found " + std::to_string(episode.steps));
  const int64_t rows = episode.steps + 1;
  CheckSize("observations", episode.observations.size(), rows, info.observation_size);
  CheckSize("signals", episode.signals.size(), rows, info.signal_size);
  CheckSize("actions", episode.actions.size(), episode.steps, info.action_size);
  CheckSize("rewards", episode.rewards.size(), episode.steps, 1);
  CheckSize("integration_state", episode.integration_state.size(), rows, info.state_size);
  CheckSize("qpos", episode.qpos.size(), rows, info.qpos_size);
  CheckSize("qvel", episode.qvel.size(), rows, info.qvel_size);
  CheckSize("time", episode.time.size(), rows, 1);
  if (!episode.success.empty()) CheckSize("success", episode.success.size(), rows, 1);
  if (!info.policies.empty()) CheckSize(kPolicy, episode.actors.size(), episode.steps, 1);
  CheckSize(kParameters, episode.model_parameters.size(), 1,
            static_cast<int64_t>(info.parameter_labels.size()));
  CheckFrameCounts(episode, info);
}

void WriteEpisode(Hdf5Group& root, int64_t id, const Episode& episode, const DatasetInfo& info) {
  Hdf5Group group = root.CreateGroup(EpisodeName(id));
  group.SetInteger("id", id);
  group.SetInteger("total_steps", episode.steps);
  // Unsigned: Gymnasium's reset refuses negative seeds.
  group.SetUnsigned("seed", episode.seed);
  if (!episode.diverged.empty()) group.SetString("diverged", episode.diverged);
  if (episode.steps == 0) {  // no last step whose flags would say it
    if (episode.terminated) group.SetBool("terminated", true);
    if (episode.truncated) group.SetBool("truncated", true);
  }
  if (episode.model_parameters.size() > kMaxAttributeDoubles) {
    group.WriteDoubles(kParameters, {static_cast<int64_t>(episode.model_parameters.size())},
                       episode.model_parameters);
  } else if (!episode.model_parameters.empty()) {
    group.SetDoubles(kParameters, episode.model_parameters);
  }

  const int64_t rows = episode.steps + 1;
  WriteObservations(group, episode, info);
  group.WriteDoubles("actions", {episode.steps, info.action_size}, episode.actions);
  group.WriteDoubles("rewards", {episode.steps}, episode.rewards);
  group.WriteBools("terminations", LastOnly(episode.steps, episode.terminated));
  group.WriteBools("truncations", LastOnly(episode.steps, episode.truncated));

  Hdf5Group infos = group.CreateGroup("infos");
  infos.WriteDoubles("integration_state", {rows, info.state_size}, episode.integration_state);
  infos.WriteDoubles("qpos", {rows, info.qpos_size}, episode.qpos);
  infos.WriteDoubles("qvel", {rows, info.qvel_size}, episode.qvel);
  infos.WriteDoubles("time", {rows}, episode.time);
  if (info.signal_size > 0) infos.WriteDoubles("signals", {rows, info.signal_size}, episode.signals);
  if (!episode.success.empty()) {
    infos.WriteBools("success", std::vector<int8_t>(episode.success.begin(), episode.success.end()));
  }
  if (!info.policies.empty()) {
    std::vector<int8_t> actors = episode.actors;
    actors.push_back(kNobody);
    infos.WriteIndices(kPolicy, actors);
  }
}

int64_t ReadEpisodeSteps(const Hdf5Group& root, int64_t id) {
  const Hdf5Group group = root.OpenGroup(EpisodeName(id));
  const int64_t steps = group.Integer("total_steps");
  constexpr int64_t kMost = int64_t{1} << 40;
  if (steps < 0 || steps > kMost) {
    throw DatasetError(group.where() + " attribute 'total_steps': expected 0 or more, found " +
                       std::to_string(steps));
  }
  return steps;
}

uint64_t ReadEpisodeSeed(const Hdf5Group& root, int64_t id) {
  return root.OpenGroup(EpisodeName(id)).Unsigned("seed");
}

EpisodeSummary ReadEpisodeSummary(const Hdf5Group& root, int64_t id, const DatasetInfo& info) {
  const Hdf5Group group = root.OpenGroup(EpisodeName(id));
  EpisodeSummary summary;
  summary.index = info.first_episode + id;
  summary.steps = ReadEpisodeSteps(root, id);
  summary.seed = ReadEpisodeSeed(root, id);
  if (group.HasAttribute("diverged")) summary.diverged = group.String("diverged");
  if (group.HasAttribute("terminated")) summary.terminated = group.Bool("terminated");
  if (group.HasAttribute("truncated")) summary.truncated = group.Bool("truncated");
  for (const double reward : group.ReadDoubles("rewards", {summary.steps})) summary.episode_return += reward;
  if (summary.steps > 0) {
    summary.terminated = group.ReadBools("terminations", summary.steps).back() != 0;
    summary.truncated = group.ReadBools("truncations", summary.steps).back() != 0;
  }
  const Hdf5Group infos = group.OpenGroup("infos");
  summary.has_success = infos.Has("success");
  if (summary.has_success) {
    const std::vector<int8_t> success = infos.ReadBools("success", summary.steps + 1);
    summary.success_end = success.back() != 0;
    for (const int8_t value : success) summary.success_any |= value != 0;
  }
  return summary;
}

Episode ReadEpisodeTransitions(const Hdf5Group& root, int64_t id, const DatasetInfo& info) {
  const Hdf5Group group = root.OpenGroup(EpisodeName(id));
  Episode episode;
  episode.index = info.first_episode + id;
  episode.steps = ReadEpisodeSteps(root, id);
  episode.seed = ReadEpisodeSeed(root, id);
  if (group.HasAttribute("diverged")) episode.diverged = group.String("diverged");
  if (group.HasAttribute("terminated")) episode.terminated = group.Bool("terminated");
  if (group.HasAttribute("truncated")) episode.truncated = group.Bool("truncated");
  const auto parameters = static_cast<int64_t>(info.parameter_labels.size());
  if (group.Has(kParameters)) {
    episode.model_parameters = group.ReadDoubles(kParameters, {parameters});
  } else if (parameters > 0) {
    episode.model_parameters = group.Doubles(kParameters, parameters);
  }

  const int64_t rows = episode.steps + 1;
  episode.observations = ReadObservations(group, rows, info);
  episode.actions = group.ReadDoubles("actions", {episode.steps, info.action_size});
  episode.rewards = group.ReadDoubles("rewards", {episode.steps});
  const std::vector<int8_t> terminations = group.ReadBools("terminations", episode.steps);
  const std::vector<int8_t> truncations = group.ReadBools("truncations", episode.steps);
  if (episode.steps > 0) {
    episode.terminated = terminations.back() != 0;
    episode.truncated = truncations.back() != 0;
  }

  const Hdf5Group infos = group.OpenGroup("infos");
  if (info.signal_size > 0) episode.signals = infos.ReadDoubles("signals", {rows, info.signal_size});
  if (infos.Has("success")) {
    const std::vector<int8_t> success = infos.ReadBools("success", rows);
    episode.success.assign(success.begin(), success.end());
  }
  if (!info.policies.empty()) episode.actors = ReadActors(infos, episode.steps, info.policies.size());
  return episode;
}

Episode ReadEpisode(const Hdf5Group& root, int64_t id, const DatasetInfo& info) {
  Episode episode = ReadEpisodeTransitions(root, id, info);
  const int64_t rows = episode.steps + 1;
  const Hdf5Group infos = root.OpenGroup(EpisodeName(id)).OpenGroup("infos");
  episode.integration_state = infos.ReadDoubles("integration_state", {rows, info.state_size});
  episode.qpos = infos.ReadDoubles("qpos", {rows, info.qpos_size});
  episode.qvel = infos.ReadDoubles("qvel", {rows, info.qvel_size});
  episode.time = infos.ReadDoubles("time", {rows});
  return episode;
}

}  // namespace reverie
