#include "agent/goal_pairs.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "sim/error.h"
#include "sim/random.h"

namespace reverie {
namespace {

// Apart from the seeds of collected, learned and evaluated episodes.
constexpr uint64_t kPairStream = 0x676f616c70616972, kActStream = 0x676f616c616374;
constexpr int kAttempts = 1000;
constexpr double kFarthestNear = 4.0;         // in radii of what counts as reached
constexpr double kDeepestPenetration = 0.01;  // m, of a goal that could be stood in

uint64_t SeedOf(uint64_t seed, int64_t pair, int attempt) {
  return HashSeed(HashSeed(seed ^ kPairStream, static_cast<uint64_t>(pair)), static_cast<uint64_t>(attempt));
}

/// Puts `posed` in the layout of `from`, with positions of its own and at rest.
void Pose(Environment& posed, const Environment& from, std::span<const double> qpos) {
  const mjModel* model = posed.model();
  if (from.task().parameter_size() > 0) posed.SetParameters(from.parameters());
  posed.RestoreState(from.SaveState(), 0);
  std::copy(qpos.begin(), qpos.end(), posed.data()->qpos);
  std::fill_n(posed.data()->qvel, model->nv, 0.0);
  std::fill_n(posed.data()->act, model->na, 0.0);
  std::fill_n(posed.data()->ctrl, model->nu, 0.0);
  posed.RestoreState(posed.SaveState(), 0);
}

bool Penetrates(const mjData* data) {
  for (int i = 0; i < data->ncon; ++i) {
    if (data->contact[i].dist < -kDeepestPenetration) return true;
  }
  return false;
}

std::span<const double> Positions(const Environment& environment) {
  return {environment.data()->qpos, static_cast<size_t>(environment.model()->nq)};
}

GoalPair PairOf(const Environment& start, const Environment& goal, const GoalMeasure& measure) {
  GoalPair pair;
  pair.parameters = start.parameters();
  pair.start_state = start.SaveState();
  pair.goal_state = goal.SaveState();
  pair.goal_channels.assign(goal.channels().begin(), goal.channels().end());
  pair.across = measure.Region(start.channels()) != measure.Region(goal.channels());
  pair.distance = measure.Distance(start.channels(), goal.channels());
  pair.path = measure.PathLength(start.channels(), goal.channels());
  pair.budget = std::min(measure.Budget(start.channels(), goal.channels()), start.task().steps_per_episode());
  return pair;
}

}  // namespace

std::vector<GoalPair> DrawGoalPairs(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure, int64_t count,
                                    double across, uint64_t seed) {
  Environment start(task), other(task), goal(task);
  std::vector<GoalPair> pairs;
  for (int64_t k = 0; k < count; ++k) {
    // Spread evenly, so that any first pairs have that share.
    const bool wanted = std::floor(static_cast<double>(k + 1) * across) > std::floor(static_cast<double>(k) * across);
    bool found = false;
    for (int attempt = 0; attempt < kAttempts && !found; ++attempt) {
      const uint64_t drawn = SeedOf(seed, k, attempt);
      start.Reset(HashSeed(drawn, 0));
      other.Reset(HashSeed(drawn, 1));
      Pose(goal, start, Positions(other));
      GoalPair pair = PairOf(start, goal, measure);
      if (pair.distance <= kFarthestNear * measure.within() || Penetrates(goal.data())) continue;
      if (measure.has_regions() && pair.across != wanted) continue;
      pair.seed = HashSeed(drawn ^ kActStream, 2);
      pairs.push_back(std::move(pair));
      found = true;
    }
    if (!found) {
      throw TaskError("task " + task->spec().name + ": expected its reset to give a start and a goal " +
                      (measure.has_regions() ? wanted ? "in two regions " : "in one region " : "") +
                      "that lie apart, found none in " + std::to_string(kAttempts) + " draws");
    }
  }
  return pairs;
}

std::vector<GoalPair> PairsToEpisode(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure,
                                     const Episode& episode, int64_t step, int64_t count, uint64_t seed) {
  Environment start(task), other(task), recorded(task), goal(task);
  if (task->parameter_size() > 0) recorded.SetParameters(episode.model_parameters);
  const auto size = static_cast<size_t>(task->state_size());
  recorded.RestoreState(std::span(episode.integration_state).subspan(static_cast<size_t>(step) * size, size), 0);
  recorded.data()->time = 0.0;
  Pose(goal, recorded, Positions(recorded));
  std::vector<GoalPair> pairs;
  for (int64_t k = 0; k < count; ++k) {
    const uint64_t drawn = SeedOf(seed, k, 0);
    other.Reset(HashSeed(drawn, 0));
    Pose(start, recorded, Positions(other));
    GoalPair pair = PairOf(start, goal, measure);
    pair.seed = HashSeed(drawn ^ kActStream, 2);
    pairs.push_back(std::move(pair));
  }
  return pairs;
}

std::vector<GoalPair> StartsAlone(std::shared_ptr<const CompiledTask> task, int64_t count, uint64_t seed) {
  Environment start(task);
  std::vector<GoalPair> pairs;
  for (int64_t k = 0; k < count; ++k) {
    const uint64_t drawn = SeedOf(seed, k, 0);
    start.Reset(HashSeed(drawn, 0));
    GoalPair& pair = pairs.emplace_back();
    pair.parameters = start.parameters();
    pair.start_state = start.SaveState();
    pair.budget = task->steps_per_episode();
    pair.seed = HashSeed(drawn ^ kActStream, 2);
  }
  return pairs;
}

}  // namespace reverie
