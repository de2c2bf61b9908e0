// The ensemble learns what it is shown, knows what it was not shown, and survives being written to disk.
#include "worldmodel/ensemble.h"

#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/comparison.h"
#include "worldmodel/device.h"
#include "worldmodel/safetensors.h"

using namespace reverie;

namespace {

EnsembleOptions Small() {
  EnsembleOptions options;
  options.members = 3;
  options.width = 48;
  options.layers = 2;
  options.batch = 128;
  return options;
}

struct Trained {
  std::shared_ptr<const CompiledTask> task = testing::MakeTask(testing::kPendulum, testing::kPendulumKeys);
  ReplayBuffer buffer{2, 1};
  std::vector<Episode> held_out = testing::Play(task, 4, 77);
  Ensemble model{task, Small(), "cpu", 5};

  explicit Trained(int updates = 1500) {
    SetTorchThreads(1);
    for (const Episode& episode : testing::Play(task, 20, 3)) buffer.Add(episode);
    model.Train(buffer, updates, 11);
  }
};

std::vector<float> Values(const Ensemble& model, const Episode& episode, Imagination& imagined, Ensemble& mutable_model) {
  (void)model;
  Belief belief;
  belief.channels = ChannelsAt(episode, 3);
  const std::vector<float> actions(episode.actions.begin() + 3, episode.actions.begin() + 23);
  mutable_model.Imagine(belief, actions, 1, 20, {.channels = true}, imagined);
  return imagined.channels;
}

}  // namespace

TEST_CASE("ensemble: predicts held-out episodes far better than persistence, angles that wrap included") {
  Trained trained;
  for (const Episode& episode : trained.held_out) trained.model.Judge(episode);
  ComparisonOptions options;
  options.horizons = {1, 10};
  options.windows = 60;
  const Comparison comparison = Compare(trained.model, nullptr, testing::Play(trained.task, 4, 123), options, nullptr);
  CHECK(comparison.horizons[0].nrmse < 0.1 * comparison.horizons[0].nrmse_persistence);
  CHECK(comparison.horizons[1].nrmse < 0.2 * comparison.horizons[1].nrmse_persistence);
  CHECK(comparison.horizons[1].coverage90 > 0.7);
}

TEST_CASE("ensemble: an angle and the same angle a turn on are the same to it") {
  Trained trained(300);
  Imagination a, b;
  const std::vector<float> actions(10, 0.3f);
  Belief belief;
  belief.channels = {0.7, 1.0};
  trained.model.Imagine(belief, actions, 1, 10, {.channels = true}, a);
  belief.channels[0] += 2.0 * M_PI;
  trained.model.Imagine(belief, actions, 1, 10, {.channels = true}, b);
  for (size_t h = 0; h < 10; ++h) {
    CHECK(b.channels[2 * h] - a.channels[2 * h] == doctest::Approx(2.0 * M_PI).epsilon(1e-4));
    CHECK(b.channels[2 * h + 1] == doctest::Approx(a.channels[2 * h + 1]).epsilon(1e-3));
  }
}

TEST_CASE("ensemble: members disagree more where there were no data") {
  Trained trained;
  const std::vector<float> actions(5, 0.0f);
  const auto disagreement = [&](double velocity) {
    Imagination imagined;
    Belief belief;
    belief.channels = {0.5, velocity};
    trained.model.Imagine(belief, actions, 1, 5, {.uncertainty = true}, imagined);
    return imagined.uncertainty.back();
  };
  CHECK(disagreement(60.0) > 5.0f * disagreement(1.0f));
}

TEST_CASE("ensemble: imagined rewards are the task's formula on imagined channels") {
  EnsembleOptions options = Small();
  options.noise_samples = 0;
  options.drawn_members = options.planning_members = options.members = 1;
  const auto task = testing::MakeTask(testing::kPendulum, testing::kPendulumKeys);
  Ensemble model(task, options, "cpu", 5);
  Random random(3);
  std::vector<float> actions;
  for (int i = 0; i < 4 * 6; ++i) actions.push_back(static_cast<float>(random.Uniform(-1.0, 1.0)));
  Belief belief;
  belief.channels = {0.2, -0.5};
  Imagination imagined;
  model.Imagine(belief, actions, 4, 6, {.channels = true}, imagined);
  for (size_t step = 0; step < 24; ++step) {
    const std::vector<double> channels(imagined.channels.begin() + static_cast<std::ptrdiff_t>(2 * step),
                                       imagined.channels.begin() + static_cast<std::ptrdiff_t>(2 * step + 2));
    const double action = actions[step];
    const double expected = task->Reward(channels, std::span<const double>(&action, 1));
    CHECK(imagined.rewards[step] == doctest::Approx(task->spec().action_repeat * expected).epsilon(1e-4));
  }
}

TEST_CASE("ensemble: the same seed and data give the same weights, to the bit") {
  Trained a(60), b(60);
  const std::filesystem::path folder = testing::TemporaryFolder("same");
  a.model.Save(folder / "a");
  b.model.Save(folder / "b");
  CHECK(ReadFile(folder / "a" / "weights.safetensors") == ReadFile(folder / "b" / "weights.safetensors"));
}

TEST_CASE("ensemble: loaded from disk it predicts the same, a training state goes on exactly") {
  Trained trained(200);
  const std::filesystem::path folder = testing::TemporaryFolder("ensemble");
  trained.model.Save(folder);
  trained.model.SaveTrainingState(folder / "optimizer.pt", {{"note", 7}});
  const auto loaded = Ensemble::Load(folder, trained.task, "cpu");
  Ensemble resumed(trained.task, Small(), "cpu", 5);
  CHECK(resumed.LoadTrainingState(folder / "optimizer.pt").at("note") == 7);
  trained.model.Train(trained.buffer, 100, 12);
  resumed.Train(trained.buffer, 100, 12);
  trained.model.Save(folder / "on");
  resumed.Save(folder / "resumed");
  CHECK(ReadFile(folder / "on" / "weights.safetensors") == ReadFile(folder / "resumed" / "weights.safetensors"));
  Imagination a, b;
  const auto reloaded = Ensemble::Load(folder, trained.task, "cpu");
  Values(*loaded, trained.held_out[0], a, *loaded);
  Values(*reloaded, trained.held_out[0], b, *reloaded);
  CHECK(a.channels == b.channels);
  CHECK(loaded->updates() == 200);
}

TEST_CASE("ensemble: missing and misshapen tensors, other tasks and missing files are each named") {
  Trained trained(10);
  const std::filesystem::path folder = testing::TemporaryFolder("damaged");
  trained.model.Save(folder);
  const auto refused = [&](std::shared_ptr<const CompiledTask> task, const std::string& expected) {
    CHECK_THROWS_WITH_AS(Ensemble::Load(folder, task, "cpu"), doctest::Contains(expected.c_str()), CheckpointError);
  };
  const Safetensors good = ReadSafetensors(folder / "weights.safetensors");
  Safetensors damaged = good;
  damaged.tensors.erase("layers.1.weight");
  WriteSafetensors(folder / "weights.safetensors", damaged);
  refused(trained.task, "tensor 'layers.1.weight' is missing");
  damaged = good;
  damaged.tensors["layers.0.bias"] = {"F32", {1}, std::string(4, '\0')};
  WriteSafetensors(folder / "weights.safetensors", damaged);
  refused(trained.task, "expected F32 (3, 1, 48), found F32 (1)");
  damaged = good;
  damaged.tensors["stranger"] = {"F32", {1}, std::string(4, '\0')};
  WriteSafetensors(folder / "weights.safetensors", damaged);
  refused(trained.task, "stranger");
  WriteSafetensors(folder / "weights.safetensors", good);
  const auto other = testing::MakeTask(testing::kSlider, R"json("observation": {"position": "qpos", "velocity": "qvel"})json");
  refused(other, "key \"observation\"");
  std::filesystem::remove(folder / "config.json");
  refused(trained.task, "config.json");
}

TEST_CASE("ensemble: steps that are not finite are left out of the data, and constant channels do no harm") {
  const auto task = testing::MakeTask(testing::kSlider, R"json("observation": {"position": "qpos", "one": "1", "huge": "1e9*qvel"})json");
  ReplayBuffer buffer(3, 1);
  std::vector<Episode> episodes = testing::Play(task, 2, 1);
  episodes[0].observations[4] = std::numeric_limits<double>::quiet_NaN();
  for (const Episode& episode : episodes) buffer.Add(episode);
  CHECK(buffer.left_out() == 2);  // the step into it and the step out of it
  Ensemble model(task, Small(), "cpu", 1);
  const Ensemble::TrainResult result = model.Train(buffer, 300, 1);
  CHECK(std::isfinite(result.loss));
  Imagination imagined;
  Belief belief;
  belief.channels = ChannelsAt(episodes[1], 0);
  model.Imagine(belief, std::vector<float>(20, 0.5f), 1, 20, {.channels = true}, imagined);
  for (size_t h = 0; h < 20; ++h) CHECK(imagined.channels[3 * h + 1] == doctest::Approx(1.0).epsilon(0.05));
}

TEST_CASE("ensemble: training that diverges says so and leaves the model as it was") {
  const auto task = testing::MakeTask(testing::kPendulum, testing::kPendulumKeys);
  ReplayBuffer buffer(2, 1);
  for (const Episode& episode : testing::Play(task, 2, 1)) buffer.Add(episode);
  EnsembleOptions options = Small();
  options.learning_rate = 1e30;
  Ensemble model(task, options, "cpu", 1);
  const std::filesystem::path folder = testing::TemporaryFolder("diverged");
  model.Save(folder / "before");
  CHECK_THROWS_WITH_AS(model.Train(buffer, 50, 1), doctest::Contains("training diverged"), Error);
  model.Save(folder / "after");
  CHECK(ReadFile(folder / "before" / "weights.safetensors") == ReadFile(folder / "after" / "weights.safetensors"));
}

TEST_CASE("devices: what is not there is said") {
  CHECK(ResolveDevice("cpu") == "cpu");
  CHECK_THROWS_WITH_AS(ResolveDevice("tpu"), doctest::Contains("expected auto, cpu, cuda"), DeviceError);
  if (!DescribeDevices().cuda) {
    CHECK(ResolveDevice("auto") == "cpu");
    CHECK_THROWS_WITH_AS(ResolveDevice("cuda"), doctest::Contains("no CUDA device"), DeviceError);
  }
}

TEST_CASE("ensemble: members' rollouts lie around the expectation, and asking for them changes nothing else") {
  Trained trained(600);
  EnsembleOptions plain = Small();
  plain.noise_samples = 0;
  Ensemble model(trained.task, plain, "cpu", 5);
  model.Train(trained.buffer, 600, 11);
  CHECK(std::as_const(model).channel_scale().size() == 2);
  const int members = Small().members, sequences = 3, horizon = 12, channels = 2;
  std::vector<float> actions;
  for (int i = 0; i < sequences * horizon; ++i) actions.push_back(std::sin(0.3f * static_cast<float>(i)));
  Belief belief;
  belief.channels = {0.4, 0.8};
  Imagination without, with;
  model.Imagine(belief, actions, sequences, horizon, {.channels = true, .uncertainty = true}, without);
  CHECK(without.members == 0);
  CHECK(without.member_channels.empty());
  model.Imagine(belief, actions, sequences, horizon, {.channels = true, .uncertainty = true, .members = true}, with);
  CHECK(with.rewards == without.rewards);
  CHECK(with.uncertainty == without.uncertainty);
  CHECK(with.channels == without.channels);
  CHECK(with.spread == without.spread);
  REQUIRE(with.members == members);
  const size_t size = without.channels.size();
  REQUIRE(with.member_channels.size() == static_cast<size_t>(members) * size);
  double apart = 0.0;
  for (size_t i = 0; i < size; ++i) {
    double mean = 0.0;
    for (int m = 0; m < members; ++m) mean += with.member_channels[static_cast<size_t>(m) * size + i] / members;
    CHECK(mean == doctest::Approx(without.channels[i]).epsilon(1e-4));
    apart += std::abs(with.member_channels[i] - with.member_channels[size + i]);
  }
  CHECK(apart > 0.0);
  // Each sequence by itself is played as it is among others.
  Imagination alone;
  model.Imagine(belief, std::span<const float>(actions).subspan(horizon, horizon), 1, horizon, {.members = true}, alone);
  CHECK(alone.channels.empty());
  for (int m = 0; m < members; ++m) {
    for (int i = 0; i < horizon * channels; ++i) {
      const float among = with.member_channels[static_cast<size_t>((m * sequences + 1) * horizon * channels + i)];
      CHECK(alone.member_channels[static_cast<size_t>(m * horizon * channels + i)] == doctest::Approx(among).epsilon(1e-4));
    }
  }
  // With the members' own noise in the expectation, it still lies near their mean.
  trained.model.Imagine(belief, actions, sequences, horizon, {.channels = true, .members = true}, with);
  const std::vector<double> scale = trained.model.channel_scale();
  for (size_t i = 0; i < size; ++i) {
    double mean = 0.0;
    for (int m = 0; m < members; ++m) mean += with.member_channels[static_cast<size_t>(m) * size + i] / members;
    CHECK(std::abs(mean - with.channels[i]) < 0.2 * scale[i % channels]);
  }
}

TEST_CASE("ensemble: the deviations of channels are those of the data, kept on disk") {
  Trained trained(10);
  const std::vector<double> values = trained.buffer.channels();
  const std::vector<double> scale = trained.model.channel_scale();
  REQUIRE(scale.size() == 2);
  for (size_t c = 0; c < 2; ++c) {
    const double count = static_cast<double>(values.size() / 2);
    double mean = 0.0, square = 0.0;
    for (size_t i = c; i < values.size(); i += 2) mean += values[i] / count;
    for (size_t i = c; i < values.size(); i += 2) square += (values[i] - mean) * (values[i] - mean) / count;
    CHECK(scale[c] == doctest::Approx(std::sqrt(square)).epsilon(1e-5));
  }
  const std::filesystem::path folder = testing::TemporaryFolder("scale");
  trained.model.Save(folder);
  CHECK(Ensemble::Load(folder, trained.task, "cpu")->channel_scale() == scale);
}

TEST_CASE("ensemble: interrupted training leaves the model, its optimiser and its normalisation as they were") {
  Trained interrupted(120), never(120);
  ReplayBuffer more = interrupted.buffer;
  for (const Episode& episode : testing::Play(interrupted.task, 3, 99)) more.Add(episode);
  const std::filesystem::path folder = testing::TemporaryFolder("interrupted");
  interrupted.model.Save(folder / "before");
  std::vector<int> asked;
  const Ensemble::TrainResult result = interrupted.model.Train(more, 80, 12, [&](int done) {
    asked.push_back(done);
    return done < 30;
  });
  CHECK(result.interrupted);
  CHECK(asked.size() == 31);
  CHECK(asked.back() == 30);
  CHECK(interrupted.model.updates() == 120);
  interrupted.model.Save(folder / "after");
  CHECK(ReadFile(folder / "before" / "weights.safetensors") == ReadFile(folder / "after" / "weights.safetensors"));
  // What is learned next is what would have been learned without the interruption.
  CHECK_FALSE(interrupted.model.Train(more, 80, 12, [](int) { return true; }).interrupted);
  never.model.Train(more, 80, 12);
  interrupted.model.Save(folder / "on");
  never.model.Save(folder / "never");
  CHECK(ReadFile(folder / "on" / "weights.safetensors") == ReadFile(folder / "never" / "weights.safetensors"));
  CHECK(interrupted.model.updates() == 200);
}

TEST_CASE("ensemble: an interrupted judgement leaves calibration as it was") {
  Trained trained(100);
  trained.model.Judge(trained.held_out[0]);
  const nlohmann::json before = trained.model.calibration().ToJson();
  int asked = 0;
  CHECK(trained.model.Judge(trained.held_out[1], [&] { return ++asked < 3; }).interrupted);
  CHECK(trained.model.calibration().ToJson() == before);
  CHECK_FALSE(trained.model.Judge(trained.held_out[1]).interrupted);
  CHECK(trained.model.calibration().ToJson() != before);
}
