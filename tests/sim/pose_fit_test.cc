// Poses are looked for behind channels that real trajectories gave; the trajectory is the right answer.
#include "sim/pose_fit.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/locations.h"
#include "sim/policy.h"
#include "sim/random.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using dataset_fixture::TemporaryFolder;

namespace {

constexpr double kPi = std::numbers::pi;

std::shared_ptr<const CompiledTask> TaskOf(const std::string& scene, const std::string& task = "") {
  const TemporaryFolder folder;
  std::ofstream(folder / "scene.xml") << scene;
  if (task.empty()) return CompiledTask::Compile(LoadTask((folder / "scene.xml").string()));
  std::ofstream(folder / "task.json") << task;
  return CompiledTask::Compile(LoadTask((folder / "task.json").string()));
}

/// The first `steps` control steps of an episode played by smooth noise.
Episode Play(const std::shared_ptr<const CompiledTask>& task, int steps) {
  Environment environment(task);
  environment.Reset(HashSeed(11, 0));
  EpisodeRecorder recorder(*task, 0, HashSeed(11, 0));
  recorder.Start(environment.model(), environment.data(), environment.channels());
  const auto policy = SmoothPolicy(*task).make(5);
  std::vector<double> action(static_cast<size_t>(task->action_size()));
  for (int t = 0; t < steps; ++t) {
    policy->Act({environment.model(), environment.data(), environment.channels(), t}, action);
    const StepResult result = environment.Step(action);
    recorder.Add(action, result, environment.model(), environment.data(), environment.channels());
    if (result.terminated || result.truncated) break;
  }
  return recorder.Take();
}

std::vector<double> ChannelsAt(const CompiledTask& task, const Episode& episode, int64_t t) {
  std::vector<double> channels;
  const auto append = [&](const std::vector<double>& from, int size) {
    channels.insert(channels.end(), from.begin() + t * size, from.begin() + (t + 1) * size);
  };
  append(episode.observations, task.observation_size());
  append(episode.signals, task.signal_size());
  return channels;
}

std::span<const double> StateAt(const CompiledTask& task, const Episode& episode, int64_t t) {
  const auto size = static_cast<size_t>(task.state_size());
  return std::span(episode.integration_state).subspan(static_cast<size_t>(t) * size, size);
}

/// A fit that starts at the task's own first state, with qpos and qvel as given.
void StartAt(PoseFit& fit, const CompiledTask& task, const std::vector<double>& qpos,
             const std::vector<double>& qvel) {
  const DataPtr data(mj_makeData(task.model()));
  std::copy(qpos.begin(), qpos.end(), data->qpos);
  std::copy(qvel.begin(), qvel.end(), data->qvel);
  std::vector<double> state(static_cast<size_t>(task.state_size()));
  mj_getState(task.model(), data.get(), state.data(), mjSTATE_INTEGRATION);
  fit.Start(state);
}

/// Task files that can be loaded here: without dm_control, only the project's own.
std::vector<std::string> TasksHere() {
  std::vector<std::string> names = ListTasks();
  bool installed = true;
  try {
    PythonPackageFolder("dm_control");
  } catch (const SceneError&) {
    installed = false;
  }
  if (!installed)
    std::erase_if(names, [](const std::string& name) { return name.starts_with("dm_control/"); });
  return names;
}

const char* const kPendulum = R"(
<mujoco>
  <worldbody><body name="arm"><joint name="hinge" axis="0 1 0"/>
    <geom type="capsule" size="0.02" fromto="0 0 0 0.5 0 0"/></body></worldbody>
</mujoco>)";

const char* const kCart = R"(
<mujoco>
  <option timestep="0.01"/><statistic extent="1"/>
  <worldbody><body name="cart"><joint name="x" type="slide" axis="1 0 0"/><geom size="0.1"/></body></worldbody>
</mujoco>)";

std::string Observing(const std::string& observation, const std::string& rest = "") {
  return R"({"scene": "scene.xml", "control_timestep_s": 0.02, "observation": )" + observation + rest + "}";
}

}  // namespace

TEST_CASE("Channels of every task's real trajectories are found again, and with them the pose") {
  // Where a body goes or turns without a channel that says where, only what is integrated can be known.
  const std::vector<std::string> travelling = {"hopper-hop", "dm_control/cheetah-run",
                                               "dm_control/hopper-stand", "dm_control/walker-stand",
                                               "dm_control/walker-walk"};
  const std::vector<std::string> names = TasksHere();
  REQUIRE(names.size() >= 8);
  for (const std::string& name : names) {
    CAPTURE(name);
    const auto task = CompiledTask::Compile(LoadTask(name));
    const Episode episode = Play(task, name == "blocks" ? 20 : 40);
    PoseFit fit(task);
    fit.Start(StateAt(*task, episode, 0), episode.model_parameters);
    const mjModel* model = fit.model();
    const DataPtr real(mj_makeData(model));
    std::vector<double> measured(static_cast<size_t>(task->channel_size()));
    const bool travels = std::find(travelling.begin(), travelling.end(), name) != travelling.end();
    double residual = 0, channel = 0, position = 0, turn = 0, travel = 0;
    for (int64_t t = 1; t <= episode.steps; ++t) {
      const std::vector<double> wanted = ChannelsAt(*task, episode, t);
      residual = std::max(residual, fit.Step(wanted));
      task->Observe(model, fit.data(), measured);
      for (size_t i = 0; i < wanted.size(); ++i) {
        double difference = measured[i] - wanted[i];
        if (task->angles()[i]) difference = std::remainder(difference, 2 * kPi);
        if (fit.shown()[i])
          channel = std::max(channel, std::abs(difference) / std::max(1.0, std::abs(wanted[i])));
      }
      task->SetState(model, real.get(), StateAt(*task, episode, t));
      for (int i = 0; i < 3 * model->ngeom; ++i) {
        double& worst = travels && i % 3 == 0 ? travel : position;
        worst = std::max(worst, std::abs(real->geom_xpos[i] - fit.data()->geom_xpos[i]));
      }
      for (int i = 0; i < 9 * model->nbody; ++i)
        turn = std::max(turn, std::abs(real->xmat[i] - fit.data()->xmat[i]));
    }
    CHECK(episode.steps >= 20);
    CHECK(residual < 1e-6);
    CHECK(channel < 1e-6);
    CHECK(position < 1e-6);
    CHECK(travel < 0.06);  // over the whole: an impact within a control step changes the velocity at once
    CHECK(turn <
          (name == "dm_control/finger-spin" ? 0.1 : 1e-6));  // its spinner shows only how fast it turns
  }
}

TEST_CASE("A pendulum's angle comes from its cosine and sine, near, far and off the circle") {
  const auto task =
      TaskOf(kPendulum, Observing(R"json({"direction": ["xmat(arm).xx", "xmat(arm).xz"]})json"));
  PoseFit fit(task);
  StartAt(fit, *task, {0.3}, {0});
  for (const double angle : {0.3, 0.35, -0.2, 1.0, 2.5, -2.5, 0.5, 0.5 - 3.1}) {
    CAPTURE(angle);
    for (const double radius : {1.0, 1.2, 0.7}) {
      fit.Step(std::vector<double>{radius * std::cos(angle), radius * std::sin(angle)});
      CHECK(std::abs(std::remainder(fit.data()->qpos[0] - angle, 2 * kPi)) < 1e-5);
    }
  }
}

TEST_CASE("A free body's rotation comes from a quaternion that is not quite unit, and stays unit") {
  const auto task = TaskOf(R"(
<mujoco><worldbody><body name="box"><freejoint/><geom type="box" size="0.1 0.2 0.3"/></body></worldbody></mujoco>)");
  REQUIRE(task->channel_size() == 13);
  PoseFit fit(task);
  StartAt(fit, *task, {0, 0, 1, 1, 0, 0, 0}, std::vector<double>(6));
  // A turn of 1.2 rad about (1, 2, 2)/3, in ten steps, at the speed that makes it.
  for (int t = 1; t <= 10; ++t) {
    const double half = 0.06 * t, s = std::sin(half) / 3;
    const std::vector<double> unit = {std::cos(half), s, 2 * s, 2 * s};
    const double speed = 0.12 / task->env_step_s() / 3;
    const double length = t % 2 == 0 ? 0.9 : 1.05;
    const double residual =
        fit.Step(std::vector<double>{0.1 * t, -0.2, 1, length * unit[0], length * unit[1], length * unit[2],
                                     length * unit[3], 5, 0, 0, speed, 2 * speed, 2 * speed});
    CHECK(residual > 1e-3);
    const mjtNum* q = fit.data()->qpos;
    CHECK(q[0] == doctest::Approx(0.1 * t).epsilon(1e-5));
    CHECK(mju_norm(q + 3, 4) == doctest::Approx(1).epsilon(1e-12));
    for (int i = 0; i < 4; ++i) CHECK(std::abs(q[3 + i] - unit[static_cast<size_t>(i)]) < 1e-5);
    CHECK(fit.data()->qvel[5] == doctest::Approx(2 * speed).epsilon(1e-5));
  }
}

TEST_CASE("A position that no channel shows is the integral of the velocity") {
  const auto task = TaskOf(kCart, Observing(R"json({"velocity": "qvel"})json"));
  PoseFit fit(task);
  StartAt(fit, *task, {3}, {1});
  const double acceleration = 4;
  for (int t = 1; t <= 50; ++t) fit.Step(std::vector<double>{1 + acceleration * 0.02 * t});
  CHECK(fit.data()->qpos[0] ==
        doctest::Approx(3 + 1 + acceleration / 2).epsilon(1e-6));  // x + vt + at^2/2 at 1 s
  CHECK(fit.data()->time == doctest::Approx(1).epsilon(1e-9));
}

TEST_CASE("A velocity that no channel shows is that of the positions") {
  const auto task = TaskOf(kCart, Observing(R"json({"position": "qpos"})json"));
  PoseFit fit(task);
  StartAt(fit, *task, {0}, {0});
  for (int t = 1; t <= 5; ++t) fit.Step(std::vector<double>{0.5 * 0.02 * t});
  CHECK(fit.data()->qvel[0] == doctest::Approx(0.5).epsilon(1e-4));
}

TEST_CASE("An angle is compared around the circle, any other channel is not") {
  const std::string observation = R"json({"angle": "qpos(hinge)", "velocity": "qvel"})json";
  for (const bool declared : {true, false}) {
    const auto task =
        TaskOf(kPendulum, Observing(observation, declared ? R"(, "angles": ["angle[0]"])" : ""));
    PoseFit fit(task);
    StartAt(fit, *task, {3.1}, {0});
    CHECK(fit.Step(std::vector<double>{3.2 - 2 * kPi, 5}) < 1e-6);
    CHECK(fit.data()->qpos[0] == doctest::Approx(declared ? 3.2 : 3.2 - 2 * kPi).epsilon(1e-6));
  }
}

TEST_CASE("Channels that contradict each other are met by their scales") {
  const auto task = TaskOf(kCart, Observing(R"json({"first": "qpos", "second": "qpos"})json"));
  PoseFit even(task), uneven(task, std::vector<double>{0.4, 0.2});
  StartAt(even, *task, {0}, {0});
  StartAt(uneven, *task, {0}, {0});
  even.Step(std::vector<double>{0.1, 0.2});
  CHECK(even.data()->qpos[0] == doctest::Approx(0.15).epsilon(1e-5));
  const double residual = uneven.Step(std::vector<double>{0.1, 0.2});
  CHECK(uneven.data()->qpos[0] == doctest::Approx(0.18).epsilon(1e-5));  // weights 1 and 4
  CHECK(residual == doctest::Approx(std::sqrt((0.2 * 0.2 + 0.1 * 0.1) / 2)).epsilon(1e-4));
}

TEST_CASE("Channels without a pose leave the last one, and a wild one is recovered from") {
  const auto task = TaskOf(kCart, Observing(R"json({"position": "qpos", "velocity": "qvel"})json"));
  const double infinity = std::numeric_limits<double>::infinity();
  PoseFit fit(task);
  StartAt(fit, *task, {0}, {1});
  CHECK(fit.Step(std::vector<double>{0.02, 1}) < 1e-6);
  for (const double bad : {std::nan(""), infinity, -infinity, 1e11}) {
    CHECK(fit.Step(std::vector<double>{bad, 1}) == infinity);
    CHECK(fit.data()->qpos[0] == doctest::Approx(0.02).epsilon(1e-6));
  }
  CHECK(fit.Step(std::vector<double>{9e9, 9e9}) < 1e-2);
  CHECK(fit.Step(std::vector<double>{0.5, -2}) < 1e-2);
  CHECK(fit.Step(std::vector<double>{0.45, -2}) < 1e-6);
  CHECK(fit.data()->qpos[0] == doctest::Approx(0.45).epsilon(1e-5));
  CHECK(fit.data()->xpos[3] == doctest::Approx(0.45).epsilon(1e-5));
}

TEST_CASE("Goals that stay and forces are not shown by a pose") {
  const auto task =
      TaskOf(R"(
<mujoco>
  <worldbody>
    <geom type="plane" size="1 1 1"/><body name="goal" mocap="true" pos="1 0 0"/>
    <body pos="0 0 0.1"><joint name="z" type="slide" axis="0 0 1"/><geom size="0.1"/><site name="skin" size="0.11"/></body>
  </worldbody>
  <sensor><touch name="touch" site="skin"/><accelerometer name="felt" site="skin"/></sensor>
</mujoco>)",
             Observing(R"json({"height": "qpos(z)", "goal": "mocap_pos(goal).x", "touch": "sensordata(touch)",
                                        "felt": "sensordata(felt)[2]", "contacts": "ncon", "speed": "qvel"})json"));
  PoseFit fit(task);
  CHECK(fit.shown() == std::vector<bool>{true, false, false, false, false, true});
  StartAt(fit, *task, {0}, {0});
  CHECK(fit.Step(std::vector<double>{0.01, 50, std::nan(""), 1e300, 7, 0.5}) < 1e-6);
  CHECK(fit.data()->qpos[0] == doctest::Approx(0.01).epsilon(1e-5));
}

TEST_CASE("The same channels give the same bits") {
  const auto task = CompiledTask::Compile(LoadTask("hopper-hop"));
  const Episode episode = Play(task, 20);
  PoseFit first(task), second(task);
  first.Start(StateAt(*task, episode, 5));
  for (int64_t t = 6; t <= 20; ++t) first.Step(ChannelsAt(*task, episode, t));
  for (PoseFit* fit : {&first, &second}) fit->Start(StateAt(*task, episode, 0));
  for (int64_t t = 1; t <= 20; ++t) {
    CHECK(first.Step(ChannelsAt(*task, episode, t)) == second.Step(ChannelsAt(*task, episode, t)));
  }
  CHECK(std::equal(first.data()->qpos, first.data()->qpos + task->model()->nq, second.data()->qpos));
}

TEST_CASE("Arrays of another size are refused") {
  const auto task = TaskOf(kCart, Observing(R"json({"position": "qpos", "velocity": "qvel"})json"));
  CHECK_THROWS_WITH_AS(PoseFit(task, std::vector<double>(3)), "channel scales: expected 2 values, found 3",
                       ShapeError);
  PoseFit fit(task);
  CHECK_THROWS_AS(fit.Start(std::vector<double>(1)), ShapeError);
  StartAt(fit, *task, {0}, {0});
  CHECK_THROWS_WITH_AS(fit.Step(std::vector<double>(1)), "channels: expected 2 values, found 1", ShapeError);
}
