// Learning is the same every time, and goes on where it was interrupted as if it had not been.
#include "agent/learning_loop.h"

#include <chrono>
#include <cmath>
#include <filesystem>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "agent/offline_training.h"
#include "agent/planner_policy.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/files.h"
#include "sim/replay.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/device.h"

using namespace reverie;

namespace {

LearningOptions Short(int64_t env_steps) {
  LearningOptions options;
  options.env_steps = env_steps;
  options.first_updates = 200;
  options.updates_per_step = 1.0;
  options.model.ensemble.members = 3;
  options.model.ensemble.width = 32;
  options.model.ensemble.layers = 2;
  options.planner.horizon = 10;
  options.planner.sequences = 24;
  options.planner.elites = 6;
  options.planner.iterations = 2;
  options.seed = 4;
  return options;
}

// Swings nowhere: hold the pendulum level, which a few episodes suffice to learn.
constexpr const char* kHold =
    R"json("time_limit_s": 2, "action_repeat": 2, "observation": {"angle": "qpos", "velocity": "qvel"}, "angles": ["angle"],
       "reset": [{"set": "qpos", "to": "uniform(-0.2, 0.2)"}], "reward": "tolerance(angle[0], 0.3, 0.5, 0.5)")json";

LearningResult Learn(const std::filesystem::path& folder, int64_t env_steps, bool resume, int64_t capacity = 1000000) {
  SetTorchThreads(1);
  LearningOptions options = Short(env_steps);
  options.capacity = capacity;
  LearningLoop loop(testing::MakeTask(testing::kPendulum, kHold), options, "cpu", folder, resume);
  return loop.Run(nullptr, nullptr, {});
}

void CheckSameRun(const std::filesystem::path& a, const std::filesystem::path& b) {
  CHECK(ReadFile(a / "weights.safetensors") == ReadFile(b / "weights.safetensors"));
  CHECK(ReadFile(a / "data" / "main_data.hdf5") == ReadFile(b / "data" / "main_data.hdf5"));
}

}  // namespace

TEST_CASE("learning: gets better, twice the same to the byte, and its episodes replay to the bit") {
  const std::filesystem::path a = testing::TemporaryFolder("learn_a"), b = testing::TemporaryFolder("learn_b");
  const LearningResult result = Learn(a, 600, false);
  Learn(b, 600, false);
  REQUIRE(result.episodes.size() == 6);
  CHECK(result.env_steps == 600);
  CHECK(result.episodes.back().episode_return > 70.0);  // of 100; noise gets about 30
  CHECK(result.episodes.back().episode_return > result.episodes.front().episode_return);
  CheckSameRun(a, b);
  const DatasetReader dataset(a);
  const auto task = TaskOfDataset(dataset);
  REQUIRE(dataset.episodes() == 6);
  for (int64_t k = 0; k < 6; ++k) CHECK(VerifyEpisode(*task, dataset.Read(k)).mismatches == 0);
}

TEST_CASE("learning: interrupted after some episodes and resumed, it ends as the uninterrupted run") {
  const std::filesystem::path whole = testing::TemporaryFolder("learn_whole"), parts = testing::TemporaryFolder("learn_parts");
  Learn(whole, 500, false);
  std::stop_source stop;
  {
    SetTorchThreads(1);
    LearningLoop loop(testing::MakeTask(testing::kPendulum, kHold), Short(500), "cpu", parts, false);
    const LearningResult result = loop.Run(
        [&](const EpisodeReport& line) {
          if (line.episode == 1) stop.request_stop();
        },
        nullptr, stop.get_token());
    CHECK(result.interrupted);
    CHECK(result.episodes.size() == 2);
  }
  const LearningResult rest = Learn(parts, 500, true);
  CHECK(rest.episodes.size() == 5);
  CheckSameRun(whole, parts);
}

TEST_CASE("learning: with room for fewer steps than are played the oldest are forgotten, resumed or not") {
  const std::filesystem::path all = testing::TemporaryFolder("learn_all"), whole = testing::TemporaryFolder("learn_newest"),
                              parts = testing::TemporaryFolder("learn_newest_parts");
  constexpr int64_t kTwoEpisodes = 100;
  Learn(all, 500, false);
  Learn(whole, 500, false, kTwoEpisodes);
  Learn(parts, 300, false, kTwoEpisodes);
  Learn(parts, 500, true, kTwoEpisodes);
  CheckSameRun(whole, parts);
  CHECK(ReadFile(whole / "weights.safetensors") != ReadFile(all / "weights.safetensors"));
  CHECK(DatasetReader(whole).episodes() == 5);
}

TEST_CASE("learning: stopped while it trains it stops there, and goes on to the same end, resumed or run again") {
  using Phase = LearningProgress::Phase;
  const std::filesystem::path whole = testing::TemporaryFolder("train_stop_whole"),
                              resumed = testing::TemporaryFolder("train_stop_resumed"),
                              again = testing::TemporaryFolder("train_stop_again");
  Learn(whole, 400, false);
  for (const std::filesystem::path& folder : {resumed, again}) {
    std::stop_source stop;
    LearningLoop loop(testing::MakeTask(testing::kPendulum, kHold), Short(400), "cpu", folder, false);
    const auto stop_after = [&](const LearningProgress& now) {
      CHECK_FALSE((stop.stop_requested() && now.phase == Phase::kLearning));
      if (now.phase == Phase::kLearning && now.env_steps == 300 && now.updates == 20) stop.request_stop();
    };
    const LearningResult result = loop.Run(nullptr, stop_after, stop.get_token());
    CHECK(result.interrupted);
    CHECK(result.episodes.size() == 2);
    CHECK(result.env_steps == 200);
    if (folder == again) CHECK_FALSE(loop.Run(nullptr, nullptr, {}).interrupted);
  }
  CHECK(Learn(resumed, 400, true).episodes.size() == 4);
  CheckSameRun(whole, resumed);
  CheckSameRun(whole, again);
}

TEST_CASE("learning: says step by step and update by update how far it is") {
  using Phase = LearningProgress::Phase;
  SetTorchThreads(1);
  std::vector<LearningProgress> seen;
  LearningLoop loop(testing::MakeTask(testing::kPendulum, kHold), Short(200), "cpu",
                    testing::TemporaryFolder("learn_progress"), false);
  loop.Run(nullptr, [&](const LearningProgress& now) { seen.push_back(now); }, {});
  // Two episodes of 50 control steps of 2 env steps; 200 updates after the first, one a control step after that.
  REQUIRE(seen.size() == 50 + 200 + 50 + 50);
  for (size_t i = 0; i < seen.size(); ++i) {
    const bool acting = i < 50 || (i >= 250 && i < 300);
    CHECK((seen[i].phase == Phase::kActing) == acting);
    CHECK(seen[i].updates_of == (acting ? 0 : i < 250 ? 200 : 50));
  }
  CHECK(seen[0].env_steps == 0);
  CHECK(seen[49].env_steps == 98);
  CHECK(seen[50].env_steps == 100);
  CHECK(seen[50].updates == 0);
  CHECK(seen[249].updates == 199);
  CHECK(seen[250].env_steps == 100);
  CHECK(seen.back().env_steps == 200);
}

TEST_CASE("learning: a checkpoint of other options, and a task without reward or actuators, are refused") {
  const std::filesystem::path folder = testing::TemporaryFolder("learn_refused");
  Learn(folder, 200, false);
  LearningOptions other = Short(400);
  other.updates_per_step = 2.0;
  const auto task = testing::MakeTask(testing::kPendulum, kHold);
  CHECK_THROWS_WITH_AS(LearningLoop(task, other, "cpu", folder, true), doctest::Contains("updates_per_step"),
                       CheckpointError);
  const auto unrewarded = testing::MakeTask(testing::kPendulum, R"json("time_limit_s": 1)json");
  CHECK_THROWS_WITH_AS(LearningLoop(unrewarded, Short(100), "cpu", testing::TemporaryFolder("learn_none"), false),
                       doctest::Contains("\"reward\""), TaskError);
}

TEST_CASE("learning: its folder tells the options it was learned with, and planning in the model takes them up") {
  const std::filesystem::path folder = testing::TemporaryFolder("learn_options");
  Learn(folder, 200, false);
  const auto task = testing::MakeTask(testing::kPendulum, kHold);
  LearningOptions options = LearningOptions::For(task->spec());
  options.UpdateFrom(folder);
  CHECK(options.ToJson() == Short(200).ToJson());
  CHECK(PlannerOptionsFor(task->spec(), folder.string()).ToJson() == Short(200).planner.ToJson());
  // Where nothing was kept they are the task's; "learning" of a task is for learned models alone.
  const std::filesystem::path empty = testing::TemporaryFolder("learn_no_options");
  const auto tuned = testing::MakeTask(
      testing::kPendulum, std::string(kHold) + R"json(, "planner": {"horizon": 31, "sequences": 77},
                                                 "learning": {"planner": {"sequences": 55}, "first_updates": 5})json");
  options = LearningOptions::For(tuned->spec());
  options.seed = 6;
  options.UpdateFrom(empty);
  CHECK(options.first_updates == 5);
  CHECK(options.seed == 6);
  for (const std::string& model : {std::string("simulator"), empty.string(), folder.string()}) {
    const PlannerOptions planner = PlannerOptionsFor(tuned->spec(), model);
    CHECK(planner.horizon == (model == folder ? 10 : 31));
    CHECK(planner.sequences == (model == folder ? 24 : model == "simulator" ? 77 : 55));
  }
}

namespace {

LearningOptions ShortLatent(int64_t env_steps) {
  const auto task = testing::MakeTask(testing::kPendulum, kHold);
  LearningOptions options = LearningOptions::For(task->spec(), "latent");
  options.env_steps = env_steps;
  options.random_episodes = 2;
  options.first_updates = 200;
  LatentOptions& model = options.model.latent;
  model.latent = 32;
  model.encoder_width = 32;
  model.width = 64;
  model.decoder_width = 32;
  model.batch = 64;
  model.learning_rate = 1e-3;
  options.planner.sequences = 48;
  options.planner.elites = 12;
  options.planner.iterations = 3;
  options.planner.policy_sequences = 8;
  options.seed = 4;
  return options;
}

LearningResult LearnLatent(const std::filesystem::path& folder, int64_t env_steps, bool resume) {
  SetTorchThreads(1);
  LearningLoop loop(testing::MakeTask(testing::kPendulum, kHold), ShortLatent(env_steps), "cpu", folder, resume);
  return loop.Run(nullptr, nullptr, {});
}

}  // namespace

TEST_CASE("learning: a latent model gets better, and resumed it ends as the uninterrupted run") {
  const std::filesystem::path whole = testing::TemporaryFolder("latent_whole"), parts = testing::TemporaryFolder("latent_parts");
  const LearningResult result = LearnLatent(whole, 1500, false);
  REQUIRE(result.episodes.size() == 15);
  double last = 0.0;
  for (size_t i = 10; i < 15; ++i) last += result.episodes[i].episode_return / 5.0;
  CHECK(last > 60.0);  // of 100; noise gets about 30
  LearnLatent(parts, 400, false);
  CHECK(LearnLatent(parts, 600, true).episodes.size() == 6);
  const std::filesystem::path six = testing::TemporaryFolder("latent_six");
  LearnLatent(six, 600, false);
  CheckSameRun(six, parts);
  LearningOptions other = ShortLatent(600);
  other.model.latent.width = 72;
  CHECK_THROWS_WITH_AS(LearningLoop(testing::MakeTask(testing::kPendulum, kHold), other, "cpu", six, true),
                       doctest::Contains("\"model.width\": this run asks for 72, the one to resume had 64"), CheckpointError);
  // A checkpoint of before there was a memory is one without.
  {
    LearningLoop loop(testing::MakeTask(testing::kPendulum, kHold), ShortLatent(600), "cpu", six, true);
    nlohmann::json note = loop.model().LoadTrainingState(six / "optimizer.pt");
    REQUIRE(note.at("options").at("model").erase("memory") == 1);
    loop.model().SaveTrainingState(six / "optimizer.pt", note);
  }
  CHECK(LearnLatent(six, 700, true).episodes.size() == 7);
  other = ShortLatent(700);
  other.model.latent.memory = 2;
  LearnLatent(parts, 600, true);
  CHECK_THROWS_WITH_AS(LearningLoop(testing::MakeTask(testing::kPendulum, kHold), other, "cpu", parts, true),
                       doctest::Contains("\"model.memory\": this run asks for 2, the one to resume had 0"), CheckpointError);
}

TEST_CASE("learning: an episode with a number that is not finite is named and not learned from, and learning goes on") {
  const std::string keys =
      R"json("time_limit_s": 2, "action_repeat": 2, "observation": {"angle": "qpos", "velocity": "qvel"},
         "reset": [{"set": "qpos", "to": "uniform(-0.2, 0.2)"}], "reward": "angle[0] > 0.15 ? 0/0 : 1")json";
  const std::filesystem::path folder = testing::TemporaryFolder("latent_nan");
  SetTorchThreads(1);
  size_t quarantined = 0;
  for (const bool resume : {false, true}) {
    LearningLoop loop(testing::MakeTask(testing::kPendulum, keys), ShortLatent(resume ? 600 : 400), "cpu", folder, resume);
    const LearningResult result = loop.Run(nullptr, nullptr, {});
    REQUIRE(result.episodes.size() == (resume ? 6 : 4));
    quarantined = 0;
    for (const EpisodeReport& line : result.episodes) {
      CHECK(std::isfinite(line.episode_return));
      if (line.quarantined.empty()) continue;
      ++quarantined;
      CHECK(line.quarantined.starts_with("reward of step "));
    }
  }
  CHECK(quarantined > 0);
}

TEST_CASE("learning: goes on from a model that was trained on recorded episodes, which it learns from too") {
  SetTorchThreads(1);
  const auto task = testing::MakeTask(testing::kPendulum, kHold);
  const std::filesystem::path recorded = testing::TemporaryFolder("learn_recorded"), folder = testing::TemporaryFolder("learn_trained");
  {
    DatasetWriter writer(recorded, DescribeDataset(*task, 1, "smooth"), false);
    for (const Episode& episode : testing::Play(task, 4, 1)) writer.Append(episode);
    writer.Finish();
  }
  OfflineTrainingOptions options;
  options.model = ShortLatent(0).model;
  options.steps = 100;
  options.trained_on = {recorded.string()};
  TrainOffline(task, testing::Play(task, 4, 1), options, "cpu", folder, false, nullptr, {});
  {
    LearningLoop loop(task, ShortLatent(100), "cpu", folder, true);
    CHECK(loop.model().updates() == 100);
    const LearningResult result = loop.Run(nullptr, nullptr, {});
    REQUIRE(result.episodes.size() == 1);
    CHECK(result.episodes[0].plan_ms > 0.0);  // it plans from the first episode on
    CHECK(result.episodes[0].updates == 150);
  }
  CHECK(LearningLoop(task, ShortLatent(200), "cpu", folder, true).Run(nullptr, nullptr, {}).episodes.size() == 2);
  LearningOptions other = ShortLatent(100);
  other.model.kind = "ensemble";
  CHECK_THROWS_WITH_AS(LearningLoop(task, other, "cpu", folder, true), doctest::Contains("learning(mppi, latent)"), Error);
}

TEST_CASE("training: on recorded episodes, held-out error falls, and a resumed run ends the same") {
  SetTorchThreads(1);
  const auto task = testing::MakeTask(testing::kPendulum, kHold);
  const std::vector<Episode> episodes = testing::Play(task, 12, 1);
  OfflineTrainingOptions options;
  options.model = Short(0).model;
  options.steps = 2000;
  const std::filesystem::path whole = testing::TemporaryFolder("train_whole"), parts = testing::TemporaryFolder("train_parts");
  const OfflineTrainingResult result = TrainOffline(task, episodes, options, "cpu", whole, false, nullptr, {});
  CHECK(result.last.updates == 2000);
  CHECK(result.last.held_out_nrmse < 0.1);
  std::stop_source stop;
  TrainOffline(task, episodes, options, "cpu", parts, false, [&](const TrainingReport&) { stop.request_stop(); },
               stop.get_token());
  // Stopped within a round too, by another thread: what was not finished is learned again.
  std::stop_source later;
  {
    const std::jthread stopper([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      later.request_stop();
    });
    TrainOffline(task, episodes, options, "cpu", parts, true, nullptr, later.get_token());
  }
  const OfflineTrainingResult rest = TrainOffline(task, episodes, options, "cpu", parts, true, nullptr, {});
  CHECK(rest.last.updates == 2000);
  CHECK(ReadFile(whole / "weights.safetensors") == ReadFile(parts / "weights.safetensors"));
}
