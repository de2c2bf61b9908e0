// What a camera sees is computed by hand: an orthographic camera 2 m high maps metres to pixels exactly, and
// light that is ambient alone shows every colour as the scene states it.
#include "ui/desktop/scene_renderer.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/gl_context.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::task_fixture;

namespace {

using Pixel = std::array<int, 3>;
constexpr Pixel kBlack{0, 0, 0}, kRed{255, 0, 0}, kBlue{0, 0, 255};
constexpr float kCyan[4] = {0, 1, 1, 0.4f};

// Seen from "front": a red box at the left, which slides up and down, and a blue one at the right.
const char* const kBoxes = R"(<mujoco>
  <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
  <worldbody>
    <camera name="front" projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
    <geom type="box" pos="0.5 0 0" size="0.25 0.25 0.25" rgba="0 0 1 1"/>
    <body name="red" pos="-0.5 0 0">
      <joint type="slide" axis="0 0 1"/>
      <geom name="red" type="box" size="0.25 0.25 0.25" rgba="1 0 0 1"/>
    </body>
  </worldbody>
</mujoco>)";

bool NoDriver() {
  try {
    DescribeGl();
    return false;
  } catch (const DeviceError& error) {
    MESSAGE("skipped: ", error.what());
    return true;
  }
}

SceneRequest RequestOf(std::shared_ptr<const CompiledTask> task, const std::vector<double>& qpos, int width = 96,
                       int height = 64) {
  SceneRequest request;
  const DataPtr data(mj_makeData(task->model()));
  std::copy(qpos.begin(), qpos.end(), data->qpos);
  request.state.resize(static_cast<size_t>(task->state_size()));
  mj_getState(task->model(), data.get(), request.state.data(), mjSTATE_INTEGRATION);
  request.camera.type = task->model()->ncam > 0 ? mjCAMERA_FIXED : mjCAMERA_FREE;
  mjv_defaultOption(&request.option);
  mjv_defaultPerturb(&request.perturbation);
  request.render_flags[mjRND_CULL_FACE] = 1;
  request.width = width;
  request.height = height;
  request.task = std::move(task);
  return request;
}

Ghost GhostAt(double height) {
  Ghost ghost{{height}, {}};
  std::ranges::copy(kCyan, ghost.rgba);
  return ghost;
}

Pixel At(const SceneFrame& frame, int row, int column) {
  const uint8_t* p = &frame.rgb[3 * (static_cast<size_t>(row) * static_cast<size_t>(frame.width) +
                                     static_cast<size_t>(column))];
  return {p[0], p[1], p[2]};
}

SceneFrame Draw(SceneDrawer& drawer, const SceneRequest& request) {
  SceneFrame frame;
  drawer.Draw(request, frame);
  REQUIRE(frame.rgb.size() == static_cast<size_t>(frame.width) * static_cast<size_t>(frame.height) * 3);
  return frame;
}

SceneFrame Draw(const SceneRequest& request) {
  SceneDrawer drawer;
  return Draw(drawer, request);
}

/// Pixels that differ from kBoxes with the red box at a height.
int Wrong(const SceneFrame& frame, double height = 0) {
  const double metres = 2.0 / frame.height;
  int wrong = 0;
  for (int row = 0; row < frame.height; ++row) {
    for (int column = 0; column < frame.width; ++column) {
      const double right = (column + 0.5 - frame.width / 2.0) * metres;
      const double up = (frame.height / 2.0 - row - 0.5) * metres;
      const bool red = std::abs(right + 0.5) < 0.25 && std::abs(up - height) < 0.25;
      const bool blue = std::abs(right - 0.5) < 0.25 && std::abs(up) < 0.25;
      wrong += At(frame, row, column) != (red ? kRed : blue ? kBlue : kBlack);
    }
  }
  return wrong;
}

std::shared_ptr<const SceneFrame> WaitFor(const SceneRenderer& renderer, uint64_t serial) {
  for (;;) {
    const auto frame = renderer.Frame();
    if (frame && frame->serial == serial) return frame;
    REQUIRE_MESSAGE(renderer.error().empty(), renderer.error());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::string WaitForError(const SceneRenderer& renderer) {
  std::string error;
  while ((error = renderer.error()).empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return error;
}

}  // namespace

TEST_CASE("bodies are drawn where the state puts them, first row on top, at every size in turn") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const auto task = Compile(folder, kBoxes);
  SceneDrawer drawer;
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0})), 0) == 0);
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0.5})), 0.5) == 0);
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0.5}, 768, 512)), 0.5) == 0);
  CHECK(Wrong(Draw(drawer, RequestOf(task, {-0.5}, 48, 32)), -0.5) == 0);
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0}, 3840, 2048))) == 0);
  CHECK(Draw(drawer, RequestOf(task, {0}, 1, 1)).rgb.size() == 3);
  CHECK(Draw(drawer, RequestOf(task, {0}, 1, 300)).height == 300);
  CHECK(Draw(drawer, RequestOf(task, {0}, 300, 1)).width == 300);
  CHECK(Draw(drawer, RequestOf(task, {0}, 0, 40)).rgb.empty());
  CHECK(Draw(drawer, RequestOf(task, {0}, -3, 40)).rgb.empty());
  const SceneFrame widest = Draw(drawer, RequestOf(task, {0}, std::numeric_limits<int>::max(), 1));
  CHECK(widest.width >= 2048);
  CHECK(widest.width < std::numeric_limits<int>::max());
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0}))) == 0);
}

TEST_CASE("one task after another is drawn by the same drawer") {
  if (NoDriver()) return;
  TemporaryFolder folder, other_folder;
  const auto task = Compile(folder, kBoxes);
  const auto other = Compile(other_folder, R"(<mujoco>
      <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
      <asset><texture name="t" type="2d" builtin="flat" rgb1="0 1 0" width="8" height="8"/>
        <material name="m" texture="t"/></asset>
      <worldbody>
        <camera projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
        <body><freejoint/><geom type="box" size=".25 .25 .25" material="m"/></body>
        <body><freejoint/><geom type="sphere" size=".01"/></body>
      </worldbody></mujoco>)");
  SceneDrawer drawer;
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0}))) == 0);
  const SceneFrame frame = Draw(drawer, RequestOf(other, {0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 1, 0, 0, 0}));
  CHECK(At(frame, 32, 48) == Pixel{0, 255, 0});
  CHECK(At(frame, 32, 20) == kBlack);
  CHECK(Wrong(Draw(drawer, RequestOf(task, {0.25})), 0.25) == 0);
}

TEST_CASE("a ghost tints the pixels where its pose is, and nothing else") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  SceneRequest request = RequestOf(Compile(folder, kBoxes), {0});
  request.ghosts = {GhostAt(-0.625)};
  SceneDrawer drawer;
  const SceneFrame frame = Draw(drawer, request);
  int ghostly = 0, wrong = 0;
  SceneRequest plain = request;
  plain.ghosts.clear();
  const SceneFrame without = Draw(drawer, plain);
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < 96; ++column) {
      const double right = (column - 47.5) / 32, up = (31.5 - row) / 32;
      const bool inside = std::abs(right + 0.5) < 0.25 && std::abs(up + 0.625) < 0.25 && up < -0.25;
      const Pixel seen = At(frame, row, column);
      if (inside) {  // four tenths of the tint over black
        ++ghostly;
        wrong += seen[0] != 0 || std::abs(seen[1] - 102) > 2 || std::abs(seen[2] - 102) > 2;
      } else {
        wrong += seen != At(without, row, column);
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(ghostly == 16 * 16);
  CHECK(Wrong(without) == 0);

  // Of another task, or of a model that went astray: left out.
  request.ghosts = {Ghost{{0.1, 0.2}, {0, 1, 1, 1}}, GhostAt(std::nan("")), Ghost{{}, {0, 1, 1, 1}}};
  CHECK(Wrong(Draw(drawer, request)) == 0);
}

TEST_CASE("a ghost has the outline of the body that it copies, whatever its shape") {
  if (NoDriver()) return;
  const char* const kGeoms[] = {
      R"(<geom type="sphere" size=".3"/>)",
      R"(<geom type="ellipsoid" size=".4 .2 .3"/>)",
      R"(<geom type="capsule" size=".15 .3"/>)",
      R"(<geom type="cylinder" size=".2 .3"/>)",
      R"(<geom type="box" size=".1 .2 .3"/>)",
      R"(<geom type="mesh" mesh="wedge" pos=".1 0 0" euler="20 0 0"/>)",
      R"(<geom type="mesh" mesh="fine"/>)",
      R"(<geom type="box" size=".1 .2 .1" pos=".2 .1 0"/><geom type="sphere" size=".2" group="4"/>)",  // one unseen
  };
  for (const char* geom : kGeoms) {
    CAPTURE(geom);
    TemporaryFolder folder;
    SceneRequest request = RequestOf(
        Compile(folder, std::string(R"(<mujoco><asset>
            <mesh name="wedge" vertex="0 0 0 .6 0 0 0 .4 0 0 0 .5 .6 0 .2 .3 .3 .3"/>
            <mesh name="fine" builtin="supersphere" params="48 .6 .6" scale=".3 .2 .4"/></asset>
            <worldbody><body><freejoint/>)") + geom + "</body></worldbody></mujoco>"),
        {0.1, 0.2, 0.1, 0.8, 0.36, -0.48, 0.2}, 200, 200);
    request.camera.distance = 2;
    request.camera.azimuth = 30;
    request.camera.elevation = -20;
    SceneDrawer drawer;
    const SceneFrame real = Draw(drawer, request);
    const Ghost ghost{{0.1, 0.2, 0.1, 0.8, 0.36, -0.48, 0.2}, {1, 1, 1, 1}};
    request = [&] {
      SceneRequest away = RequestOf(request.task, {0, 0, 500, 1, 0, 0, 0}, 200, 200);
      away.camera = request.camera;
      return away;
    }();
    request.ghosts = {ghost};
    const SceneFrame copy = Draw(drawer, request);
    int both = 0, differ = 0;
    for (int row = 0; row < 200; ++row) {
      for (int column = 0; column < 200; ++column) {
        const bool in_real = At(real, row, column) != kBlack, in_copy = At(copy, row, column) != kBlack;
        both += in_real && in_copy;
        differ += in_real != in_copy;
      }
    }
    CHECK(both > 500);
    CHECK(differ < both / 25);
  }
}

TEST_CASE("many thousand ghosts at once are all drawn") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  SceneRequest request = RequestOf(Compile(folder, kBoxes), {0});
  request.ghosts.assign(7000, GhostAt(50));  // out of sight
  request.ghosts.push_back(GhostAt(-0.6));
  const SceneFrame frame = Draw(request);
  CHECK(std::abs(At(frame, 32 + 19, 32)[1] - 102) <= 2);
}

TEST_CASE("traces are lines through their points, hidden behind bodies, later ones over earlier ones") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  SceneRequest request = RequestOf(Compile(folder, kBoxes), {0}, 192, 128);
  // Half a metre below the middle, then behind the boxes, then before them.
  request.traces = {Trace{{-1, 0, -0.5f, 0, 0, -0.5f, 1, 0, -0.5f}, {0, 1, 0, 1}, 3},
                    Trace{{-1.2f, 1, 0.125f, 1.2f, 1, 0.125f}, {1, 1, 1, 1}, 3},
                    Trace{{-1.2f, -1, -0.125f, 1.2f, -1, -0.125f}, {0, 1, 1, 1}, 3},
                    Trace{{0, 0, -0.9f, 0, 0, 0.9f}, {1, 1, 0, 1}, 3}};
  SceneDrawer drawer;
  const SceneFrame frame = Draw(drawer, request);
  const int below = 64 + 32, behind = 64 - 8, before = 64 + 8;
  CHECK(At(frame, below, 50) == Pixel{0, 255, 0});
  CHECK(At(frame, below, 150) == Pixel{0, 255, 0});
  CHECK(At(frame, below, 96) == Pixel{255, 255, 0});
  CHECK(At(frame, below, 10) == kBlack);
  CHECK(At(frame, behind, 30) == Pixel{255, 255, 255});
  CHECK(At(frame, behind, 64) == kRed);
  CHECK(At(frame, behind, 128) == kBlue);
  CHECK(At(frame, before, 64) == Pixel{0, 255, 255});
  CHECK(At(frame, below + 8, 50) == kBlack);

  // Half transparent, and broken where it is not finite.
  const float nan = std::nanf("");
  request.traces = {Trace{{-1, 0, -0.5f, -0.5f, 0, -0.5f, nan, 0, 0, 0.5f, 0, -0.5f, 1, 0, -0.5f}, {0, 1, 0, 0.5f}, 3},
                    Trace{}, Trace{{1, 1}, {1, 1, 1, 1}, 1}};
  const SceneFrame broken = Draw(drawer, request);
  CHECK(std::abs(At(broken, below, 45)[1] - 128) <= 3);
  CHECK(std::abs(At(broken, below, 147)[1] - 128) <= 3);
  CHECK(At(broken, below, 96) == kBlack);
}

TEST_CASE("traces lie where bodies lie in a perspective view too") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  SceneRequest request = RequestOf(Compile(folder, R"(<mujoco>
      <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
      <worldbody><body pos="0.3 0.4 0.2"><freejoint/><geom size=".04" rgba="1 0 0 1"/></body></worldbody>
      </mujoco>)"), {0.3, 0.4, 0.2, 1, 0, 0, 0}, 300, 200);
  request.camera.azimuth = 130;
  request.camera.elevation = -35;
  request.camera.distance = 2;
  SceneDrawer drawer;
  const auto middle = [&](Pixel wanted) {
    const SceneFrame frame = Draw(drawer, request);
    double x = 0, y = 0, n = 0;
    for (int row = 0; row < 200; ++row) {
      for (int column = 0; column < 300; ++column) {
        if (At(frame, row, column) != wanted) continue;
        x += column, y += row, n += 1;
      }
    }
    REQUIRE(n > 0);
    return std::array<double, 2>{x / n, y / n};
  };
  const auto ball = middle(kRed);
  request.traces = {Trace{{0.3f, 0.4f, 0.17f, 0.3f, 0.4f, 0.23f}, {0, 1, 0, 1}, 4}};
  request.option.geomgroup[0] = 0;  // the ball aside
  const auto line = middle({0, 255, 0});
  CHECK(std::abs(line[0] - ball[0]) <= 1);
  CHECK(std::abs(line[1] - ball[1]) <= 1);
}

TEST_CASE("what a reset drew into the model is drawn, and the shared model stays") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const auto task = Compile(folder, kBoxes, R"json({"scene": "scene.xml", "control_timestep_s": 0.02,
      "reset": [{"set": "geom_size(red).x", "to": "uniform(0.1, 0.4)"}]})json");
  SceneDrawer drawer;
  SceneRequest request = RequestOf(task, {0});
  const auto width = [&](double half) {
    request.parameters = {half};
    const SceneFrame frame = Draw(drawer, request);
    int pixels = 0;
    for (int column = 0; column < frame.width; ++column) pixels += At(frame, 32, column) == kRed;
    return pixels;
  };
  CHECK(width(0.125) == 8);
  CHECK(width(0.375) == 24);
  CHECK(width(0.125) == 8);
  CHECK(task->model()->geom_size[3] == 0.25);
}

TEST_CASE("the selected body shines, and a push is drawn from it to where it is pulled") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  std::string dim = kBoxes;
  dim.replace(dim.find("1 0 0 1\"/>"), 7, "0.4 0 0 1");
  SceneRequest request = RequestOf(Compile(folder, dim), {0});
  SceneDrawer drawer;
  const SceneFrame plain = Draw(drawer, request);
  request.perturbation.select = 1;
  const SceneFrame selected = Draw(drawer, request);
  CHECK(At(selected, 32, 32)[0] > At(plain, 32, 32)[0] + 10);
  CHECK(At(selected, 32, 64) == kBlue);

  request.perturbation.active = mjPERT_TRANSLATE;
  const double from[3] = {-0.5, -0.25, 0}, to[3] = {-0.5, -0.25, 0.8};
  std::copy_n(from, 3, request.perturbation.localpos);
  request.perturbation.localpos[0] = 0;
  std::copy_n(to, 3, request.perturbation.refselpos);
  request.perturbation.refquat[0] = 1;
  const SceneFrame pushed = Draw(drawer, request);
  int drawn = 0;
  for (int row = 8; row < 24; ++row) {
    for (int column = 24; column < 40; ++column) drawn += At(pushed, row, column) != kBlack;
  }
  CHECK(drawn > 5);

  request.perturbation.select = 99;  // of another model
  CHECK(At(Draw(drawer, request), 32, 32) == At(plain, 32, 32));
}

TEST_CASE("a model without sky and light gets both, one that has them keeps its own") {
  if (NoDriver()) return;
  TemporaryFolder bare_folder, own_folder;
  const char* const ball = R"(<body><freejoint/><geom size=".5" rgba=".8 .8 .8 1"/></body></worldbody></mujoco>)";
  const std::vector<double> qpos{0, 0, 0, 1, 0, 0, 0};
  SceneRequest request = RequestOf(Compile(bare_folder, std::string("<mujoco><worldbody>") + ball), qpos, 100, 100);
  request.camera.azimuth = 90;
  request.camera.distance = 4;
  request.render_flags[mjRND_SKYBOX] = 1;
  const SceneFrame bare = Draw(request);
  const Pixel top = At(bare, 1, 50), middle = At(bare, 50, 2), bottom = At(bare, 98, 50);
  CHECK(middle[2] > 100);               // light at the horizon,
  CHECK(top[2] < middle[2]);            // darker above
  CHECK(top[2] > top[0] + 10);          // and blue,
  CHECK(bottom[2] < middle[2]);         // darker below
  CHECK(std::abs(At(bare, 50, 97)[2] - middle[2]) <= 3);
  CHECK(At(bare, 40, 50)[0] > 120);     // the ball is lit from above
  CHECK(At(bare, 40, 50)[0] > At(bare, 60, 50)[0] + 20);

  request.task = Compile(own_folder, std::string(R"(<mujoco>
      <visual><headlight active="0"/></visual>
      <asset><texture type="skybox" builtin="flat" rgb1="1 0 1" width="8" height="48"/></asset>
      <worldbody><light directional="true" dir="0 0 1" diffuse="1 1 1" ambient="0 0 0" specular="0 0 0"/>)") + ball);
  const SceneFrame own = Draw(request);
  CHECK(At(own, 2, 2) == Pixel{255, 0, 255});
  CHECK(At(own, 40, 50)[0] < 10);       // lit from below alone
  CHECK(At(own, 60, 50)[0] > 60);
}

TEST_CASE("kept pictures have smooth edges") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const SceneRequest request = RequestOf(Compile(folder, R"(<mujoco>
      <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
      <worldbody><camera projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
      <geom type="box" size=".5 .5 .5" euler="0 30 0" rgba="1 0 0 1"/></worldbody></mujoco>)"), {}, 64, 64);
  SceneDrawer drawer(RenderQuality::kFull);
  const SceneFrame frame = Draw(drawer, request);
  int between = 0;
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < 64; ++column) {
      const Pixel pixel = At(frame, row, column);
      between += pixel != kRed && pixel != kBlack;
    }
  }
  CHECK(between > 50);
}

TEST_CASE("a camera that the model does not have becomes one that sees the whole scene") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  SceneRequest request = RequestOf(Compile(folder, kBoxes), {0});
  SceneDrawer drawer;
  for (const int type : {mjCAMERA_FIXED, mjCAMERA_TRACKING, mjCAMERA_USER, mjCAMERA_FREE}) {
    request.camera = mjvCamera{};
    request.camera.type = type;
    request.camera.fixedcamid = request.camera.trackbodyid = 77;
    const SceneFrame frame = Draw(drawer, request);
    int red = 0;
    for (int row = 0; row < 64; ++row) {
      for (int column = 0; column < 96; ++column) red += At(frame, row, column) == kRed;
    }
    CHECK(red > 20);
  }
}

TEST_CASE("every flag can be drawn, and a state that is not finite does no harm") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  SceneRequest request = RequestOf(Compile(folder, kBoxes), {0});
  SceneDrawer drawer;
  for (int flag = 0; flag < mjNRNDFLAG; ++flag) {
    request.render_flags[flag] = 1;
    Draw(drawer, request);
    request.render_flags[flag] = 0;
  }
  std::ranges::fill(request.option.flags, 1);
  request.option.label = mjLABEL_BODY;
  request.option.frame = mjFRAME_BODY;
  Draw(drawer, request);
  mjv_defaultOption(&request.option);
  SceneRequest astray = RequestOf(request.task, {std::nan("")});
  Draw(drawer, astray);
  CHECK(Wrong(Draw(drawer, request)) == 0);
}

TEST_CASE("the renderer shows the newest request, whatever was asked before") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const auto task = Compile(folder, kBoxes);
  SceneRenderer renderer;
  CHECK(renderer.Frame() == nullptr);
  for (uint64_t serial = 1; serial <= 300; ++serial) {
    SceneRequest request = RequestOf(task, {serial == 300 ? 0.25 : -0.001 * static_cast<double>(serial)});
    request.serial = serial;
    renderer.Submit(std::move(request));
  }
  const auto frame = WaitFor(renderer, 300);
  CHECK(Wrong(*frame, 0.25) == 0);
  CHECK(frame->render_ms > 0);

  SceneRequest same = RequestOf(task, {0.25});
  same.serial = 301;
  renderer.Submit(same);
  CHECK(WaitFor(renderer, 301)->rgb == frame->rgb);
  SceneRequest other = RequestOf(task, {0.25}, 48, 32);
  other.serial = 302;
  renderer.Submit(other);
  CHECK(Wrong(*WaitFor(renderer, 302), 0.25) == 0);
  CHECK(Wrong(*frame, 0.25) == 0);  // what was taken stays as it was
}

TEST_CASE("what cannot be drawn is one line, and the next task is drawn") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const auto task = Compile(folder, kBoxes);
  SceneRenderer renderer;
  renderer.Submit({});
  CHECK(IsOneLine(WaitForError(renderer)));
  SceneRequest request = RequestOf(task, {0});
  request.serial = 7;
  renderer.Submit(request);
  while (!renderer.Frame()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  CHECK(Wrong(*renderer.Frame()) == 0);
  while (!renderer.error().empty()) std::this_thread::sleep_for(std::chrono::milliseconds(1));

  request.state.pop_back();
  renderer.Submit(request);
  const std::string error = WaitForError(renderer);
  CHECK(IsOneLine(error));
  CHECK(Contains(error, "cannot draw"));
  CHECK(renderer.Frame()->serial == 7);
}

TEST_CASE("a drawer whose context the driver has lost says so in one line, and the renderer goes on with a new one") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const auto task = Compile(folder, kBoxes);
  SceneDrawer drawer;
  SceneFrame frame;
  drawer.Draw(RequestOf(task, {0}), frame);
  CHECK(Wrong(frame) == 0);
  SceneRenderer renderer;
  SceneRequest request = RequestOf(task, {0});
  request.serial = 1;
  renderer.Submit(request);
  WaitFor(renderer, 1);

  GlContext::PretendReset();
  std::string said;
  try {
    drawer.Draw(RequestOf(task, {0.25}), frame);
  } catch (const DeviceError& error) {
    said = error.what();
  }
  CHECK(Contains(said, "the graphics driver was reset"));
  CHECK(IsOneLine(said));
  request = RequestOf(task, {0.25});
  request.serial = 2;
  renderer.Submit(request);
  CHECK(Wrong(*WaitFor(renderer, 2), 0.25) == 0);
  CHECK(renderer.error() == "");
}

TEST_CASE("renderers can be ended at any time, and work side by side") {
  if (NoDriver()) return;
  TemporaryFolder folder;
  const auto task = Compile(folder, kBoxes);
  { SceneRenderer idle; }
  for (int round = 0; round < 5; ++round) {
    SceneRenderer first, second;
    for (int i = 0; i < round; ++i) {
      first.Submit(RequestOf(task, {0.01 * i}));
      second.Submit(RequestOf(task, {0.02 * i}, 30, 20));
    }
  }
}

// Run by the next case in a process of its own, whose environment hides every EGL driver.
TEST_CASE("ask for a picture without a driver" * doctest::skip(true)) {
  TemporaryFolder folder;
  SceneRenderer renderer;
  renderer.Submit(RequestOf(Compile(folder, kBoxes), {0}));
  std::printf("%s\nstill alive\n", WaitForError(renderer).c_str());
}

TEST_CASE("without an EGL driver, the error says what to install and the program lives on") {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command = "__EGL_VENDOR_LIBRARY_FILENAMES= __EGL_VENDOR_LIBRARY_DIRS=/nonexistent '" + self +
                              "' --no-skip --test-case='ask for a picture without a driver' 2>&1";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (char buffer[512]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) output += buffer;
  pclose(pipe);
  CHECK_MESSAGE(Contains(output, "on Debian, install libegl1 and libgl1-mesa-dri"), output);
  CHECK(Contains(output, "still alive"));
}
