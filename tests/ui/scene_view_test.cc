// Where things are seen is computed by hand for a pinhole camera: a point `across` and `up` metres off the axis
// at a depth d is off the middle by across/d and up/d times half the height over tan(fovy/2).
#include "ui/desktop/scene_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::task_fixture;
using doctest::Approx;

namespace {

constexpr int kWidth = 400, kHeight = 300;
const double kFocalPx = kHeight / 2.0 / std::tan(22.5 * 3.14159265358979323846 / 180);  // fovy is 45 degrees

// A free ball of 1 kg at the origin, a box on a slide behind it, a floor below, all small before the camera.
const char* const kScene = R"(<mujoco>
  <option gravity="0 0 0"/>
  <statistic center="0 0 0" extent="1"/>
  <worldbody>
    <camera name="side" pos="2 0 0" xyaxes="0 1 0 0 0 1" fovy="60"/>
    <camera name="flat" projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
    <geom name="floor" type="plane" size="5 5 .1" pos="0 0 -.5"/>
    <body name="ball"><freejoint/><geom type="sphere" size=".1" mass="1"/></body>
    <body name="box" pos="0.4 0.5 0"><joint name="slide" type="slide" axis="0 0 1"/>
      <geom type="box" size=".1 .1 .1" mass="1"/></body>
  </worldbody>
</mujoco>)";

std::vector<double> StateAt(const CompiledTask& task, const std::vector<double>& qpos) {
  const DataPtr data(mj_makeData(task.model()));
  std::copy(qpos.begin(), qpos.end(), data->qpos);
  std::vector<double> state(static_cast<size_t>(task.state_size()));
  mj_getState(task.model(), data.get(), state.data(), mjSTATE_INTEGRATION);
  return state;
}

std::vector<double> BallAt(double x, double y, double z, double slide = 0) {
  return {x, y, z, 1, 0, 0, 0, slide};
}

/// The eye 2 m south of the origin, looking north along the floor.
void LookNorth(SceneView& view) {
  view.SetFreeCamera();
  view.camera.azimuth = 90;
  view.camera.elevation = 0;
  view.camera.distance = 2;
  std::fill_n(view.camera.lookat, 3, 0.0);
}

struct Glimpse {
  bool visible;
  double x, y;
};

Glimpse See(const SceneView& view, double x, double y, double z, int width = kWidth) {
  const double point[3] = {x, y, z};
  Glimpse seen{};
  seen.visible = view.Project(point, width, kHeight, seen.x, seen.y);
  return seen;
}

struct Opened {
  TemporaryFolder folder;
  std::shared_ptr<const CompiledTask> task;
  SceneView view;

  explicit Opened(const char* scene = kScene, const char* task_file = "") : task(Compile(folder, scene, task_file)) {
    if (scene == kScene) view.Follow(task, StateAt(*task, BallAt(0, 0, 0)), {});
  }
};

}  // namespace

TEST_CASE("a point is seen where a pinhole camera puts it, and not behind the camera") {
  Opened opened;
  LookNorth(opened.view);
  const Glimpse seen = See(opened.view, 0.3, 1, 0.2);
  CHECK(seen.visible);
  CHECK(seen.x == Approx(kWidth / 2.0 + kFocalPx * 0.3 / 3));
  CHECK(seen.y == Approx(kHeight / 2.0 - kFocalPx * 0.2 / 3));
  CHECK_FALSE(See(opened.view, 0.3, -2.1, 0.2).visible);

  opened.view.SetFixedCamera(0);
  const Glimpse side = See(opened.view, 0, 0.5, 0.25);
  CHECK(side.x == Approx(kWidth / 2.0 + kHeight / 2.0 * std::sqrt(3.0) * 0.25));
  CHECK(side.y == Approx(kHeight / 2.0 - kHeight / 2.0 * std::sqrt(3.0) * 0.125));

  opened.view.SetFixedCamera(1);  // 2 m high
  const Glimpse flat = See(opened.view, 0.5, 7, -0.25);
  CHECK(flat.x == Approx(kWidth / 2.0 + 0.5 * kHeight / 2));
  CHECK(flat.y == Approx(kHeight / 2.0 + 0.25 * kHeight / 2));
}

TEST_CASE("a lens given by its focal length in pixels is projected with it") {
  Opened opened(R"(<mujoco><worldbody>
      <camera sensorsize="4 3" resolution="400 300" focalpixel="250 250" pos="0 -2 0" xyaxes="1 0 0 0 0 1"/>
      <body name="ball" pos=".4 0 .2"><freejoint/><geom size=".1"/></body>
    </worldbody></mujoco>)");
  opened.view.Follow(opened.task, StateAt(*opened.task, {0.4, 0, 0.2, 1, 0, 0, 0}), {});
  opened.view.SetFixedCamera(0);
  const Glimpse seen = See(opened.view, 0.4, 0, 0.2);
  CHECK(seen.x == Approx(200 + 250 * 0.4 / 2).epsilon(1e-5));
  CHECK(seen.y == Approx(150 - 250 * 0.2 / 2).epsilon(1e-5));
  CHECK(opened.view.Select(seen.x, seen.y, kWidth, kHeight) == 1);
}

TEST_CASE("a new task is seen through the camera it names, else through a free one that frames the scene") {
  Opened named(kScene, R"json({"scene": "scene.xml", "camera": "flat", "control_timestep_s": 0.02})json");
  CHECK(named.view.camera.type == mjCAMERA_FIXED);
  CHECK(named.view.camera.fixedcamid == 1);

  Opened opened;
  CHECK(opened.view.camera.type == mjCAMERA_FREE);
  for (const double x : {-0.1, 0.5}) {
    const Glimpse seen = See(opened.view, x, 0, 0);
    CHECK(seen.visible);
    CHECK(std::abs(seen.x - kWidth / 2.0) < kWidth / 2.0);
    CHECK(std::abs(seen.y - kHeight / 2.0) < kHeight / 2.0);
  }
}

TEST_CASE("orbiting turns the eye around what it looks at") {
  Opened opened;
  LookNorth(opened.view);
  opened.view.Orbit(kHeight / 2.0, 0, kHeight);  // a quarter turn: now looking east
  CHECK(See(opened.view, 0, 0, 0).x == Approx(kWidth / 2.0));
  const Glimpse west = See(opened.view, 0, 0.3, 0.1);
  CHECK(west.x == Approx(kWidth / 2.0 - kFocalPx * 0.3 / 2));
  CHECK(west.y == Approx(kHeight / 2.0 - kFocalPx * 0.1 / 2));

  LookNorth(opened.view);
  opened.view.Orbit(0, kHeight / 6.0, kHeight);  // dragged down: the eye rises by 30 degrees
  CHECK(opened.view.camera.elevation == Approx(-30));
  opened.view.Orbit(0, 10.0 * kHeight, kHeight);
  CHECK(opened.view.camera.elevation > -90);
}

TEST_CASE("panning takes what is looked at along with the mouse") {
  Opened opened;
  LookNorth(opened.view);
  opened.view.Pan(30, -20, kHeight, false);
  const Glimpse moved = See(opened.view, 0, 0, 0);
  CHECK(moved.x == Approx(kWidth / 2.0 + 30).epsilon(1e-4));
  CHECK(moved.y == Approx(kHeight / 2.0 - 20).epsilon(1e-4));

  LookNorth(opened.view);
  opened.view.Pan(0, 20, kHeight, true);  // dragged down: over the floor, towards the eye
  CHECK(opened.view.camera.lookat[1] > 0.1);
  CHECK(opened.view.camera.lookat[2] == Approx(0));
}

TEST_CASE("zooming comes nearer and goes back") {
  Opened opened;
  LookNorth(opened.view);
  const double before = See(opened.view, 0.3, 0, 0).x - kWidth / 2.0;
  opened.view.Zoom(1);
  const double distance = opened.view.camera.distance;
  CHECK(distance < 2 * 0.95);
  CHECK(distance > 2 * 0.7);
  CHECK(See(opened.view, 0.3, 0, 0).x - kWidth / 2.0 == Approx(before * 2 / distance));
  opened.view.Zoom(-1);
  CHECK(opened.view.camera.distance == Approx(2).epsilon(0.05));
  opened.view.Zoom(1e6);
  CHECK(opened.view.camera.distance > 0);
  opened.view.Zoom(-1e6);
  CHECK(std::isfinite(opened.view.camera.distance));
}

TEST_CASE("a fixed camera that is moved becomes a free one that sees the same") {
  Opened opened;
  for (int camera = 0; camera < 2; ++camera) {
    opened.view.SetFixedCamera(camera);
    const Glimpse before = See(opened.view, 0, 0.1, 0.2);
    opened.view.Orbit(0, 0, kHeight);
    CHECK(opened.view.camera.type == mjCAMERA_FREE);
    const Glimpse after = See(opened.view, 0, 0.1, 0.2);
    CHECK(after.x == Approx(before.x).epsilon(0.05));
    CHECK(after.y == Approx(before.y).epsilon(0.05));
  }
}

TEST_CASE("a tracking camera keeps its body in the middle") {
  Opened opened;
  LookNorth(opened.view);
  opened.view.TrackBody(1);
  opened.view.Follow(opened.task, StateAt(*opened.task, BallAt(3, 1, 0.5)), {});
  const Glimpse seen = See(opened.view, 3, 1, 0.5);
  CHECK(seen.x == Approx(kWidth / 2.0));
  CHECK(seen.y == Approx(kHeight / 2.0));
  opened.view.SetFreeCamera();  // lets go where it is
  opened.view.Follow(opened.task, StateAt(*opened.task, BallAt(0, 0, 0)), {});
  CHECK(See(opened.view, 3, 1, 0.5).x == Approx(kWidth / 2.0));
}

TEST_CASE("selecting takes the nearest body under the pixel, and nothing on floor and sky") {
  Opened opened;
  SceneView& view = opened.view;
  LookNorth(view);
  const Glimpse ball = See(view, 0, 0, 0), box = See(view, 0.4, 0.4, 0), sky = See(view, -0.5, 0, 0.5),
             floor = See(view, -0.3, 0, -0.5);
  CHECK(view.Select(ball.x, ball.y, kWidth, kHeight) == 1);
  CHECK(view.selected_body == 1);
  CHECK(view.perturbation.select == 1);
  CHECK(view.Select(box.x, box.y, kWidth, kHeight) == 2);
  CHECK(view.Select(floor.x, floor.y, kWidth, kHeight) == 0);
  CHECK(view.selected_body == 0);
  CHECK(view.Select(sky.x, sky.y, kWidth, kHeight) == 0);
  // Just within the ball's outline and just without.
  const double radius_px = kFocalPx * std::tan(std::asin(0.1 / 2));
  CHECK(view.Select(ball.x + radius_px - 0.5, ball.y, kWidth, kHeight) == 1);
  CHECK(view.Select(ball.x + radius_px + 0.5, ball.y, kWidth, kHeight) == 0);
  // The ball before the box.
  view.Follow(opened.task, StateAt(*opened.task, BallAt(0.4, 0, 0)), {});
  const Glimpse both = See(view, 0.4, 0, 0);
  CHECK(view.Select(both.x, both.y, kWidth, kHeight) == 1);
}

TEST_CASE("a pushed body's reference goes where the mouse drags it") {
  Opened opened;
  SceneView& view = opened.view;
  enum { kNorth, kFlat, kDown };
  for (const int look : {kNorth, kFlat, kDown}) {
    CAPTURE(look);
    LookNorth(view);
    if (look == kFlat) view.SetFixedCamera(1);
    if (look == kDown) view.camera.elevation = -90;
    const Glimpse start = look == kDown ? See(view, 0.05, 0, 0.1) : See(view, 0.05, -0.05, 0);
    REQUIRE(view.Select(start.x, start.y, kWidth, kHeight) == 1);
    view.BeginPerturbation(false);
    CHECK(view.perturbation.active == mjPERT_TRANSLATE);
    std::array<double, 3> from, held, to;
    std::copy_n(view.perturbation.refselpos, 3, held.begin());
    std::copy_n(view.perturbation.refpos, 3, from.begin());
    CHECK(from[0] == Approx(0));
    view.MovePerturbation(40, 0, kWidth, kHeight, false);
    view.MovePerturbation(0, -25, kWidth, kHeight, false);
    std::copy_n(view.perturbation.refpos, 3, to.begin());
    const double* now = view.perturbation.refselpos;
    const Glimpse before = See(view, held[0], held[1], held[2]), after = See(view, now[0], now[1], now[2]);
    CHECK(before.x == Approx(start.x).epsilon(1e-3));
    CHECK(after.x - before.x == Approx(40).epsilon(1e-3));
    CHECK(after.y - before.y == Approx(-25).epsilon(1e-3));
    for (size_t i = 0; i < 3; ++i) CHECK(to[i] - from[i] == Approx(now[i] - held[i]));
    CHECK(to[0] > 0.1);
    CHECK(to[look == kDown ? 1 : 2] > 0.1);
    view.EndPerturbation();
    CHECK(view.perturbation.active == 0);
    view.MovePerturbation(40, 0, kWidth, kHeight, false);
    CHECK(view.perturbation.refpos[0] == to[0]);
  }
}

TEST_CASE("in a narrow view, which shows as much from side to side, a pushed body stays below the mouse too") {
  Opened opened;
  SceneView& view = opened.view;
  LookNorth(view);
  constexpr int kNarrow = 200;
  view.selected_body = 1;
  view.BeginPerturbation(false);
  const double* at = view.perturbation.refselpos;
  const Glimpse before = See(view, at[0], at[1], at[2], kNarrow);
  view.MovePerturbation(30, 20, kNarrow, kHeight, false);
  const Glimpse after = See(view, at[0], at[1], at[2], kNarrow);
  CHECK(after.x - before.x == Approx(30).epsilon(1e-3));
  CHECK(after.y - before.y == Approx(20).epsilon(1e-3));
}

TEST_CASE("a twisted body's reference turns, and a body chosen in a list can be pushed at its middle") {
  Opened opened;
  SceneView& view = opened.view;
  LookNorth(view);
  view.selected_body = 2;
  view.BeginPerturbation(true);
  CHECK(view.perturbation.select == 2);
  CHECK(view.perturbation.active == mjPERT_ROTATE);
  const double quarter = kHeight / 8.0;  // an eighth of a turn
  view.MovePerturbation(quarter, 0, kWidth, kHeight, false);
  CHECK(std::abs(view.perturbation.refquat[0]) == Approx(std::cos(3.14159265358979323846 / 8)));
  CHECK(std::abs(view.perturbation.refquat[3]) == Approx(std::sin(3.14159265358979323846 / 8)));

  view.EndPerturbation();
  view.BeginPerturbation(false);
  CHECK(view.perturbation.refselpos[0] == Approx(0.4));
  CHECK(view.perturbation.refselpos[1] == Approx(0.5));
}

TEST_CASE("the data followed has everything derived, and the shared model stays untouched") {
  Opened opened(R"(<mujoco><worldbody>
      <geom type="plane" size="5 5 .1"/>
      <body name="ball" pos="0 0 1"><freejoint/><geom name="ball" size=".1"/></body>
    </worldbody></mujoco>)",
                R"json({"scene": "scene.xml", "control_timestep_s": 0.02,
                    "reset": [{"set": "geom_size(ball).x", "to": "uniform(0.1, 0.2)"}]})json");
  SceneView& view = opened.view;
  const double size = opened.task->model()->geom_size[3];
  view.Follow(opened.task, StateAt(*opened.task, {0, 0, 1, 1, 0, 0, 0}), {0.3});
  CHECK(view.data()->ncon == 0);
  CHECK(view.data()->xpos[3 + 2] == Approx(1));
  view.Follow(opened.task, StateAt(*opened.task, {0, 0, 0.29, 1, 0, 0, 0}), {0.3});
  CHECK(view.data()->ncon == 1);
  view.Follow(opened.task, StateAt(*opened.task, {0, 0, 0.29, 1, 0, 0, 0}), {0.2});
  CHECK(view.data()->ncon == 0);
  CHECK(view.model() != opened.task->model());
  CHECK(view.model()->geom_size[3] == Approx(0.2));
  CHECK(opened.task->model()->geom_size[3] == size);

  Opened plain;
  CHECK(plain.view.model() == plain.task->model());
}

TEST_CASE("a task loaded again keeps camera and selection by name, another one begins anew") {
  Opened opened;
  SceneView& view = opened.view;
  LookNorth(view);
  view.selected_body = 2;
  const std::string edited = [] {
    std::string text = kScene;
    text.insert(text.find("<body name=\"ball\""), "<body name=\"new\"><geom size=\".01\"/></body>");
    return text;
  }();
  const auto again = Compile(opened.folder, edited);
  view.Follow(again, StateAt(*again, BallAt(0, 0, 0)), {});
  CHECK(view.selected_body == 3);
  CHECK(view.camera.distance == 2);

  TemporaryFolder elsewhere;
  const auto other = Compile(elsewhere, kScene, R"json({"scene": "scene.xml", "control_timestep_s": 0.02})json");
  view.Follow(other, StateAt(*other, BallAt(0, 0, 0)), {});
  CHECK(view.selected_body == 0);
  CHECK(view.camera.distance != 2);
}

TEST_CASE("without a task, of no size and with what the model does not have, nothing happens") {
  SceneView view;
  CHECK(view.model() == nullptr);
  CHECK(view.data() == nullptr);
  const auto try_all = [&] {
    view.SetFixedCamera(99);
    view.TrackBody(99);
    view.Orbit(1, 1, 0);
    view.Pan(1, 1, 0, true);
    view.Zoom(std::nan(""));
    view.BeginPerturbation(true);
    view.MovePerturbation(1, 1, 0, 0, false);
    view.EndPerturbation();
    double x, y;
    const double point[3] = {0, 0, 0};
    CHECK_FALSE(view.Project(point, 0, 0, x, y));
    CHECK(view.Select(0, 0, 0, 0) == 0);
  };
  try_all();
  Opened opened;
  view.Follow(opened.task, StateAt(*opened.task, BallAt(0, 0, 0)), {});
  try_all();
  view.selected_body = 99;
  view.camera.type = mjCAMERA_FIXED;
  view.camera.fixedcamid = 99;
  view.Follow(opened.task, StateAt(*opened.task, BallAt(0, 0, std::nan(""))), {});
  CHECK(view.selected_body == 0);
  CHECK(view.camera.type == mjCAMERA_FREE);
  CHECK(view.data() != nullptr);
  view.Follow(nullptr, {}, {});
  CHECK(view.model() == nullptr);
  try_all();
}
