// The view with a real session and no window: what the mouse and keys do to camera, bodies and actuators, and
// what is written over the picture.
#include "ui/desktop/view_panel.h"

#include <cmath>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <GLFW/glfw3.h>
#include <doctest/doctest.h>

#include "tests/ui/session_fixture.h"
#include "ui/desktop/colours.h"

using namespace reverie;
using namespace reverie::desktop;
using reverie::desktop::testing::Desk;
using reverie::desktop::testing::Pendulum;
using reverie::desktop::testing::QuickOptions;

namespace {

// A box that floats, one that a mocap body is, and three motors on a turntable.
const char* const kFloating = R"(<mujoco>
  <option gravity="0 0 0"/>
  <worldbody>
    <body name="box" pos="0 0 1"><freejoint/><geom type="box" size="0.2 0.2 0.2"/></body>
    <body name="hand %s #1" mocap="true" pos="1 0 1"><geom size="0.1"/></body>
    <body pos="0 2 1">
      <joint name="a" axis="1 0 0"/><joint name="b" axis="0 1 0"/><joint name="c" axis="0 0 1"/><geom size="0.1"/>
    </body>
  </worldbody>
  <actuator><motor name="first" joint="a"/><motor name="second" joint="b"/><motor name="third" joint="c"/></actuator>
</mujoco>)";

std::shared_ptr<const CompiledTask> Floating() {
  return reverie::testing::MakeTask(kFloating, R"("observation": {"q": "qpos"})");
}

class FakeGamepads : public Gamepads {
 public:
  std::optional<GamepadReading>& reading;
  explicit FakeGamepads(std::optional<GamepadReading>& shown) : reading(shown) {}
  std::optional<GamepadReading> Read() override { return reading; }
};

std::optional<GamepadReading> pad;

struct QuietView : ViewPanel {  // no gamepad but the test's
  QuietView() : ViewPanel(std::make_unique<FakeGamepads>(pad)) { pad.reset(); }
};
using ViewDesk = Desk<QuietView>;

const ImVec2 kMiddle = {400, 200};

struct OpenView : ViewDesk {
  explicit OpenView(std::shared_ptr<const CompiledTask> task = Floating(), Actor actor = Actor::kPerson)
      : ViewDesk({800, 400}) {
    Open(std::move(task), QuickOptions(actor));
  }
};

}  // namespace

TEST_CASE("the view says that nothing is open, and survives any size") {
  ViewDesk desk({800, 400});
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Nothing is open"));
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  for (const ImVec2 size : {ImVec2(1, 1), ImVec2(1, 400), ImVec2(800, 1), ImVec2(37, 23), ImVec2(800, 400)}) {
    desk.Frames(2, size);
  }
  CHECK(desk.ui.Shows("paused"));
}

TEST_CASE("the corner says what runs, and can be switched off") {
  OpenView desk(Pendulum(), Actor::kRandom);
  desk.app.session->StepControl(3);
  desk.Settle();
  CHECK(desk.ui.Shows("step 3"));
  CHECK(desk.ui.Shows("0.06 s"));
  CHECK(desk.ui.Shows("random acts"));
  CHECK(desk.app.actions.Run("scene.text", desk.app));
  desk.ui.Run();
  CHECK_FALSE(desk.ui.Shows("step 3"));
}

TEST_CASE("dragging orbits and pans, the wheel zooms") {
  OpenView desk;
  SceneView& scene = desk.app.scene;
  const mjvCamera before = scene.camera;
  desk.ui.Drag(kMiddle, {480, 200}, ImGuiMouseButton_Left);
  CHECK(scene.camera.azimuth != doctest::Approx(before.azimuth));
  CHECK(scene.camera.elevation == doctest::Approx(before.elevation));
  CHECK(scene.camera.lookat[0] == before.lookat[0]);
  const mjvCamera turned = scene.camera;
  desk.ui.Drag(kMiddle, {400, 260}, ImGuiMouseButton_Right);
  CHECK(scene.camera.azimuth == doctest::Approx(turned.azimuth));
  CHECK(scene.camera.lookat[2] != doctest::Approx(turned.lookat[2]));
  desk.ui.MoveMouse(kMiddle);
  desk.ui.Run();
  desk.ui.Wheel(1);
  desk.ui.Run();
  CHECK(scene.camera.distance < turned.distance);
}

TEST_CASE("a drag that began outside the view leaves the camera alone") {
  OpenView desk;
  desk.Frames(2, {400, 400});
  const double azimuth = desk.app.scene.camera.azimuth;
  desk.ui.Drag({600, 200}, {300, 200});
  CHECK(desk.app.scene.camera.azimuth == azimuth);
}

TEST_CASE("a double click selects what is seen, Escape lets go of it") {
  OpenView desk;
  SceneView& scene = desk.app.scene;
  mjv_defaultFreeCamera(scene.model(), &scene.camera);
  double x = 0, y = 0;
  const int box = mj_name2id(scene.model(), mjOBJ_BODY, "box");
  REQUIRE(scene.Project(scene.data()->xpos + 3 * box, 800, 400, x, y));
  desk.ui.DoubleClick({static_cast<float>(x), static_cast<float>(y)});
  CHECK(scene.selected_body == box);
  desk.ui.Run();
  CHECK(desk.ui.Shows("box"));
  desk.Press(GLFW_KEY_ESCAPE);
  CHECK(scene.selected_body == 0);
}

TEST_CASE("a double click of the right button turns the view about what is there, and selects nothing") {
  OpenView desk;
  SceneView& scene = desk.app.scene;
  mjv_defaultFreeCamera(scene.model(), &scene.camera);
  double x = 0, y = 0;
  const int hand = 2;
  REQUIRE(scene.Project(scene.data()->xpos + 3 * hand, 800, 400, x, y));
  const ImVec2 at = {static_cast<float>(x), static_cast<float>(y)};
  desk.ui.MoveMouse(at);
  for (const bool down : {true, false, true, false}) {
    desk.ui.MouseButton(ImGuiMouseButton_Right, down);
    desk.ui.Run();
  }
  CHECK(scene.selected_body == 0);
  const mjtNum* centre = scene.data()->xpos + 3 * hand;
  CHECK(mju_dist3(scene.camera.lookat, centre) == doctest::Approx(0.1).epsilon(0.02));  // on the ball's surface
}

TEST_CASE("a pushed body moves while paused, free and mocap alike") {
  OpenView desk;
  SceneView& scene = desk.app.scene;
  for (const int body : {1, 2}) {
    scene.selected_body = body;
    desk.Settle();
    const double before = scene.data()->xpos[3 * body + 2];
    const double x_before = scene.data()->xpos[3 * body], y_before = scene.data()->xpos[3 * body + 1];
    desk.ui.Wait(1);  // or two presses at one place are a double click
    desk.ui.io().KeyCtrl = true;
    desk.ui.Drag(kMiddle, {430, 140}, ImGuiMouseButton_Right);
    desk.ui.io().KeyCtrl = false;
    desk.Settle();
    const mjtNum* after = scene.data()->xpos + 3 * body;
    CAPTURE(body);
    CHECK(std::hypot(after[0] - x_before, after[1] - y_before, after[2] - before) > 0.01);
    CHECK(scene.perturbation.active == 0);
    CHECK_FALSE(desk.Now()->playing);
  }
}

TEST_CASE("a push acts while it is held, and ends with the mouse button") {
  OpenView desk;
  desk.app.scene.selected_body = 1;
  desk.app.session->StepControl(1);
  desk.Settle();
  desk.ui.io().KeyCtrl = true;
  desk.app.session->SetSpeed(0);
  desk.app.session->Play();
  desk.ui.MoveMouse(kMiddle);
  desk.ui.Run();
  desk.ui.MouseButton(ImGuiMouseButton_Right, true);
  desk.ui.Run();
  desk.ui.MoveMouse({400, 120});
  desk.ui.Run();
  // What is shown may be of before the drag: from here on it is not.
  desk.app.session->Wait();
  desk.ui.Run();
  const int64_t since = desk.Now()->control_step;
  while (desk.Now()->control_step < since + 5) desk.ui.Run();
  const auto force = [&](const std::vector<double>& state) {
    const mjModel* model = desk.app.scene.model();
    const int at = mj_stateSize(model, mjSTATE_INTEGRATION & (mjSTATE_XFRC_APPLIED - 1));
    return std::abs(state[static_cast<size_t>(at + 6)]) + std::abs(state[static_cast<size_t>(at + 7)]) +
           std::abs(state[static_cast<size_t>(at + 8)]);
  };
  CHECK(force(desk.Now()->state) > 0);
  desk.ui.MouseButton(ImGuiMouseButton_Right, false);
  desk.ui.Run(2);
  desk.app.session->Pause();
  desk.app.session->StepControl(1);
  desk.Settle();
  CHECK(force(desk.Now()->state) == 0);
}

TEST_CASE("arrow keys drive the first two actuators while the person acts and the view has the focus") {
  OpenView desk;
  desk.ui.Click(kMiddle);
  const auto step = [&] {
    desk.Settle();
    desk.app.session->StepControl(1);
    desk.Settle();
    return desk.Now()->action;
  };
  desk.ui.Hold(GLFW_KEY_RIGHT, true);
  CHECK(step() == std::vector<double>{1, 0, 0});
  desk.ui.Hold(GLFW_KEY_RIGHT, false);
  desk.ui.Hold(GLFW_KEY_S, true);
  CHECK(step() == std::vector<double>{0, -1, 0});
  desk.ui.Hold(GLFW_KEY_S, false);
  CHECK(step() == std::vector<double>{0, 0, 0});
  CHECK(desk.ui.Shows("Left, Right (A, D): first"));

  desk.app.session->SetActor(Actor::kRandom);
  desk.Settle();
  desk.ui.Hold(GLFW_KEY_RIGHT, true);
  CHECK(step()[0] != 1);
  CHECK_FALSE(desk.Now()->holding);
}

TEST_CASE("keys that drive are no shortcuts") {
  OpenView desk;
  int ran = 0;
  desk.app.actions.Add({.id = "test.right", .title = "Right", .shortcut = {GLFW_KEY_RIGHT},
                        .run = [&](App&) { ++ran; }});
  desk.ui.Click(kMiddle);
  desk.Press(GLFW_KEY_RIGHT);
  CHECK(ran == 0);
  desk.app.session->SetActor(Actor::kRandom);
  desk.Settle();
  desk.Press(GLFW_KEY_RIGHT);
  CHECK(ran == 1);
}

TEST_CASE("a gamepad's sticks drive the first actuators, and a missing one does nothing") {
  OpenView desk;
  const auto step = [&] {
    desk.Settle();
    desk.app.session->StepControl(1);
    desk.Settle();
    return desk.Now()->action;
  };
  CHECK(step() == std::vector<double>{0, 0, 0});
  CHECK(desk.app.hand.gamepad.empty());
  pad = GamepadReading{"Test pad", {-1, 0.05f, 1, 0}};
  CHECK(step() == std::vector<double>{-1, 0, 1});
  CHECK(desk.app.hand.gamepad == "Test pad");
  CHECK(GamepadHelp(desk.app).find("left stick x first") != std::string::npos);
  pad.reset();
  CHECK(step() == std::vector<double>{0, 0, 0});
  CHECK(GamepadHelp(desk.app).find("No gamepad") != std::string::npos);
}

TEST_CASE("a divergence names what blew up and leads back before it") {
  OpenView desk(Pendulum(), Actor::kRandom);
  desk.app.session->StepControl(4);
  desk.Settle();
  const int branch = desk.app.now->now.branch;
  desk.before_panels = [&](App& app) {
    auto blown = std::make_shared<SessionSnapshot>(*app.now);
    blown->divergence = Divergence{.before = {branch, 2}, .back = {branch, 1}, .dof = "hinge %d"};
    app.now = blown;
  };
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("The simulation blew up in hinge %d."));
  CHECK(desk.ui.Triangles(colours::kError) > 0);
  REQUIRE(desk.ui.ClickText("Go back before it"));
  desk.Settle();
  CHECK(desk.Now()->now == TimelinePlace{branch, 1});
  REQUIRE(desk.ui.ClickText("Reset"));
  desk.Settle();
  CHECK(desk.Now()->control_step == 0);
}

TEST_CASE("the legend names the colours of what is drawn") {
  OpenView desk(Pendulum(), Actor::kRandom);
  desk.app.session->StepControl(2);
  desk.Settle();
  CHECK_FALSE(desk.ui.Shows("plan, soon to late"));
  desk.before_panels = [&](App& app) {
    auto planned = std::make_shared<SessionSnapshot>(*app.now);
    auto plan = std::make_shared<ImaginedPlan>();
    plan->from = planned->now;
    plan->horizon = 2;
    plan->ghosts = {0.1, 0.2};
    plan->candidates = 1;
    plan->elites = 1;
    plan->traces = {0, 0, 0, 0, 0, 1, 0, 0, 2};
    planned->plan = plan;
    planned->serial += 1000;
    app.now = planned;
  };
  desk.ui.Run(20);
  CHECK(desk.ui.Shows("plan, soon to late"));
  CHECK(desk.ui.Shows("best rollouts"));
  CHECK_FALSE(desk.ui.Shows("ensemble members"));
  CHECK(desk.ui.Triangles(colours::kElite) > 0);
  desk.app.overlays.candidates = false;
  desk.ui.Run(20);
  CHECK_FALSE(desk.ui.Shows("best rollouts"));
  desk.app.actions.Run("scene.legend", desk.app);
  desk.ui.Run();
  CHECK_FALSE(desk.ui.Shows("plan, soon to late"));
}

TEST_CASE("cameras go round from the free one through the scene's own") {
  const char* const scene = R"(<mujoco><worldbody><camera name="one" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
    <camera name="two" pos="0 3 0"/><body name="ball"><freejoint/><geom size="0.1"/></body></worldbody></mujoco>)";
  OpenView desk(reverie::testing::MakeTask(scene, R"("observation": {"q": "qpos"})"));
  SceneView& view = desk.app.scene;
  REQUIRE(view.camera.type == mjCAMERA_FREE);
  CHECK_FALSE(desk.app.actions.Run("scene.camera.track", desk.app));
  desk.Press(GLFW_KEY_RIGHT_BRACKET);
  CHECK(view.camera.type == mjCAMERA_FIXED);
  CHECK(view.camera.fixedcamid == 0);
  CHECK(desk.ui.Shows("camera one"));
  desk.Press(GLFW_KEY_RIGHT_BRACKET);
  CHECK(view.camera.fixedcamid == 1);
  desk.Press(GLFW_KEY_RIGHT_BRACKET);
  CHECK(view.camera.type == mjCAMERA_FREE);
  desk.Press(GLFW_KEY_LEFT_BRACKET);
  CHECK(view.camera.fixedcamid == 1);
  view.selected_body = 1;
  CHECK(desk.app.actions.Run("scene.camera.track", desk.app));
  desk.ui.Run();
  CHECK(view.camera.type == mjCAMERA_TRACKING);
  CHECK(desk.ui.Shows("following ball"));
}
