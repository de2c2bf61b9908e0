// A red box on a rail, seen by an orthographic camera in light that is ambient alone: where it must be in the
// film, and in which colour, is known. The film is decoded again with libavcodec.
#include "sim/comparison_film.h"

#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "sim/error.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using dataset_fixture::TemporaryFolder;

namespace {

constexpr int kSize = 128;  // pixels of each half: 2 m
constexpr char kRail[] = R"(
<mujoco>
  <option timestep="0.01" gravity="0 0 0"/>
  <visual><headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
  <worldbody>
    <camera name="front" projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/>
    <body name="box"><joint name="x" type="slide" axis="1 0 0"/>
      <geom type="box" size="0.2 0.2 0.2" rgba="1 0 0 1"/>
      <camera name="riding" projection="orthographic" fovy="2" pos="0 -3 0" xyaxes="1 0 0 0 0 1"/></body>
  </worldbody>
</mujoco>)";

std::shared_ptr<const CompiledTask> Rail(const std::string& camera = "front") {
  const TemporaryFolder folder;
  std::ofstream(folder / "rail.xml") << kRail;
  std::ofstream(folder / "rail.json")
      << R"({"scene": "rail.xml", "control_timestep_s": 0.1, "camera": ")" << camera
      << R"(", "observation": {"position": "qpos", "velocity": "qvel"}})";
  return CompiledTask::Compile(LoadTask((folder / "rail.json").string()));
}

/// Real: from x = -0.6 at 0.1 m/s.
Episode Slide(const std::shared_ptr<const CompiledTask>& task, int steps) {
  Environment environment(task);
  environment.Reset(1);
  environment.data()->qpos[0] = -0.6;
  environment.data()->qvel[0] = 0.1;
  EpisodeRecorder recorder(*task, 0, 1);
  recorder.Start(environment.model(), environment.data(), environment.channels());
  for (int t = 0; t < steps; ++t) {
    const StepResult result = environment.Step({});
    recorder.Add({}, result, environment.model(), environment.data(), environment.channels());
  }
  return recorder.Take();
}

/// Predicted: from the same start to x = 0.6 in the last step.
std::vector<float> Predict(int steps) {
  std::vector<float> rows;
  for (int t = 1; t <= steps; ++t) {
    rows.push_back(static_cast<float>(-0.6 + 1.2 * t / steps));
    rows.push_back(static_cast<float>(12.0 / steps));
  }
  return rows;
}

using Rgb = std::array<int, 3>;

struct Film {
  int width = 0, height = 0;
  double seconds = 0;
  std::vector<std::vector<Rgb>> pictures;

  const Rgb& At(size_t picture, int row, int column) const {
    return pictures[picture][static_cast<size_t>(row * width + column)];
  }
};

/// Limited-range BT.709 back to RGB.
Rgb ToRgb(int y, int u, int v) {
  const double luma = (y - 16) / 219.0, cb = (u - 128) / 224.0, cr = (v - 128) / 224.0;
  const auto byte = [](double value) {
    return static_cast<int>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
  };
  return {byte(luma + 1.5748 * cr), byte(luma - 0.1873 * cb - 0.4681 * cr), byte(luma + 1.8556 * cb)};
}

Film Decode(const std::filesystem::path& path) {
  Film film;
  AVFormatContext* container = nullptr;
  REQUIRE(avformat_open_input(&container, path.c_str(), nullptr, nullptr) == 0);
  REQUIRE(avformat_find_stream_info(container, nullptr) >= 0);
  const AVStream* stream = container->streams[0];
  film.seconds = static_cast<double>(stream->duration) * av_q2d(stream->time_base);
  AVCodecContext* codec = avcodec_alloc_context3(avcodec_find_decoder(stream->codecpar->codec_id));
  avcodec_parameters_to_context(codec, stream->codecpar);
  REQUIRE(avcodec_open2(codec, nullptr, nullptr) == 0);
  AVPacket* packet = av_packet_alloc();
  AVFrame* frame = av_frame_alloc();
  for (bool more = true; more;) {
    more = av_read_frame(container, packet) >= 0;
    avcodec_send_packet(codec, more ? packet : nullptr);
    while (avcodec_receive_frame(codec, frame) >= 0) {
      film.width = frame->width;
      film.height = frame->height;
      std::vector<Rgb> picture;
      for (int row = 0; row < frame->height; ++row) {
        for (int column = 0; column < frame->width; ++column) {
          picture.push_back(ToRgb(frame->data[0][row * frame->linesize[0] + column],
                                  frame->data[1][row / 2 * frame->linesize[1] + column / 2],
                                  frame->data[2][row / 2 * frame->linesize[2] + column / 2]));
        }
      }
      film.pictures.push_back(std::move(picture));
    }
    av_packet_unref(packet);
  }
  av_frame_free(&frame);
  av_packet_free(&packet);
  avcodec_free_context(&codec);
  avformat_close_input(&container);
  return film;
}

/// Pixel column of a half where x metres are.
int Column(double x) {
  return static_cast<int>(std::lround((x / 2 + 0.5) * kSize));
}

bool Red(const Rgb& c) {
  return c[0] > 200 && c[1] < 50 && c[2] < 50;
}
bool Black(const Rgb& c) {
  return c[0] < 50 && c[1] < 50 && c[2] < 50;
}
/// The frame and the end of the bar.
bool Coral(const Rgb& c) {
  return c[0] > 190 && c[1] > 50 && c[1] < 130 && c[2] > 30 && c[2] < 110;
}
bool Blue(const Rgb& c) {
  return c[0] < 110 && c[1] > 120 && c[2] > 140;
}

ComparisonFilmOptions Small() {
  ComparisonFilmOptions options;
  options.size_px = kSize;
  options.quality = RenderQuality::kFast;
  return options;
}

constexpr int kMiddle = kSize / 2;

}  // namespace

TEST_CASE("A film shows what happened on the left, and what was predicted on the right and over it") {
  const TemporaryFolder folder;
  const auto task = Rail();
  ComparisonFilmOptions options = Small();
  options.parts_at = 6;
  REQUIRE(
      WriteComparisonFilm(folder / "film.mp4", task, Slide(task, 12), 2, Predict(10), "a model", options));
  const Film film = Decode(folder / "film.mp4");
  REQUIRE(film.width == 2 * kSize);
  REQUIRE(film.height == kSize);
  REQUIRE(!film.pictures.empty());
  const size_t last = film.pictures.size() - 1;

  // The real box is at -0.6 + 0.1*(2 + 10)*0.1, the predicted one at 0.6; each is 0.4 m wide.
  CHECK(Red(film.At(last, kMiddle, Column(-0.48))));
  CHECK(Black(film.At(last, kMiddle, Column(0.1))));
  const Rgb& ghost = film.At(last, kMiddle, Column(0.6));
  CHECK(!Red(ghost));
  CHECK(!Black(ghost));
  CHECK(ghost[0] > ghost[2]);
  CHECK(Black(film.At(last, kMiddle, kSize + Column(-0.48))));
  CHECK(Red(film.At(last, kMiddle, kSize + Column(0.6))));
  // At first both are at the real start of the window, and the ghost over the box tints it.
  CHECK(film.At(0, kMiddle, Column(-0.58))[0] > 200);
  CHECK(Red(film.At(0, kMiddle, kSize + Column(-0.58))));
  CHECK(Black(film.At(0, kMiddle, kSize + Column(0.6))));

  // One second slowed to three, every step for 1/11 of 3.3 s, and a second more.
  CHECK(film.seconds == doctest::Approx(4.3).epsilon(0.02));
  const auto at_step = [&](double step) {
    return static_cast<size_t>((step + 0.5) * 0.3 * static_cast<double>(film.pictures.size()) / film.seconds);
  };
  CHECK(!Coral(film.At(at_step(5), kMiddle, 2 * kSize - 2)));
  CHECK(Coral(film.At(at_step(6), kMiddle, 2 * kSize - 2)));
  CHECK(Coral(film.At(last, kMiddle, kSize + 1)));
  CHECK(!Coral(film.At(last, kMiddle, 1)));
  // The bar: a quarter way at 2.5 steps; blue up to where they part.
  const int bar = kSize - 2;
  CHECK(Blue(film.At(at_step(5), bar, kSize - 10)));
  CHECK(!Blue(film.At(at_step(5), bar, kSize + 10)));
  CHECK(Blue(film.At(last, bar, kSize + 10)));
  CHECK(Coral(film.At(last, bar, 2 * kSize - 10)));
}

TEST_CASE("A window that takes long enough is shown as fast as it happened") {
  const TemporaryFolder folder;
  const auto task = Rail();
  REQUIRE(WriteComparisonFilm(folder / "film.mp4", task, Slide(task, 50), 0, Predict(50), "", Small()));
  const Film film = Decode(folder / "film.mp4");
  CHECK(film.seconds == doctest::Approx(5 + 0.1 + 1).epsilon(0.01));
  const size_t last = film.pictures.size() - 1;
  CHECK(!Coral(film.At(last, kMiddle, 2 * kSize - 2)));
}

TEST_CASE("Both halves are seen from where the real camera is") {
  const TemporaryFolder folder;
  const auto task = Rail("riding");
  REQUIRE(WriteComparisonFilm(folder / "film.mp4", task, Slide(task, 3), 0, Predict(3), "", Small()));
  const Film film = Decode(folder / "film.mp4");
  const size_t last = film.pictures.size() - 1;
  // It rides on the real box, now at -0.57: the predicted one, at 0.6, is off the picture, not in its middle.
  CHECK(Red(film.At(last, kMiddle, Column(0))));
  CHECK(Black(film.At(last, kMiddle, kSize + Column(0))));
}

TEST_CASE("A prediction that has no pose leaves the last one in the picture") {
  const TemporaryFolder folder;
  const auto task = Rail();
  std::vector<float> predicted = {-0.3f, 1, std::numeric_limits<float>::quiet_NaN(),
                                  1,     0, std::numeric_limits<float>::infinity()};
  REQUIRE(WriteComparisonFilm(folder / "film.mp4", task, Slide(task, 3), 0, predicted, "", Small()));
  const Film film = Decode(folder / "film.mp4");
  CHECK(Red(film.At(film.pictures.size() - 1, kMiddle, kSize + Column(-0.3))));
}

TEST_CASE("The same window gives the same bytes, one that is stopped or does not fit gives no file") {
  const TemporaryFolder folder;
  const auto task = Rail();
  const Episode episode = Slide(task, 4);
  REQUIRE(WriteComparisonFilm(folder / "a.mp4", task, episode, 0, Predict(4), "", Small()));
  REQUIRE(WriteComparisonFilm(folder / "b.mp4", task, episode, 0, Predict(4), "", Small()));
  CHECK(ReadFile(folder / "a.mp4") == ReadFile(folder / "b.mp4"));

  std::stop_source stopped;
  stopped.request_stop();
  const auto path = folder / "none.mp4";
  CHECK_FALSE(WriteComparisonFilm(path, task, episode, 0, Predict(4), "", Small(), stopped.get_token()));
  CHECK_THROWS_WITH_AS(WriteComparisonFilm(path, task, episode, 1, Predict(4), "", Small()),
                       "window of 4 steps from step 1: episode 0 has 4", ShapeError);
  CHECK_THROWS_AS(WriteComparisonFilm(path, task, episode, -1, Predict(4), "", Small()), ShapeError);
  CHECK_THROWS_WITH_AS(WriteComparisonFilm(path, task, episode, 0, std::vector<float>(3), "", Small()),
                       "predicted channels: expected rows of 2 values, found 3 values", ShapeError);
  CHECK_THROWS_AS(WriteComparisonFilm(path, task, episode, 0, {}, "", Small()), ShapeError);
  ComparisonFilmOptions options = Small();
  options.camera = "frnt";
  CHECK_THROWS_AS(WriteComparisonFilm(path, task, episode, 0, Predict(4), "", options), SceneError);
  CHECK_FALSE(std::filesystem::exists(path));
  CHECK_FALSE(std::filesystem::exists(PartialPath(path)));
}
