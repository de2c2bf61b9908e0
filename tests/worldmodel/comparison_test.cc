// Predicted beside real: figures that can be known in advance.
#include "worldmodel/comparison.h"

#include <cmath>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/linear_model.h"
#include "worldmodel/simulator_model.h"

using namespace reverie;

namespace {

constexpr const char* kSliderKeys =
    R"json("time_limit_s": 5, "observation": {"position": "qpos", "velocity": "qvel"},
       "reset": [{"set": "qvel", "to": "uniform(-1, 1)"}])json";

// Says that everything is off by a known normal error, with a deviation that is true or not.
class NoisyTruth : public WorldModel {
 public:
  NoisyTruth(std::shared_ptr<const CompiledTask> task, double error, double stated)
      : truth_(std::move(task), 1), error_(error), stated_(stated) {}
  const CompiledTask& task() const override { return truth_.task(); }
  std::string name() const override { return "noisy truth"; }
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override {
    truth_.Imagine(belief, actions, sequences, horizon, options, result);
    for (float& value : result.channels) value += static_cast<float>(random_.Normal(0.0, error_));
    result.spread.assign(result.channels.size(), static_cast<float>(stated_));
  }

 private:
  SimulatorModel truth_;
  double error_, stated_;
  Random random_{7};
};

}  // namespace

TEST_CASE("comparison: the simulator predicts itself, and persistence is as wrong as the motion is large") {
  const auto task = testing::MakeTask(testing::kSlider, kSliderKeys);
  const std::vector<Episode> episodes = testing::Play(task, 6, 3);
  SimulatorModel simulator(task, 1);
  ComparisonOptions options;
  options.horizons = {1, 10};
  options.windows = 50;
  const Comparison comparison = Compare(simulator, nullptr, episodes, options, nullptr);
  REQUIRE(comparison.horizons.size() == 2);
  CHECK(comparison.windows == 50);
  CHECK(comparison.channels == std::vector<std::string>{"position", "velocity"});
  CHECK(comparison.horizons[1].nrmse < 1e-6);  // float32 on the way
  CHECK(comparison.horizons[1].nrmse_persistence > comparison.horizons[0].nrmse_persistence);
  CHECK(comparison.median_first_part == 10);   // never parts
  CHECK(comparison.worst.parts_at == std::vector<int>{0, 0});
}

TEST_CASE("comparison: nRMSE, likelihood and coverage of a model with known errors") {
  const auto task = testing::MakeTask(testing::kSlider, kSliderKeys);
  const std::vector<Episode> episodes = testing::Play(task, 10, 3);
  ComparisonOptions options;
  options.horizons = {1, 5};
  options.windows = 400;
  const double error = 0.02;
  NoisyTruth honest(task, error, error);
  const Comparison comparison = Compare(honest, nullptr, episodes, options, nullptr);
  const HorizonFigures& figures = comparison.horizons[0];
  for (size_t c = 0; c < 2; ++c) {
    CHECK(figures.channel_nrmse[c] == doctest::Approx(error / comparison.channel_scale[c]).epsilon(0.1));
    const double scaled = error / comparison.channel_scale[c];
    CHECK(figures.channel_nll[c] == doctest::Approx(0.5 + std::log(scaled) + 0.5 * std::log(2.0 * M_PI)).epsilon(0.1));
  }
  CHECK(figures.coverage50 == doctest::Approx(0.5).epsilon(0.1));
  CHECK(figures.coverage90 == doctest::Approx(0.9).epsilon(0.04));
  NoisyTruth overconfident(task, error, error / 4.0);
  CHECK(Compare(overconfident, nullptr, episodes, options, nullptr).horizons[0].coverage90 < 0.45);
}

TEST_CASE("comparison: ridge regression is exact where the world is linear, and is kept beside a model") {
  const auto task = testing::MakeTask(testing::kSlider, kSliderKeys);
  ReplayBuffer buffer(2, 1);
  for (const Episode& episode : testing::Play(task, 10, 1)) buffer.Add(episode);
  LinearModel linear(task);
  linear.Fit(buffer, 1e-9);
  const std::filesystem::path folder = testing::TemporaryFolder("linear");
  linear.Save(folder);
  const auto loaded = LinearModel::Load(folder, task);
  SimulatorModel simulator(task, 1);
  ComparisonOptions options;
  options.horizons = {1, 20};
  options.windows = 40;
  const Comparison comparison = Compare(simulator, loaded.get(), testing::Play(task, 3, 9), options, nullptr);
  CHECK(comparison.horizons[1].nrmse_linear < 1e-4);
  CHECK(comparison.horizons[1].nrmse_persistence > 0.1);
}

TEST_CASE("comparison: windows longer than every episode are refused") {
  const auto task = testing::MakeTask(testing::kSlider, kSliderKeys);
  SimulatorModel simulator(task, 1);
  ComparisonOptions options;
  options.horizons = {1000};
  CHECK_THROWS_WITH_AS(Compare(simulator, nullptr, testing::Play(task, 1, 1), options, nullptr),
                       doctest::Contains("1000 control steps"), DatasetError);
}
