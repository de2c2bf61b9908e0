// Resets of task files: episodes start with the distribution that is stated, and depend on their seed alone.
#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/environment.h"
#include "sim/error.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

/// What `formula` yields after each of `count` resets with seeds 0, 1, ...
std::vector<double> Draw(const std::string& reset, const std::string& formula, int count) {
  const TemporaryFolder folder;
  Environment environment(Compile(
      folder, kCart,
      R"({"scene": "scene.xml", "observation": {"drawn": ")" + formula + R"("}, "reset": [)" + reset + "]}"));
  std::vector<double> drawn;
  for (int seed = 0; seed < count; ++seed) {
    environment.Reset(static_cast<uint64_t>(seed));
    drawn.push_back(environment.observation()[0]);
  }
  return drawn;
}

double Mean(const std::vector<double>& x) {
  double sum = 0.0;
  for (const double value : x) sum += value;
  return sum / static_cast<double>(x.size());
}

double Deviation(const std::vector<double>& x) {
  double sum = 0.0;
  for (const double value : x) sum += (value - Mean(x)) * (value - Mean(x));
  return std::sqrt(sum / static_cast<double>(x.size() - 1));
}

}  // namespace

TEST_CASE("Uniform starts stay within their bounds and fill them") {
  const std::vector<double> drawn =
      Draw(R"json({"set": "qpos(slider)", "to": "uniform(-0.3, 0.7)"})json", "qpos(slider)", 2000);
  CHECK(*std::min_element(drawn.begin(), drawn.end()) >= -0.3);
  CHECK(*std::max_element(drawn.begin(), drawn.end()) < 0.7);
  CHECK(*std::min_element(drawn.begin(), drawn.end()) < -0.29);
  CHECK(*std::max_element(drawn.begin(), drawn.end()) > 0.69);
  // Five standard errors: sqrt(1/12/2000) = 0.0065 of the mean, about 0.003 of the deviation.
  CHECK(std::abs(Mean(drawn) - 0.2) < 0.033);
  CHECK(std::abs(Deviation(drawn) - std::sqrt(1.0 / 12.0)) < 0.015);
}

TEST_CASE("Normal starts have their mean and deviation") {
  const std::vector<double> drawn =
      Draw(R"json({"set": "qvel(hinge)", "to": "normal(1.5, 0.2)"})json", "qvel(hinge)", 2000);
  CHECK(std::abs(Mean(drawn) - 1.5) < 5 * 0.2 / std::sqrt(2000.0));
  CHECK(std::abs(Deviation(drawn) - 0.2) < 5 * 0.2 / std::sqrt(4000.0));
  int beyond = 0;
  for (const double value : drawn) beyond += std::abs(value - 1.5) > 0.4;
  CHECK(beyond > 50);  // 4.55% of 2000: 91, deviation 9.3
  CHECK(beyond < 135);
}

TEST_CASE("Every element draws its own number, a variable is drawn once") {
  const TemporaryFolder folder;
  const auto start = [&](const std::string& reset) {
    Environment environment(Compile(folder, kCart, CartTask(", \"reset\": [" + reset + "]")));
    environment.Reset(3);
    return std::vector<double>(environment.data()->qpos, environment.data()->qpos + 3);
  };
  const std::vector<double> own = start(R"json({"set": "qpos", "to": "uniform(0, 0.1)"})json");
  CHECK(own[0] != own[1]);
  CHECK(own[1] != own[2]);
  const std::vector<double> shared =
      start(R"json({"let": {"a": "uniform(0, 0.1)"}}, {"let": {"twice": "2*a"}}, {"set": "qpos", "to": "a"},
            {"set": "qpos(hinge)", "to": "twice - a + qpos(slider)"})json");
  CHECK(shared[0] == shared[1]);
  CHECK(shared[2] == doctest::Approx(2 * shared[0]).epsilon(1e-15));
  const std::vector<double> shifted = start(R"json({"set": "qpos", "to": "qpos[0] + 1"})json");
  CHECK(shifted == std::vector<double>{1, 1, 1});  // what it reads is from before it writes
}

TEST_CASE("until draws again until it holds, and keeps the shape of what is left") {
  const std::vector<double> drawn = Draw(
      R"json({"set": "qpos(slider)", "to": "uniform(-1, 1)"},
                   {"until": "qpos(slider) > 0.6 || qpos(slider) < -0.8"})json",
      "qpos(slider)", 1000);
  int right = 0;
  for (const double value : drawn) {
    REQUIRE((value > 0.6 || value < -0.8));
    right += value > 0.6;
  }
  CHECK(std::abs(right / 1000.0 - 2.0 / 3.0) < 5 * std::sqrt(2.0 / 9.0 / 1000.0));
  // Contacts and positions in space are current when it is asked.
  for (const double height :
       Draw(R"json({"set": "qpos(lift)", "to": "uniform(-0.5, 0.3)"}, {"until": "ncon == 0"})json",
            "qpos(lift)", 200)) {
    REQUIRE(height > -0.4);  // the box, of half height 0.1, is clear of the floor at -0.5
  }
  for (
      const double height : Draw(
          R"json({"set": "qpos(lift)", "to": "uniform(-0.2, 0.3)"}, {"until": "site_xpos(tip).z > 0.2"})json",
          "qpos(lift)", 200)) {
    REQUIRE(height > 0.1 - 1e-12);
  }
}

TEST_CASE("A reset reads positions in space as they are by then") {
  const std::vector<double> drawn = Draw(
      R"json({"set": "qpos(slider)", "to": "uniform(-1, 1)"},
                   {"set": "mocap_pos(target).x", "to": "xpos(cart).x + 0.5"})json",
      "xpos(target).x - xpos(cart).x", 20);
  for (const double difference : drawn) CHECK(difference == doctest::Approx(0.5).epsilon(1e-12));
}

TEST_CASE("Random joints stay in their limits, and unlimited hinges go all round") {
  const std::vector<double> lifts = Draw(R"json({"joints": "random"})json", "qpos(lift)", 500);
  CHECK(*std::min_element(lifts.begin(), lifts.end()) >= -0.2);
  CHECK(*std::max_element(lifts.begin(), lifts.end()) <= 0.3);
  CHECK(Deviation(lifts) > 0.1);  // uniform over 0.5: 0.144
  const std::vector<double> hinges = Draw(R"json({"joints": "random"})json", "qpos(hinge)", 500);
  CHECK(*std::min_element(hinges.begin(), hinges.end()) < -3.0);
  CHECK(*std::max_element(hinges.begin(), hinges.end()) > 3.0);
  for (const double slider : Draw(R"json({"joints": "random"})json", "qpos(slider)", 20))
    CHECK(slider == 0.0);
}

TEST_CASE("A keyframe is where the scene says, by name or by label") {
  const TemporaryFolder folder;
  Environment home(Compile(folder, kCart, CartTask(R"(, "reset": [{"keyframe": "home"}])")));
  CHECK(std::vector<double>(home.channels().begin(), home.channels().end()) ==
        std::vector<double>{1, 0.5, 0.1, 0.2, 0.3});
  Environment unnamed(Compile(folder, kCart, CartTask(R"(, "reset": [{"keyframe": "key_1"}])")));
  CHECK(unnamed.observation()[0] == 2);
}

TEST_CASE("Settling lets things come to rest, at time 0") {
  const TemporaryFolder folder;
  constexpr char kBall[] = R"(
<mujoco><option timestep="0.005"/><worldbody><geom type="plane" size="1 1 1"/>
<body name="ball" pos="0 0 0.4"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>)";
  Environment environment(Compile(folder, kBall, R"json({"scene": "scene.xml",
    "observation": {"height": "xpos(ball).z", "velocity": "qvel", "time": "time"},
    "reset": [{"settle": 400}]})json"));
  CHECK(environment.observation()[0] ==
        doctest::Approx(0.1).epsilon(0.02));  // its radius, less what contacts give
  for (size_t i = 1; i < 7; ++i) CHECK(std::abs(environment.observation()[i]) < 1e-3);
  CHECK(environment.observation()[7] == 0.0);
}

TEST_CASE("The same seed is the same episode, whatever was played before, another seed is another") {
  const TemporaryFolder folder;
  // Model fields that build on their own values would drift, and constants computed from them be those of
  // before.
  const auto task = Compile(folder, kCart, CartTask(R"json(, "reset": [
    {"set": "body_mass(cart)", "to": "body_mass(cart)*uniform(0.5, 2)"},
    {"set": "geom_pos(rod).x", "to": "geom_pos(rod).x + uniform(0, 0.1)"},
    {"set": "dof_damping(hinge)", "to": "dof_damping(hinge) + 0.1"},
    {"joints": "random"}, {"settle": 3}, {"until": "uniform(0, 1) < 0.5 && xpos(cart).x > -10"}])json"));
  const auto play = [&](Environment& environment, uint64_t seed) {
    environment.Reset(seed);
    std::vector<double> all = environment.SaveState();
    const std::vector<double> parameters = environment.parameters();
    all.insert(all.end(), parameters.begin(), parameters.end());
    for (int t = 0; t < 5; ++t) {
      environment.Step(Action(*task, t));
      const std::vector<double> state = environment.SaveState();
      all.insert(all.end(), state.begin(), state.end());
    }
    return all;
  };
  Environment fresh(task), used(task);
  for (uint64_t seed = 10; seed < 20; ++seed) play(used, seed);
  const std::vector<double> first = play(fresh, 4);
  CHECK(SameBits(play(used, 4), first));
  CHECK(SameBits(play(used, 4), first));
  CHECK_FALSE(SameBits(play(used, 5), first));
  CHECK(used.parameters()[2] == 0.1);  // and not one more with every episode
}

TEST_CASE("Model fields are drawn for each episode, without touching the scene or other environments") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kCart, CartTask(R"json(, "reset": [
    {"set": "dof_damping(slider)", "to": "uniform(1, 5)"},
    {"set": "geom_size(box)[0]", "to": "uniform(0.1, 0.2)"}])json"));
  CHECK(task->parameter_size() == 2);
  CHECK(task->ParameterLabels() == std::vector<std::string>{"dof_damping(slider)", "geom_size(box)[0]"});
  Environment a(task), b(task);
  std::set<double> dampings;
  for (uint64_t seed = 0; seed < 10; ++seed) {
    a.Reset(seed);
    dampings.insert(a.parameters()[0]);
    CHECK(a.parameters()[0] >= 1.0);
    CHECK(a.parameters()[0] < 5.0);
    CHECK(a.model()->dof_damping[0] == a.parameters()[0]);
  }
  CHECK(dampings.size() == 10);
  CHECK(task->model()->dof_damping[0] == 0.0);
  CHECK(task->model()->geom_size[3 * 1] == 0.1);
  b.Reset(9);
  CHECK(b.parameters() == a.parameters());
  b.SetParameters(std::vector<double>{2.5, 0.15});
  CHECK(b.model()->dof_damping[0] == 2.5);
  CHECK_THROWS_AS(b.SetParameters(std::vector<double>{2.5}), ShapeError);
  Environment plain(Compile(folder, kCart));
  CHECK_THROWS_AS(plain.SetParameters(std::vector<double>{2.5}), ShapeError);
}

TEST_CASE("A drawn mass, place and size act in the simulation as if they had been written in the scene") {
  // MuJoCo computes inertia weights, bounding boxes and trees from these fields when it compiles.
  constexpr char kWall[] = R"(
<mujoco><worldbody>
  <geom name="wall" type="box" size="0.1 0.1 0.1"/><geom type="box" size="0.1 0.1 0.1" pos="9 0 0"/>
  <geom type="box" size="0.1 0.1 0.1" pos="8 0 0"/>
  <body name="ball" pos="5 0 0.45"><freejoint/><geom size="0.1"/><geom size="0.1" pos="0 0.3 0"/></body>
</worldbody></mujoco>)";
  const TemporaryFolder folder;
  const auto contacts = [&](const std::string& reset) {
    Environment environment(
        Compile(folder, kWall,
                R"({"scene": "scene.xml", "observation": {"contacts": "ncon"}, "reset": [)" + reset + "]}"));
    return environment.observation()[0];
  };
  CHECK(contacts("") == 0);
  CHECK(contacts(
            R"json({"set": "geom_pos(wall).x", "to": "5"}, {"set": "geom_pos(wall).z", "to": "0.3"})json") ==
        1);
  CHECK(
      contacts(
          R"json({"set": "geom_pos(wall).x", "to": "5"}, {"set": "geom_size(wall)[2]", "to": "0.4"})json") ==
      1);

  std::string heavier = kCart;
  heavier.replace(heavier.find("mass=\"1\""), 8, "mass=\"4\"");
  const auto invweight = [&](const std::string& scene, const std::string& reset) {
    Environment environment(Compile(folder, scene, CartTask(", \"reset\": [" + reset + "]")));
    return environment.model()->dof_invweight0[0];
  };
  const std::string set = R"json({"set": "body_mass(cart)", "to": "4"})json";
  CHECK(invweight(kCart, set) == doctest::Approx(invweight(heavier, "")).epsilon(1e-12));
  CHECK(invweight(kCart, set) != doctest::Approx(invweight(kCart, "")).epsilon(1e-3));
}
