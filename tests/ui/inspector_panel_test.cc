// The inspector with a real session and no window. Angles, keyframes and units are compared with what MuJoCo's
// own compiler makes of them.
#include "ui/desktop/inspector_panel.h"

#include <array>
#include <cmath>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/scene.h"
#include "tests/ui/session_fixture.h"
#include "ui/desktop/inspector_state.h"

using namespace reverie;
using namespace reverie::desktop;
using reverie::desktop::testing::Desk;
using reverie::desktop::testing::Pendulum;
using reverie::desktop::testing::QuickOptions;

namespace {

const char* const kRich = R"(<mujoco>
  <worldbody>
    <geom type="plane" size="5 5 0.1"/>
    <body name="100% #1" pos="0 0 0.19"><freejoint name="free %s"/><geom type="box" size="0.2 0.2 0.2"/></body>
    <body name="arm" pos="2 0 1">
      <joint name="turn" axis="0 1 0" range="-60 60" limited="true"/><geom size="0.1" pos="0 0 0.5"/>
      <body name="rod"><joint name="rail" type="slide" range="0 0.5" limited="true"/><geom size="0.05"/></body>
    </body>
    <body name="globe" pos="-2 0 1"><joint name="ball" type="ball"/><geom size="0.1" pos="0.3 0 0"/></body>
    <body name="target" mocap="true" pos="0 3 0"/>
  </worldbody>
  <actuator>
    <motor name="force" joint="rail"/><position name="servo" joint="turn" kp="20" ctrlrange="-1 1"/>
    <velocity name="speed" joint="rail" kv="3"/><motor name="geared" joint="turn" gear="10" ctrlrange="-1 3"/>
  </actuator>
  <sensor><jointpos name="angle sensor" joint="turn"/></sensor>
  <keyframe><key name="bent" qpos="0 0 1 1 0 0 0 0.5 0.25 1 0 0 0" qvel="1 2 3 4 5 6 7 8 9 10 11"/></keyframe>
</mujoco>)";

std::shared_ptr<const CompiledTask> Rich() {
  return reverie::testing::MakeTask(kRich, R"("observation": {"q": "qpos"})");
}

ModelPtr Load(const std::string& mjcf) {
  const auto folder = reverie::testing::TemporaryFolder("inspector");
  std::ofstream(folder / "scene.xml") << mjcf;
  return ModelPtr(mj_copyModel(nullptr, Scene::Load(folder / "scene.xml")->model()));
}

struct OpenInspector : Desk<InspectorPanel> {
  explicit OpenInspector(std::shared_ptr<const CompiledTask> task = Rich(), Actor actor = Actor::kRandom,
                         ImVec2 size = {420, 900})
      : Desk(size) {
    Open(std::move(task), QuickOptions(actor));
  }
  double Qpos(int i) { return Now()->state[static_cast<size_t>(1 + i)]; }
  ImVec2 BesideText(const char* text, float x) {
    const auto found = ui.Find(text);
    REQUIRE(found);
    return {x, found->centre().y};
  }
};

}  // namespace

TEST_CASE("Euler angles are those that MJCF's euler was given as") {
  for (const auto& angles : {std::array<double, 3>{20, 30, 40}, {-170, 10, 5}, {0, 0, 90}, {10, -80, 170}}) {
    const std::string euler = std::to_string(angles[0]) + " " + std::to_string(angles[1]) + " " +
                              std::to_string(angles[2]);
    const ModelPtr model = Load("<mujoco><worldbody><body euler=\"" + euler +
                                "\"><geom size=\"1\"/></body></worldbody></mujoco>");
    const std::array<double, 3> found = EulerDegrees(model->body_quat + 4);
    for (size_t i = 0; i < 3; ++i) CHECK(found[i] == doctest::Approx(angles[i]).epsilon(1e-6));
  }
  const double upright[4] = {std::sqrt(0.5), 0, std::sqrt(0.5), 0};  // y 90: x and z are one
  CHECK(EulerDegrees(upright)[1] == doctest::Approx(90));
}

TEST_CASE("a copied state is a keyframe that MuJoCo reads back to the bit") {
  Session session(Rich(), QuickOptions(Actor::kRandom));
  session.StepControl(7);
  session.Wait();
  const auto snapshot = session.Snapshot();
  const std::string line = KeyLine(session.task().model(), snapshot->state, "a \"b\" & <c>");
  std::string mjcf = kRich;
  mjcf.insert(mjcf.find("</keyframe>"), line);
  const ModelPtr model = Load(mjcf);
  REQUIRE(model->nkey == 2);
  CHECK(std::string(mj_id2name(model.get(), mjOBJ_KEY, 1)) == "a \"b\" & <c>");
  for (int i = 0; i < model->nq; ++i) {
    CHECK(model->key_qpos[model->nq + i] == snapshot->state[static_cast<size_t>(1 + i)]);
  }
  for (int i = 0; i < model->nv; ++i) {
    CHECK(model->key_qvel[model->nv + i] == snapshot->state[static_cast<size_t>(1 + model->nq + i)]);
  }
  CHECK(model->key_time[1] == snapshot->time_s);
}

TEST_CASE("units of controls and forces follow the actuator") {
  const auto task = Rich();
  const mjModel* model = task->model();
  CHECK(ControlUnit(model, 0) == "N");
  CHECK(ControlUnit(model, 1) == "rad");
  CHECK(ControlUnit(model, 2) == "m/s");
  CHECK(ControlUnit(model, 3) == "");  // its gear scales it
  CHECK(ForceUnit(model, 1) == "N\u00B7m");
  const DataPtr data(mj_makeData(model));
  data->ctrl[1] = 0.125;
  const std::vector<double> action = {0, 0.5, 0, 0.5};
  const std::vector<double> controls = ControlsOf(*task, model, data.get(), action);
  CHECK(controls[1] == doctest::Approx(0.5));
  CHECK(controls[3] == doctest::Approx(2));
  CHECK(data->ctrl[1] == 0.125);
}

TEST_CASE("the inspector says that nothing is open") {
  Desk<InspectorPanel> desk({300, 300});
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Nothing is open"));
}

TEST_CASE("a scene without anything in it is inspected") {
  OpenInspector desk(reverie::testing::MakeTask("<mujoco/>", R"("observation": {"t": "time"})"));
  desk.ui.Run(3);
  CHECK(desk.ui.Shows("Bodies (1)"));
}

TEST_CASE("the inspector survives any size and names with percent signs") {
  OpenInspector desk(Rich(), Actor::kRandom, {420, 3000});
  for (const char* section : {"Bodies", "Joints", "Actuators", "Keyframes", "Sensors", "Cameras", "Visualisation",
                              "Model"}) {
    REQUIRE(desk.ui.ClickText(section));
  }
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("100% #1"));
  CHECK(desk.ui.Shows("free %s, position"));
  for (const ImVec2 size : {ImVec2(1, 1), ImVec2(1, 900), ImVec2(420, 1), ImVec2(90, 90), ImVec2(420, 3000)}) {
    desk.Frames(2, size);
  }
  CHECK(desk.ui.Shows("100% #1"));
}

TEST_CASE("a click on a body in the tree selects it and shows what is known of it") {
  OpenInspector desk;
  desk.app.session->StepControl(30);  // the box comes to rest on the ground
  desk.Settle();
  desk.ui.ClickText("Bodies");
  REQUIRE(desk.ui.ClickText("100% #1"));
  CHECK(desk.app.scene.selected_body == 1);
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Euler angles"));
  CHECK(desk.ui.Shows("64 kg"));  // 0.4 m a side, 1000 kg a cubic metre
  CHECK(desk.ui.Shows("world"));
  CHECK(desk.ui.Shows(" N along"));
  REQUIRE(desk.ui.ClickText("Follow with the camera"));
  CHECK(desk.app.scene.camera.type == mjCAMERA_TRACKING);
  CHECK(desk.app.scene.camera.trackbodyid == 1);
}

TEST_CASE("a closed branch of the tree hides what hangs on it, the search finds it all the same") {
  OpenInspector desk;
  desk.ui.ClickText("Bodies");
  desk.ui.Run();
  REQUIRE(desk.ui.Find("rod"));
  const auto arm = desk.ui.Find("arm");
  REQUIRE(arm);
  desk.ui.Click({arm->min.x - 0.7f * ImGui::GetFontSize(), arm->centre().y});
  CHECK_FALSE(desk.ui.Find("rod"));
  CHECK(desk.app.scene.selected_body == 0);
  REQUIRE(desk.ui.ClickText("Search"));
  desk.ui.Type("ROD");
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Bodies (1 of 6)"));
  CHECK(desk.ui.Find("rod"));
}

TEST_CASE("of hundreds of bodies only those in sight are drawn") {
  std::string mjcf = "<mujoco><worldbody>";
  for (int i = 0; i < 400; ++i) mjcf += "<body name=\"b" + std::to_string(i) + "\" pos=\"0 0 1\"/>";
  OpenInspector desk(reverie::testing::MakeTask(mjcf + "</worldbody></mujoco>", R"("observation": {"t": "time"})"));
  desk.ui.ClickText("Bodies");
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Bodies (401)"));
  CHECK(desk.ui.Find("b3"));
  CHECK_FALSE(desk.ui.Find("b300"));
  desk.app.scene.selected_body = 301;  // as a double click in the view does: it comes into sight
  desk.ui.Run(3);
  CHECK(desk.ui.Find("b300"));
}

TEST_CASE("moving a joint's slider pauses and changes the state within its range") {
  OpenInspector desk;
  desk.app.session->SetSpeed(1);
  desk.app.session->Play();
  desk.ui.ClickText("Joints");
  const ImVec2 at = desk.BesideText("turn", 300);
  desk.ui.Drag(at, {415, at.y});
  desk.Settle();
  CHECK_FALSE(desk.Now()->playing);
  CHECK(desk.Qpos(7) == doctest::Approx(mjPI / 3));
  const auto& branch = *desk.Now()->timeline.Find(desk.Now()->now.branch)->info;
  CHECK(branch.edited);
  CHECK(branch.label == "joint turn moved");
  CHECK(desk.Now()->timeline.branches.size() == 2);  // a drag is one change
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("1.047 rad"));
  REQUIRE(desk.ui.ClickText("Degrees"));
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("60.0 deg"));
}

TEST_CASE("a typed orientation becomes a unit quaternion") {
  OpenInspector desk;
  desk.ui.ClickText("Joints");
  const ImVec2 at = desk.BesideText("ball, orientation", 250);  // x of w x y z
  desk.ui.io().KeyCtrl = true;
  desk.ui.Click(at);
  desk.ui.io().KeyCtrl = false;
  desk.ui.Type("1");
  desk.ui.Press(GLFW_KEY_ENTER);
  desk.Settle();
  CHECK(desk.Qpos(9) == doctest::Approx(std::sqrt(0.5)));
  CHECK(desk.Qpos(10) == doctest::Approx(std::sqrt(0.5)));
}

TEST_CASE("an actuator's slider takes over while it is held, and no longer") {
  OpenInspector desk(Pendulum());
  desk.ui.ClickText("Actuators");
  const ImVec2 at = desk.BesideText("torque", 335);
  desk.ui.MoveMouse(at);
  desk.ui.Run();
  desk.ui.MouseButton(0, true);
  desk.ui.Run(2);
  desk.Settle();
  desk.app.session->StepControl(3);
  desk.Settle();
  CHECK(desk.Now()->holding);
  const double held = desk.Now()->action[0];
  CHECK(held > 0.2);
  CHECK(held == doctest::Approx(desk.app.hand.Value(0)));
  desk.ui.MouseButton(0, false);
  desk.ui.Run(4);
  desk.Settle();
  CHECK_FALSE(desk.Now()->holding);
  desk.app.session->StepControl(1);
  desk.Settle();
  CHECK(desk.Now()->action[0] != held);
}

TEST_CASE("where the person acts, a slider's value stays") {
  OpenInspector desk(Pendulum(), Actor::kPerson);
  desk.ui.ClickText("Actuators");
  desk.ui.Click(desk.BesideText("torque", 335));
  desk.ui.Run(4);
  desk.app.session->StepControl(5);
  desk.Settle();
  CHECK(desk.Now()->action[0] > 0.2);
  REQUIRE(desk.ui.ClickText("All to 0"));
  desk.ui.Run(2);
  desk.app.session->StepControl(1);
  desk.Settle();
  CHECK(desk.Now()->action[0] == 0);
}

TEST_CASE("a keyframe is loaded, and time goes on") {
  OpenInspector desk;
  desk.app.session->StepControl(4);
  desk.Settle();
  const double time_s = desk.Now()->time_s;
  desk.ui.ClickText("Keyframes");
  REQUIRE(desk.ui.ClickText("bent"));
  desk.Settle();
  CHECK(desk.Qpos(7) == 0.5);
  CHECK(desk.Qpos(8) == 0.25);
  CHECK(desk.Qpos(13) == 1);  // the first velocity
  CHECK(desk.Now()->time_s == time_s);
  CHECK(desk.Now()->control_step == 4);
}

TEST_CASE("flags of drawing are switched in the panel and in the menu") {
  OpenInspector desk;
  desk.ui.ClickText("Visualisation");
  REQUIRE(desk.app.scene.option.flags[mjVIS_CONTACTPOINT] == 0);
  REQUIRE(desk.ui.ClickText("Contact points"));
  CHECK(desk.app.scene.option.flags[mjVIS_CONTACTPOINT] == 1);
  CHECK(desk.app.actions.Run("scene.show.contacts", desk.app));
  CHECK(desk.app.scene.option.flags[mjVIS_CONTACTPOINT] == 0);
  const mjtByte shadows = desk.app.scene.render_flags[mjRND_SHADOW];
  CHECK(desk.app.actions.Run("scene.show.shadows", desk.app));
  CHECK(desk.app.scene.render_flags[mjRND_SHADOW] == !shadows);
}
