// How much pictures surprise, against the model's own rollouts: the same numbers by another way.
#include "agent/frame_surprise.h"

#include <cmath>
#include <limits>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/worldmodel/task_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

constexpr int kSide = 12;
constexpr const char* kNothingToDo = R"(<mujoco><worldbody><body><joint name="fall" type="slide"/><geom size="0.1" mass="1"/>
  </body></worldbody></mujoco>)";

struct Seen {
  std::vector<uint8_t> pixels;  // (frames, height, width, 3)
  std::vector<float> actions;   // (frames - 1, nu)

  Seen(int frames, int nu) {
    for (int i = 0; i < frames * kSide * kSide * 3; ++i) pixels.push_back(static_cast<uint8_t>((i * 7919 + i / 432 * 31) % 251));
    for (int i = 0; i < (frames - 1) * nu; ++i) actions.push_back(static_cast<float>(std::sin(i)));
  }
};

Jepa Untrained(const char* scene, int frames, int skip) {
  JepaOptions options;
  options.latent = 6;
  options.channels = 2;
  options.encoder_width = options.predictor_width = 16;
  options.frames = frames;
  options.frame_skip = skip;
  return Jepa(MakeTask(scene, R"("observation": {"place": "qpos"})"), options, {kSide, kSide, {"free"}}, "cpu", 5);
}

/// Latent of the picture of frame t, whose stack holds those before it.
std::vector<float> LatentAt(const Jepa& model, const Seen& seen, int t) {
  const int stack = model.options().frames, pixels = kSide * kSide;
  std::vector<uint8_t> picture;
  for (int i = 0; i < pixels; ++i) {
    for (int s = t - stack + 1; s <= t; ++s) {
      for (int c = 0; c < 3; ++c) picture.push_back(seen.pixels[static_cast<size_t>((s * pixels + i) * 3 + c)]);
    }
  }
  std::vector<float> latent(6);
  model.Encode({1, picture, {}}, latent);
  return latent;
}

}  // namespace

TEST_CASE("a frame surprises by what its latent is beside a rollout of one prediction, over the deviation stated with it") {
  for (const int stack : {1, 3}) {
    const int skip = 2, frames = 20;
    const Jepa model = Untrained(kSlider, stack, skip);
    const Seen seen(frames, 1);
    const FrameSurprise scores = SurpriseOfFrames(model, frames, seen.pixels, seen.actions, {});
    const int first = stack - 1 + skip;
    CHECK(FirstJudged(model) == first);
    REQUIRE(scores.surprise.size() == static_cast<size_t>(frames));
    for (int t = 0; t < frames; ++t) {
      const auto i = static_cast<size_t>(t);
      if (t < first) {
        CHECK(std::isnan(scores.surprise[i]));
        CHECK(std::isnan(scores.error[i]));
        CHECK(std::isnan(scores.expected[i]));
        continue;
      }
      const std::vector<float> before = LatentAt(model, seen, t - skip), after = LatentAt(model, seen, t);
      std::vector<float> predicted(6), deviation(1);
      const std::span<const float> between = std::span(seen.actions).subspan(static_cast<size_t>(t - skip), skip);
      model.Rollout(before, between, 1, 1, predicted, deviation);
      double sum = 0.0;
      for (size_t d = 0; d < 6; ++d) sum += std::pow(after[d] - predicted[d], 2);
      CHECK(scores.error[i] == doctest::Approx(std::sqrt(sum / 6)).epsilon(1e-4));
      CHECK(scores.expected[i] == doctest::Approx(deviation[0]).epsilon(1e-4));
      // A spread that nothing was learned of is the same in every dimension.
      CHECK(scores.surprise[i] == doctest::Approx(scores.error[i] / scores.expected[i]).epsilon(1e-3));
    }
  }
}

TEST_CASE("without actuators, with few frames, and of another size") {
  const Jepa model = Untrained(kNothingToDo, 1, 3);
  const Seen seen(6, 0);
  const FrameSurprise scores = SurpriseOfFrames(model, 6, seen.pixels, {}, {});
  CHECK(std::isnan(scores.surprise[2]));
  CHECK(scores.surprise[3] > 0.0f);
  const Seen few(3, 0);
  for (const float score : SurpriseOfFrames(model, 3, few.pixels, {}, {}).surprise) CHECK(std::isnan(score));
  CHECK_THROWS_WITH_AS(SurpriseOfFrames(model, 5, seen.pixels, {}, {}), doctest::Contains("pixels: expected 2160"), ShapeError);
  const std::vector<float> action(1);
  CHECK_THROWS_WITH_AS(SurpriseOfFrames(model, 6, seen.pixels, action, {}), doctest::Contains("actions: expected 0"), ShapeError);
}
