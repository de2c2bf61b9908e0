// Task files: what is wrong with one is said with file, key, expected, found.
#include "sim/task.h"

#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/locations.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

std::string ErrorOf(const std::string& task) {
  const TemporaryFolder folder;
  const std::string message = MessageOf([&] { Environment(Compile(folder, kCart, task)); });
  CHECK(IsOneLine(message));
  CHECK(Contains(message, (folder / "task.json").string()));
  return message;
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
  CHECK(Compile(folder, kCart, "// a task\n{\"scene\": \"scene.xml\" /* beside it */}")->observation_size() ==
        6);
}

TEST_CASE("An unknown key is refused with the nearest known one") {
  CHECK(Contains(ErrorOf(CartTask(", \"rewrad\": \"1\"")), "unknown key \"rewrad\"; did you mean 'reward'?"));
  CHECK(Contains(ErrorOf(CartTask(", \"zebra\": 1")), "(known: description, scene, control_timestep_s"));
  const std::string reset =
      ErrorOf(CartTask(R"(, "reset": [{"keyframe": "home"}, {"set": "qpos", "too": "1"}])"));
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
  CHECK(
      Contains(ErrorOf(CartTask(R"(, "reset": [{"joints": "all"}])")), "expected \"random\", found \"all\""));
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
  const auto reward = [](const std::string& formula) {
    return ErrorOf(CartTask(", \"reward\": \"" + formula + "\""));
  };
  CHECK(Contains(reward("posiion[0]"), "key \"reward\": formula \"posiion[0]\", column 1"));
  CHECK(Contains(reward("posiion[0]"), "did you mean 'position'?"));
  CHECK(Contains(reward("qpos(slider)"), "nothing is called 'qpos'"));
  CHECK(Contains(reward("1 + position(slider)"),
                 "column 5: 'position' takes no name in parentheses; its elements are "
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
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"let": {"a": "qpos"}}])")),
                 "expected a formula of one number"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"until": "qpos > 0"}])")),
                 "expected a formula of one number"));
  CHECK(Contains(
      ErrorOf(CartTask(
          R"json(, "reset": [{"set": "qpos(slider)", "to": "angel"}, {"let": {"angle": "1"}}])json")),
      "nothing is called 'angel'"));
  CHECK(Contains(ErrorOf(CartTask(R"json(, "reset": [{"set": "qpos(slider)", "to": "log(-1)"}])json")),
                 "reset[0]\": formula \"log(-1)\" yields no number (NaN) for qpos(slider)"));
  CHECK(Contains(ErrorOf(CartTask(R"(, "reset": [{"until": "qpos(slider) > 0"}])")),
                 "key \"reset\": no start satisfied its \"until\""));
}

TEST_CASE(
    "A control timestep that is no whole number of simulation steps is refused with the nearest that fits") {
  const auto compile = [](const std::string& timestep, const std::string& control) {
    const TemporaryFolder folder;
    std::string scene = kCart;
    scene.replace(scene.find("0.01"), 4, timestep);
    return Compile(folder, scene, CartTask(", \"control_timestep_s\": " + control));
  };
  const auto error = [&](const std::string& timestep, const std::string& control) {
    return MessageOf([&] { compile(timestep, control); });
  };
  CHECK(Contains(error("0.01", "0.025"),
                 "expected a whole number of simulation steps of 0.01 s, found 0.025 s (2.5 steps"));
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
  const auto task = [&](const std::string& more, int repeat = 0) {
    return Compile(folder, kCart, CartTask(more), repeat);
  };
  CHECK(task("")->steps_per_episode() == 1000);
  CHECK(task("")->env_step_s() == doctest::Approx(0.02));
  CHECK(task(", \"time_limit_s\": 10, \"control_timestep_s\": 0.01")->steps_per_episode() == 1000);
  CHECK(task(", \"time_limit_s\": 10, \"control_timestep_s\": 0.01, \"action_repeat\": 2")
            ->steps_per_episode() == 500);
  CHECK(task(", \"time_limit_s\": 10, \"control_timestep_s\": 0.01, \"action_repeat\": 2", 4)
            ->steps_per_episode() == 250);
  CHECK(task(", \"time_limit_s\": 0.29, \"control_timestep_s\": 0.01")->steps_per_episode() == 29);
  CHECK(task(", \"time_limit_s\": 0.05, \"control_timestep_s\": 0.02")->steps_per_episode() == 3);
  CHECK(task(", \"time_limit_s\": 1e300")->steps_per_episode() == 1000000000);
}

TEST_CASE("A task written out and read again is the same task") {
  for (const std::string& name : ListTasks()) {
    CAPTURE(name);
    const TaskSpec spec = LoadTask(name);
    const std::string text = spec.ToJson().dump(2);
    CHECK(ParseTask(text, name, "copy").ToJson().dump(2) == text);
  }
}

TEST_CASE("A name that is no task is refused with near names, a file is told by its ending") {
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
  const std::string error =
      MessageOf([&] { Compile(folder, kCart, CartTask(", \"control_timestep_s\": 0.025")); });
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
