// Twins in a small world whose motion is known: a bead that falls, and a bead that is pushed along a rail to a wall.
#include "agent/matched_pairs.h"

#include <cmath>
#include <cstdio>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr double kTimestep = 0.01, kGravity = 10.0, kControlStep = 0.05;
constexpr int kSubsteps = 5;

constexpr const char* kScene = R"(<mujoco>
  <option timestep="0.01" gravity="0 0 -10" integrator="Euler"/>
  <asset><material name="red" rgba="1 0 0 1"/></asset>
  <worldbody>
    <light name="lamp" diffuse="1 1 1"/>
    <body name="bead" pos="0 0 0"><joint name="fall" type="slide" axis="0 0 1"/>
      <geom name="bead" size="0.1" mass="2" material="red" contype="0" conaffinity="0"/></body>
    <body name="cart" pos="0 5 0"><joint name="rail" type="slide" axis="1 0 0" range="-3 3"/>
      <geom name="cart" size="0.1" mass="1"/></body>
    <body name="wall" pos="0.6 5 0"><geom name="wall" type="box" size="0.1 1 1"/></body>
  </worldbody>
  <actuator><velocity joint="rail" kv="50" ctrlrange="-1 1" ctrllimited="true"/></actuator>
</mujoco>)";

constexpr const char* kKeys = R"json("control_timestep_s": 0.05, "time_limit_s": 2,
  "observation": {"place": "qpos", "speed": "qvel"},
  "reset": [{"set": "qpos(fall)", "to": "uniform(0, 1)"}, {"set": "qvel(fall)", "to": "uniform(-1, 1)"},
            {"set": "qpos(rail)", "to": "uniform(0, 0.3)"}],
  "violations": {
    "falls-up": {"do": [{"set": "xfrc_applied(bead).z", "to": "2*10*body_mass(bead)"}], "window_s": 0.5},
    "teleport": {"sizes": [0.1, 0.25], "when": "qpos(rail) < 0",
                 "do": [{"let": {"way": "sign(uniform(-1, 1))"}}, {"set": "qpos(rail)", "to": "qpos(rail) + way*size"},
                        {"until": "qpos(rail) < 0"}]},
    "through-wall": {"when": "qpos(rail) > 0.35", "pass_through": "wall", "shows": "qpos(rail) > 0.5", "window_s": 0.5},
    "heavier": {"when": "qpos(rail) < 0.3", "do": [{"set": "body_mass(cart)", "to": "100*body_mass(cart)"}], "window_s": 0.5},
    "recoloured": {"control": true, "do": [{"set": "mat_rgba(red)[0:3]", "to": "0.5*mat_rgba(red)[0:3]"},
                                           {"set": "light_diffuse(lamp)", "to": "0.5"}]},
    "never": {"when": "qpos(rail) > 2", "do": [{"set": "qpos(rail)", "to": "0"}]}
  })json";

struct World {
  std::shared_ptr<const CompiledTask> task = MakeTask(kScene, kKeys);
  Twins twins{task, SmoothPolicy(*task)};

  Violation Named(const std::string& name) const { return std::move(Violation::Choose(*task, name).front()); }
  /// (steps, 4): qpos, qvel.
  std::vector<std::vector<double>> States(const MatchedPair& pair, const Violation* violation, int first, int last) {
    std::vector<std::vector<double>> states;
    CHECK(twins.Visit(pair, violation, first, last, [&](int step, const mjModel*, const mjData* data) {
      CHECK(step == first + static_cast<int>(states.size()));
      states.push_back({data->qpos[0], data->qpos[1], data->qvel[0], data->qvel[1]});
    }));
    return states;
  }
};

std::string Refused(const std::string& name) {
  try {
    Violation::Choose(*MakeTask(kScene, kKeys), name);
  } catch (const TaskError& error) {
    const std::string text = error.what();
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
  return "(no error)";
}

}  // namespace

TEST_CASE("twins are the same to the bit before the moment, and whatever else is drawn") {
  World world, other;
  const Violation teleport = world.Named("teleport:0.1"), up = world.Named("falls-up");
  const MatchedPair first = world.twins.Draw(teleport, 7, 3, 6, 3);
  CHECK(first.moment >= 6);
  CHECK(first.moment + 3 <= first.possible->steps + 1);
  const auto possible = world.States(first, nullptr, 0, first.moment + 2),
             impossible = world.States(first, &teleport, 0, first.moment + 2);
  const auto moment = static_cast<size_t>(first.moment);
  for (size_t step = 0; step < moment; ++step) CHECK(possible[step] == impossible[step]);
  CHECK(possible[moment] != impossible[moment]);
  // What is visited is what was recorded: going on from a restored state changes nothing.
  for (size_t step = 0; step < possible.size(); ++step) CHECK(possible[step][1] == first.possible->qpos[2 * step + 1]);

  other.twins.Draw(up, 7, 3, 6, 10);
  other.twins.Draw(teleport, 7, 2, 6, 3);
  const MatchedPair again = other.twins.Draw(teleport, 7, 3, 6, 3);
  CHECK(again.moment == first.moment);
  CHECK(other.States(again, &teleport, 0, first.moment + 2) == impossible);
  const MatchedPair seed = world.twins.Draw(teleport, 8, 3, 6, 3);
  CHECK(world.States(seed, nullptr, 0, 6) != world.States(first, nullptr, 0, 6));
}

TEST_CASE("a teleport goes as far as it was asked to, from where it may") {
  World world;
  for (const double size : {0.1, 0.25, 0.4}) {
    char name[32];
    std::snprintf(name, sizeof(name), "teleport:%g", size);
    const Violation teleport = world.Named(name);
    CHECK(teleport.name() == name);
    for (int pair = 0; pair < 5; ++pair) {
      const MatchedPair drawn = world.twins.Draw(teleport, 1, pair, 3, 3);
      const double before = world.States(drawn, nullptr, drawn.moment, drawn.moment)[0][1];
      const double after = world.States(drawn, &teleport, drawn.moment, drawn.moment)[0][1];
      CHECK(before < 0.0);
      CHECK(after < 0.0);
      CHECK(std::abs(after - before) == doctest::Approx(size));
    }
  }
}

TEST_CASE("what falls up gains as much speed upwards as it would have lost") {
  World world;
  const Violation up = world.Named("falls-up");
  const MatchedPair drawn = world.twins.Draw(up, 2, 0, 3, 10);
  const auto possible = world.States(drawn, nullptr, drawn.moment, drawn.moment + 9),
             impossible = world.States(drawn, &up, drawn.moment, drawn.moment + 9);
  CHECK(possible.front() == impossible.front());  // a force needs time to show
  for (size_t step = 0; step < possible.size(); ++step) {
    const double n = static_cast<double>(step) * kSubsteps, h = kTimestep;
    CHECK(possible[step][2] == doctest::Approx(possible[0][2] - kGravity * n * h));
    CHECK(impossible[step][2] == doctest::Approx(possible[0][2] + kGravity * n * h));
    // Semi-implicit Euler, whose sum is known.
    CHECK(impossible[step][0] == doctest::Approx(possible[0][0] + n * h * possible[0][2] + kGravity * h * h * n * (n + 1) / 2));
  }
}

TEST_CASE("through the wall, and heavier") {
  World world;
  const Violation through = world.Named("through-wall"), heavier = world.Named("heavier");
  for (int pair = 0; pair < 5; ++pair) {
    const MatchedPair drawn = world.twins.Draw(through, 4, pair, 3, 10);
    double farthest = 0.0, farthest_possible = 0.0;
    for (const auto& state : world.States(drawn, &through, drawn.moment, drawn.moment + 9)) farthest = std::max(farthest, state[1]);
    for (const auto& state : world.States(drawn, nullptr, 0, static_cast<int>(drawn.possible->steps)))
      farthest_possible = std::max(farthest_possible, state[1]);
    CHECK(farthest > 0.5);            // its far side
    CHECK(farthest_possible < 0.45);  // its surface is at 0.5, the cart's radius 0.1, contacts are soft
  }
  const MatchedPair drawn = world.twins.Draw(heavier, 4, 0, 3, 10);
  const auto light = world.States(drawn, nullptr, drawn.moment, drawn.moment + 1),
             heavy = world.States(drawn, &heavier, drawn.moment, drawn.moment + 1);
  CHECK(light[0] == heavy[0]);
  // The motor's force is 50 (u - v): a step changes the speed by a hundredth, and that force is nearly the same throughout.
  const double u = ClipAction(drawn.possible->actions[static_cast<size_t>(drawn.moment)]);
  CHECK((heavy[1][3] - heavy[0][3]) / kControlStep * 100.0 == doctest::Approx(50.0 * (u - heavy[0][3])).epsilon(0.03));
}

TEST_CASE("a control changes what is seen and nothing of the motion") {
  World world;
  const Violation recoloured = world.Named("recoloured");
  CHECK(recoloured.control());
  const MatchedPair drawn = world.twins.Draw(recoloured, 5, 0, 3, 3);
  const int last = static_cast<int>(drawn.possible->steps);
  CHECK(world.States(drawn, nullptr, 0, last) == world.States(drawn, &recoloured, 0, last));
  double red = 0.0, light = 0.0;
  world.twins.Visit(drawn, &recoloured, drawn.moment, drawn.moment, [&](int, const mjModel* model, const mjData*) {
    red = model->mat_rgba[0];
    light = model->light_diffuse[0];
  });
  CHECK(red == 0.5);
  CHECK(light == 0.5);
  world.twins.Visit(drawn, nullptr, drawn.moment, drawn.moment,
                    [&](int, const mjModel* model, const mjData*) { red = model->mat_rgba[0]; });
  CHECK(red == 1.0);
}

TEST_CASE("violations are chosen by name and size, and refused in one line") {
  const auto task = MakeTask(kScene, kKeys);
  const std::vector<Violation> all = Violation::Choose(*task, "all"), some = Violation::Choose(*task, "recoloured,teleport");
  std::vector<std::string> names;
  for (const Violation& violation : all) names.push_back(violation.name());
  CHECK(names == std::vector<std::string>{"falls-up", "teleport:0.1", "teleport:0.25", "through-wall", "heavier", "recoloured",
                                          "never"});
  REQUIRE(some.size() == 3);
  CHECK(some[2].name() == "teleport:0.25");
  CHECK(Refused("telport:0.1").find("did you mean 'teleport'?") != std::string::npos);
  CHECK(Refused("teleport:far").find("expected a size above 0") != std::string::npos);
  CHECK(Refused("teleport:-1").find("expected a size above 0") != std::string::npos);
  CHECK(Refused("heavier:3").find("has no sizes") != std::string::npos);
  CHECK(Refused("").find("no violation ''") != std::string::npos);
  CHECK_THROWS_WITH_AS(Violation::Choose(*MakeTask(kSlider, R"("observation": {"place": "qpos"})"), "all"),
                       doctest::Contains("has no \"violations\""), TaskError);
  World world;
  CHECK_THROWS_WITH_AS(world.twins.Draw(world.Named("never"), 0, 0, 3, 3), doctest::Contains("found none in 50 episodes"),
                       TaskError);
  CHECK_THROWS_WITH_AS(world.twins.Draw(world.Named("falls-up"), 0, 0, 30, 30), doctest::Contains("within 30 control steps"),
                       TaskError);
}

TEST_CASE("violations of a task file are checked") {
  const auto refused = [](const std::string& violation) {
    const std::string keys = R"("observation": {"place": "qpos"}, "violations": {"odd": )" + violation + "}";
    try {
      Violation::Choose(*MakeTask(kScene, keys), "all");
    } catch (const Error& error) {
      const std::string text = error.what();
      CHECK(text.find('\n') == std::string::npos);
      CHECK(text.find("violations.odd") != std::string::npos);
      return text;
    }
    return std::string("(no error)");
  };
  CHECK(refused(R"j({"window_s": 1})j").find("found neither") != std::string::npos);
  CHECK(refused(R"j({"pass_trough": "wall"})j").find("did you mean 'pass_through'?") != std::string::npos);
  CHECK(refused(R"j({"pass_through": "wal"})j").find("did you mean 'wall'?") != std::string::npos);
  CHECK(refused(R"j({"do": [{"settle": 3}]})j").find("expected steps of set, let and until") != std::string::npos);
  CHECK(refused(R"j({"do": [{"set": "geom_contype(wall)", "to": "0"}]})j").find("cannot be set") != std::string::npos);
  CHECK(refused(R"j({"do": [{"set": "qpos(rail)", "to": "qpos"}]})j").find("yields 2") != std::string::npos);
  CHECK(refused(R"j({"sizes": [0], "pass_through": "wall"})j").find("numbers above 0") != std::string::npos);
  CHECK(refused(R"j({"when": "qpos(rael) > 0", "pass_through": "wall"})j").find("rail") != std::string::npos);
}
