// What the app does with LibTorch: learns in a job that can be paused, cancelled and gone on with, opens what was learned.
#include "ui/learned_models.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "agent/planner_policy.h"
#include "sim/error.h"
#include "sim/files.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/device.h"
#include "worldmodel/simulator_model.h"

namespace reverie::desktop {
namespace {

using namespace std::chrono_literals;
using Reports = std::vector<EpisodeReport>;

// Each episode is 40 control steps of 2 env steps.
std::shared_ptr<const CompiledTask> HoldTask() {
  return testing::MakeTask(testing::kPendulum, R"json("time_limit_s": 1.6, "action_repeat": 2,
    "observation": {"angle": "qpos", "velocity": "qvel"}, "angles": ["angle"],
    "reset": [{"set": "qpos", "to": "uniform(-0.2, 0.2)"}], "reward": "tolerance(angle[0], 0.3, 0.5, 0.5)",
    "learning": {"first_updates": 60, "updates_per_step": 1, "model": {"members": 3, "width": 32, "layers": 2},
                 "latent": {"random_episodes": 1, "first_updates": 10, "updates_per_step": 0.2,
                            "model": {"latent": 16, "width": 16, "encoder_width": 16, "decoder_width": 16, "batch": 16},
                            "planner": {"sequences": 16, "iterations": 1, "elites": 4, "policy_sequences": 2}},
                 "planner": {"horizon": 8, "sequences": 16, "elites": 4, "iterations": 2}})json");
}

template <class Condition>
void Until(Condition&& condition) {
  while (!condition()) std::this_thread::sleep_for(1ms);
}

// Learns in a job to its end and gives its status.
JobStatus LearnToTheEnd(const LearnedModels& models, const LearnedModels::LearnRequest& request, Reports& reports) {
  Job job("Learning", "env steps", [&](JobContext& context) {
    models.learn(request, context, [&](const EpisodeReport& line) { reports.push_back(line); });
  });
  Until([&] { return job.status().finished; });
  return job.status();
}

}  // namespace

TEST_CASE("a learning job reports episodes and progress, and what it learned opens and plans") {
  const auto task = HoldTask();
  const LearnedModels models = MakeLearnedModels(2);
  const std::filesystem::path folder = testing::TemporaryFolder("app_learn") / "new";
  Reports reports;
  const JobStatus status =
      LearnToTheEnd(models, {.task = task, .folder = folder, .env_steps = 240, .seed = 3}, reports);
  CHECK(status.error.empty());
  CHECK_FALSE(status.cancelled);
  CHECK(status.done == 240);
  CHECK(status.total == 240);
  CHECK(status.note.find("last return") != std::string::npos);
  REQUIRE(reports.size() == 3);
  CHECK(reports.back().env_steps == 240);
  const std::unique_ptr<WorldModel> model = models.open(folder.string(), task);
  CHECK(model->name() == "ensemble");
  CHECK(model->channel_scale().size() == 2);
  const PlannerOptions planner = models.planner_options(task->spec(), folder.string());
  CHECK(planner.horizon == 8);
  CHECK(models.planner_options(task->spec(), "simulator").horizon == PlannerOptions().horizon);
  Environment environment(task);
  environment.Reset(1);
  Planner(planner, task->action_size()).MakePlan(*model, Belief::Of(environment));
  CHECK_THROWS_AS(models.open((folder / "nothing").string(), task), CheckpointError);
}

TEST_CASE("a learning job learns the kind of model that it is asked for, and goes on with the kind it finds") {
  const auto task = HoldTask();
  const LearnedModels models = MakeLearnedModels(1);
  CHECK(models.kinds == std::vector<std::string>{"ensemble", "latent"});
  const std::filesystem::path folder = testing::TemporaryFolder("app_kind") / "new";
  Reports reports;
  const JobStatus first = LearnToTheEnd(models, {.task = task, .folder = folder, .kind = "latent", .env_steps = 160, .seed = 3}, reports);
  CHECK(first.error == "");
  const JobStatus more = LearnToTheEnd(models, {.task = task, .folder = folder, .env_steps = 240, .seed = 3, .resume = true}, reports);
  CHECK(more.error == "");
  REQUIRE_FALSE(reports.empty());
  CHECK(reports.back().env_steps == 240);
  const std::unique_ptr<WorldModel> model = models.open(folder.string(), task);
  CHECK(model->name() == "latent");
  CHECK(model->has_policy());
}

TEST_CASE("a learning job paused and cancelled goes on later to what one go would have learned") {
  const auto task = HoldTask();
  const LearnedModels models = MakeLearnedModels(1);
  const std::filesystem::path whole = testing::TemporaryFolder("app_whole"), parts = testing::TemporaryFolder("app_parts");
  Reports reports;
  LearnToTheEnd(models, {.task = task, .folder = whole, .env_steps = 320, .seed = 5}, reports);
  {
    std::atomic<int> episodes = 0;
    Job job("Learning", "env steps", [&](JobContext& context) {
      models.learn({.task = task, .folder = parts, .env_steps = 320, .seed = 5}, context,
                   [&](const EpisodeReport&) { ++episodes; });
    });
    Until([&] { return job.status().done > 0; });
    job.Pause(true);
    JobStatus still;
    Until([&] {
      const JobStatus before = job.status();
      std::this_thread::sleep_for(50ms);
      still = job.status();
      return before.done == still.done && before.note == still.note;
    });
    std::this_thread::sleep_for(100ms);
    CHECK(job.status().done == still.done);
    CHECK(job.status().note == still.note);
    job.Pause(false);
    Until([&] { return episodes >= 1 && job.status().note.find("update") != std::string::npos; });
    job.Cancel();
    Until([&] { return job.status().finished; });
    CHECK(job.status().cancelled);
    CHECK(job.status().error.empty());
    CHECK(episodes < 4);
  }
  Reports rest;
  const LearnedModels::LearnRequest resume = {
      .task = task, .folder = parts, .env_steps = 320, .seed = 999, .resume = true};  // its own seed is kept
  CHECK(LearnToTheEnd(models, resume, rest).error.empty());
  CHECK(ReadFile(whole / "weights.safetensors") == ReadFile(parts / "weights.safetensors"));
  // Learning anew where a model is would lose it.
  const JobStatus refused = LearnToTheEnd(models, {.task = task, .folder = parts, .env_steps = 320}, rest);
  CHECK(refused.error.find("holds a model already") != std::string::npos);
  CHECK(ReadFile(whole / "weights.safetensors") == ReadFile(parts / "weights.safetensors"));
}

TEST_CASE("Torch takes its share of the processors on the thread that opens a model") {
  const auto task = HoldTask();
  const std::filesystem::path folder = testing::TemporaryFolder("app_threads");
  Reports reports;
  LearnToTheEnd(MakeLearnedModels(1), {.task = task, .folder = folder, .env_steps = 80}, reports);
  const auto threads_of = [&](int processors) {
    int threads = 0;
    std::thread([&] {
      const auto model = MakeLearnedModels(processors).open(folder.string(), task);
      threads = TorchThreads();
    }).join();
    return threads;
  };
  CHECK(threads_of(1) == 1);
  CHECK(threads_of(2) == 1);
  CHECK(threads_of(12) == 4);
  CHECK(threads_of(0) <= std::max(1, AvailableThreads() / 3));
  // What a session lends a plan.
  int lent = 0;
  std::thread([&] {
    MakeLearnedModels(2).open(folder.string(), task)->SetThreads(3);
    lent = TorchThreads();
  }).join();
  CHECK(lent == 3);
  SetTorchThreads(1);
}

}  // namespace reverie::desktop
