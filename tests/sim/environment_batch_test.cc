// Every row of the batch is what an environment of its own gives, to the bit, for any number of threads.
#include "sim/environment_batch.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/sim/menagerie.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

// A pendulum whose bob is drawn at each reset; a quick one ends its episode.
constexpr char kPendulum[] = R"(
<mujoco>
  <option timestep="0.01"/>
  <worldbody><body name="arm"><joint name="hinge" axis="0 1 0" damping="0.1"/>
    <geom name="bob" type="sphere" size="0.05" pos="0 0 -0.5" mass="1"/></body></worldbody>
  <actuator><motor joint="hinge" ctrlrange="-2 2"/></actuator>
</mujoco>)";
constexpr char kPendulumTask[] = R"json({
  "scene": "scene.xml", "control_timestep_s": 0.02, "action_repeat": 2, "time_limit_s": 1,
  "observation": {"angle": "qpos", "velocity": "qvel"},
  "reset": [{"set": "qpos", "to": "normal(0, 1)"}, {"set": "body_mass(arm)", "to": "uniform(0.3, 3)"}],
  "reward": "cos(angle)", "terminate": "abs(velocity) > 5"})json";

// MuJoCo gives up where an acceleration passes 1e10: more than 0.5 of this motor on 1 kg.
constexpr char kFling[] = R"(
<mujoco>
  <option timestep="0.01" gravity="0 0 0"/>
  <worldbody><body>
    <joint name="slide" type="slide" damping="1"/><geom size="0.1" mass="1"/></body></worldbody>
  <actuator><motor joint="slide" gear="2e10" ctrlrange="-1 1"/></actuator>
</mujoco>)";
constexpr char kFlingTask[] = R"json({"scene": "scene.xml", "control_timestep_s": 0.01, "time_limit_s": 1,
  "observation": {"x": "qpos", "v": "qvel"}, "reset": [{"set": "qpos", "to": "uniform(-1, 1)"}],
  "reward": "1"})json";

std::vector<double> Copy(std::span<const double> values) {
  return {values.begin(), values.end()};
}

/// Row `i` of an array of `count` rows.
std::vector<double> Row(const std::vector<double>& array, int count, int i) {
  const auto size = static_cast<std::ptrdiff_t>(array.size()) / count;
  return {array.begin() + i * size, array.begin() + (i + 1) * size};
}

std::vector<double> Actions(const CompiledTask& task, int count, int step) {
  std::vector<double> actions;
  for (int i = 0; i < count; ++i) {
    const std::vector<double> action = Action(task, step + 17 * i);
    actions.insert(actions.end(), action.begin(), action.end());
  }
  return actions;
}

/// Plays batch and environments side by side, starting finished ones again at once; returns differing rows.
int Compare(const std::shared_ptr<const CompiledTask>& task, int count, int threads, int steps,
            int* finished = nullptr) {
  EnvironmentBatch batch(task, count, threads);
  std::vector<Environment> environments;
  std::vector<uint64_t> seeds;
  for (int i = 0; i < count; ++i) {
    environments.emplace_back(task);
    seeds.push_back(static_cast<uint64_t>(100 + i));
    environments.back().Reset(seeds.back());
  }
  batch.Reset(seeds);
  int different = 0;
  const auto compare = [&] {
    const std::vector<double> states = batch.SaveState(), parameters = batch.parameters();
    for (int i = 0; i < count; ++i) {
      const Environment& environment = environments[static_cast<size_t>(i)];
      different += !SameBits(Copy(batch.channels(i)), Copy(environment.channels()));
      different += !SameBits(Row(states, count, i), environment.SaveState());
      different += !SameBits(Row(parameters, count, i), environment.parameters());
      different += batch.control_step(i) != environment.control_step();
    }
  };
  compare();
  for (int t = 0; t < steps; ++t) {
    const std::vector<double> actions = Actions(*task, count, t);
    const BatchStep& step = batch.Step(actions);
    std::vector<int> ended;
    std::vector<uint64_t> next;
    for (int i = 0; i < count; ++i) {
      const auto k = static_cast<size_t>(i);
      const StepResult result = environments[k].Step(Row(actions, count, i));
      different += step.rewards[k] != result.reward;
      different += step.terminated[k] != result.terminated;
      different += step.truncated[k] != result.truncated;
      different += step.diverged_dof[k] != result.diverged_dof;
      if (!result.terminated && !result.truncated) continue;
      ended.push_back(i);
      next.push_back(seeds[k] += 1000);
      if (finished) ++finished[result.terminated];
    }
    compare();
    batch.Reset(ended, next);
    for (size_t j = 0; j < ended.size(); ++j) environments[static_cast<size_t>(ended[j])].Reset(next[j]);
    if (!ended.empty()) compare();
  }
  return different;
}

}  // namespace

TEST_CASE("Rows equal environments of their own for any number of threads, finished ones started again") {
  const TemporaryFolder folder;
  const auto pendulum = Compile(folder, kPendulum, kPendulumTask);
  REQUIRE(pendulum->parameter_size() == 1);
  for (const int threads : {1, 2, 5}) {
    CAPTURE(threads);
    int finished[2] = {0, 0};
    CHECK(Compare(pendulum, 6, threads, 60, finished) == 0);
    CHECK(finished[0] > 0);  // by the time limit
    CHECK(finished[1] > 0);  // by the termination
  }
}

TEST_CASE("Rows equal environments of their own in a scene with state of every kind") {
  const TemporaryFolder folder;
  for (const std::string& scene :
       {std::string(kMenagerie), WithOption("integrator=\"RK4\"", "sleep=\"enable\"")}) {
    const auto task = Compile(folder, scene, kMenagerieTask);
    CHECK(Compare(task, 3, 1, 12) == 0);
    CHECK(Compare(task, 3, 2, 12) == 0);
  }
}

TEST_CASE("A simulation that diverges reports it until it is reset, and never disturbs the others") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kFling, kFlingTask);
  constexpr int kCount = 4;
  EnvironmentBatch batch(task, kCount, 2), calm(task, kCount, 1);
  const std::vector<uint64_t> seeds = {1, 2, 3, 4};
  batch.Reset(seeds);
  calm.Reset(seeds);
  const std::vector<double> start = Copy(batch.channels(2));
  for (int t = 0; t < 20; ++t) {
    std::vector<double> actions = {0.1, -0.2, 0.3, 0.05 * t / 20};
    const BatchStep& reference = calm.Step(actions);
    if (t == 5) actions[2] = 1.0;
    const BatchStep& step = batch.Step(actions);
    for (size_t i : {0, 1, 3}) {
      CHECK(step.diverged_dof[i] == -1);
      CHECK_FALSE(step.truncated[i]);
      CHECK(step.rewards[i] == reference.rewards[i]);
      CHECK(SameBits(Copy(batch.channels(static_cast<int>(i))), Copy(calm.channels(static_cast<int>(i)))));
    }
    if (t < 5) continue;
    CHECK(step.diverged_dof[2] == 0);
    CHECK(step.truncated[2]);
    CHECK(step.rewards[2] == 0);
    CHECK(std::all_of(batch.channels().begin(), batch.channels().end(),
                      [](double x) { return std::isfinite(x); }));
  }
  batch.Reset(std::vector<int>{2}, std::vector<uint64_t>{3});
  CHECK(SameBits(Copy(batch.channels(2)), start));
  CHECK(batch.control_step(2) == 0);
  CHECK(batch.control_step(1) == 20);
  CHECK(batch.Step(std::vector<double>{0, 0, 0, 0}).diverged_dof[2] == -1);
  const std::vector<double> sound = Row(batch.SaveState(), kCount, 2);
  CHECK(batch.Step(std::vector<double>{0, 0, 1, 0}).diverged_dof[2] == 0);
  batch.RestoreState(std::vector<int>{2}, sound, std::vector<int>{1});
  CHECK(SameBits(Row(batch.SaveState(), kCount, 2), sound));
  CHECK(batch.Step(std::vector<double>{0, 0, 0, 0}).diverged_dof[2] == -1);
}

TEST_CASE("States saved from some rows go on in others, to the bit") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kPendulum, kPendulumTask);
  EnvironmentBatch batch(task, 3, 2), other(task, 2, 1);
  batch.Reset(std::vector<uint64_t>{7, 8, 9});
  for (int t = 0; t < 5; ++t) batch.Step(std::vector<double>{0.3, -0.3, 0.1});
  const std::vector<double> states = batch.SaveState(), parameters = batch.parameters();
  REQUIRE(parameters[2] != other.parameters()[0]);
  // Row 2 into row 0, row 1 into row 1.
  const auto rows = [](const std::vector<double>& array) {
    std::vector<double> swapped = Row(array, 3, 2);
    const std::vector<double> second = Row(array, 3, 1);
    swapped.insert(swapped.end(), second.begin(), second.end());
    return swapped;
  };
  const std::vector<int> both = {0, 1};
  other.SetParameters(both, rows(parameters));
  other.RestoreState(both, rows(states), std::vector<int>{5, 5});
  CHECK(SameBits(other.SaveState(), rows(states)));
  CHECK(SameBits(other.parameters(), rows(parameters)));
  for (int t = 0; t < 20; ++t) {
    const BatchStep& a = batch.Step(std::vector<double>{0.3, -0.3, 0.1});
    const BatchStep& b = other.Step(std::vector<double>{0.1, -0.3});
    CHECK(a.rewards[2] == b.rewards[0]);
    CHECK(a.rewards[1] == b.rewards[1]);
    CHECK(a.truncated[2] == b.truncated[0]);
    CHECK(SameBits(Copy(batch.channels(2)), Copy(other.channels(0))));
    CHECK(SameBits(Copy(batch.channels(1)), Copy(other.channels(1))));
  }
}

TEST_CASE("Sizes that do not fit are refused") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kPendulum, kPendulumTask);
  CHECK_THROWS_AS(EnvironmentBatch(task, 0, 1), ShapeError);
  CHECK_THROWS_AS(EnvironmentBatch(task, 1, 0), ShapeError);
  EnvironmentBatch batch(task, 2, 1);
  CHECK(batch.size() == 2);
  CHECK(batch.channels().size() == 4);
  CHECK_THROWS_AS(batch.Step(std::vector<double>{0.0}), ShapeError);
  CHECK_THROWS_AS(batch.Reset(std::vector<uint64_t>{1}), ShapeError);
  CHECK_THROWS_AS(batch.Reset(std::vector<int>{2}, std::vector<uint64_t>{1}), ShapeError);
  CHECK_THROWS_AS(batch.Reset(std::vector<int>{1, 1}, std::vector<uint64_t>{1, 2}), ShapeError);
  CHECK_THROWS_AS(batch.Reset(std::vector<int>{-1}, std::vector<uint64_t>{1}), ShapeError);
  CHECK_THROWS_AS(batch.RestoreState(std::vector<int>{0}, std::vector<double>{1.0}, std::vector<int>{0}),
                  ShapeError);
  CHECK_THROWS_AS(batch.SetParameters(std::vector<int>{0}, std::vector<double>{1.0, 2.0}), ShapeError);
  CHECK_THROWS_AS(batch.channels(2), ShapeError);
}

TEST_CASE("A start that cannot be is an error that names the task, and the batch goes on") {
  const TemporaryFolder folder;
  const std::string task =
      R"json({"scene": "scene.xml", "control_timestep_s": 0.02, "observation": {"angle": "qpos"},
    "reset": [{"let": {"a": "uniform(0, 1)"}}, {"set": "qpos", "to": "a < 0.5 ? 0.2 : log(-1)"}]})json";
  const auto compiled = Compile(folder, kPendulum, task);
  // Seeds are searched for, so that the first two start and the third does not.
  std::vector<uint64_t> good;
  uint64_t bad = 0;
  for (uint64_t seed = 1; good.size() < 2 || bad == 0; ++seed) {
    Random random(seed);
    if (random.Uniform() < 0.5) {
      good.push_back(seed);
    } else {
      bad = seed;
    }
  }
  REQUIRE(Random(0).Uniform() < 0.5);  // what environments start with
  EnvironmentBatch batch(compiled, 3, 2);
  CHECK_THROWS_WITH_AS(batch.Reset(std::vector<uint64_t>{good[0], bad, good[1]}),
                       doctest::Contains("yields no number"), TaskError);
  batch.Reset(std::vector<uint64_t>{good[0], good[0], good[1]});
  CHECK(batch.channels(1)[0] == 0.2);
}
