// What cameras see of collected episodes: compared with what a renderer draws of the recorded states.
#include "sim/frame_recorder.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "sim/collect_dataset.h"
#include "sim/dataset.h"
#include "sim/dataset_metadata.h"
#include "sim/error.h"
#include "sim/renderer.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;
using dataset_fixture::Differences;

namespace {

// An orthographic camera 2 m high: the upper half of the picture is red and 1 m away, the lower half green, 1.5 m.
constexpr char kHalves[] = R"(
<mujoco>
  <visual>
    <global offwidth="16" offheight="16"/>
    <headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/>
  </visual>
  <worldbody>
    <camera name="front" pos="0 -2 0" xyaxes="1 0 0 0 0 1" projection="orthographic" fovy="2"/>
    <camera name="near" pos="0 -2 0" xyaxes="1 0 0 0 0 1" fovy="30"/>
    <geom name="lower" type="box" size="2 0.5 0.5" pos="0 0 -0.5" rgba="0 1 0 1"/>
    <body name="upper" pos="0 0 0.5">
      <joint type="slide" axis="1 0 0"/>
      <geom name="upper" type="box" size="2 1 0.5" rgba="1 0 0 1" contype="0" conaffinity="0"/>
    </body>
    <body name="bead" pos="0 -1.2 0.6"><joint type="slide" axis="0 0 1"/>
      <geom name="bead" size="0.1" rgba="0 0 1 1" contype="0" conaffinity="0"/></body>
  </worldbody>
</mujoco>)";

// Its camera looks at the floor, where nothing moves.
std::string CartFromTheSide() {
  std::string scene = kCart;
  const std::string camera = R"(name="side" pos="0 -3 1")";
  return scene.replace(scene.find(camera), camera.size(), R"(name="side" pos="0 -3 0.3" xyaxes="1 0 0 0 0 1")");
}

std::vector<uint8_t> Unpacked(const FrameSequence& sequence, int64_t t, const FrameStream& stream) {
  std::vector<uint8_t> frame(static_cast<size_t>(stream.frame_bytes()));
  UnpackFrame(sequence[t], stream.element_bytes(), frame, "frame");
  return frame;
}

template <class Value>
std::vector<Value> ValuesOf(const std::vector<uint8_t>& bytes) {
  std::vector<Value> values(bytes.size() / sizeof(Value));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

FrameSettings Settings(int width, int height, std::vector<std::string> cameras = {}) {
  FrameSettings settings;
  settings.width = width;
  settings.height = height;
  settings.cameras = std::move(cameras);
  return settings;
}

}  // namespace

TEST_CASE("The first row is on top, depth is in metres from the camera's plane, segmentation names geoms") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kHalves);
  FrameSettings settings = Settings(48, 32);
  settings.depth = settings.segmentation = true;
  for (const std::string camera : {"front", "near"}) {
    CAPTURE(camera);
    settings.cameras = {camera};
    FrameRecorder recorder(task->model(), CompleteFrames(settings, *task));
    const DataPtr data(mj_makeData(task->model()));
    mj_forward(task->model(), data.get());
    recorder.Start();
    recorder.Add(task->model(), data.get());
    const std::vector<FrameSequence> frames = recorder.Take();
    const std::vector<FrameStream> streams = StreamsOf(settings);
    REQUIRE(frames.size() == 3);
    const auto pixels = Unpacked(frames[0], 0, streams[0]);
    const auto depth = ValuesOf<float>(Unpacked(frames[1], 0, streams[1]));
    const auto ids = ValuesOf<int32_t>(Unpacked(frames[2], 0, streams[2]));
    const auto at = [](size_t row, size_t column) { return row * 48 + column; };
    for (const size_t column : {size_t{2}, size_t{45}}) {
      CHECK(pixels[3 * at(1, column)] == 255);
      CHECK(pixels[3 * at(1, column) + 1] == 0);
      CHECK(pixels[3 * at(30, column)] == 0);
      CHECK(pixels[3 * at(30, column) + 1] == 255);
      CHECK(depth[at(1, column)] == doctest::Approx(1.0).epsilon(1e-4));
      CHECK(depth[at(30, column)] == doctest::Approx(1.5).epsilon(1e-4));
      CHECK(ids[2 * at(1, column)] == mj_name2id(task->model(), mjOBJ_GEOM, "upper"));
      CHECK(ids[2 * at(30, column)] == mj_name2id(task->model(), mjOBJ_GEOM, "lower"));
      CHECK(ids[2 * at(30, column) + 1] == mjOBJ_GEOM);
    }
  }
}

TEST_CASE("Frame t shows state t: what is collected is what a renderer draws of the recorded states") {
  const TemporaryFolder folder;
  const auto task =
      Compile(folder, CartFromTheSide(), CartTask(R"json(, "control_timestep_s": 0.02, "time_limit_s": 0.4, "camera": "side",
        "reset": [{"set": "qpos(hinge)", "to": "uniform(-1, 1)"}, {"set": "geom_size(box).x", "to": "uniform(0.05, 0.4)"}])json"));
  CollectDatasetOptions options;
  options.folder = folder / "run";
  options.run.episodes = 3;
  options.run.workers = 2;
  options.run.frames = CompleteFrames(Settings(40, 24), *task);
  CHECK(options.run.frames.cameras == std::vector<std::string>{"side"});
  CollectDataset(task, SmoothPolicy(*task), options, nullptr, nullptr, {});

  const DatasetReader reader(folder / "run");
  const FrameStream stream = StreamsOf(reader.info().frames).front();
  Renderer renderer(task->model(), 40, 24, RenderQuality::kFast);
  const ModelPtr model(mj_copyModel(nullptr, task->model()));
  const DataPtr data(mj_makeData(model.get()));
  std::vector<uint8_t> drawn(40 * 24 * 3), first;
  for (int64_t k = 0; k < 3; ++k) {
    const Episode episode = reader.Read(k);
    REQUIRE(episode.steps == 20);
    task->SetParameters(model.get(), data.get(), episode.model_parameters);
    for (int64_t t = 0; t <= episode.steps; ++t) {
      CAPTURE(k);
      CAPTURE(t);
      const auto size = static_cast<size_t>(task->state_size());
      task->SetState(model.get(), data.get(),
                     std::span(episode.integration_state).subspan(static_cast<size_t>(t) * size, size));
      renderer.Render(model.get(), data.get(), "side", drawn);
      CHECK(reader.ReadFrames(k, stream, t, 1) == drawn);
      if (t == 0) first = drawn;
    }
    CHECK(first != drawn);  // or the test would see nothing
  }
}

TEST_CASE("One worker and many, whole and resumed, draw the same bytes, and physics is as without pictures") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kCart, CartTask(R"(, "control_timestep_s": 0.02, "time_limit_s": 0.2)"));
  const auto collect = [&](const std::string& name, int workers, int64_t steps, bool resume, bool frames = true) {
    CollectDatasetOptions options;
    options.folder = folder / name;
    options.run.steps = steps;
    options.run.workers = workers;
    options.resume = resume;
    if (frames) {
      options.run.frames = Settings(16, 16, {"side", kFreeCamera});
      options.run.frames.depth = options.run.frames.segmentation = true;
      options.run.frames = CompleteFrames(options.run.frames, *task);
    }
    CollectDataset(task, SmoothPolicy(*task), options, nullptr, nullptr, {});
  };
  collect("one/run", 1, 57, false);
  collect("many/run", 3, 57, false);
  CHECK(Differences(folder / "one/run", folder / "many/run") == "");
  collect("resumed/run", 2, 25, false);
  collect("resumed/run", 2, 57, true);
  CHECK(Differences(folder / "one/run", folder / "resumed/run") == "");
  collect("bare/run", 2, 57, false, false);
  const DatasetReader with(folder / "one/run"), without(folder / "bare/run");
  REQUIRE(with.episodes() == without.episodes());
  for (int64_t k = 0; k < with.episodes(); ++k) {
    CHECK(SameBits(with.Read(k).integration_state, without.Read(k).integration_state));
    CHECK(SameBits(with.Read(k).observations, without.Read(k).observations));
  }
  // A dataset that was begun with other pictures is not gone on with.
  const std::string message = MessageOf([&] { collect("bare/run", 1, 80, true); });
  CHECK(Contains(message, "frames differs"));
  CHECK(Contains(message, "none"));
}

TEST_CASE("Cameras: the task's, else the scene's first, else one that frames the scene") {
  const TemporaryFolder folder;
  const auto bare = Compile(folder, R"(<mujoco><worldbody><body><joint/><geom size="1"/></body></worldbody></mujoco>)");
  CHECK(CompleteFrames(Settings(8, 8), *bare).cameras == std::vector<std::string>{kFreeCamera});
  const auto halves = Compile(folder, kHalves);
  CHECK(CompleteFrames(Settings(8, 8), *halves).cameras == std::vector<std::string>{"front"});
  CHECK(CompleteFrames(Settings(8, 8, {"near", "free"}), *halves).cameras == std::vector<std::string>{"near", "free"});
  CHECK(Contains(MessageOf([&] { CompleteFrames(Settings(8, 8, {"nera"}), *halves); }), "did you mean 'near'"));
  CHECK(Contains(MessageOf([&] { CompleteFrames(Settings(8, 8, {"near", "near"}), *halves); }), "found it twice"));
  CHECK(Contains(MessageOf([&] { CompleteFrames(Settings(0, 8), *halves); }), "0 x 8 pixels: expected 1 to 1024"));
  CHECK(Contains(MessageOf([&] { CompleteFrames(Settings(8, 1025), *halves); }), "8 x 1025 pixels"));
}

TEST_CASE("A divergence ends the frames at the last sound state") {
  const TemporaryFolder folder;
  // MuJoCo gives up where an acceleration passes 1e10: a hard push is enough.
  const auto task = Compile(folder, R"(
    <mujoco><worldbody><body><joint name="slide" type="slide"/><geom size="0.1" mass="1"/></body></worldbody>
      <actuator><motor joint="slide" ctrlrange="-1 1" gear="1.2e10"/></actuator></mujoco>)",
                            R"({"scene": "scene.xml", "time_limit_s": 0.2, "observation": {"all": "qpos"}})");
  CollectOptions options;
  options.episodes = 12;
  options.frames = CompleteFrames(Settings(8, 8), *task);
  int diverged = 0;
  Collect(task, RandomPolicy(*task), options, [&](Episode&& episode) {
    REQUIRE(episode.frames.size() == 1);
    CHECK(episode.frames[0].size() == episode.steps + 1);
    diverged += !episode.diverged.empty();
  });
  CHECK(diverged > 0);
}

TEST_CASE("What is hidden is in no kind of picture, and a dataset keeps its name") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kHalves);
  const DataPtr data(mj_makeData(task->model()));
  mj_forward(task->model(), data.get());
  const auto seen = [&](const std::vector<std::string>& hide) {
    FrameSettings settings = Settings(16, 16, {"front"});
    settings.depth = settings.segmentation = true;
    settings.hide = hide;
    settings = CompleteFrames(settings, *task);
    FrameRecorder recorder(task->model(), settings);
    std::vector<std::vector<uint8_t>> frames;
    for (const FrameStream& stream : StreamsOf(settings)) {
      frames.emplace_back(static_cast<size_t>(stream.frame_bytes()));
      recorder.Draw(task->model(), data.get(), stream, frames.back());
    }
    return frames;
  };
  const int lower = mj_name2id(task->model(), mjOBJ_GEOM, "lower"), upper = mj_name2id(task->model(), mjOBJ_GEOM, "upper");
  const auto ids = [&](const std::vector<std::vector<uint8_t>>& frames, int row) {
    return ValuesOf<int32_t>(frames[2])[static_cast<size_t>(row * 16 * 2)];
  };
  const auto all = seen({}), without_upper = seen({"upper"}), without_both = seen({"upper", "lower", "bead"});
  CHECK(ids(all, 2) == upper);
  CHECK(ids(all, 13) == lower);
  // The first geom of the scene is gone: the numbers of those behind it must still be right.
  CHECK(ids(seen({"lower"}), 2) == upper);
  CHECK(ids(without_upper, 2) == -1);
  CHECK(ids(without_upper, 13) == lower);
  CHECK(all[0] != without_upper[0]);
  CHECK(std::all_of(without_both[0].begin(), without_both[0].end(), [](uint8_t value) { return value == 0; }));
  CHECK(ValuesOf<float>(without_upper[1])[2 * 16] > ValuesOf<float>(all[1])[2 * 16]);
  CHECK(Contains(MessageOf([&] { seen({"uper"}); }), "no body, geom or site 'uper' to hide; did you mean 'upper'?"));

  DatasetInfo info = DescribeDataset(*task, 1, "random");
  info.frames = Settings(8, 8, {"front"});
  info.frames.hide = {"bead", "upper"};
  CHECK(InfoFromJson(nlohmann::json::parse(InfoToJson(info).dump()), "here").frames == info.frames);
  DatasetInfo other = info;
  other.frames.hide = {"bead"};
  CHECK(Contains(MessageOf([&] { CheckSameFrames(info, "a", other, "b"); }), "frames.hide[1] differs"));
}
