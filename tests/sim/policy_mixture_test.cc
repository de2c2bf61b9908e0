#include "sim/policy_mixture.h"

#include <cmath>

#include <doctest/doctest.h>

#include "sim/collect_dataset.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/merge.h"
#include "sim/random.h"
#include "sim/replay.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;
using namespace reverie::dataset_fixture;

namespace {

std::shared_ptr<const CompiledTask> Cart(const TemporaryFolder& folder) {
  return Compile(folder, kCart,
                 CartTask(R"json(, "time_limit_s": 0.2, "control_timestep_s": 0.02, "reward": "position[0]",
                             "reset": [{"set": "qpos(slider)", "to": "uniform(-1, 1)"}])json"));
}

PolicySource SmoothAndRandom(const CompiledTask& task, double smooth, double random) {
  return PolicyMixture({{SmoothPolicy(task), smooth}, {RandomPolicy(task), random}});
}

CollectDatasetOptions Run(const std::filesystem::path& folder, int64_t episodes, int workers = 1) {
  CollectDatasetOptions options;
  options.run.episodes = episodes;
  options.run.seed = 7;
  options.run.workers = workers;
  options.folder = folder;
  return options;
}

void Collect(const std::shared_ptr<const CompiledTask>& task, const PolicySource& policy,
             const CollectDatasetOptions& options) {
  CollectDataset(task, policy, options, {}, {}, {});
}

/// Whether a count of `draws` with this probability is within four standard deviations of its expectation.
bool Plausible(double count, double draws, double probability) {
  return std::abs(count - draws * probability) < 4.0 * std::sqrt(draws * probability * (1.0 - probability));
}

}  // namespace

TEST_CASE("the text of a mixture is read, and refused with near names, weights and doubles") {
  const std::vector<std::string> known = {"random", "smooth", "planner", "model"};
  const auto one = ParsePolicyMixture("smooth", known);
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "smooth");
  const auto two = ParsePolicyMixture("smooth:0.7,planner:3", known);
  REQUIRE(two.size() == 2);
  CHECK(two[0].name == "smooth");
  CHECK(two[0].weight == 0.7);
  CHECK(two[1].name == "planner");
  CHECK(two[1].weight == 3.0);

  const auto refuses = [&](const std::string& text, const std::string& says) {
    const std::string message = MessageOf([&] { ParsePolicyMixture(text, known); });
    CAPTURE(message);
    CHECK(Contains(message, says));
    CHECK(IsOneLine(message));
  };
  refuses("smoth:0.7,planner:0.3", "policy 'smoth': expected random, smooth, planner, model; did you mean 'smooth'?");
  refuses("clever", "policy 'clever': expected random, smooth, planner, model");
  refuses("", "policy ''");
  refuses("smooth:1,", "policy ''");
  refuses("smooth:0.5,smooth:0.5", "expected every policy once, found 'smooth' again");
  for (const std::string weight : {"0", "-1", "nan", "inf", "1e999", "0.7x", " 1"}) {
    refuses("smooth:" + weight, "expected a weight above 0 for smooth, as in smooth:0.5, found '" + weight + "'");
  }
  refuses("smooth:0,7,planner:1", "found '0'");
  refuses("smooth:", "expected a weight above 0 for smooth, as in smooth:0.5, found none");
  refuses("smooth,planner:0.3", "expected a weight above 0 for smooth, as in smooth:0.5, found none");
}

TEST_CASE("a mixture draws its policies by weight, whatever the weights add up to") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  constexpr int kEpisodes = 4000;
  for (const double scale : {0.1, 1.0, 30.0}) {
    const PolicySource mixture = SmoothAndRandom(*task, 0.7 * scale, 0.3 * scale);
    int smooth = 0;
    for (uint64_t k = 0; k < kEpisodes; ++k) smooth += mixture.make(PolicySeed(HashSeed(1, k)))->Actor() == 0;
    CHECK(Plausible(smooth, kEpisodes, 0.7));
  }
  const PolicySource mixture = SmoothAndRandom(*task, 0.7, 0.3);
  CHECK(mixture.name == "mixture(smooth:0.7, random:0.3)");
  CHECK(mixture.actors == std::vector<std::string>{"smooth", "random"});
  CHECK(mixture.parallel);
  PolicySource alone = RandomPolicy(*task);
  alone.parallel = false;
  CHECK_FALSE(PolicyMixture({{SmoothPolicy(*task), 1}, {alone, 1}}).parallel);
  CHECK(PolicyMixture({{SmoothPolicy(*task), 0.7}}).name == "smooth");
  CHECK(PolicyMixture({{SmoothPolicy(*task), 0.7}}).actors.empty());
  CHECK_THROWS_WITH_AS(PolicyMixture({{alone, 1}, {alone, 1}}), doctest::Contains("found random again"), Error);
  CHECK_THROWS_WITH_AS(PolicyMixture({{alone, -1}}), doctest::Contains("above 0 for random, found -1"), Error);
  CHECK_THROWS_AS(PolicyMixture({}), Error);
}

TEST_CASE("an episode of a mixture is the one that its policy plays alone, and says which") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  constexpr int64_t kEpisodes = 60;
  const PolicySource mixture = SmoothAndRandom(*task, 1, 1);
  Collect(task, mixture, Run(folder / "one/mixed", kEpisodes, 1));
  Collect(task, mixture, Run(folder / "two/mixed", kEpisodes, 2));
  CHECK(Differences(folder / "one/mixed", folder / "two/mixed") == "");
  Collect(task, SmoothPolicy(*task), Run(folder / "smooth", kEpisodes));
  Collect(task, RandomPolicy(*task), Run(folder / "random", kEpisodes));

  const DatasetReader mixed(folder / "one/mixed"), smooth(folder / "smooth"), random(folder / "random");
  CHECK(mixed.info().policies == std::vector<std::string>{"smooth", "random"});
  CHECK(smooth.info().policies.empty());
  int played[2] = {0, 0};
  for (int64_t k = 0; k < kEpisodes; ++k) {
    const Episode episode = mixed.Read(k);
    REQUIRE(episode.actors.size() == static_cast<size_t>(episode.steps));
    const int actor = episode.actors.front();
    CHECK(episode.actors == std::vector<int8_t>(episode.actors.size(), static_cast<int8_t>(actor)));
    const Episode same = (actor == 0 ? smooth : random).Read(k), other = (actor == 0 ? random : smooth).Read(k);
    CHECK(SameBits(episode.actions, same.actions));
    CHECK(SameBits(episode.integration_state, same.integration_state));
    CHECK_FALSE(SameBits(episode.actions, other.actions));
    CHECK(same.actors.empty());
    CHECK(VerifyEpisode(*task, episode).mismatches == 0);
    ++played[actor];
  }
  CHECK(Plausible(played[0], kEpisodes, 0.5));
  CHECK(played[1] == kEpisodes - played[0]);
}

TEST_CASE("epsilon replaces its share of the actions by uniform ones, and the policy below goes on in time") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  constexpr int kSteps = 20000;
  constexpr double kEpsilon = 0.25;
  const PolicySource source = EpsilonPolicy(SmoothPolicy(*task), kEpsilon);
  CHECK(source.name == "epsilon(0.25, smooth)");
  CHECK(source.actors == std::vector<std::string>{"smooth", "epsilon"});
  const auto exploring = source.make(3), smooth = SmoothPolicy(*task).make(3);
  std::vector<double> action(2), below(2);
  const PolicyInput nothing{nullptr, nullptr, {}, 0};
  int replaced = 0;
  double sum = 0, squares = 0;
  for (int step = 0; step < kSteps; ++step) {
    exploring->Act(nothing, std::span(action).first(1));
    smooth->Act(nothing, std::span(below).first(1));
    if (exploring->Actor() == 0) {
      REQUIRE(action[0] == below[0]);
      continue;
    }
    REQUIRE(exploring->Actor() == 1);
    CHECK(action[0] != below[0]);
    ++replaced;
    sum += action[0];
    squares += action[0] * action[0];
  }
  CHECK(Plausible(replaced, kSteps, kEpsilon));
  CHECK(std::abs(sum / replaced) < 4.0 * std::sqrt(1.0 / 3.0 / replaced));
  // A uniform number's square has the mean 1/3 and the variance 4/45.
  CHECK(std::abs(squares / replaced - 1.0 / 3.0) < 4.0 * std::sqrt(4.0 / 45.0 / replaced));

  // The whole action, not an element of it.
  const auto always = EpsilonPolicy(RandomPolicy(*task), 1.0).make(5), uniform = RandomPolicy(*task).make(5);
  for (int step = 0; step < 100; ++step) {
    always->Act(nothing, action);
    uniform->Act(nothing, below);
    CHECK(always->Actor() == 1);
    CHECK(action[0] != below[0]);
    CHECK(action[1] != below[1]);
  }
  for (const double wrong : {0.0, -0.1, 1.1, std::nan("")}) {
    CHECK_THROWS_AS(EpsilonPolicy(RandomPolicy(*task), wrong), Error);
  }
}

TEST_CASE("mixtures with epsilon are stopped, resumed, cut, sharded and merged like any other run") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  const PolicySource policy = EpsilonPolicy(SmoothAndRandom(*task, 0.6, 0.4), 0.3);
  CHECK(policy.name == "epsilon(0.3, mixture(smooth:0.6, random:0.4))");
  Collect(task, policy, Run(folder / "whole/run", 9));

  CollectDatasetOptions half = Run(folder / "resumed/run", 4);
  Collect(task, policy, half);
  half.run.episodes = 9;
  half.resume = true;
  Collect(task, policy, half);
  CHECK(Differences(folder / "whole/run", folder / "resumed/run") == "");
  CHECK(Contains(MessageOf([&] { Collect(task, SmoothAndRandom(*task, 0.6, 0.4), half); }), "policy differs"));
  CHECK(Contains(MessageOf([&] { Collect(task, EpsilonPolicy(SmoothAndRandom(*task, 0.5, 0.4), 0.3), half); }),
                 "policy differs"));

  for (const int64_t first : {0, 5}) {
    CollectDatasetOptions shard = Run(folder / ("shard " + std::to_string(first)), first == 0 ? 5 : 4);
    shard.run.first_episode = first;
    Collect(task, policy, shard);
  }
  CHECK(MergeDatasets({folder / "shard 5", folder / "shard 0"}, folder / "merged/run").one_run);
  CHECK(Differences(folder / "whole/run", folder / "merged/run") == "");

  CollectDatasetOptions cut = Run(folder / "cut", 0);
  cut.run.steps = 13;
  Collect(task, policy, cut);
  const Episode last = DatasetReader(folder / "cut").Read(1), whole = DatasetReader(folder / "whole/run").Read(1);
  CHECK(last.actors == std::vector<int8_t>(whole.actors.begin(), whole.actors.begin() + 3));
}

TEST_CASE("an episode of a mixture that diverges says who acted up to its last finite state") {
  const TemporaryFolder folder;
  // MuJoCo gives a simulation up where an acceleration passes 1e10: a hard push is enough, a soft one is not.
  const auto task = Compile(folder, R"(
<mujoco>
  <worldbody><body><joint name="slide" type="slide"/><geom type="sphere" size="0.1" mass="1"/></body></worldbody>
  <actuator><motor joint="slide" ctrlrange="-1 1" gear="1.05e10"/></actuator>
</mujoco>)",
                            R"json({"scene": "scene.xml", "control_timestep_s": 0.02, "time_limit_s": 2,
                                    "observation": {"position": "qpos"}})json");
  Collect(task, EpsilonPolicy(RandomPolicy(*task), 0.5), Run(folder / "data", 20));
  const DatasetReader reader(folder / "data");
  int diverged = 0;
  for (int64_t k = 0; k < reader.episodes(); ++k) {
    const Episode episode = reader.Read(k);
    CHECK(episode.actors.size() == static_cast<size_t>(episode.steps));
    diverged += !episode.diverged.empty();
  }
  CHECK(diverged > 0);
}

TEST_CASE("datasets whose indices mean other policies do not merge, and an index that means none is refused") {
  const TemporaryFolder folder;
  const auto task = Cart(folder);
  Collect(task, SmoothAndRandom(*task, 1, 2), Run(folder / "a", 2));
  const auto merge_with = [&](const PolicySource& policy, uint64_t seed) {
    CollectDatasetOptions options = Run(folder / ("b" + std::to_string(seed)), 2);
    options.run.seed = seed;
    Collect(task, policy, options);
    return MessageOf([&] { MergeDatasets({folder / "a", options.folder}, folder / ("m" + std::to_string(seed))); });
  };
  const PolicySource other_order = PolicyMixture({{RandomPolicy(*task), 2}, {SmoothPolicy(*task), 1}});
  const std::string has = "policies differ: " + (folder / "a").string() + " has [smooth, random], ";
  CHECK(Contains(merge_with(other_order, 1), has + (folder / "b1").string() + " has [random, smooth]: an index"));
  CHECK(Contains(merge_with(SmoothPolicy(*task), 2), has + (folder / "b2").string() + " has none"));
  CHECK(Contains(merge_with(EpsilonPolicy(SmoothAndRandom(*task, 1, 2), 0.1), 3), "has [smooth, random, epsilon]"));
  CHECK_FALSE(std::filesystem::exists(folder / "m1"));
  // All are of one set-up all the same, to learn from or to look at.
  CheckSameSetup(DatasetReader(folder / "a").info(), "a", DatasetReader(folder / "b2").info(), "b2");
  CHECK(merge_with(SmoothAndRandom(*task, 1, 3), 4) == "(no error)");  // other weights: two runs, as two seeds are
  CHECK(DatasetReader(folder / "m4").info().policy == "mixture(smooth:1, random:2), mixture(smooth:1, random:3)");

  DatasetInfo info = MakeInfo();
  info.policies = {"smooth", "epsilon"};
  DatasetWriter writer(folder / "made up", info, false);
  Episode episode = MakeEpisode(info, 0, 3);
  CHECK(Contains(MessageOf([&] { writer.Append(episode); }), "'policy': expected 3 x 1 = 3 values, found 0"));
  episode.actors = {0, 2, 1};
  writer.Append(episode);
  writer.Commit();
  CHECK(Contains(MessageOf([&] { DatasetReader(folder / "made up").Read(0); }),
                 "episode_0/infos/policy: row 1: expected one of the 2 policies, from 0, found 2"));
}
