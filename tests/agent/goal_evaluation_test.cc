// Pairs of start and goal, and floors whose score is known: in an open room a straight line reaches everything.
#include "agent/goal_evaluation.h"

#include <cmath>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr const char* kPoint = R"(<mujoco>
  <option timestep="0.01" gravity="0 0 0" integrator="implicitfast"/>
  <worldbody>
    <body name="point"><joint name="x" type="slide" axis="1 0 0"/><joint name="y" type="slide" axis="0 1 0"/>
      <geom size="0.02" mass="1"/></body>
    <body name="wall" mocap="true" pos="5 0 0"><geom type="box" size="0.1 0.1 0.1"/></body>
  </worldbody>
  <actuator><velocity joint="x" kv="20" ctrlrange="-1 1" ctrllimited="true"/>
    <velocity joint="y" kv="20" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";
constexpr const char* kKeys = R"json("control_timestep_s": 0.05, "time_limit_s": 5,
  "observation": {"place": "qpos", "wall": "mocap_pos(wall).x"},
  "reset": [{"set": "qpos", "to": "uniform(-1, 1)"}, {"set": "mocap_pos(wall).x", "to": "uniform(5, 6)"}],
  "goal": {"distance": "place", "within": 0.05, "region": "place[0] > 0", "waypoint": ["0", "0"], "speed": 1})json";

}  // namespace

TEST_CASE("goals are independent of starts, in their layout, and as many lie across as was asked for") {
  const auto task = MakeTask(kPoint, kKeys);
  const GoalMeasure measure(*task);
  const std::vector<GoalPair> pairs = DrawGoalPairs(task, measure, 50, 0.6, 7);
  REQUIRE(pairs.size() == 50);
  Environment start(task), goal(task);
  int across = 0;
  double correlation = 0.0;
  for (const GoalPair& pair : pairs) {
    start.RestoreState(pair.start_state, 0);
    goal.RestoreState(pair.goal_state, 0);
    CHECK(start.channels()[2] == goal.channels()[2]);  // the wall
    CHECK(std::vector<double>(goal.channels().begin(), goal.channels().end()) == pair.goal_channels);
    CHECK(pair.distance > 0.2);
    CHECK(pair.across == ((start.channels()[0] > 0) != (goal.channels()[0] > 0)));
    across += pair.across;
    correlation += start.channels()[1] * goal.channels()[1] / 50;
    CHECK(pair.budget == std::min(100, static_cast<int>(std::ceil(2 * pair.path / 0.05))));
  }
  CHECK(across == 30);
  CHECK(std::abs(correlation) < 0.2);  // of two that are uniform in [-1, 1]: a deviation of 0.047
  const std::vector<GoalPair> fewer = DrawGoalPairs(task, measure, 10, 0.6, 7), other = DrawGoalPairs(task, measure, 10, 0.6, 8);
  CHECK(fewer[9].start_state == pairs[9].start_state);
  CHECK(other[9].start_state != pairs[9].start_state);
}

TEST_CASE("floors and ceiling where nothing is in the way") {
  const auto task = MakeTask(kPoint, kKeys);
  const GoalMeasure measure(*task);
  const std::vector<GoalPair> pairs = DrawGoalPairs(task, measure, 12, 0.5, 3);
  const auto play = [&](const GoalActorSource& source, int workers) {
    return EvaluateGoals(task, &measure, pairs, source, workers, nullptr, {});
  };
  const GoalActorSource straight{[&] { return MakeStraightActor(task, measure); }};
  const GoalEvaluation reached = play(straight, 1), with_two = play(straight, 2);
  const GoalScore score = ScoreOf(reached.outcomes);
  CHECK(score.pairs == 12);
  CHECK(score.across == 6);
  CHECK(score.end == 1.0);
  CHECK(score.end_across == 1.0);
  const GoalActorSource random{[&] { return MakeRandomActor(*task); }};
  CHECK(ScoreOf(play(random, 1).outcomes).end < 0.5);
  for (size_t k = 0; k < pairs.size(); ++k) {
    CHECK(reached.outcomes[k].last == with_two.outcomes[k].last);
    CHECK(reached.outcomes[k].reached_after <= pairs[k].budget);
    CHECK(reached.outcomes[k].nearest <= reached.outcomes[k].last);
  }
  PlannerOptions planning;
  planning.horizon = 8;
  planning.sequences = 40;
  const GoalActorSource ceiling{[&] { return MakeSimulatorActor(task, measure, planning, 2); }};
  const std::vector<GoalPair> few(pairs.begin(), pairs.begin() + 4);
  const GoalEvaluation planned = EvaluateGoals(task, &measure, few, ceiling, 1, nullptr, {});
  CHECK(ScoreOf(planned.outcomes).end == 1.0);
  CHECK(planned.plans > 0);
}

TEST_CASE("a goal that is to be held does not count where it is only passed") {
  // To and fro at 1 m/s over a goal in the middle: passed every second, held for 5 steps of 0.05 s never.
  class Sweeping : public GoalActor {
   public:
    void Begin(const GoalPair&, Environment&) override { way_ = 1; }
    void Act(Environment& environment, std::span<double> action) override {
      if (std::abs(environment.channels()[0]) > 0.5) way_ = environment.channels()[0] > 0 ? -1 : 1;
      action[0] = way_;
      action[1] = 0;
    }

   private:
    double way_ = 1;
  };
  std::string keys = kKeys;
  keys.replace(keys.find("\"speed\": 1"), 10, "\"hold\": 5");
  const auto task = MakeTask(kPoint, keys);
  const GoalMeasure measure(*task);
  Environment start(task), goal(task);
  start.Reset(1);
  goal.Reset(1);
  std::fill_n(start.data()->qpos, 2, 0.0);
  start.data()->qpos[0] = -0.4;
  std::fill_n(goal.data()->qpos, 2, 0.0);
  start.RestoreState(start.SaveState(), 0);
  goal.RestoreState(goal.SaveState(), 0);
  GoalPair pair;
  pair.start_state = start.SaveState();
  pair.goal_state = goal.SaveState();
  pair.goal_channels.assign(goal.channels().begin(), goal.channels().end());
  bool passed_at_the_end = false;
  for (pair.budget = 5; pair.budget < 45; ++pair.budget) {
    const GoalActorSource sweeping{[] { return std::make_unique<Sweeping>(); }};
    const GoalOutcome swept = EvaluateGoals(task, &measure, {pair}, sweeping, 1, nullptr, {}).outcomes.front();
    passed_at_the_end |= swept.last <= measure.within();
    CHECK(!swept.end);
  }
  CHECK(passed_at_the_end);
  pair.budget = 60;
  const GoalActorSource straight{[&] { return MakeStraightActor(task, measure); }};
  CHECK(EvaluateGoals(task, &measure, {pair}, straight, 1, nullptr, {}).outcomes.front().end);
}

TEST_CASE("a state of an episode as the goal brings its layout along") {
  const auto task = MakeTask(kPoint, kKeys);
  const GoalMeasure measure(*task);
  const Episode episode = Play(task, 1, 5).front();
  const std::vector<GoalPair> pairs = PairsToEpisode(task, measure, episode, 17, 3, 1);
  Environment start(task), goal(task);
  for (const GoalPair& pair : pairs) {
    start.RestoreState(pair.start_state, 0);
    goal.RestoreState(pair.goal_state, 0);
    CHECK(goal.channels()[0] == episode.observations[17 * 3]);
    CHECK(start.channels()[2] == episode.observations[17 * 3 + 2]);
    CHECK(start.data()->time == 0.0);
  }
  CHECK(pairs[0].start_state != pairs[1].start_state);
}

TEST_CASE("an actor that fails ends the evaluation with its error") {
  const auto task = MakeTask(kPoint, kKeys);
  const GoalMeasure measure(*task);
  const std::vector<GoalPair> pairs = DrawGoalPairs(task, measure, 4, 0.5, 3);
  const GoalActorSource failing{[]() -> std::unique_ptr<GoalActor> { throw DeviceError("no driver"); }};
  CHECK_THROWS_WITH_AS(EvaluateGoals(task, &measure, pairs, failing, 2, nullptr, {}), "no driver", DeviceError);
}
