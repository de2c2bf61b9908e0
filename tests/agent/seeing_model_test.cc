#include "agent/seeing_model.h"

#include <doctest/doctest.h>

#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr const char* kPoint = R"(<mujoco>
  <option timestep="0.05" gravity="0 0 0"/>
  <worldbody>
    <light pos="0 0 3"/>
    <camera name="top" pos="0 0 3"/>
    <body name="point">
      <joint name="x" type="slide" axis="1 0 0" damping="1"/><joint name="y" type="slide" axis="0 1 0" damping="1"/>
      <geom size="0.2" mass="1" rgba="1 0 0 1"/>
    </body>
  </worldbody>
  <actuator><motor joint="x" ctrlrange="-1 1" ctrllimited="true"/><motor joint="y" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

std::unique_ptr<Jepa> Untrained(std::shared_ptr<const CompiledTask> task, int frames) {
  JepaOptions options;
  options.latent = 16;
  options.frames = frames;
  FrameSettings pictures;
  pictures.width = pictures.height = 32;
  pictures.cameras = {"top"};
  return std::make_unique<Jepa>(std::move(task), options, pictures, "cpu", 1);
}

Belief At(const std::shared_ptr<const CompiledTask>& task, double x, double y) {
  Environment environment(task);
  environment.Reset(1);
  environment.data()->qpos[0] = x;
  environment.data()->qpos[1] = y;
  environment.RestoreState(environment.SaveState(), 0);
  return Belief::Of(environment);
}

}  // namespace

TEST_CASE("a session's model of pictures draws belief and goal, and tells how far apart they look") {
  const auto task = MakeTask(kPoint, R"("observation": {"place": "qpos"}, "camera": "top")");
  SeeingModel model(Untrained(task, 1));
  Belief belief = At(task, -0.5, 0.2);
  CHECK(model.See(belief, {}) == nullptr);
  const std::vector<float> actions(2 * 12 * 2, 0.5f);
  Imagination imagined;
  model.Imagine(belief, actions, 2, 12, {}, imagined);
  CHECK(imagined.rewards == std::vector<float>(24, 0.0f));

  belief.goal = At(task, 0.5, -0.3).integration_state;
  const auto away = model.See(belief, std::span(actions).first(24));
  REQUIRE(away);
  CHECK(away->energy > 0.0);
  CHECK(away->now != away->goal);
  CHECK(away->side * away->side == static_cast<int>(away->landscape.size()));
  // The middle of an odd landscape is the plan that begins with no action.
  std::vector<float> still(24, 0.5f);
  std::fill_n(still.begin(), 6, 0.0f);
  model.Imagine(belief, still, 1, 12, {}, imagined);
  double sum = 0;
  for (const float reward : imagined.rewards) sum -= reward;
  CHECK(away->landscape[away->landscape.size() / 2] == doctest::Approx(sum / 4).epsilon(1e-4));

  Belief there = At(task, 0.5, -0.3);
  there.goal = belief.goal;
  const auto reached = model.See(there, {});
  CHECK(reached->energy == 0.0);
  CHECK(reached->now == reached->goal);
  CHECK(reached->goal == away->goal);
}

TEST_CASE("a second picture is the step before, where there was one, and no other") {
  const auto task = MakeTask(kPoint, R"("observation": {"place": "qpos"}, "camera": "top")");
  Environment environment(task);
  environment.Reset(1);
  environment.data()->qvel[0] = 4.0;
  environment.RestoreState(environment.SaveState(), 0);
  const std::vector<double> goal = environment.SaveState();
  const std::vector<double> push = {1.0, 0.0};
  environment.Step(push);
  Belief first = Belief::Of(environment);
  environment.Step(push);
  Belief second = Belief::Of(environment);
  first.goal = second.goal = goal;

  SeeingModel followed(Untrained(task, 2)), alone(Untrained(task, 2));
  const double before = followed.See(first, {})->energy;
  const double with_past = followed.See(second, {})->energy, without = alone.See(second, {})->energy;
  CHECK(with_past != without);
  CHECK(followed.See(second, {})->energy == with_past);  // asked again, nothing is seen twice
  CHECK(followed.See(first, {})->energy == before);      // back in time: what was seen later is no past
}
