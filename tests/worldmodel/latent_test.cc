// The latent model learns what it is shown and what it is worth, whatever the unit of reward, and survives being
// written to disk.
#include "worldmodel/latent.h"

#include <cmath>
#include <filesystem>
#include <limits>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/comparison.h"
#include "worldmodel/device.h"
#include "worldmodel/model_options.h"
#include "worldmodel/safetensors.h"

using namespace reverie;

namespace {

LatentOptions Small() {
  LatentOptions options;
  options.latent = 32;
  options.encoder_width = 32;
  options.width = 64;
  options.decoder_width = 64;
  options.batch = 64;
  options.learning_rate = 1e-3;
  return options;
}

ReplayBuffer BufferOf(const std::vector<Episode>& episodes, int channels, int actions) {
  ReplayBuffer buffer(channels, actions);
  for (const Episode& episode : episodes) buffer.Add(episode);
  return buffer;
}

struct Trained {
  std::shared_ptr<const CompiledTask> task = testing::MakeTask(testing::kPendulum, testing::kPendulumKeys);
  ReplayBuffer buffer = BufferOf(testing::Play(task, 20, 3), 2, 1);
  std::vector<Episode> held_out = testing::Play(task, 4, 77);
  Latent model{task, Small(), "cpu", 5};

  explicit Trained(int updates) {
    SetTorchThreads(1);
    if (updates > 0) model.Train(buffer, updates, 11);
  }
};

Imagination Imagined(WorldModel& model, const Episode& episode, int64_t at, int steps) {
  Imagination imagined;
  Belief belief;
  belief.channels = ChannelsAt(episode, at);
  const std::vector<float> actions(episode.actions.begin() + at, episode.actions.begin() + at + steps);
  model.Imagine(belief, actions, 1, steps, {.channels = true, .members = true, .values = true}, imagined);
  return imagined;
}

}  // namespace

TEST_CASE("latent: decoded it predicts held-out episodes better than persistence, with intervals that hold") {
  Trained trained(1500);
  for (const Episode& episode : trained.held_out) trained.model.Judge(episode);
  ComparisonOptions options;
  options.horizons = {1, 5, 10};
  options.windows = 60;
  const Comparison comparison = Compare(trained.model, nullptr, testing::Play(trained.task, 4, 99), options, nullptr);
  for (const HorizonFigures& figures : comparison.horizons) {
    CAPTURE(figures.horizon);
    CHECK(figures.nrmse < 0.5 * figures.nrmse_persistence);
    CHECK(figures.coverage90 > 0.8);
  }
  const Imagination imagined = Imagined(trained.model, trained.held_out[0], 3, 5);
  REQUIRE(imagined.members == 3);
  REQUIRE(imagined.member_channels.size() == 3 * imagined.channels.size());
  for (const float spread : imagined.spread) CHECK(spread > 0.0f);
  // Imagined rewards are near those that followed.
  for (int h = 0; h < 5; ++h) CHECK(std::abs(imagined.rewards[static_cast<size_t>(h)] - trained.held_out[0].rewards[static_cast<size_t>(3 + h)]) < 0.35);
}

TEST_CASE("latent: a reward that never changes is worth what a geometric series is, in any unit") {
  SetTorchThreads(1);
  LatentOptions options = Small();
  options.target_rate = 0.1;  // so that the series is summed within these updates
  std::vector<double> early;
  for (const char* reward : {"1", "1e-6", "1e6"}) {
    const auto task = testing::MakeTask(
        testing::kSlider, std::string(R"json("time_limit_s": 1, "observation": {"position": "qpos", "velocity": "qvel"}, "reward": ")json") + reward + "\"");
    Latent model(task, options, "cpu", 5);
    CHECK(model.discount() == doctest::Approx(0.95));  // 20 steps: the least there is
    const std::vector<Episode> episodes = testing::Play(task, 6, 3);
    const ReplayBuffer buffer = BufferOf(episodes, 2, 1);
    const double unit = std::stod(reward);
    model.Train(buffer, 200, 1);
    early.push_back(Imagined(model, episodes[0], 2, 3).values[0] / unit);
    if (unit != 1.0) continue;
    model.Train(buffer, 2500, 2);
    const Imagination imagined = Imagined(model, episodes[0], 2, 3);
    for (const float value : imagined.rewards) CHECK(value == doctest::Approx(1.0).epsilon(0.03));
    CHECK(imagined.values[0] == doctest::Approx(1.0 / (1.0 - 0.95)).epsilon(0.1));
  }
  CHECK(early[0] > 0.1);
  CHECK(early[1] == doctest::Approx(early[0]).epsilon(1e-3));
  CHECK(early[2] == doctest::Approx(early[0]).epsilon(1e-3));
}

TEST_CASE("latent: nothing is earned after the task has ended") {
  SetTorchThreads(1);
  // Ends at the second step whatever is done: worth what one reward is.
  const auto task = testing::MakeTask(
      testing::kSlider,
      R"json("time_limit_s": 1, "observation": {"time": "time", "velocity": "qvel"}, "reward": "1", "terminate": "time[0] > 0.17")json");
  const std::vector<Episode> episodes = testing::Play(task, 60, 3);
  REQUIRE(episodes[0].terminated);
  REQUIRE(episodes[0].steps == 4);
  Latent model(task, Small(), "cpu", 5);
  model.Train(BufferOf(episodes, 2, 1), 600, 1);
  const Imagination early = Imagined(model, episodes[0], 0, 1), whole = Imagined(model, episodes[0], 0, 4);
  CHECK(early.values[0] == doctest::Approx(1.0 + 0.95 + 0.95 * 0.95).epsilon(0.12));
  CHECK(whole.values[0] == 0.0f);
}

TEST_CASE("latent: with a memory it knows what the observation hides, and acts on the same that it learned from") {
  SetTorchThreads(1);
  const auto task = testing::MakeTask(testing::kSlider, R"json("time_limit_s": 2, "observation": {"position": "qpos"},
      "signals": {"velocity": "qvel"}, "reward": "1 + velocity[0]/4",
      "reset": [{"set": "qpos", "to": "uniform(-3, 3)"}, {"set": "qvel", "to": "uniform(-2, 2)"}])json");
  const std::vector<Episode> held_out = testing::Play(task, 10, 77);
  const ReplayBuffer buffer = BufferOf(testing::Play(task, 60, 3), 2, 1);
  double reward_error[2];  // of the next step, over the deviation of rewards
  for (const int memory : {0, 4}) {
    LatentOptions options = Small();
    options.memory = memory;
    options.memory_width = 16;
    Latent model(task, options, "cpu", 5);
    model.Train(buffer, 900, 11);
    // One step more than is remembered: how the first of them came about is seen, too.
    CHECK(model.memory() == (memory > 0 ? memory + 1 : 0));
    double squares = 0.0, sum = 0.0, sum_squares = 0.0, count = 0.0;
    Imagination imagined;
    for (const Episode& episode : held_out) {
      for (int64_t t = 0; t < episode.steps; ++t) {
        const Belief belief = Belief::Of(*task, episode, t, model.memory());
        CHECK(belief.past.size() == static_cast<size_t>(3 * std::min<int64_t>(t, model.memory())));
        const std::vector<float> action = {static_cast<float>(episode.actions[static_cast<size_t>(t)])};
        model.Imagine(belief, action, 1, 1, {.channels = true}, imagined);
        const double reward = episode.rewards[static_cast<size_t>(t)];
        squares += std::pow(imagined.rewards[0] - reward, 2);
        sum += reward;
        sum_squares += reward * reward;
        count += 1.0;
      }
    }
    reward_error[memory > 0] = std::sqrt(squares / count) / std::sqrt(sum_squares / count - std::pow(sum / count, 2));
    // One step at a time from beliefs, as planners ask, the errors are those of a whole episode judged at once.
    const auto changes = [&](int c) {
      std::vector<double> values;
      for (int64_t t = 0; t < buffer.transitions(); ++t) {
        values.push_back(buffer.next_channels()[static_cast<size_t>(2 * t + c)] - buffer.channels()[static_cast<size_t>(2 * t + c)]);
      }
      return values;
    };
    double judged = 0.0;
    for (int c = 0; c < 2; ++c) {
      double mean = 0.0, mean_square = 0.0;
      for (const double change : changes(c)) {
        mean += change / static_cast<double>(buffer.transitions());
        mean_square += change * change / static_cast<double>(buffer.transitions());
      }
      const double scale = std::sqrt(mean_square - mean * mean);
      for (int64_t t = 0; t < held_out[0].steps; ++t) {
        const std::vector<float> action = {static_cast<float>(held_out[0].actions[static_cast<size_t>(t)])};
        model.Imagine(Belief::Of(*task, held_out[0], t, model.memory()), action, 1, 1, {.channels = true}, imagined);
        const double error = imagined.channels[static_cast<size_t>(c)] - ChannelsAt(held_out[0], t + 1)[static_cast<size_t>(c)];
        judged += error * error / (scale * scale) / static_cast<double>(2 * held_out[0].steps);
      }
    }
    CHECK(std::sqrt(judged) == doctest::Approx(model.Judge(held_out[0]).nrmse).epsilon(0.02));
  }
  CAPTURE(reward_error[0]);
  CAPTURE(reward_error[1]);
  CHECK(reward_error[0] > 0.6);
  CHECK(reward_error[1] < 0.6 * reward_error[0]);
}

TEST_CASE("latent: with a memory it expects the very belief that it will have") {
  SetTorchThreads(1);
  const auto task = testing::MakeTask(testing::kSlider, R"json("time_limit_s": 2, "observation": {"position": "qpos"},
      "signals": {"velocity": "qvel"}, "reward": "1 + velocity[0]/4",
      "reset": [{"set": "qpos", "to": "uniform(-3, 3)"}, {"set": "qvel", "to": "uniform(-2, 2)"}])json");
  LatentOptions options = Small();
  options.memory = 1;
  options.memory_width = 16;
  Latent model(task, options, "cpu", 5);
  model.Train(BufferOf(testing::Play(task, 60, 3), 2, 1), 900, 11);
  // The value two steps after the next, imagined from now and from where the next has led.
  double differences = 0.0, sum = 0.0, sum_squares = 0.0, count = 0.0;
  Imagination early, late;
  for (const Episode& episode : testing::Play(task, 10, 77)) {
    for (int64_t t = 0; t + 2 < episode.steps; ++t) {
      const std::vector<float> actions(episode.actions.begin() + t, episode.actions.begin() + t + 3);
      const auto imagine = [&](int64_t from, Imagination& imagined) {
        const std::span<const float> left = std::span<const float>(actions).subspan(static_cast<size_t>(from - t));
        model.Imagine(Belief::Of(*task, episode, from, model.memory()), left, 1, static_cast<int>(left.size()),
                      {.values = true}, imagined);
      };
      imagine(t, early);
      imagine(t + 1, late);
      differences += std::pow(early.values[0] - late.values[0], 2);
      sum += late.values[0];
      sum_squares += late.values[0] * late.values[0];
      count += 1.0;
    }
  }
  const double disagreement = std::sqrt(differences / count / (sum_squares / count - std::pow(sum / count, 2)));
  CAPTURE(disagreement);
  // 0.13; learned towards memories of more steps than acting makes them of, 0.22.
  CHECK(disagreement < 0.18);
}

TEST_CASE("latent: its policy proposes sequences within bounds, the same for a seed") {
  Trained trained(20);
  Belief belief;
  belief.channels = ChannelsAt(trained.held_out[0], 0);
  std::vector<float> a, b, c, preferred;
  trained.model.Propose(belief, 6, 3, 1, a);
  trained.model.Propose(belief, 6, 3, 1, b);
  trained.model.Propose(belief, 6, 3, 2, c);
  REQUIRE(a.size() == 18);
  CHECK(a == b);
  CHECK(a != c);
  // The first is what it prefers: nothing in it is drawn.
  trained.model.Propose(belief, 1, 3, 9, preferred);
  for (size_t h = 0; h < 3; ++h) {
    CHECK(a[h] == doctest::Approx(preferred[h]).epsilon(1e-4));
    CHECK(c[h] == doctest::Approx(preferred[h]).epsilon(1e-4));
  }
  for (const float action : a) CHECK(std::abs(action) <= 1.0f);
}

TEST_CASE("latent: the same seed and data give the same weights, a training state goes on exactly") {
  Trained trained(40), again(40);
  const std::filesystem::path folder = testing::TemporaryFolder("latent");
  trained.model.Save(folder);
  again.model.Save(folder / "again");
  CHECK(ReadFile(folder / "weights.safetensors") == ReadFile(folder / "again" / "weights.safetensors"));
  trained.model.SaveTrainingState(folder / "optimizer.pt", {{"note", 7}});
  Latent resumed(trained.task, Small(), "cpu", 6);
  CHECK(resumed.LoadTrainingState(folder / "optimizer.pt").at("note") == 7);
  CHECK(resumed.updates() == 40);
  trained.model.Train(trained.buffer, 30, 12);
  resumed.Train(trained.buffer, 30, 12);
  trained.model.Save(folder / "on");
  resumed.Save(folder / "resumed");
  CHECK(ReadFile(folder / "on" / "weights.safetensors") == ReadFile(folder / "resumed" / "weights.safetensors"));
  const auto loaded = LoadLearnedModel(folder / "on", trained.task, "cpu");
  CHECK(loaded->name() == "latent");
  const Imagination a = Imagined(trained.model, trained.held_out[0], 3, 10), b = Imagined(*loaded, trained.held_out[0], 3, 10);
  CHECK(a.channels == b.channels);
  CHECK(a.rewards == b.rewards);
  CHECK(a.values == b.values);
}

TEST_CASE("latent: models of another size or task and damaged weights are refused, each by name") {
  Trained trained(2);
  const std::filesystem::path folder = testing::TemporaryFolder("latent_damaged");
  trained.model.Save(folder);
  trained.model.SaveTrainingState(folder / "optimizer.pt", {});
  LatentOptions wider = Small();
  wider.width = 72;
  Latent other_size(trained.task, wider, "cpu", 5);
  CHECK_THROWS_WITH_AS(other_size.LoadTrainingState(folder / "optimizer.pt"), doctest::Contains("'first_moments': expected"), CheckpointError);
  const auto slider = testing::MakeTask(testing::kSlider, R"json("observation": {"position": "qpos", "velocity": "qvel"})json");
  CHECK_THROWS_WITH_AS(Latent::Load(folder, slider, "cpu"), doctest::Contains("key \"observation\""), CheckpointError);
  CHECK_THROWS_WITH_AS(Ensemble::Load(folder, trained.task, "cpu"), doctest::Contains("key \"model\""), CheckpointError);
  Safetensors damaged = ReadSafetensors(folder / "weights.safetensors");
  damaged.tensors.erase("values.1.weight");
  WriteSafetensors(folder / "weights.safetensors", damaged);
  CHECK_THROWS_WITH_AS(Latent::Load(folder, trained.task, "cpu"), doctest::Contains("tensor 'values.1.weight' is missing"), CheckpointError);
}

TEST_CASE("latent: interrupted or diverged training leaves the model as it was, normalisation included") {
  Trained trained(20);
  const std::filesystem::path folder = testing::TemporaryFolder("latent_undo");
  // An archive says how its file is called, so both are called alike.
  std::filesystem::create_directories(folder / "before");
  std::filesystem::create_directories(folder / "after");
  trained.model.SaveTrainingState(folder / "before" / "state", {});
  ReplayBuffer more = BufferOf(testing::Play(trained.task, 60, 8), 2, 1);
  CHECK(trained.model.Train(more, 20, 12, [](int done) { return done < 5; }).interrupted);
  trained.model.SaveTrainingState(folder / "after" / "state", {});
  CHECK(ReadFile(folder / "before" / "state") == ReadFile(folder / "after" / "state"));
  LatentOptions options = Small();
  options.learning_rate = 1e30;
  Latent wild(trained.task, options, "cpu", 1);
  wild.Save(folder / "wild_before");
  CHECK_THROWS_WITH_AS(wild.Train(trained.buffer, 50, 1), doctest::Contains("training diverged"), Error);
  wild.Save(folder / "wild_after");
  CHECK(ReadFile(folder / "wild_before" / "weights.safetensors") == ReadFile(folder / "wild_after" / "weights.safetensors"));
}

TEST_CASE("latent: sequences lie within one run of one episode, constant and huge channels and no action do no harm") {
  SetTorchThreads(1);
  const auto task = testing::MakeTask(
      testing::kSlider, R"json("time_limit_s": 1, "observation": {"position": "qpos", "one": "1", "huge": "1e9*qvel"}, "reward": "position[0]")json");
  std::vector<Episode> episodes = testing::Play(task, 3, 1);
  episodes[0].observations[3 * 4 + 1] = std::numeric_limits<double>::quiet_NaN();
  episodes[1].rewards[7] = std::numeric_limits<double>::infinity();
  ReplayBuffer buffer = BufferOf(episodes, 3, 1);
  CHECK(buffer.left_out() == 3);  // the step into it and the step out of it, and that of the reward
  CHECK(buffer.runs() == std::vector<int64_t>{0, 3, 18, 25, 37});
  CHECK(std::isfinite(Latent(task, Small(), "cpu", 1).Train(buffer, 30, 1).loss));
  // Runs of fewer steps than a sequence has teach nothing.
  ReplayBuffer small = BufferOf({episodes[0]}, 3, 1);
  small.KeepFirst(2, 0);
  CHECK(small.runs() == std::vector<int64_t>{0});
  CHECK_THROWS_WITH_AS(Latent(task, Small(), "cpu", 1).Train(small, 3, 1), doctest::Contains("3 control steps in a row"), DatasetError);

  constexpr const char* kFree = R"(<mujoco><worldbody><body><joint type="slide" axis="1 0 0"/><geom size="0.1"/></body></worldbody></mujoco>)";
  const auto free = testing::MakeTask(kFree, R"json("time_limit_s": 1, "observation": {"position": "qpos", "velocity": "qvel"}, "reset": [{"set": "qvel", "to": "1"}])json");
  const std::vector<Episode> drifting = testing::Play(free, 2, 1);
  Latent model(free, Small(), "cpu", 1);
  CHECK(std::isfinite(model.Train(BufferOf(drifting, 2, 0), 20, 1).loss));
  Imagination imagined;
  Belief belief;
  belief.channels = ChannelsAt(drifting[0], 0);
  model.Imagine(belief, {}, 2, 3, {.channels = true, .values = true}, imagined);
  CHECK(imagined.channels.size() == 2 * 3 * 2);
}

TEST_CASE("latent: with a formula the planner's rewards are the task's, on decoded channels") {
  LatentOptions options = Small();
  options.planning_reward = "formula";
  Trained data(0);
  Latent model(data.task, options, "cpu", 5);
  model.Train(data.buffer, 50, 1);
  const Imagination imagined = Imagined(model, data.held_out[0], 3, 5);
  for (size_t h = 0; h < 5; ++h) {
    const std::vector<double> channels(imagined.channels.begin() + 2 * h, imagined.channels.begin() + 2 * h + 2);
    const double expected = 2.0 * data.task->Reward(channels, std::vector<double>{data.held_out[0].actions[3 + h]});
    CHECK(imagined.rewards[h] == doctest::Approx(expected).epsilon(1e-3));
  }
}

TEST_CASE("latent options: sizes set widths, what is unknown is named") {
  LatentOptions options;
  options.Update({{"size", "5M"}, {"values", 3}}, "test");
  CHECK(options.latent == 512);
  CHECK(options.width == 512);
  CHECK(options.values == 3);
  CHECK_THROWS_WITH_AS(options.Update({{"size", "5m"}}, "test"), doctest::Contains("expected one of tiny, 1M, 5M"), Error);
  CHECK_THROWS_WITH_AS(options.Update({{"latnet", 8}}, "test"), doctest::Contains("latent"), Error);
  CHECK_THROWS_WITH_AS(options.Update({{"latent", 12}}, "test"), doctest::Contains("multiple of 8"), Error);
  ModelOptions model;
  CHECK_THROWS_WITH_AS(model.Update({{"kind", "latnet"}}, "test"), doctest::Contains("ensemble, latent"), Error);
  model.Update({{"kind", "latent"}, {"size", "1M"}}, "test");
  CHECK(model.ToJson().at("kind") == "latent");
  CHECK(model.ToJson().at("width") == 384);
}
