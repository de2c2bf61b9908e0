// Episodes must not depend on who plays them; the environment, stepped by hand, is the reference.
#include "sim/collect.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/random.h"

using namespace reverie;

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("reverie collect " + std::to_string(getpid()) + "-" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::filesystem::path Write(const std::string& name, const std::string& text) const {
    std::ofstream(path_ / name) << text;
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

// A pendulum whose length is drawn at each reset: the model itself differs between episodes.
std::shared_ptr<const CompiledTask> PendulumTask() {
  static const TemporaryFolder folder;
  folder.Write("pendulum.xml", R"(
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="arm">
      <joint name="hinge" axis="0 1 0" damping="0.1"/>
      <geom name="bob" type="sphere" size="0.05" pos="0 0 -0.5" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor name="torque" joint="hinge" ctrlrange="-2 2"/></actuator>
</mujoco>)");
  const auto file = folder.Write("pendulum.json", R"json({
    "scene": "pendulum.xml", "control_timestep_s": 0.02, "time_limit_s": 1,
    "observation": {"angle": "qpos(hinge)", "velocity": "qvel(hinge)"},
    "reset": [{"set": "qpos(hinge)", "to": "normal(0, 1)"},
              {"set": "geom_pos(bob).z", "to": "-uniform(0.3, 0.7)"}],
    "reward": "cos(angle)", "terminate": "abs(velocity) > 7"})json");
  return CompiledTask::Compile(LoadTask(file.string()));
}

// MuJoCo gives a simulation up where an acceleration passes 1e10: a hard push is enough here, a soft one is
// not.
std::shared_ptr<const CompiledTask> ExplodingTask(const std::string& gear) {
  static const TemporaryFolder folder;
  folder.Write("exploding" + gear + ".xml", R"(
<mujoco>
  <worldbody>
    <body>
      <joint name="slide" type="slide"/>
      <geom type="sphere" size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="slide" ctrlrange="-1 1" gear=")" +
                                                gear + R"("/></actuator>
</mujoco>)");
  const auto file = folder.Write("exploding" + gear + ".json", R"json({
    "scene": "exploding)json" + gear + R"json(.xml", "control_timestep_s": 0.02, "time_limit_s": 2,
    "observation": {"position": "qpos"}})json");
  return CompiledTask::Compile(LoadTask(file.string()));
}

std::vector<Episode> Play(const std::shared_ptr<const CompiledTask>& task, CollectOptions options,
                          CollectResult* result = nullptr, std::stop_token stop = {}) {
  std::vector<Episode> episodes;
  const CollectResult played = Collect(
      task, SmoothPolicy(*task), options, [&](Episode&& episode) { episodes.push_back(std::move(episode)); },
      stop);
  if (result != nullptr) *result = played;
  return episodes;
}

void CheckSame(const Episode& a, const Episode& b) {
  CHECK(a.seed == b.seed);
  CHECK(a.steps == b.steps);
  CHECK(a.actions == b.actions);
  CHECK(a.rewards == b.rewards);
  CHECK(a.observations == b.observations);
  CHECK(a.integration_state == b.integration_state);
  CHECK(a.model_parameters == b.model_parameters);
  CHECK(a.terminated == b.terminated);
  CHECK(a.truncated == b.truncated);
}

}  // namespace

TEST_CASE("any number of workers plays the same episodes, and so does an environment stepped by hand") {
  const auto task = PendulumTask();
  CollectOptions options;
  options.episodes = 11;
  options.seed = 7;
  const std::vector<Episode> one = Play(task, options);
  options.workers = 3;
  const std::vector<Episode> three = Play(task, options);
  REQUIRE(one.size() == 11);
  REQUIRE(three.size() == 11);
  Environment environment(task);
  bool terminated = false, truncated = false;
  for (size_t k = 0; k < one.size(); ++k) {
    CAPTURE(k);
    CheckSame(one[k], three[k]);
    CHECK(one[k].index == static_cast<int64_t>(k));
    CHECK(one[k].seed == HashSeed(7, k));
    environment.Reset(one[k].seed);
    CHECK(environment.parameters() == one[k].model_parameters);
    StepResult result;
    for (int64_t t = 0; t < one[k].steps; ++t) {
      result = environment.Step(std::span(&one[k].actions[static_cast<size_t>(t)], 1));
      CHECK(result.reward == one[k].rewards[static_cast<size_t>(t)]);
      CHECK(environment.channels()[0] == one[k].observations[static_cast<size_t>(2 * (t + 1))]);
    }
    CHECK(result.terminated == one[k].terminated);
    CHECK(result.truncated == one[k].truncated);
    terminated |= result.terminated;
    truncated |= result.truncated;
  }
  CHECK(terminated);  // the comparison above saw both kinds of ending
  CHECK(truncated);
  CHECK(one[0].model_parameters != one[1].model_parameters);
}

TEST_CASE("a step limit cuts the last episode short and leaves the rest as they were") {
  const auto task = PendulumTask();
  CollectOptions options;
  options.episodes = 8;
  const std::vector<Episode> whole = Play(task, options);
  options.episodes = 0;
  options.steps = 120;
  options.workers = 2;
  CollectResult result;
  const std::vector<Episode> cut = Play(task, options, &result);
  CHECK(result.steps == 120);
  int64_t steps = 0;
  for (size_t k = 0; k + 1 < cut.size(); ++k) {
    CheckSame(cut[k], whole[k]);
    steps += cut[k].steps;
  }
  const Episode &last = cut.back(), &uncut = whole[cut.size() - 1];
  CHECK(steps + last.steps == 120);
  REQUIRE(last.steps < uncut.steps);
  CHECK(last.truncated);
  CHECK_FALSE(last.terminated);
  REQUIRE(last.actions.size() == static_cast<size_t>(last.steps));
  REQUIRE(last.observations.size() == static_cast<size_t>(2 * (last.steps + 1)));
  REQUIRE(last.time.size() == static_cast<size_t>(last.steps + 1));
  CHECK(std::equal(last.actions.begin(), last.actions.end(), uncut.actions.begin()));
  CHECK(std::equal(last.observations.begin(), last.observations.end(), uncut.observations.begin()));
}

TEST_CASE("a later part of a run is the same as in the whole run") {
  const auto task = PendulumTask();
  CollectOptions options;
  options.episodes = 6;
  const std::vector<Episode> whole = Play(task, options);
  options.first_episode = 4;
  options.episodes = 2;
  const std::vector<Episode> part = Play(task, options);
  REQUIRE(part.size() == 2);
  CheckSame(part[0], whole[4]);
  CheckSame(part[1], whole[5]);
  CHECK(part[0].index == 4);
}

TEST_CASE("an episode that diverges ends at its last finite state and names the degree of freedom") {
  const auto task = ExplodingTask("1.2e10");
  CollectOptions options;
  options.episodes = 12;
  options.workers = 2;
  CollectResult result;
  const std::vector<Episode> episodes = Play(task, options, &result);
  REQUIRE(episodes.size() == 12);
  int64_t diverged = 0;
  for (const Episode& episode : episodes) {
    for (const double value : episode.integration_state) CHECK(std::isfinite(value));
    CHECK(episode.steps > 0);
    CHECK(episode.observations.size() == static_cast<size_t>(episode.steps + 1));
    if (episode.diverged.empty()) continue;
    ++diverged;
    CHECK(episode.diverged == "slide");
    CHECK(episode.truncated);
    CHECK_FALSE(episode.terminated);
    CHECK(episode.steps < 100);
  }
  CHECK(diverged > 0);
  CHECK(result.quarantined == diverged);
}

TEST_CASE("a scene that diverges at once is an error that says so") {
  const auto task = ExplodingTask("1e30");
  CollectOptions options;
  options.episodes = 1;
  CHECK_THROWS_WITH_AS(Play(task, options), doctest::Contains("diverges in its first control step"),
                       SceneError);
  CHECK_THROWS_WITH_AS(Play(task, options), doctest::Contains("slide"), SceneError);
}

TEST_CASE("a stop keeps the episodes that were finished, in order") {
  const auto task = PendulumTask();
  CollectOptions options;
  options.episodes = 1000;
  options.workers = 2;
  std::stop_source stop;
  std::vector<Episode> kept;
  const CollectResult result = Collect(
      task, SmoothPolicy(*task), options,
      [&](Episode&& episode) {
        kept.push_back(std::move(episode));
        stop.request_stop();
      },
      stop.get_token());
  CHECK(result.interrupted);
  CHECK(!kept.empty());
  CHECK(kept.size() < 1000);
  CHECK(result.episodes == static_cast<int64_t>(kept.size()));
  options.episodes = result.episodes;
  const std::vector<Episode> whole = Play(task, options);
  for (size_t k = 0; k < kept.size(); ++k) CheckSame(kept[k], whole[k]);
}

TEST_CASE("noise policies have the distribution that their documentation states") {
  const auto task = PendulumTask();
  const auto draw = [&](const PolicySource& source, uint64_t seed) {
    std::vector<double> actions(20000);
    const auto policy = source.make(seed);
    for (double& action : actions) policy->Act({nullptr, nullptr, {}, 0}, std::span(&action, 1));
    return actions;
  };
  const auto moments = [](const std::vector<double>& x) {
    double mean = 0, square = 0, lagged = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      mean += x[i] / x.size();
      square += x[i] * x[i] / x.size();
      if (i > 0) lagged += x[i] * x[i - 1] / x.size();
    }
    return std::array<double, 3>{mean, square, lagged / square};
  };

  const std::vector<double> uniform = draw(RandomPolicy(*task), 1);
  const auto [mean, square, correlation] = moments(uniform);
  CHECK(std::abs(mean) < 0.02);
  CHECK(square == doctest::Approx(1.0 / 3.0).epsilon(0.03));  // variance of a uniform in [-1, 1]
  CHECK(std::abs(correlation) < 0.03);

  // Correlation times from 0.05 s to 1 s at 0.02 s a step: exp(-0.4) to exp(-0.02), clipping aside.
  for (uint64_t seed = 0; seed < 8; ++seed) {
    const std::vector<double> smooth = draw(SmoothPolicy(*task), seed);
    for (const double action : smooth) REQUIRE(std::abs(action) <= 1.0);
    const double lagged = moments(smooth)[2];
    CHECK(lagged > std::exp(-0.4) - 0.1);
    CHECK(lagged < std::exp(-0.02) + 0.01);
  }
  CHECK(draw(SmoothPolicy(*task), 3) == draw(SmoothPolicy(*task), 3));
  CHECK(draw(SmoothPolicy(*task), 3) != draw(SmoothPolicy(*task), 4));
  CHECK_THROWS_WITH_AS(NoisePolicy("rando", *task), doctest::Contains("did you mean 'random'?"), Error);
}
