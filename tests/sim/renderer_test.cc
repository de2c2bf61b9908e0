// What a camera sees is computed by hand: an orthographic camera 2 m high maps metres to pixels exactly, and
// light that is ambient alone shows every colour as the scene states it.
#include "sim/renderer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/scene.h"

using namespace reverie;

namespace {

using Pixel = std::array<int, 3>;
constexpr Pixel kBlack{0, 0, 0}, kRed{255, 0, 0}, kGreen{0, 255, 0}, kBlue{0, 0, 255};

// Seen from "front": red at the left, blue at the right, green above the middle. Off-screen size 16 x 16.
const char* const kBoxes = R"(
<mujoco>
  <visual>
    <global offwidth="16" offheight="16"/>
    <headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/>
  </visual>
  <worldbody>
    <camera name="front" projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
    <camera projection="orthographic" fovy="2" pos="0 3 0" xyaxes="-1 0 0 0 0 1"/>
    <geom name="blue" type="box" pos="0.5 0 0" size="0.25 0.25 0.25" rgba="0 0 1 1"/>
    <body name="welded"><geom type="box" pos="0 0 0.75" size="0.125 0.125 0.125" rgba="0 1 0 1"/></body>
    <body name="sliding" pos="-0.5 0 0">
      <joint type="slide" axis="0 0 1"/>
      <geom type="box" size="0.25 0.25 0.25" rgba="1 0 0 1"/>
    </body>
  </worldbody>
</mujoco>)";

struct World {
  ModelPtr model;
  DataPtr data;

  explicit World(const char* xml) {
    char error[500] = "";
    mjSpec* spec = mj_parseXMLString(xml, nullptr, error, sizeof error);
    REQUIRE_MESSAGE(spec != nullptr, error);
    model.reset(mj_compile(spec, nullptr));
    mj_deleteSpec(spec);
    REQUIRE(model);
    data.reset(mj_makeData(model.get()));
    mj_forward(model.get(), data.get());
  }
};

struct Picture {
  int width, height;
  std::vector<uint8_t> rgb;

  Picture(int w, int h) : width(w), height(h), rgb(static_cast<size_t>(w) * h * 3, 77) {}
  Pixel At(int row, int column) const {
    const uint8_t* p = &rgb[3 * (static_cast<size_t>(row) * width + column)];
    return {p[0], p[1], p[2]};
  }
  long Count(const Pixel& colour) const {
    long n = 0;
    for (int r = 0; r < height; ++r) {
      for (int c = 0; c < width; ++c) n += At(r, c) == colour;
    }
    return n;
  }
};

Picture Draw(Renderer& renderer, const World& world, const std::string& camera) {
  Picture picture(renderer.width(), renderer.height());
  renderer.Render(world.model.get(), world.data.get(), camera, picture.rgb);
  return picture;
}

Picture Draw(const World& world, int width, int height, const std::string& camera,
             RenderQuality quality = RenderQuality::kFast) {
  Renderer renderer(world.model.get(), width, height, quality);
  return Draw(renderer, world, camera);
}

/// Colour of kBoxes at (right, up) in metres as the front camera sees it.
Pixel Expected(double right, double up) {
  if (std::abs(right + 0.5) < 0.25 && std::abs(up) < 0.25) return kRed;
  if (std::abs(right - 0.5) < 0.25 && std::abs(up) < 0.25) return kBlue;
  if (std::abs(right) < 0.125 && std::abs(up - 0.75) < 0.125) return kGreen;
  return kBlack;
}

/// Pixels that differ from Expected; `mirror` -1 for the camera behind.
int Wrong(const Picture& picture, double mirror) {
  const double metres = 2.0 / picture.height;
  int wrong = 0;
  for (int row = 0; row < picture.height; ++row) {
    for (int column = 0; column < picture.width; ++column) {
      const double right = (column + 0.5 - picture.width / 2.0) * metres;
      const double up = (picture.height / 2.0 - row - 0.5) * metres;
      wrong += picture.At(row, column) != Expected(mirror * right, up);
    }
  }
  return wrong;
}

bool NoDriver() {
  try {
    DescribeGl();
    return false;
  } catch (const DeviceError& error) {
    MESSAGE("skipped: ", error.what());
    return true;
  }
}

template <typename Call>
std::string MessageOf(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a camera sees every pixel where geometry puts it, first row on top") {
  if (NoDriver()) return;
  const World world(kBoxes);
  const Picture front = Draw(world, 96, 64, "front");
  CHECK(Wrong(front, 1) == 0);
  CHECK(front.At(8, 48) == kGreen);
  CHECK(front.At(32, 32) == kRed);
  CHECK(front.At(32, 64) == kBlue);
}

TEST_CASE("the picture has the size asked for, whatever the scene's own off-screen size") {
  if (NoDriver()) return;
  const World world(kBoxes);
  CHECK(Wrong(Draw(world, 768, 512, "front"), 1) == 0);
  CHECK(Wrong(Draw(world, 64, 128, "front"), 1) == 0);
  const Picture odd = Draw(world, 33, 31, "front");
  CHECK(odd.At(15, 16) == kBlack);
  CHECK(odd.At(15, 8) == kRed);
  CHECK(odd.At(15, 24) == kBlue);
}

TEST_CASE("a camera is chosen by name or by label") {
  if (NoDriver()) return;
  const World world(kBoxes);
  Renderer renderer(world.model.get(), 96, 64, RenderQuality::kFast);
  CHECK(Wrong(Draw(renderer, world, "camera_1"), -1) == 0);
  CHECK(Wrong(Draw(renderer, world, "front"), 1) == 0);

  const World taken(R"(<mujoco>
    <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
    <worldbody>
      <camera pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
      <camera name="camera_0" pos="0 3 0" xyaxes="-1 0 0 0 0 1"/>
      <geom type="box" pos="1 0 0" size=".5 .5 .5" rgba="1 0 0 1"/>
    </worldbody></mujoco>)");
  CHECK(Draw(taken, 64, 64, "camera_0").At(32, 8) == kRed);
  CHECK(Draw(taken, 64, 64, "camera_0_").At(32, 56) == kRed);
}

TEST_CASE("without a camera, the whole scene is in the picture") {
  if (NoDriver()) return;
  const Picture all = Draw(World(kBoxes), 128, 96, "");
  CHECK(all.Count(kRed) > 50);
  CHECK(all.Count(kGreen) > 20);
  CHECK(all.Count(kBlue) > 50);
  for (int column = 0; column < all.width; ++column) {
    CHECK(all.At(0, column) == kBlack);
    CHECK(all.At(all.height - 1, column) == kBlack);
  }
}

TEST_CASE("an unknown camera is refused with near names, and the renderer goes on working") {
  if (NoDriver()) return;
  const World world(kBoxes);
  Renderer renderer(world.model.get(), 32, 32, RenderQuality::kFast);
  Picture picture(32, 32);
  const auto ask = [&](const std::string& camera) {
    return MessageOf([&] { renderer.Render(world.model.get(), world.data.get(), camera, picture.rgb); });
  };
  CHECK(ask("frnt") == "scene has no camera 'frnt'; did you mean 'front'?");
  CHECK(ask("overhead") ==
        "scene has no camera 'overhead'; its cameras: front, camera_1; without a camera, the whole scene is "
        "shown");
  CHECK_THROWS_AS(Draw(renderer, world, "frnt"), SceneError);
  CHECK(Wrong(Draw(renderer, world, "front"), 1) == 0);

  const World bare("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>");
  CHECK(MessageOf([&] { Draw(bare, 8, 8, "front"); }) ==
        "scene has no camera 'front'; the scene has none, so leave the camera out for a view of the whole "
        "scene");
}

TEST_CASE("a buffer of another size, an impossible size and another scene are refused") {
  if (NoDriver()) return;
  const World world(kBoxes);
  Renderer renderer(world.model.get(), 20, 10, RenderQuality::kFast);
  std::vector<uint8_t> small(20 * 10 * 3 - 1);
  CHECK(MessageOf([&] { renderer.Render(world.model.get(), world.data.get(), "", small); }) ==
        "picture buffer has 599 bytes; 10 x 20 x 3 are needed");
  CHECK_THROWS_AS(Renderer(world.model.get(), 0, 10, RenderQuality::kFast), ShapeError);
  CHECK_THROWS_AS(Renderer(world.model.get(), 10, 1 << 24, RenderQuality::kFast), ShapeError);
  const World other("<mujoco><worldbody><geom size='1'/></worldbody></mujoco>");
  CHECK_THROWS_AS(Draw(renderer, other, ""), ShapeError);
}

TEST_CASE("the picture follows the state, and drawing changes neither model nor state") {
  if (NoDriver()) return;
  World world(kBoxes);
  world.data->qpos[0] = 0.5;
  mj_forward(world.model.get(), world.data.get());
  const mjVisual visual = world.model->vis;
  std::vector<mjtNum> before(mj_stateSize(world.model.get(), mjSTATE_INTEGRATION)), after(before.size());
  mj_getState(world.model.get(), world.data.get(), before.data(), mjSTATE_INTEGRATION);

  const Picture up = Draw(world, 96, 64, "front");
  CHECK(up.At(16, 32) == kRed);
  CHECK(up.At(32, 32) == kBlack);

  mj_getState(world.model.get(), world.data.get(), after.data(), mjSTATE_INTEGRATION);
  CHECK(before == after);
  CHECK(std::memcmp(&visual, &world.model->vis, sizeof visual) == 0);
}

TEST_CASE("fast pictures have hard edges and no shadows, full ones smooth edges and shadows") {
  if (NoDriver()) return;
  const World tilted(R"(<mujoco>
    <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
    <worldbody>
      <camera name="c" projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
      <geom type="box" size=".5 .5 .5" euler="0 30 0" rgba="1 0 0 1"/>
    </worldbody></mujoco>)");
  const Picture hard = Draw(tilted, 64, 64, "c", RenderQuality::kFast);
  CHECK(hard.Count(kRed) + hard.Count(kBlack) == 64 * 64);
  const Picture smooth = Draw(tilted, 64, 64, "c", RenderQuality::kFull);
  CHECK(smooth.Count(kRed) + smooth.Count(kBlack) < 64 * 64 - 50);

  // The sun stands straight above a board that floats over a white floor, seen from the side through the gap.
  const World shade(R"(<mujoco>
    <visual><headlight active="0"/></visual>
    <worldbody>
      <light directional="true" pos="0 0 5" dir="0 0 -1" diffuse=".8 .8 .8" specular="0 0 0"/>
      <camera name="c" pos="0 -4 2" xyaxes="1 0 0 0 1 2"/>
      <geom type="plane" size="5 5 .1" rgba="1 1 1 1"/>
      <geom type="box" size="1 .5 .05" pos="0 0 3" rgba="1 1 1 1"/>
    </worldbody></mujoco>)");
  const int under_row = 64;  // the camera looks at the origin, which is in the middle
  const Picture lit = Draw(shade, 128, 128, "c", RenderQuality::kFast);
  const Picture shaded = Draw(shade, 128, 128, "c", RenderQuality::kFull);
  CHECK(lit.At(under_row, 64) == lit.At(under_row, 10));
  CHECK(shaded.At(under_row, 10) == lit.At(under_row, 10));
  CHECK(shaded.At(under_row, 64)[0] < lit.At(under_row, 64)[0] / 2);
}

TEST_CASE("a ghost is a tinted copy of the moving bodies alone, in one picture") {
  if (NoDriver()) return;
  const World world(kBoxes);
  World moved(kBoxes);
  moved.data->qpos[0] = -0.625;
  mj_forward(moved.model.get(), moved.data.get());
  Renderer renderer(world.model.get(), 96, 64, RenderQuality::kFast);
  const float tint[4] = {0.0f, 1.0f, 1.0f, 0.4f};
  renderer.AddGhost(moved.model.get(), moved.data.get(), tint);
  const Picture ghost = Draw(renderer, world, "front");
  int ghostly = 0, wrong = 0;
  for (int row = 0; row < 64; ++row) {
    for (int column = 0; column < 96; ++column) {
      const double right = (column - 47.5) / 32, up = (31.5 - row) / 32;
      const Pixel real = Expected(right, up), seen = ghost.At(row, column);
      const bool inside = std::abs(right + 0.5) < 0.25 && std::abs(up + 0.625) < 0.25;
      if (inside && real == kBlack) {  // four tenths of the tint over black
        ++ghostly;
        wrong += seen[0] != 0 || std::abs(seen[1] - 102) > 2 || std::abs(seen[2] - 102) > 2;
      } else {
        wrong += seen != real;
      }
    }
  }
  CHECK(wrong == 0);
  CHECK(ghostly == 16 * 16);
  CHECK(Wrong(Draw(renderer, world, "front"), 1) == 0);
}

TEST_CASE("several ghosts at once") {
  if (NoDriver()) return;
  const World world(kBoxes);
  World moved(kBoxes);
  Renderer renderer(world.model.get(), 96, 64, RenderQuality::kFast);
  const float tint[4] = {1.0f, 1.0f, 1.0f, 0.5f};
  for (const double height : {0.625, -0.625}) {
    moved.data->qpos[0] = height;
    mj_forward(moved.model.get(), moved.data.get());
    renderer.AddGhost(moved.model.get(), moved.data.get(), tint);
  }
  const Picture picture = Draw(renderer, world, "front");
  CHECK(std::abs(picture.At(32 - 20, 32)[1] - 128) <= 2);
  CHECK(std::abs(picture.At(32 + 20, 32)[1] - 128) <= 2);
}

TEST_CASE("the same picture twice, beside another renderer, and from other threads") {
  if (NoDriver()) return;
  const World world(kBoxes);
  for (const RenderQuality quality : {RenderQuality::kFast, RenderQuality::kFull}) {
    Renderer first(world.model.get(), 96, 64, quality), second(world.model.get(), 40, 30, quality);
    const Picture large = Draw(first, world, ""), little = Draw(second, world, "");
    CHECK(Draw(first, world, "").rgb == large.rgb);
    CHECK(Draw(second, world, "").rgb == little.rgb);

    std::array<bool, 3> same{};
    std::vector<std::thread> threads;
    for (size_t t = 0; t < same.size(); ++t) {
      threads.emplace_back([&, t] {
        const World own(kBoxes);
        bool all = true;
        for (int round = 0; round < 3; ++round) {
          Renderer renderer(own.model.get(), 96, 64, quality);
          for (int frame = 0; frame < 5; ++frame) all = all && Draw(renderer, own, "").rgb == large.rgb;
        }
        same[t] = all;
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(std::all_of(same.begin(), same.end(), [](bool s) { return s; }));

    bool elsewhere = false;
    std::thread([&] { elsewhere = Draw(first, world, "").rgb == large.rgb; }).join();
    CHECK(elsewhere);
    CHECK(Draw(first, world, "").rgb == large.rgb);
  }
}

// Run by the next case in a process of its own, whose environment hides every EGL driver.
TEST_CASE("say what is missing" * doctest::skip(true)) {
  std::printf("%s\n", MessageOf([] { DescribeGl(); }).c_str());
}

TEST_CASE("without an EGL driver, one line says what to install") {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command = "__EGL_VENDOR_LIBRARY_FILENAMES= __EGL_VENDOR_LIBRARY_DIRS=/nonexistent '" +
                              self + "' --no-skip --test-case='say what is missing' 2>&1";
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  for (char buffer[512]; std::fgets(buffer, sizeof buffer, pipe) != nullptr;) output += buffer;
  pclose(pipe);
  const size_t start = output.find("cannot draw: no EGL driver for off-screen OpenGL (");
  REQUIRE_MESSAGE(start != std::string::npos, output);
  const std::string line = output.substr(start, output.find('\n', start) - start);
  CHECK(line.find("on Debian, install libegl1 and libgl1-mesa-dri") != std::string::npos);
}
