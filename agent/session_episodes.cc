#include "agent/session_episodes.h"

#include <algorithm>

#include "sim/dataset.h"
#include "sim/error.h"

namespace reverie {
namespace {

void Append(std::vector<double>& to, std::span<const double> from) { to.insert(to.end(), from.begin(), from.end()); }

}  // namespace

Episode ExtractEpisode(const CompiledTask& task, const TimelineView& timeline, TimelinePlace place) {
  const int64_t last = timeline.StepOf(place);
  std::vector<const BranchView*> lineage = timeline.Lineage(place.branch);
  // What a person changed begins anew: no action led there.
  for (size_t i = lineage.size(); i-- > 0;) {
    if (!lineage[i]->info->edited) continue;
    lineage.erase(lineage.begin(), lineage.begin() + static_cast<ptrdiff_t>(i));
    break;
  }
  if (lineage.empty() || (lineage.front()->info->parent >= 0 && !lineage.front()->info->edited)) {
    throw Error("episode that ends at step " + std::to_string(last) +
                ": its beginning is no longer kept, for the timeline's memory is bounded");
  }
  const BranchInfo& start = *lineage.front()->info;
  const mjModel* model = task.model();
  const DataPtr data(mj_makeData(model));
  Episode episode;
  episode.seed = start.seed;
  episode.model_parameters = start.parameters;
  const size_t observation_size = static_cast<size_t>(task.observation_size());
  std::vector<std::span<const double>> states;
  for (int64_t step = start.first_step; step <= last; ++step) {
    const TimelinePlace at = timeline.AtStep(place.branch, step);
    if (at.branch < 0) {
      throw Error("episode that ends at step " + std::to_string(last) + ": step " + std::to_string(step) +
                  " is no longer kept, for the timeline's memory is bounded");
    }
    const BranchView& branch = *timeline.Find(at.branch);
    states.push_back(branch.State(at.row));
    const std::span<const double> channels = branch.Channels(at.row);
    Append(episode.observations, channels.first(observation_size));
    Append(episode.signals, channels.subspan(observation_size));
    std::vector<double> action(static_cast<size_t>(task.action_size()), 0.0);
    if (step > start.first_step) {
      // Where a branch begins, the action that led there is its parent's.
      const bool fork = at.row == 0;
      const BranchView& actor = fork ? *timeline.Find(branch.info->parent) : branch;
      const int64_t row = fork ? branch.info->parent_row : at.row;
      action.assign(actor.Action(row).begin(), actor.Action(row).end());
      Append(episode.actions, action);
      episode.rewards.push_back(actor.Reward(row));
      ++episode.steps;
    }
    if (!task.success().empty()) episode.success.push_back(task.Success(channels, action) ? 1.0 : 0.0);
  }
  for (const std::span<const double> state : states) {
    Append(episode.integration_state, state);
    mj_setState(model, data.get(), state.data(), mjSTATE_INTEGRATION);
    Append(episode.qpos, {data->qpos, static_cast<size_t>(model->nq)});
    Append(episode.qvel, {data->qvel, static_cast<size_t>(model->nv)});
    episode.time.push_back(data->time);
  }
  const BranchView& end = *timeline.Find(place.branch);
  const bool at_end = end.ended && place.row + 1 == end.rows && !end.diverged;
  episode.terminated = at_end && (end.Events(place.row) & kEndEvent) != 0 && last < task.steps_per_episode();
  episode.truncated = !episode.terminated;
  return episode;
}

int64_t SaveEpisodes(const CompiledTask& task, const TimelineView& timeline, uint64_t run_seed,
                     const std::filesystem::path& folder) {
  std::vector<Episode> episodes;
  for (const BranchView& branch : timeline.branches) {
    if (branch.rows < 2) continue;
    try {
      episodes.push_back(ExtractEpisode(task, timeline, {branch.info->id, branch.rows - 1}));
    } catch (const Error&) {
      continue;  // its beginning was dropped
    }
    if (episodes.back().steps == 0) episodes.pop_back();
  }
  if (episodes.empty()) {
    throw DatasetError("dataset " + folder.string() + ": there is no episode to save yet; play or step first");
  }
  DatasetInfo info = DescribeDataset(task, run_seed, "interactive");
  info.merged_runs = static_cast<int64_t>(episodes.size());  // their seeds do not follow from the run's
  DatasetWriter writer(folder, info, false);
  for (size_t i = 0; i < episodes.size(); ++i) {
    episodes[i].index = static_cast<int64_t>(i);
    writer.Append(episodes[i]);
  }
  writer.Finish();
  return static_cast<int64_t>(episodes.size());
}

}  // namespace reverie
