#include "agent/seeing_model.h"

#include <cmath>

#include <doctest/doctest.h>

#include "sim/error.h"
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

// Probes of what is not trained either: what matters is that they are asked in the right order.
std::unique_ptr<JepaProbes> Probes(const Jepa& model) {
  return std::make_unique<JepaProbes>(model, QuantitiesOf(model.task(), {"place"}), "cpu", 3);
}

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

TEST_CASE("a second picture is that of the step before, whatever else was looked at in between") {
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
  Belief second = Belief::Of(environment), alone = second;
  first.goal = second.goal = alone.goal = goal;
  second.past_states = first.integration_state;

  const auto energy = [&](SeeingModel& model, const Belief& belief) { return model.See(belief, {})->energy; };
  SeeingModel model(Untrained(task, 2)), other(Untrained(task, 2));
  REQUIRE(model.memory() == 1);
  const double still = energy(model, first), moving = energy(model, second);
  CHECK(energy(model, alone) != moving);  // where it comes from is not known
  CHECK(energy(model, second) == moving);
  CHECK(energy(model, first) == still);
  CHECK(energy(other, second) == moving);

  // As the one who acts sees it step by step.
  const auto jepa = Untrained(task, 2);
  JepaEye eye(*jepa);
  JepaGoal reference(*jepa);
  const auto draw = [&](const std::vector<double>& state) {
    environment.RestoreState(state, 0);
    return eye.Draw(environment.model(), environment.data());
  };
  eye.See(draw(first.integration_state), {});
  reference.SetStart(eye.See(draw(second.integration_state), {}));
  environment.RestoreState(goal, 0);
  std::fill_n(environment.data()->qvel, environment.model()->nv, 0.0);
  reference.SetGoal(eye.SeeStill(draw(environment.SaveState()), {}));
  CHECK(moving == doctest::Approx(reference.Energy()));
}

TEST_CASE("channels are what the probes read of predictions, and go straight between them") {
  const auto task = MakeTask(kPoint, R"("observation": {"place": "qpos", "speed": "qvel"}, "camera": "top")");
  auto model = Untrained(task, 1);
  const Jepa& jepa = *model;
  const auto probes = Probes(jepa);
  SeeingModel seeing(std::move(model), Probes(jepa));
  REQUIRE(seeing.reads_channels());
  CHECK(seeing.UnreadChannels() == std::vector<std::string>{"speed[0]", "speed[1]"});
  const Belief belief = At(task, -0.5, 0.2);
  std::vector<float> actions;  // two sequences of 7 steps: two predictions of three, and a third of the last action alone
  for (int i = 0; i < 2 * 7 * 2; ++i) actions.push_back(std::sin(0.7f * static_cast<float>(i)));
  Imagination imagined;
  seeing.Imagine(belief, actions, 2, 7, {.channels = true}, imagined);
  REQUIRE(imagined.channels.size() == 2u * 7 * 4);

  JepaEye eye(jepa);
  Environment environment(task);
  environment.RestoreState(belief.integration_state, 0);
  const std::vector<float> start = eye.SeeStill(eye.Draw(environment.model(), environment.data()), {});
  for (size_t n = 0; n < 2; ++n) {
    std::vector<float> latents(2 * 16), read(2 * 2);
    jepa.Rollout(start, std::span(actions).subspan(n * 14, 12), 1, 2, latents);
    probes->Read(JepaProbes::Kind::kMlp, latents, read);
    const auto at = [&](size_t step, size_t channel) { return imagined.channels[(n * 7 + step - 1) * 4 + channel]; };
    for (size_t c = 0; c < 2; ++c) {
      CHECK(at(3, c) == doctest::Approx(read[c]).epsilon(1e-4));
      CHECK(at(6, c) == doctest::Approx(read[2 + c]).epsilon(1e-4));
      CHECK(at(1, c) == doctest::Approx(belief.channels[c] + (read[c] - belief.channels[c]) / 3).epsilon(1e-4));
      CHECK(at(5, c) == doctest::Approx(read[c] + 2 * (read[2 + c] - read[c]) / 3).epsilon(1e-4));
      CHECK(at(7, 2 + c) == doctest::Approx(belief.channels[2 + c]));  // a speed that nothing reads stays
    }
  }
}

TEST_CASE("a film shows what was seen beside what is drawn, and a jump surprises more than standing still") {
  const auto task = MakeTask(kPoint, R"("observation": {"place": "qpos"}, "camera": "top")");
  auto model = Untrained(task, 2);
  const Jepa& jepa = *model;
  SeeingModel seeing(std::move(model), Probes(jepa));
  std::vector<Belief> lived;
  for (int i = 0; i < 7; ++i) lived.push_back(At(task, 0.1 * i, 0));
  const std::vector<float> actions(6 * 2, 0.0f);
  const auto film = seeing.Film(lived, actions);
  REQUIRE(film);
  CHECK(film->pictures == 3);
  CHECK(film->step_s == doctest::Approx(0.15));
  JepaEye eye(jepa);
  Environment environment(task);
  for (size_t k = 0; k < 3; ++k) {
    environment.RestoreState(lived[3 * k].integration_state, 0);
    const auto picture = eye.Draw(environment.model(), environment.data());
    CHECK(std::equal(picture.begin(), picture.end(), film->real.begin() + static_cast<ptrdiff_t>(k * picture.size())));
  }
  CHECK(film->drawn.size() == film->real.size());
  CHECK(seeing.Film(std::span(lived).first(1), actions)->real.empty());
  CHECK(seeing.Film(lived, std::span(actions).first(4)) == nullptr);  // less than one prediction
  CHECK(SeeingModel(Untrained(task, 1)).Film(lived, actions) == nullptr);

  REQUIRE(seeing.surprise_steps() == 3);
  const std::span<const float> idle = std::span(actions).first(6);
  const Belief here = At(task, -0.5, 0);
  CHECK(seeing.Surprise(here, idle, At(task, 0.6, 0.4)) > seeing.Surprise(here, idle, here));
  CHECK_THROWS_AS(seeing.Surprise(here, idle.first(4), here), ShapeError);
}
