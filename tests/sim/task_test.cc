// Task files: what is wrong with one is said with file, key, expected, found; what is right starts episodes that
// have the distribution it states.
#include "sim/task.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/locations.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

constexpr char kCart[] = R"(
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <camera name="side" pos="0 -3 1"/>
    <geom name="floor" type="plane" size="3 3 0.1" pos="0 0 -0.5"/>
    <body name="cart">
      <joint name="slider" type="slide" axis="1 0 0"/>
      <joint name="lift" type="slide" axis="0 0 1" range="-0.2 0.3" limited="true"/>
      <geom name="box" type="box" size="0.1 0.1 0.1" mass="1"/>
      <body name="pole"><joint name="hinge" axis="0 1 0"/><geom name="rod" type="capsule" size="0.02" fromto="0 0 0 0 0 0.5"/></body>
      <site name="tip" pos="0 0 0.1"/>
    </body>
    <body name="target" mocap="true"><geom size="0.02" contype="0" conaffinity="0"/></body>
  </worldbody>
  <actuator><motor name="push" joint="slider" ctrlrange="-2 6"/></actuator>
  <sensor><jointpos name="where" joint="slider"/><framepos name="tip_at" objtype="site" objname="tip"/></sensor>
  <keyframe><key name="home" qpos="1 0.1 0.5" qvel="0.1 0.2 0.3"/><key qpos="2 0 0"/></keyframe>
</mujoco>)";

/// A task of the cart with `more` keys, which begin with a comma.
std::string CartTask(const std::string& more = "") {
  return R"json({"scene": "scene.xml", "observation": {"position": ["qpos(slider)", "qpos(hinge)"], "velocity": "qvel"})json" +
         more + "}";
}

std::string ErrorOf(const std::string& task) {
  const TemporaryFolder folder;
  const std::string message = MessageOf([&] { Environment(Compile(folder, kCart, task)); });
  CHECK(IsOneLine(message));
  CHECK(Contains(message, (folder / "task.json").string()));
  return message;
}

/// What `formula` yields after each of `count` resets with seeds 0, 1, ...
std::vector<double> Draw(const std::string& reset, const std::string& formula, int count) {
  const TemporaryFolder folder;
  Environment environment(Compile(folder, kCart, R"({"scene": "scene.xml", "observation": {"drawn": ")" + formula +
                                                     R"("}, "reset": [)" + reset + "]}"));
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

TEST_CASE("Bad JSON is refused with its position") {
  CHECK(Contains(ErrorOf("{\n  \"scene\": \"scene.xml\",\n  \"reward\" \"1\"\n}"), "line 3"));
  CHECK(Contains(ErrorOf("{\"scene\": "), "not valid JSON"));
  CHECK(Contains(ErrorOf(" "), "not valid JSON"));
  CHECK(Contains(ErrorOf("{\"scene\": \"scene.xml\", \"time_limit_s\": 1e999}"), "not valid JSON"));
  CHECK(Contains(ErrorOf("{\"scene\": \"\xff\xfe\"}"), "not valid JSON"));
  CHECK(Contains(ErrorOf("[1, 2]"), "expected an object, found array"));
  CHECK(Contains(ErrorOf("3"), "expected an object, found number"));
}

TEST_CASE("Comments are allowed in a task file") {
  const TemporaryFolder folder;
  CHECK(Compile(folder, kCart, "// a task\n{\"scene\": \"scene.xml\" /* beside it */}")->observation_size() == 6);
}

TEST_CASE("An unknown key is refused with the nearest known one") {
  CHECK(Contains(ErrorOf(CartTask(", \"rewrad\": \"1\"")), "unknown key \"rewrad\"; did you mean 'reward'?"));
  CHECK(Contains(ErrorOf(CartTask(", \"zebra\": 1")), "(known: description, scene, control_timestep_s"));
  const std::string reset = ErrorOf(CartTask(R"(, "reset": [{"keyframe": "home"}, {"set": "qpos", "too": "1"}])"));
  CHECK(Contains(reset, "reset[1]"));
  CHECK(Contains(reset, "\"to\""));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"sett": 1}])")),
                 "expected one of set, let, joints, keyframe, settle, until"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"settle": 1, "steps": 2}])")), "unknown key \"steps\""));
}

TEST_CASE("A value of the wrong type is refused with key, expected and found") {
  const auto check = [](const std::string& key, const std::string& value, const std::string& expected) {
    CAPTURE(key);
    CAPTURE(value);
    const std::string message = ErrorOf("{\"scene\": \"scene.xml\", \"" + key + "\": " + value + "}");
    CHECK(Contains(message, "key \"" + key + "\": expected " + expected));
    CHECK(Contains(message, "found " + value));
  };
  check("reward", "1", "a string");
  check("control_timestep_s", "\"0.02\"", "a number above 0");
  check("control_timestep_s", "0", "a number above 0");
  check("time_limit_s", "-1", "a number above 0");
  check("action_repeat", "0", "a whole number from 1");
  check("action_repeat", "1.5", "a whole number from 1");
  check("observation", "\"qpos\"", "an object of channels");
  check("angles", "3", "a formula or a list of formulas");
  check("reset", "{}", "a list of steps");
  check("planner", "[]", "an object of options");
  CHECK(Contains(ErrorOf(R"({"scene": "scene.xml", "observation": {"a": [1]}})"), "a list of strings"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": ["home"])")), "expected an object, found string"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"joints": "all"}])")), "expected \"random\", found \"all\""));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"settle": -3}])")), "a whole number from 1"));
}

TEST_CASE("A scene that is not given or not there is named with its key") {
  CHECK(Contains(ErrorOf("{\"reward\": \"1\"}"), "key \"scene\" is missing"));
  const std::string message = ErrorOf("{\"scene\": \"cart pole.xml\"}");
  CHECK(Contains(message, "key \"scene\""));
  CHECK(Contains(message, "cart pole.xml: no such file"));
}

TEST_CASE("What the scene does not have is named, and what is near it suggested") {
  const auto observe = [](const std::string& formula) {
    return ErrorOf(R"json({"scene": "scene.xml", "observation": {"seen": ")json" + formula + "\"}}");
  };
  CHECK(Contains(observe("qpos(slidr)"), "has no joint 'slidr'; did you mean 'slider'?"));
  CHECK(Contains(observe("qpos(slidr)"), "key \"observation.seen\""));
  CHECK(Contains(observe("sensordata(were)"), "has no sensor 'were'; did you mean 'where'?"));
  CHECK(Contains(observe("xpos(pol).z"), "has no body 'pol'; did you mean 'pole'?"));
  CHECK(Contains(observe("site_xpos(tp)"), "has no site 'tp'; did you mean 'tip'?"));
  CHECK(Contains(observe("geom_xpos(bx)"), "did you mean 'box'?"));
  CHECK(Contains(observe("ctrl(pull)"), "has no actuator 'pull'"));
  CHECK(Contains(observe("ten_length(cord)"), "(it has none at all)"));
  CHECK(Contains(observe("act(push)"), "actuator 'push' has no activation state"));
  CHECK(Contains(observe("mocap_pos(cart)"), "body 'cart' is not a mocap body"));
  CHECK(Contains(observe("qpso"), "nothing is called 'qpso'; did you mean 'qpos'"));
  CHECK(Contains(observe("xpos(cart).w"), "'.w' is no component of 3 columns"));
  CHECK(Contains(observe("xmat(cart).xw"), "'.xw' is no component of 9 columns"));
  CHECK(Contains(observe("qpos(hinge"), "expected ')'"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "camera": "sid")")), "key \"camera\": the scene "));
  CHECK(Contains(ErrorOf(CartTask(R"(, "camera": "sid")")), "has no camera 'sid'; did you mean 'side'?"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"keyframe": "hom"}])")), "did you mean 'home'?"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "angles": ["positoin[1]"])")), "did you mean 'position[1]' or"));
}

TEST_CASE("A reward over what is not measured, or of more than one number, is refused") {
  const auto reward = [](const std::string& formula) { return ErrorOf(CartTask(", \"reward\": \"" + formula + "\"")); };
  CHECK(Contains(reward("posiion[0]"), "key \"reward\": formula \"posiion[0]\", column 1"));
  CHECK(Contains(reward("posiion[0]"), "did you mean 'position'?"));
  CHECK(Contains(reward("qpos(slider)"), "nothing is called 'qpos'"));
  CHECK(Contains(reward("1 + position(slider)"), "column 5: 'position' takes no name in parentheses; its elements are "
                                                 "position[0] to [1]"));
  CHECK(Contains(reward("position.z"), "'position' of 2 elements has no component '.z'"));
  CHECK(Contains(reward("position"), "expected one number, yields 2"));
  CHECK(Contains(reward("reward"), "nothing is called 'reward'"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "terminate": "velocty[0] > 1")")), "key \"terminate\""));
  CHECK(Contains(ErrorOf(R"({"scene": "scene.xml", "observation": {"action": "qpos"}})"),
                 "key \"observation.action\": a channel cannot have this name"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "signals": {"position": "time"})")), "the name is used twice"));
}

TEST_CASE("A reset that sets what cannot be set, or in another number, is refused") {
  const auto set = [](const std::string& field, const std::string& formula) {
    return ErrorOf(CartTask(R"(, "reset": [{"set": ")" + field + R"(", "to": ")" + formula + "\"}]"));
  };
  CHECK(Contains(set("xpos(cart)", "0"), "'xpos' cannot be set"));
  CHECK(Contains(set("xpos(cart)", "0"), "reset[0]"));
  CHECK(Contains(set("geom_type(box)", "1"), "'geom_type' cannot be set"));
  CHECK(Contains(set("2*qpos", "0"), "expected a field to set, found \"2*qpos\""));
  CHECK(Contains(set("qpos", "qpos[0:2]"), "'qpos' has 3 elements, its formula yields 2"));
  CHECK(Contains(set("qpos(slidr)", "0"), "did you mean 'slider'?"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"let": {"a": "qpos"}}])")), "expected a formula of one number"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"until": "qpos > 0"}])")), "expected a formula of one number"));
  CHECK(Contains(ErrorOf(CartTask(R"json(, "reset": [{"set": "qpos(slider)", "to": "angel"}, {"let": {"angle": "1"}}])json")),
                 "nothing is called 'angel'"));
  CHECK(Contains(ErrorOf(CartTask(R"json(, "reset": [{"set": "qpos(slider)", "to": "log(-1)"}])json")),
                 "reset[0]\": formula \"log(-1)\" yields no number (NaN) for qpos(slider)"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"until": "qpos(slider) > 0"}])")),
                 "key \"reset\": no start satisfied its \"until\""));
}

TEST_CASE("A control timestep that is no whole number of simulation steps is refused with the nearest that fits") {
  const auto compile = [](const std::string& timestep, const std::string& control) {
    const TemporaryFolder folder;
    std::string scene = kCart;
    scene.replace(scene.find("0.01"), 4, timestep);
    return Compile(folder, scene, CartTask(", \"control_timestep_s\": " + control));
  };
  const auto error = [&](const std::string& timestep, const std::string& control) {
    return MessageOf([&] { compile(timestep, control); });
  };
  CHECK(Contains(error("0.01", "0.025"), "expected a whole number of simulation steps of 0.01 s, found 0.025 s (2.5 steps"));
  CHECK(Contains(error("0.01", "0.024"), "the nearest that fits is 0.02"));
  CHECK(Contains(error("0.01", "0.026"), "the nearest that fits is 0.03"));
  CHECK(Contains(error("0.01", "0.001"), "the nearest that fits is 0.01"));
  CHECK(Contains(error("0.01", "1e300"), "expected a whole number"));
  // 0.29/0.01 is 28.999999999999996 and 0.3/0.1 is 2.9999999999999996 in floating point.
  CHECK(compile("0.01", "0.29")->simulation_steps_per_env_step() == 29);
  CHECK(compile("0.1", "0.3")->simulation_steps_per_env_step() == 3);
  CHECK(compile("0.002", "0.02")->simulation_steps_per_env_step() == 10);
  CHECK(compile("0.01", "0.29")->env_step_s() == doctest::Approx(0.29).epsilon(1e-12));
  // 1/240 s has no short decimal.
  CHECK(compile("0.004166666666666667", "0.016666666666666666")->simulation_steps_per_env_step() == 4);
}

TEST_CASE("Time limit, action repeat and the default control timestep give whole numbers of steps") {
  const TemporaryFolder folder;
  const auto task = [&](const std::string& more, int repeat = 0) { return Compile(folder, kCart, CartTask(more), repeat); };
  CHECK(task("")->steps_per_episode() == 1000);
  CHECK(task("")->env_step_s() == doctest::Approx(0.02));
  CHECK(task(", \"time_limit_s\": 10, \"control_timestep_s\": 0.01")->steps_per_episode() == 1000);
  CHECK(task(", \"time_limit_s\": 10, \"control_timestep_s\": 0.01, \"action_repeat\": 2")->steps_per_episode() == 500);
  CHECK(task(", \"time_limit_s\": 10, \"control_timestep_s\": 0.01, \"action_repeat\": 2", 4)->steps_per_episode() == 250);
  CHECK(task(", \"time_limit_s\": 0.29, \"control_timestep_s\": 0.01")->steps_per_episode() == 29);
  CHECK(task(", \"time_limit_s\": 0.05, \"control_timestep_s\": 0.02")->steps_per_episode() == 3);
  CHECK(task(", \"time_limit_s\": 1e300")->steps_per_episode() == 1000000000);
}

TEST_CASE("Uniform starts stay within their bounds and fill them") {
  const std::vector<double> drawn = Draw(R"json({"set": "qpos(slider)", "to": "uniform(-0.3, 0.7)"})json", "qpos(slider)", 2000);
  CHECK(*std::min_element(drawn.begin(), drawn.end()) >= -0.3);
  CHECK(*std::max_element(drawn.begin(), drawn.end()) < 0.7);
  CHECK(*std::min_element(drawn.begin(), drawn.end()) < -0.29);
  CHECK(*std::max_element(drawn.begin(), drawn.end()) > 0.69);
  // Five standard errors: sqrt(1/12/2000) = 0.0065 of the mean, about 0.003 of the deviation.
  CHECK(std::abs(Mean(drawn) - 0.2) < 0.033);
  CHECK(std::abs(Deviation(drawn) - std::sqrt(1.0 / 12.0)) < 0.015);
}

TEST_CASE("Normal starts have their mean and deviation") {
  const std::vector<double> drawn = Draw(R"json({"set": "qvel(hinge)", "to": "normal(1.5, 0.2)"})json", "qvel(hinge)", 2000);
  CHECK(std::abs(Mean(drawn) - 1.5) < 5 * 0.2 / std::sqrt(2000.0));
  CHECK(std::abs(Deviation(drawn) - 0.2) < 5 * 0.2 / std::sqrt(4000.0));
  int beyond = 0;
  for (const double value : drawn) beyond += std::abs(value - 1.5) > 0.4;
  CHECK(beyond > 50);   // 4.55% of 2000: 91, deviation 9.3
  CHECK(beyond < 135);
}

TEST_CASE("Every element draws its own number; a variable is drawn once") {
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
  const std::vector<double> drawn =
      Draw(R"json({"set": "qpos(slider)", "to": "uniform(-1, 1)"}, {"until": "qpos(slider) > 0.6 || qpos(slider) < -0.8"})json",
           "qpos(slider)", 1000);
  int right = 0;
  for (const double value : drawn) {
    REQUIRE((value > 0.6 || value < -0.8));
    right += value > 0.6;
  }
  CHECK(std::abs(right / 1000.0 - 2.0 / 3.0) < 5 * std::sqrt(2.0 / 9.0 / 1000.0));
  // Contacts and positions in space are current when it is asked.
  for (const double height : Draw(R"json({"set": "qpos(lift)", "to": "uniform(-0.5, 0.3)"}, {"until": "ncon == 0"})json",
                                  "qpos(lift)", 200)) {
    REQUIRE(height > -0.4);  // the box, of half height 0.1, is clear of the floor at -0.5
  }
  for (const double height :
       Draw(R"json({"set": "qpos(lift)", "to": "uniform(-0.2, 0.3)"}, {"until": "site_xpos(tip).z > 0.2"})json",
            "qpos(lift)", 200)) {
    REQUIRE(height > 0.1 - 1e-12);
  }
}

TEST_CASE("A reset reads positions in space as they are by then") {
  const std::vector<double> drawn =
      Draw(R"json({"set": "qpos(slider)", "to": "uniform(-1, 1)"}, {"set": "mocap_pos(target).x", "to": "xpos(cart).x + 0.5"})json",
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
  for (const double slider : Draw(R"json({"joints": "random"})json", "qpos(slider)", 20)) CHECK(slider == 0.0);
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
    "observation": {"height": "xpos(ball).z", "velocity": "qvel", "time": "time"}, "reset": [{"settle": 400}]})json"));
  CHECK(environment.observation()[0] == doctest::Approx(0.1).epsilon(0.02));  // its radius, less what contacts give
  for (size_t i = 1; i < 7; ++i) CHECK(std::abs(environment.observation()[i]) < 1e-3);
  CHECK(environment.observation()[7] == 0.0);
}

TEST_CASE("The same seed is the same episode, whatever was played before; another seed is another") {
  const TemporaryFolder folder;
  // Model fields that build on their own values would drift, and constants computed from them be those of before.
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
    {"set": "dof_damping(slider)", "to": "uniform(1, 5)"}, {"set": "geom_size(box)[0]", "to": "uniform(0.1, 0.2)"}])json"));
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
        Compile(folder, kWall, R"({"scene": "scene.xml", "observation": {"contacts": "ncon"}, "reset": [)" + reset + "]}"));
    return environment.observation()[0];
  };
  CHECK(contacts("") == 0);
  CHECK(contacts(R"json({"set": "geom_pos(wall).x", "to": "5"}, {"set": "geom_pos(wall).z", "to": "0.3"})json") == 1);
  CHECK(contacts(R"json({"set": "geom_pos(wall).x", "to": "5"}, {"set": "geom_size(wall)[2]", "to": "0.4"})json") == 1);

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

TEST_CASE("A task written out and read again is the same task") {
  for (const std::string& name : ListTasks()) {
    CAPTURE(name);
    const TaskSpec spec = LoadTask(name);
    const std::string text = spec.ToJson().dump(2);
    CHECK(ParseTask(text, name, "copy").ToJson().dump(2) == text);
  }
}

TEST_CASE("A name that is no task is refused with near names; a file is told by its ending") {
  CHECK(Contains(MessageOf([] { LoadTask("cartpole-swingpu"); }), "did you mean 'cartpole-swingup'"));
  CHECK(Contains(MessageOf([] { LoadTask("nowhere.json"); }), "no such file"));
  const TemporaryFolder folder;
  CHECK(Contains(MessageOf([&] { LoadTask(Write(folder / "notes.txt", "x").string()); }),
                 "expected a task file (.json) or a model (.xml, .urdf, .mjb)"));
  CHECK(Contains(MessageOf([&] { LoadTask((folder / "").string()); }), "is a folder"));
  CHECK(LoadTask(Write(folder / "ant.xml", kCart).string()).name == "ant.xml");
}

TEST_CASE("A task and its scene are found through links and from another folder") {
  const TemporaryFolder folder;
  Write(folder / "tasks/scene.xml", kCart);
  Write(folder / "tasks/cart task.json", CartTask());
  std::filesystem::create_directories(folder / "elsewhere");
  std::filesystem::create_symlink("../tasks/cart task.json", folder / "elsewhere/link.json");
  const WorkingFolder inside(folder / "elsewhere");
  CHECK(CompiledTask::Compile(LoadTask("link.json"))->observation_size() == 5);
  CHECK(CompiledTask::Compile(LoadTask("../tasks/cart task.json"))->observation_size() == 5);
}

TEST_CASE("Task files are read and written the same whatever the locale") {
  const TemporaryFolder folder;
  const std::string text = CartTask(R"json(, "control_timestep_s": 0.02, "time_limit_s": 1.5,
    "reset": [{"set": "qpos(slider)", "to": "0.25"}], "reward": "1.5*position[0]")json");
  const auto task = Compile(folder, kCart, text);
  const std::string written = task->spec().ToJson().dump();
  const std::string error = MessageOf([&] { Compile(folder, kCart, CartTask(", \"control_timestep_s\": 0.025")); });
  const ForeignLocale locale;
  const auto again = Compile(folder, kCart, text);
  CHECK(again->spec().ToJson().dump() == written);
  CHECK(again->model()->opt.timestep == 0.01);
  CHECK(again->steps_per_episode() == 75);
  Environment environment(again);
  CHECK(environment.observation()[0] == 0.25);
  CHECK(environment.Step(std::vector<double>{0.0}).reward == doctest::Approx(0.375).epsilon(0.01));
  CHECK(MessageOf([&] { Compile(folder, kCart, CartTask(", \"control_timestep_s\": 0.025")); }) == error);
  CHECK(again->scene().ToMjb() == task->scene().ToMjb());
}
