// What the batched simulator imagines is what Environment::Step does, to the bit.
#include "worldmodel/simulator_model.h"

#include <sched.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <doctest/doctest.h>

#include "sim/error.h"

using namespace reverie;

namespace {

// A torso and a leg over the ground, so that contacts, limits and the solver's warm start take part.
constexpr const char* kHopper = R"(<mujoco>
  <option timestep="0.005"/>
  <worldbody>
    <geom name="ground" type="plane" size="10 10 0.1"/>
    <body name="torso" pos="0 0 0.7">
      <joint name="x" type="slide" axis="1 0 0"/>
      <joint name="z" type="slide" axis="0 0 1"/>
      <joint name="pitch" axis="0 1 0" damping="0.1"/>
      <geom type="capsule" size="0.08" fromto="0 0 0 0 0 0.2"/>
      <body name="leg">
        <joint name="hip" axis="0 1 0" range="-60 60" limited="true"/>
        <geom type="capsule" size="0.05" fromto="0 0 0 0.05 0 -0.4"/>
        <body name="foot" pos="0.05 0 -0.4">
          <joint name="ankle" axis="0 1 0" range="-45 45" limited="true"/>
          <geom type="capsule" size="0.04" fromto="-0.1 0 0 0.15 0 0"/>
        </body>
      </body>
    </body>
  </worldbody>
  <actuator>
    <motor name="hip" joint="hip" gear="30" ctrlrange="-1 1" ctrllimited="true"/>
    <motor name="ankle" joint="ankle" gear="10" ctrlrange="-0.5 1" ctrllimited="true"/>
  </actuator>
</mujoco>)";

// A mass that a motor can fling away: full force is 1e13 N on 1 kg, more than MuJoCo holds to be sound.
constexpr const char* kFling = R"(<mujoco>
  <option timestep="0.01" gravity="0 0 0"/>
  <worldbody>
    <body name="mass">
      <joint name="slide" type="slide" axis="1 0 0"/>
      <geom name="ball" size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor name="push" joint="slide" gear="1e13" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

std::shared_ptr<const CompiledTask> MakeTask(const std::string& mjcf, const std::string& rest) {
  const std::filesystem::path folder =
      std::filesystem::temp_directory_path() / ("reverie_simulator_model_test_" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  std::ofstream(folder / "scene.xml") << mjcf;
  std::ofstream(folder / "task.json") << R"json({"scene": "scene.xml", )json" + rest + "}";
  std::shared_ptr<const CompiledTask> task = CompiledTask::Compile(LoadTask((folder / "task.json").string()));
  std::filesystem::remove_all(folder);
  return task;
}

std::shared_ptr<const CompiledTask> HopperTask(const std::string& more = "") {
  return MakeTask(kHopper, R"json("control_timestep_s": 0.02, "action_repeat": 2,
    "observation": {"position": "qpos", "velocity": "qvel"}, "signals": {"height": "xpos(foot).z"},
    "reset": [{"set": "qpos(hip)", "to": "uniform(-0.3, 0.3)"}, {"set": "qvel", "to": "normal(0, 0.1)"}],
    "reward": "velocity[0] + position[1] - 0.1*action[0]^2 + height")json" +
                               more);
}

std::shared_ptr<const CompiledTask> FlingTask(const std::string& more = "") {
  return MakeTask(kFling, R"json("control_timestep_s": 0.01, "action_repeat": 1,
    "observation": {"position": "qpos", "velocity": "qvel"}, "reward": "1 + position[0]")json" +
                              more);
}

std::vector<float> RandomActions(size_t count, uint64_t seed) {
  Random random(seed);
  std::vector<float> actions(count);
  for (float& action : actions) action = static_cast<float>(random.Uniform(-1.2, 1.2));
  return actions;
}

Imagination Imagine(SimulatorModel& model, const Belief& belief, const std::vector<float>& actions,
                    int sequences, int horizon) {
  Imagination result;
  model.Imagine(belief, actions, sequences, horizon, {.channels = true, .uncertainty = true}, result);
  return result;
}

}  // namespace

TEST_CASE("Imagined channels and rewards equal the environment's, bit for bit, for any number of threads") {
  const std::shared_ptr<const CompiledTask> task = HopperTask();
  constexpr int kSequences = 7, kHorizon = 40;
  Environment environment(task);
  environment.Reset(5);
  const std::vector<double> warm_up = {0.4, -0.7};
  for (int t = 0; t < 10; ++t) environment.Step(warm_up);
  const Belief belief = Belief::Of(environment);
  const std::vector<float> actions = RandomActions(size_t{kSequences} * kHorizon * 2, 6);

  for (int threads : {1, 2, 3}) {
    CAPTURE(threads);
    SimulatorModel model(task, threads);
    for (int again = 0; again < 3; ++again) {
      if (again == 2) model.SetThreads(4 - threads);
      const Imagination imagined = Imagine(model, belief, actions, kSequences, kHorizon);
      REQUIRE(imagined.rewards.size() == size_t{kSequences} * kHorizon);
      REQUIRE(imagined.channel_size == task->channel_size());
      size_t different = 0;
      for (int i = 0; i < kSequences; ++i) {
        Environment real(task);
        real.Reset(5);
        for (int t = 0; t < 10; ++t) real.Step(warm_up);
        for (int t = 0; t < kHorizon; ++t) {
          const size_t at = static_cast<size_t>(i) * kHorizon + t;
          const StepResult step = real.Step(std::vector<double>{actions[2 * at], actions[2 * at + 1]});
          different += imagined.rewards[at] != static_cast<float>(step.reward);
          for (size_t c = 0; c < real.channels().size(); ++c) {
            const float channel = imagined.channels[at * real.channels().size() + c];
            different += channel != static_cast<float>(real.channels()[c]);
          }
        }
      }
      CHECK(different == 0);
      for (float uncertainty : imagined.uncertainty) CHECK(uncertainty == 0.0f);
      for (float spread : imagined.spread) CHECK(spread == 0.0f);
    }
  }
}

TEST_CASE("Fewer and more sequences than before, and a plain call, give the same rewards") {
  const std::shared_ptr<const CompiledTask> task = HopperTask();
  Environment environment(task);
  const Belief belief = Belief::Of(environment);
  const std::vector<float> actions = RandomActions(12 * 5 * 2, 7);
  SimulatorModel model(task, 2);
  const Imagination few = Imagine(model, belief, {actions.begin(), actions.begin() + 4 * 5 * 2}, 4, 5);
  const Imagination all = Imagine(model, belief, actions, 12, 5);
  CHECK(std::equal(few.rewards.begin(), few.rewards.end(), all.rewards.begin()));
  Imagination plain;
  model.Imagine(belief, {actions.data(), 3 * 5 * 2}, 3, 5, {}, plain);
  CHECK(plain.channels.empty());
  CHECK(plain.uncertainty.empty());
  REQUIRE(plain.rewards.size() == 15);
  CHECK(std::equal(plain.rewards.begin(), plain.rewards.end(), all.rewards.begin()));
}

TEST_CASE("The simulator is its own only member, asked for with channels or without") {
  const std::shared_ptr<const CompiledTask> task = HopperTask();
  Environment environment(task);
  const Belief belief = Belief::Of(environment);
  const std::vector<float> actions = RandomActions(3 * 8 * 2, 9);
  SimulatorModel model(task, 2);
  CHECK(model.channel_scale().empty());
  const Imagination plain = Imagine(model, belief, actions, 3, 8);
  CHECK(plain.members == 0);
  CHECK(plain.member_channels.empty());
  Imagination both, members;
  model.Imagine(belief, actions, 3, 8, {.channels = true, .members = true}, both);
  model.Imagine(belief, actions, 3, 8, {.members = true}, members);
  CHECK(both.channels == plain.channels);
  CHECK(both.spread == plain.spread);
  for (const Imagination* imagined : {&both, &members}) {
    CHECK(imagined->members == 1);
    CHECK(imagined->member_channels == plain.channels);
    CHECK(imagined->rewards == plain.rewards);
  }
  CHECK(members.channels.empty());
  CHECK(members.spread.empty());
}

TEST_CASE("A sequence that diverges gets the reward for it from there on, and changes no other") {
  const std::shared_ptr<const CompiledTask> task = FlingTask();
  Environment environment(task);
  const Belief belief = Belief::Of(environment);
  constexpr int kHorizon = 5;
  const std::vector<float> calm = {1e-13f, 0, 0, -1e-13f, 0}, diverging = {1e-13f, 0, 1, 0, 0},
                           at_once = {1, 0, 0, 0, 0};
  std::vector<float> actions;
  for (const auto* sequence : {&calm, &diverging, &calm, &at_once, &calm}) {
    actions.insert(actions.end(), sequence->begin(), sequence->end());
  }
  for (int threads : {1, 2}) {
    CAPTURE(threads);
    SimulatorModel alone(task, 1), model(task, threads);
    const Imagination expected = Imagine(alone, belief, calm, 1, kHorizon);
    // 1 N on 1 kg for 0.01 s: x grows by 1e-4 m a step.
    CHECK(expected.rewards[2] == doctest::Approx(1.0 + 3e-4).epsilon(1e-6));
    for (int again = 0; again < 2; ++again) {
      const Imagination imagined = Imagine(model, belief, actions, 5, kHorizon);
      for (int i : {0, 2, 4}) {
        for (int t = 0; t < kHorizon; ++t) CHECK(imagined.rewards[i * kHorizon + t] == expected.rewards[t]);
      }
      for (int t = 0; t < kHorizon; ++t) {
        const float reward = imagined.rewards[kHorizon + t];
        if (t < 2) CHECK(reward == expected.rewards[t]);
        else CHECK(reward == SimulatorModel::kDivergedReward);
        CHECK(imagined.rewards[3 * kHorizon + t] == SimulatorModel::kDivergedReward);
      }
      for (float channel : imagined.channels) CHECK(std::isfinite(channel));
      // The last sound measurement is held; before the first step that is where it started.
      CHECK(imagined.channels[(kHorizon + 4) * 2] == imagined.channels[(kHorizon + 1) * 2]);
      CHECK(imagined.channels[3 * kHorizon * 2] == 0.0f);
    }
  }
}

TEST_CASE("After termination rewards are zero") {
  const std::shared_ptr<const CompiledTask> task = FlingTask(R"json(, "terminate": "position[0] > 1.5e-4")json");
  Environment environment(task);
  SimulatorModel model(task, 1);
  const Imagination imagined = Imagine(model, Belief::Of(environment), {1e-13f, 0, 0, 0}, 1, 4);
  CHECK(imagined.rewards[0] == doctest::Approx(1.0 + 1e-4).epsilon(1e-6));
  CHECK(imagined.rewards[1] == doctest::Approx(1.0 + 2e-4).epsilon(1e-6));  // here it terminates
  CHECK(imagined.rewards[2] == 0.0f);
  CHECK(imagined.rewards[3] == 0.0f);
  CHECK(imagined.channels[3 * 2] == imagined.channels[1 * 2]);
}

TEST_CASE("The planning reward takes the place of the reward, in units of a control step") {
  const std::shared_ptr<const CompiledTask> plain = HopperTask();
  const std::shared_ptr<const CompiledTask> shaped =
      HopperTask(R"json(, "planning_reward": "reward + 10*height + action[1]")json");
  Environment environment(plain);
  const Belief belief = Belief::Of(environment);
  std::vector<float> actions = RandomActions(2 * 6 * 2, 8);
  actions[1] = 5.0f;  // counts as the 1 that is applied
  SimulatorModel plain_model(plain, 1), shaped_model(shaped, 1);
  const Imagination real = Imagine(plain_model, belief, actions, 2, 6);
  const Imagination planning = Imagine(shaped_model, belief, actions, 2, 6);
  const size_t height = static_cast<size_t>(plain->observation_size());
  for (size_t at = 0; at < 12; ++at) {
    const double applied = std::clamp(static_cast<double>(actions[2 * at + 1]), -1.0, 1.0);
    const double extra = 10.0 * real.channels[at * plain->channel_size() + height] + applied;
    CHECK(planning.rewards[at] == doctest::Approx(real.rewards[at] + 2.0 * extra).epsilon(1e-4));  // repeat 2
  }
  CHECK(planning.channels == real.channels);
}

TEST_CASE("What a reset drew into the model is simulated, and forgotten with the next episode") {
  const std::shared_ptr<const CompiledTask> task =
      MakeTask(kFling, R"json("control_timestep_s": 0.01, "observation": {"position": "qpos", "velocity": "qvel"},
        "reset": [{"set": "body_mass(mass)", "to": "uniform(1, 5)"}], "reward": "position[0]")json");
  Environment environment(task);
  SimulatorModel model(task, 2);
  std::vector<float> masses;
  for (uint64_t seed : {1, 2, 1}) {
    environment.Reset(seed);
    const double mass = environment.parameters()[0];
    masses.push_back(static_cast<float>(mass));
    // Semi-implicit Euler: v = F dt / m, x = v dt.
    const Imagination imagined = Imagine(model, Belief::Of(environment), {1e-13f}, 1, 1);
    CHECK(imagined.channels[1] == doctest::Approx(0.01 / mass).epsilon(1e-5));
  }
  CHECK(masses[0] != masses[1]);
  CHECK(masses[0] == masses[2]);
}

TEST_CASE("Sizes that do not fit are refused by name") {
  const std::shared_ptr<const CompiledTask> task = HopperTask();
  Environment environment(task);
  Belief belief = Belief::Of(environment);
  SimulatorModel model(task, 1);
  CHECK_THROWS_WITH_AS(Imagine(model, belief, std::vector<float>(19), 2, 5),
                       "simulator as a model: actions: expected 20 numbers, found 19", ShapeError);
  belief.integration_state.pop_back();
  CHECK_THROWS_AS(Imagine(model, belief, std::vector<float>(20), 2, 5), ShapeError);
  CHECK_THROWS_AS(Imagine(model, Belief::Of(environment), {}, 0, 5), ShapeError);
}

TEST_CASE("Threads are no more than the processors that this thread may use") {
  CHECK(AvailableThreads() >= 1);
  cpu_set_t allowed;
  REQUIRE(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
  CHECK(AvailableThreads() <= CPU_COUNT(&allowed));
  int pinned = 0;
  std::thread([&] {
    int first = 0;
    while (!CPU_ISSET(first, &allowed)) ++first;
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(first, &one);
    if (sched_setaffinity(0, sizeof(one), &one) == 0) pinned = AvailableThreads();
  }).join();
  CHECK(pinned == 1);
}
