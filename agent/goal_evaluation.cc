#include "agent/goal_evaluation.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <thread>

namespace reverie {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// @return  false if `stop` ended it.
bool Play(Environment& environment, const GoalMeasure* measure, const GoalPair& pair, const GoalActorSource& source,
          GoalActor& actor, const std::stop_token& stop, GoalOutcome& outcome) {
  if (environment.task().parameter_size() > 0) environment.SetParameters(pair.parameters);
  environment.RestoreState(pair.start_state, 0);
  actor.Begin(pair, environment);
  outcome.across = pair.across;
  outcome.budget = pair.budget;
  outcome.distance = pair.distance;
  outcome.path = pair.path;
  outcome.strangeness = source.strangeness ? source.strangeness(actor) : 0.0;
  const bool measured = measure != nullptr && !pair.goal_channels.empty();
  outcome.nearest = outcome.last = measured ? pair.distance : kUnknown;
  outcome.first_energy = outcome.least_energy = outcome.last_energy = actor.Energy();
  std::vector<double> action(static_cast<size_t>(environment.task().action_size()));
  int held = 0;
  for (int step = 1; step <= pair.budget; ++step) {
    if (stop.stop_requested()) return false;
    actor.Act(environment, action);
    outcome.last_energy = actor.Energy();
    outcome.least_energy = std::min(outcome.least_energy, outcome.last_energy);
    const StepResult result = environment.Step(action);
    if (measured) {
      outcome.last = measure->Distance(environment.channels(), pair.goal_channels);
      outcome.nearest = std::min(outcome.nearest, outcome.last);
      const bool within = outcome.last <= measure->within();
      held = within ? held + 1 : 0;
      outcome.end = held >= std::min(measure->hold(), pair.budget);
      if (within && !outcome.any) outcome.reached_after = step;
      outcome.any |= within;
    }
    if (result.terminated || result.diverged_dof >= 0) {
      outcome.end &= result.diverged_dof < 0;
      break;
    }
  }
  return true;
}

}  // namespace

GoalScore ScoreOf(const std::vector<GoalOutcome>& outcomes) {
  GoalScore score;
  for (const GoalOutcome& outcome : outcomes) {
    ++score.pairs;
    score.across += outcome.across;
    score.any += outcome.any;
    score.end += outcome.end;
    score.any_across += outcome.across && outcome.any;
    score.end_across += outcome.across && outcome.end;
  }
  score.any /= static_cast<double>(std::max<int64_t>(1, score.pairs));
  score.end /= static_cast<double>(std::max<int64_t>(1, score.pairs));
  score.any_across /= static_cast<double>(std::max<int64_t>(1, score.across));
  score.end_across /= static_cast<double>(std::max<int64_t>(1, score.across));
  return score;
}

GoalEvaluation EvaluateGoals(std::shared_ptr<const CompiledTask> task, const GoalMeasure* measure,
                             const std::vector<GoalPair>& pairs, const GoalActorSource& source, int workers,
                             const std::function<void(const GoalOutcome&)>& done, std::stop_token stop) {
  GoalEvaluation evaluation;
  evaluation.outcomes.resize(pairs.size());
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr error;
  std::stop_source failed;
  // Made and destroyed one after the other on this thread: actors own renderers, and Mesa's software driver may crash
  // where one thread destroys a context while another draws.
  const size_t count = std::clamp<size_t>(static_cast<size_t>(std::max(1, workers)), 1, std::max<size_t>(1, pairs.size()));
  std::vector<std::unique_ptr<GoalActor>> actors;
  while (actors.size() < count) actors.push_back(source.make());
  const auto work = [&](GoalActor* actor) {
    try {
      Environment environment(task);
      for (size_t k = next++; k < pairs.size() && !failed.stop_requested(); k = next++) {
        GoalOutcome& outcome = evaluation.outcomes[k];
        outcome.pair = static_cast<int64_t>(k);
        if (!Play(environment, measure, pairs[k], source, *actor, stop, outcome)) break;
        const std::lock_guard lock(mutex);
        if (done) done(outcome);
      }
      const std::lock_guard lock(mutex);
      evaluation.plans += actor->plans();
      evaluation.plan_ms += actor->plan_ms();
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      failed.request_stop();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (const std::unique_ptr<GoalActor>& actor : actors) threads.emplace_back(work, actor.get());
  }
  if (error) std::rethrow_exception(error);
  evaluation.interrupted = stop.stop_requested();
  return evaluation;
}

}  // namespace reverie
