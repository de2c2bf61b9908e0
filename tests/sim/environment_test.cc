// What an environment does to the physics: known motions, actions as applied, states that go on to the bit,
// divergence as a value.
#include "sim/environment.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/replay.h"
#include "tests/sim/menagerie.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

Episode Record(const std::shared_ptr<const CompiledTask>& task, uint64_t seed) {
  Environment environment(task);
  environment.Reset(seed);
  EpisodeRecorder recorder(*task, 0, seed);
  recorder.Start(environment.model(), environment.data(), environment.channels());
  StepResult result;
  for (int t = 0; !result.terminated && !result.truncated; ++t) {
    const std::vector<double> action = Action(*task, t);
    result = environment.Step(action);
    recorder.Add(action, result, environment.model(), environment.data(), environment.channels());
  }
  return recorder.Take();
}

std::vector<double> Copy(std::span<const double> values) {
  return {values.begin(), values.end()};
}

/// A mass of 1 kg on a slide, without gravity, pushed by a motor of `gear`.
std::string Slide(const std::string& joint, const std::string& actuator, const std::string& option = "") {
  return "<mujoco><option timestep=\"0.001\" gravity=\"0 0 0\" " + option +
         "/><worldbody><body>"
         "<joint name=\"slide\" type=\"slide\" axis=\"1 0 0\" " +
         joint +
         "/><geom size=\"0.1\" mass=\"1\"/></body>"
         "</worldbody><actuator>" +
         actuator + "</actuator></mujoco>";
}

}  // namespace

TEST_CASE("A pendulum swings with the period that mechanics says") {
  // A point mass of 1 kg on a massless rod of 0.5 m: T = 2 pi sqrt(l/g), times 1 + a^2/16 + 11 a^4/3072 for
  // an amplitude a; the sphere's own inertia, 2/5 r^2, makes it longer by sqrt(1 + 2/5 (r/l)^2).
  const TemporaryFolder folder;
  Environment environment(
      Compile(folder, R"(
<mujoco><option timestep="0.001" integrator="RK4"/><worldbody><body><joint name="hinge" axis="0 1 0"/>
<geom size="0.02" mass="1" pos="0 0 -0.5"/></body></worldbody></mujoco>)",
              R"json({"scene": "scene.xml", "control_timestep_s": 0.001, "time_limit_s": 10,
    "observation": {"angle": "qpos", "time": "time"}, "reset": [{"set": "qpos", "to": "0.2"}]})json"));
  std::vector<double> crossings;
  double before = environment.observation()[0];
  for (int t = 0; t < 10000; ++t) {
    environment.Step({});
    const double angle = environment.observation()[0], time = environment.observation()[1];
    if (before > 0.0 && angle <= 0.0) crossings.push_back(time - 0.001 * angle / (angle - before));
    before = angle;
  }
  REQUIRE(crossings.size() >= 6);
  const double period = (crossings.back() - crossings.front()) / static_cast<double>(crossings.size() - 1);
  const double a = 0.2, small = 2 * std::numbers::pi * std::sqrt(0.5 / 9.81) * std::sqrt(1 + 0.4 * 0.0016);
  CHECK(period == doctest::Approx(small * (1 + a * a / 16 + 11 * std::pow(a, 4) / 3072)).epsilon(1e-6));
}

TEST_CASE("A free body falls as semi-implicit Euler says, to rounding") {
  const TemporaryFolder folder;
  Environment environment(Compile(folder, R"(
<mujoco><option timestep="0.01"/><worldbody>
<body name="stone" pos="0 0 100"><freejoint/><geom size="0.1"/></body>
</worldbody></mujoco>)",
                                  R"json({"scene": "scene.xml", "control_timestep_s": 0.05, "time_limit_s": 1,
    "observation": {"height": "xpos(stone).z", "speed": "qvel(joint_0)[2]", "time": "time"}})json"));
  StepResult result;
  int steps = 0;
  while (!result.truncated) {
    result = environment.Step({});
    ++steps;
    const double t = environment.observation()[2];
    CHECK(t == doctest::Approx(0.05 * steps).epsilon(1e-12));
    CHECK(environment.observation()[1] == doctest::Approx(-9.81 * t).epsilon(1e-12));
    CHECK(environment.observation()[0] == doctest::Approx(100 - 0.5 * 9.81 * t * (t + 0.01)).epsilon(1e-12));
  }
  CHECK(steps == 20);
  CHECK_FALSE(result.terminated);
}

TEST_CASE("A damped mass slows down as exp(-c t/m), and a pushed one reaches F/c") {
  const TemporaryFolder folder;
  const std::string scene = Slide("damping=\"2\"", "<motor joint=\"slide\" gear=\"3\" ctrlrange=\"-1 1\"/>");
  const auto play = [&](double push, double speed) {
    Environment environment(Compile(folder, scene,
                                    R"json({"scene": "scene.xml", "control_timestep_s": 0.01,
      "observation": {"speed": "qvel"}, "reset": [{"set": "qvel", "to": ")json" +
                                        std::to_string(speed) + "\"}]}"));
    for (int t = 0; t < 100; ++t) environment.Step(std::vector<double>{push});
    return environment.observation()[0];
  };
  CHECK(play(0.0, 1.5) == doctest::Approx(1.5 * std::exp(-2.0)).epsilon(2e-3));  // first order in 0.001 s
  CHECK(play(1.0, 0.0) == doctest::Approx(1.5 * (1 - std::exp(-2.0))).epsilon(2e-3));
}

TEST_CASE("An action covers the actuator's range, is clipped to it, and NaN is no action") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, R"(
<mujoco><worldbody><body><joint name="slide" type="slide"/><geom size="0.1"/></body></worldbody><actuator>
  <motor name="wide" joint="slide" ctrlrange="-2 6"/><motor joint="slide" ctrlrange="0 1"/>
  <motor joint="slide"/>
  <motor joint="slide" ctrlrange="-3 -1"/>
</actuator></mujoco>)");
  CHECK(task->ActionLabels() == std::vector<std::string>{"wide", "actuator_1", "actuator_2", "actuator_3"});
  Environment environment(task);
  const auto applied = [&](double action) {
    environment.Step(std::vector<double>(4, action));
    return std::vector<double>(environment.data()->ctrl, environment.data()->ctrl + 4);
  };
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  CHECK(applied(-1.0) == std::vector<double>{-2, 0, -1, -3});
  CHECK(applied(0.0) == std::vector<double>{2, 0.5, 0, -2});
  CHECK(applied(1.0) == std::vector<double>{6, 1, 1, -1});
  CHECK(applied(0.5) == std::vector<double>{4, 0.75, 0.5, -1.5});
  CHECK(applied(7.0) == applied(1.0));
  CHECK(applied(-inf) == applied(-1.0));
  CHECK(applied(inf) == applied(1.0));
  CHECK(applied(nan) == applied(0.0));
  CHECK_THROWS_AS(environment.Step(std::vector<double>(3, 0.0)), ShapeError);
}

TEST_CASE("Actions are recorded, and enter the reward, as they were applied") {
  const TemporaryFolder folder;
  const auto task =
      Compile(folder, Slide("", "<motor joint=\"slide\" ctrlrange=\"-2 6\"/>"),
              R"json({"scene": "scene.xml", "observation": {"x": "qpos"}, "reward": "10*action[0]"})json");
  Environment environment(task);
  EpisodeRecorder recorder(*task, 0, 0);
  recorder.Start(environment.model(), environment.data(), environment.channels());
  std::vector<double> rewards;
  for (const double value : {3.0, std::nan(""), -std::numeric_limits<double>::infinity(), 0.25}) {
    const std::vector<double> action = {value};
    const StepResult result = environment.Step(action);
    rewards.push_back(result.reward);
    recorder.Add(action, result, environment.model(), environment.data(), environment.channels());
  }
  const Episode episode = recorder.Take();
  CHECK(episode.actions == std::vector<double>{1, 0, -1, 0.25});
  CHECK(rewards == std::vector<double>{10, 0, -10, 2.5});
  CHECK(episode.rewards == rewards);
}

TEST_CASE("A state saved in the middle of an episode goes on in another environment, to the bit") {
  const TemporaryFolder folder;
  for (const std::string& scene :
       {std::string(kMenagerie), WithOption("integrator=\"implicitfast\""),
        WithOption("integrator=\"implicit\""), WithOption("integrator=\"RK4\""),
        WithOption("solver=\"PGS\" cone=\"elliptic\""), WithOption("solver=\"CG\""),
        WithOption("integrator=\"implicitfast\"", "sleep=\"enable\""),
        WithOption("", "warmstart=\"disable\"")}) {
    CAPTURE(scene.substr(scene.find("<option"), 110));
    const auto task = Compile(folder, scene, kMenagerieTask);
    REQUIRE(task->model()->na == 3);
    REQUIRE(task->model()->nhistory > 0);
    Environment played(task);
    played.Reset(11);
    std::vector<std::vector<double>> states = {played.SaveState()}, channels = {Copy(played.channels())};
    std::vector<double> rewards;
    for (int t = 0; t < 60; ++t) {
      rewards.push_back(played.Step(Action(*task, t)).reward);
      states.push_back(played.SaveState());
      channels.push_back(Copy(played.channels()));
    }
    Environment used(task);
    for (const int start : {0, 1, 7, 30, 31, 59}) {
      CAPTURE(start);
      Environment fresh(task);
      for (Environment* environment : {&fresh, &used}) {
        environment->RestoreState(states[static_cast<size_t>(start)], start);
        CHECK(environment->control_step() == start);
        CHECK(SameBits(environment->SaveState(), states[static_cast<size_t>(start)]));
        CHECK(SameBits(Copy(environment->channels()), channels[static_cast<size_t>(start)]));
        size_t different = 0;
        for (size_t t = static_cast<size_t>(start); t < 60; ++t) {
          different += environment->Step(Action(*task, static_cast<int>(t))).reward != rewards[t];
          different += !SameBits(environment->SaveState(), states[t + 1]);
          different += !SameBits(Copy(environment->channels()), channels[t + 1]);
        }
        CHECK(different == 0);
      }
    }
  }
}

TEST_CASE(
    "What follows from accelerations is of the restored state, and the same again from the next step on") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, R"(
<mujoco><option timestep="0.01"/><worldbody><geom type="plane" size="3 3 0.1"/>
  <body pos="0 0 0.3"><freejoint/><geom size="0.1"/><site name="s" size="0.2"/></body>
</worldbody><sensor><accelerometer site="s"/><touch name="touch" site="s"/></sensor></mujoco>)",
                            R"json({"scene": "scene.xml", "control_timestep_s": 0.01,
    "observation": {"measured": "sensordata", "qpos": "qpos"}})json");
  Environment environment(task), other(task);
  for (int t = 0; t < 10; ++t) environment.Step({});
  // In free fall nothing is felt, at once or later.
  for (size_t i = 0; i < 4; ++i) CHECK(std::abs(environment.observation()[i]) < 1e-12);
  double most = 0.0;
  for (int t = 10; t < 80; ++t) {
    other.RestoreState(environment.SaveState(), t);
    CHECK(SameBits(Copy(other.observation().subspan(4)), Copy(environment.observation().subspan(4))));
    other.Step({});
    environment.Step({});
    CHECK(SameBits(Copy(other.channels()), Copy(environment.channels())));
    most = std::max(most, environment.observation()[3]);
  }
  CHECK(most > 10.0);  // it did land
}

TEST_CASE("Episodes of a scene with everything play again to the bit") {
  const TemporaryFolder folder;
  for (const std::string& scene :
       {std::string(kMenagerie), WithOption("integrator=\"RK4\""), WithOption("", "sleep=\"enable\""),
        WithOption("integrator=\"implicitfast\" noslip_iterations=\"3\"")}) {
    CAPTURE(scene.substr(scene.find("<option"), 110));
    const auto task = Compile(folder, scene, kMenagerieTask);
    const Episode episode = Record(task, 5);
    REQUIRE(episode.steps == 100);
    REQUIRE(episode.diverged.empty());
    CHECK(episode.time.front() == 1.5);
    const ReplayResult result = VerifyEpisode(*task, episode);
    CHECK(result.steps == 100);
    CHECK(result.mismatches == 0);
    if (result.first) MESSAGE(result.first->Text());
  }
}

TEST_CASE("Bodies at rest that may sleep are restored and replayed like any other") {
  const TemporaryFolder folder;
  const auto task =
      Compile(folder, R"(
<mujoco><option timestep="0.005"><flag sleep="enable"/></option><worldbody><geom type="plane" size="3 3 0.1"/>
  <body pos="0 0 0.1"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body>
  <body pos="0 0 0.3"><freejoint/><geom type="box" size="0.1 0.1 0.1"/></body>
  <body pos="0 0.6 0.15"><joint name="hinge" axis="0 0 1" damping="0.1"/>
    <geom type="capsule" size="0.05" fromto="0 0 0 0.5 0 0"/></body>
</worldbody><actuator><motor joint="hinge" gear="3" ctrlrange="-1 1"/></actuator></mujoco>)",
              R"json({"scene": "scene.xml", "time_limit_s": 3, "reset": [{"settle": 200}]})json");
  Environment environment(task), other(task);
  for (int t = 0; t < 60; ++t) environment.Step(std::vector<double>{-1.0});
  other.RestoreState(environment.SaveState(), 60);
  for (int t = 60; t < 150; ++t) {
    environment.Step(std::vector<double>{-1.0});
    other.Step(std::vector<double>{-1.0});
  }
  CHECK(SameBits(environment.SaveState(), other.SaveState()));
  CHECK(VerifyEpisode(*task, Record(task, 2)).mismatches == 0);
}

TEST_CASE("A delayed actuator acts, and a delayed sensor tells, as much later as it says, settled or not") {
  const TemporaryFolder folder;
  const std::string scene =
      Slide("damping=\"1\"", "<motor joint=\"slide\" ctrlrange=\"-1 1\" delay=\"0.03\" nsample=\"31\"/>");
  std::string measured = scene;
  measured.insert(measured.find("</mujoco>"),
                  "<sensor><jointpos name=\"late\" joint=\"slide\" delay=\"0.02\" nsample=\"21\"/>"
                  "<jointpos name=\"sampled\" joint=\"slide\" interval=\"0.04 0\" nsample=\"2\"/></sensor>");
  for (const std::string& reset : {std::string("[]"), std::string("[{\"settle\": 160}]")}) {
    CAPTURE(reset);
    Environment environment(Compile(folder,
                                    measured, R"json({"scene": "scene.xml", "control_timestep_s": 0.01,
      "observation": {"x": "qpos", "late": "sensordata(late)", "sampled": "sensordata(sampled)",
        "force": "actuator_force",
      "time": "time"}, "reset": )json" + reset + "}"));
    CHECK(environment.observation()[4] == 0.0);
    std::vector<double> x = {environment.observation()[0]};
    for (int t = 1; t <= 30; ++t) {
      environment.Step(std::vector<double>{1.0});
      x.push_back(environment.observation()[0]);
      const double late = environment.observation()[1], sampled = environment.observation()[2],
                   force = environment.observation()[3];
      CAPTURE(t);
      CHECK(environment.observation()[4] == doctest::Approx(0.01 * t).epsilon(1e-12));
      // The control set at time 0 acts from 0.03 s on, that is within the fourth step.
      CHECK(force == (t > 3 ? 1.0 : 0.0));
      CHECK((x.back() > 0.0) == (t > 3));
      const auto earlier = [&](int step) { return x[static_cast<size_t>(std::max(0, step))]; };
      CHECK(late == doctest::Approx(earlier(t - 2)).epsilon(1e-12));
      CHECK(sampled == doctest::Approx(earlier(t / 4 * 4)).epsilon(1e-12));
    }
  }
}

TEST_CASE("A simulation that diverges ends with its degree of freedom, and leaves finite numbers only") {
  const TemporaryFolder folder;
  // A spring k on a mass m, integrated explicitly, grows without bound where k dt^2/m > 4; it is 4.2 here.
  const auto task = Compile(
      folder, R"(
<mujoco><option timestep="0.01" gravity="0 0 0"/><worldbody>
  <body><joint name="calm" type="slide" damping="1"/>
    <geom size="0.1" mass="1" contype="0" conaffinity="0"/></body>
  <body name="wild"><joint type="free"/><site name="b"/>
    <geom size="0.1" mass="1" contype="0" conaffinity="0"/></body>
  <site name="a"/>
</worldbody>
<tendon><spatial stiffness="4.2e4" springlength="0"><site site="a"/><site site="b"/></spatial></tendon>
<actuator><motor joint="calm" ctrlrange="-1 1"/></actuator></mujoco>)",
      R"json({"scene": "scene.xml", "control_timestep_s": 0.02, "action_repeat": 2, "time_limit_s": 40,
    "observation": {"all": ["qpos", "qvel"]}, "reset": [{"set": "qpos(joint_1)[1]", "to": "1e-3"}],
    "reward": "all[0]"})json");
  const Episode episode = Record(task, 0);
  CHECK(episode.diverged == "joint_1.y");
  CHECK(episode.truncated);
  CHECK_FALSE(episode.terminated);
  CHECK(episode.steps > 1);
  CHECK(episode.steps < 100);
  for (const auto* values : {&episode.observations, &episode.integration_state, &episode.rewards,
                             &episode.qpos, &episode.qvel, &episode.time, &episode.actions}) {
    CHECK(std::all_of(values->begin(), values->end(), [](double value) { return std::isfinite(value); }));
  }
  CHECK(VerifyEpisode(*task, episode).mismatches == 0);

  Environment environment(task);
  StepResult result;
  while (result.diverged_dof < 0) {
    result = environment.Step(std::vector<double>{0.5});
    REQUIRE(environment.control_step() < 1000);
  }
  CHECK(task->scene().DofLabel(result.diverged_dof) == "joint_1.y");
  CHECK(result.truncated);
  for (const double value : environment.channels()) CHECK(std::isfinite(value));  // the last sound ones
  CHECK(environment.Step(std::vector<double>{0.5}).diverged_dof >= 0);            // and so it stays
  // Nothing of it lasts: neither over a restored state nor over a reset.
  Environment fresh(task);
  fresh.Reset(0);
  fresh.Step(std::vector<double>{0.5});
  environment.RestoreState(fresh.SaveState(), 1);
  for (int t = 0; t < 3; ++t) {
    CHECK(environment.Step(std::vector<double>{0.5}).diverged_dof == -1);
    fresh.Step(std::vector<double>{0.5});
    CHECK(SameBits(environment.SaveState(), fresh.SaveState()));
  }
  while (environment.Step(std::vector<double>{0.5}).diverged_dof < 0)
    REQUIRE(environment.control_step() < 1000);
  environment.Reset(0);
  CHECK(environment.Step(std::vector<double>{0.5}).diverged_dof == -1);
}

TEST_CASE(
    "A start that is not finite, or blows up as it settles, is drawn again, an error if all are") {
  const TemporaryFolder folder;
  const std::string scene = Slide("stiffness=\"-1e5\"", "", "integrator=\"Euler\"");
  const auto play = [&](const std::string& reset) {
    Environment environment(Compile(folder, scene,
                                    R"json({"scene": "scene.xml", "control_timestep_s": 0.01,
      "observation": {"x": "qpos", "v": "qvel"}, "reset": [)json" +
                                        reset + "]}"));
    for (uint64_t seed = 0; seed < 20; ++seed) {
      environment.Reset(seed);
      for (const double value : environment.channels()) CHECK(std::abs(value) < 1e10);
    }
    return environment.observation()[0];
  };
  const auto error = [&](const std::string& reset) {
    const std::string message = MessageOf([&] { play(reset); });
    CHECK(IsOneLine(message));
    return message;
  };
  // From rest it stays; from anywhere else it is gone after a moment of settling.
  CHECK(play(R"json({"set": "qpos", "to": "uniform(0, 1) < 0.5 ? 0 : 1e-3"}, {"settle": 300})json") == 0.0);
  const std::string settled = error(R"json({"set": "qpos", "to": "1e-3"}, {"settle": 300})json");
  CHECK(Contains(settled, "diverges before the first control step (degree of freedom slide)"));
  CHECK(Contains(settled, (folder / "scene.xml").string()));
  CHECK(Contains(error(R"json({"set": "qvel", "to": "inf"})json"), "degree of freedom slide"));
  CHECK(Contains(error(R"json({"set": "qvel", "to": "1e11"})json"), "degree of freedom slide"));
  CHECK(Contains(error(R"json({"set": "qpos", "to": "1e8"})json"), "degree of freedom slide"));  // 1e13 m/s^2
}

TEST_CASE("An episode ends when its termination holds, within an action repeat too") {
  const TemporaryFolder folder;
  const auto task =
      Compile(folder, Slide("", "<motor joint=\"slide\" ctrlrange=\"-1 1\"/>"),
              R"json({"scene": "scene.xml", "control_timestep_s": 0.1, "action_repeat": 4, "time_limit_s": 20,
    "observation": {"x": "qpos", "v": "qvel"}, "reward": "1",
    "terminate": "v[0] >= 0.55", "success": "x[0] > 0.1"})json");
  Environment environment(task);
  StepResult result = environment.Step(std::vector<double>{1.0});
  CHECK(result.reward == 4);
  CHECK_FALSE(result.terminated);
  result = environment.Step(std::vector<double>{1.0});  // 1 m/s^2: at 0.6 s, two env steps in
  CHECK(result.terminated);
  CHECK_FALSE(result.truncated);
  CHECK(result.reward == 2);
  CHECK(environment.data()->time == doctest::Approx(0.6).epsilon(1e-9));
  CHECK(task->Success(environment.channels(), std::vector<double>{1.0}));
}

TEST_CASE("A scene without joints, actuators or anything to see is an environment too") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, "<mujoco><worldbody><geom size=\"1\"/></worldbody></mujoco>");
  Environment environment(task);
  CHECK(environment.observation().empty());
  CHECK(environment.Step({}).reward == 0);
  CHECK(VerifyEpisode(*task, Record(task, 0)).mismatches == 0);
}
