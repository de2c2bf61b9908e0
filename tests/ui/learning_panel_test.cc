// Learning from the panel, with a learner that the test drives: what it reports is known, so is what must be shown.
#include "ui/desktop/learning_panel.h"

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "sim/error.h"
#include "tests/sim/task_fixture.h"
#include "tests/ui/session_fixture.h"
#include "ui/desktop/learning_log.h"
#include "worldmodel/model_config.h"
#include "worldmodel/simulator_model.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::testing;
using reverie::dataset_fixture::TemporaryFolder;
using reverie::task_fixture::Contains;
using reverie::task_fixture::WorkingFolder;
using reverie::task_fixture::Write;
namespace fs = std::filesystem;

namespace {

EpisodeReport Report(int64_t episode, double episode_return) {
  EpisodeReport report;
  report.episode = episode;
  report.env_steps = 100 * (episode + 1);
  report.episode_return = episode_return;
  report.judged = episode > 0;
  report.model_nll = -1;
  report.model_nrmse = 0.5;
  report.loss = -2;
  report.plan_ms = episode > 0 ? 12 : 0;
  report.updates = 1000 * (episode + 1);
  report.wall_s = 60.0 * static_cast<double>(episode + 1);
  return report;
}

/// A model's folder that says what it must, with weights of the given letter.
void WriteModel(const fs::path& folder, const CompiledTask& task, int64_t episodes, char letter = 'a',
                double calibration = 0.5) {
  nlohmann::ordered_json config = DescribeModel(task, "ensemble");
  config["updates"] = 1000 * episodes;
  config["calibration"] = {{"channels", 2}, {"factors", {{calibration, calibration}}}};
  Write(folder / "optimizer.pt", std::string(1000, letter));
  Write(folder / "config.json", config.dump());
  Write(folder / "weights.safetensors", std::string(3000, letter));
  Write(folder / "baseline.safetensors", std::string(10, letter));
  std::string log;
  for (int64_t k = 0; k < episodes; ++k) log += Report(k, 10.0 * static_cast<double>(k + 1)).ToJson().dump() + "\n";
  Write(folder / "log.jsonl", log);
}

/// Learns as the test says: one episode for each Allow().
class Learner {
 public:
  void Allow(int episodes = 1) {
    const std::lock_guard lock(mutex_);
    allowed_ += episodes;
    wake_.notify_all();
  }
  LearnedModels Models() {
    LearnedModels models;
    models.learn = [this](const LearnedModels::LearnRequest& request, JobContext& job,
                          const std::function<void(const EpisodeReport&)>& report) {
      {
        const std::lock_guard lock(mutex_);
        request_ = request;
      }
      for (int64_t episode = request.resume ? 2 : 0; 100 * episode < request.env_steps; ++episode) {
        if (!WaitUntilAllowed(job)) return;
        WriteModel(request.folder, *request.task, episode + 1);
        job.Report(100 * (episode + 1), request.env_steps, "");
        report(Report(episode, 10.0 * static_cast<double>(episode + 1)));
      }
    };
    models.open = [this](const std::string& folder, std::shared_ptr<const CompiledTask> task) {
      const std::lock_guard lock(mutex_);
      opened_.push_back(folder);
      return std::make_unique<SimulatorModel>(std::move(task), 1);
    };
    return models;
  }
  LearnedModels::LearnRequest request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }
  size_t times_opened() {
    const std::lock_guard lock(mutex_);
    return opened_.size();
  }

 private:
  bool WaitUntilAllowed(JobContext& job) {
    std::unique_lock lock(mutex_);
    while (allowed_ == 0) {
      wake_.wait_for(lock, std::chrono::milliseconds(5));
      lock.unlock();
      const bool go_on = job.GoOn();
      lock.lock();
      if (!go_on) return false;
    }
    --allowed_;
    lock.unlock();
    return job.GoOn();
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  int allowed_ = 0;
  LearnedModels::LearnRequest request_;
  std::vector<std::string> opened_;
};

/// The panel over a pendulum in a working folder of its own.
struct LearningDesk {
  TemporaryFolder folder;
  WorkingFolder here;
  Learner learner;
  Desk<LearningPanel> desk;

  LearningDesk() : here(Made(folder)), desk(ImVec2(420, 1400)) {
    desk.app.learned = learner.Models();
    SessionOptions options = QuickOptions(Actor::kPlanner);
    options.open_model = desk.app.learned.open;
    desk.Open(Pendulum(), options);
  }
  ~LearningDesk() {
    if (desk.app.learning) desk.app.learning->Cancel();
  }
  static fs::path Made(const TemporaryFolder& folder) {
    fs::create_directories(folder / "here");
    return folder / "here";
  }
  bool Until(const std::function<bool()>& so) { return desk.Until(so); }
  bool UntilEpisodes(size_t episodes) {
    return Until([&] { return desk.app.learning_curve.size() >= episodes; });
  }
  void Start() { REQUIRE(desk.app.actions.Run("learning.start", desk.app)); }
  void Stop() {
    REQUIRE(desk.app.actions.Run("learning.stop", desk.app));
    REQUIRE(Until([&] { return desk.app.learning->status().finished; }));
  }
  std::string Task() { return desk.app.now->task->spec().name; }
};

}  // namespace

TEST_CASE("learning: a build without LibTorch says so, and nothing starts") {
  Desk<LearningPanel> desk({420, 900});
  desk.Open(Pendulum(), QuickOptions(Actor::kPerson));
  CHECK(desk.ui.Shows("This build has no LibTorch"));
  CHECK_FALSE(desk.app.actions.Run("learning.start", desk.app));
  CHECK(desk.app.learning == nullptr);
}

TEST_CASE("learning: the kind of model that is chosen is what is learned") {
  LearningDesk test;
  test.desk.app.learned.kinds = {"ensemble", "latent"};
  test.desk.Settle();
  REQUIRE(test.desk.ui.ClickText("ensemble"));
  REQUIRE(test.desk.ui.ClickText("latent"));
  test.Start();
  test.learner.Allow(1);
  REQUIRE(test.UntilEpisodes(1));
  CHECK(test.learner.request().kind == "latent");
}

TEST_CASE("learning: a run goes to the next free folder, shows its episodes, and stops when told") {
  LearningDesk test;
  fs::create_directories("out/learning/task-0001");
  Write("out/learning/task-0001/precious", "kept");
  test.Start();
  test.learner.Allow(2);
  REQUIRE(test.UntilEpisodes(2));
  CHECK(test.desk.app.learning_folder == fs::current_path() / "out/learning/task-0002");
  CHECK(test.learner.request().folder == test.desk.app.learning_folder);
  CHECK(fs::exists("out/learning/task-0002/weights.safetensors"));
  CHECK(dataset_fixture::Contents("out/learning/task-0001").size() == 1);
  CHECK(test.desk.app.learning_curve[1].episode_return == 20.0);
  REQUIRE(test.Until([&] { return test.desk.panel.run().curve().size() == 2; }));
  const LearningCurve& curve = test.desk.panel.run().curve();
  CHECK(curve.X(LearningAxis::kEnvSteps) == std::vector<float>{100, 200});
  CHECK(curve.X(LearningAxis::kMinutes) == std::vector<float>{1, 2});
  CHECK(curve.Y(LearningFigure::kReturn) == std::vector<float>{10, 20});
  CHECK(curve.Y(LearningFigure::kModelError)[1] == 0.5f);
  CHECK(std::isnan(curve.Y(LearningFigure::kModelError)[0]));  // no model had predicted it
  CHECK(curve.Y(LearningFigure::kCalibration)[1] == 0.5f);
  CHECK(test.desk.ui.Shows("200 of 12000 env steps"));
  CHECK(test.desk.ui.Shows("left"));
  CHECK_FALSE(test.desk.app.actions.Run("learning.start", test.desk.app));  // one at a time

  test.Stop();
  CHECK(test.desk.app.learning->status().cancelled);
  CHECK(fs::exists("out/learning/task-0002/weights.safetensors"));
  CHECK(test.desk.ui.Shows("Go on with the stopped run"));
}

TEST_CASE("learning: a pause lasts until it is lifted") {
  LearningDesk test;
  test.Start();
  test.learner.Allow();
  REQUIRE(test.UntilEpisodes(1));
  REQUIRE(test.desk.app.actions.Run("learning.pause", test.desk.app));
  REQUIRE(test.Until([&] { return test.desk.ui.Shows("Paused: "); }));
  test.learner.Allow();
  for (int i = 0; i < 50; ++i) {
    test.desk.ui.Run();
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  CHECK(test.desk.app.learning_curve.size() == 1);
  REQUIRE(test.desk.ui.ClickText("Go on"));
  REQUIRE(test.UntilEpisodes(2));
  test.Stop();
}

TEST_CASE("learning: a chosen folder that holds something is refused in one line, and left as it is") {
  LearningDesk test;
  Write("mine/thesis.txt", "years of work");
  REQUIRE(test.desk.ui.ClickText("the next free one under out/learning"));
  test.desk.ui.Type("mine");
  test.Start();
  REQUIRE(test.Until([&] { return test.desk.app.learning->status().finished; }));
  CHECK(test.desk.ui.Shows("expected a new or empty output folder, found 'thesis."));
  CHECK(test.desk.ui.Shows("choose another folder"));
  CHECK_FALSE(test.desk.ui.Shows("--out"));
  CHECK(dataset_fixture::Contents("mine").size() == 1);
}

TEST_CASE("learning: the agent plans in the newest model until the person chooses another") {
  LearningDesk test;
  test.Start();
  test.learner.Allow();
  const auto model = [&] { return test.desk.app.now->model; };
  REQUIRE(test.Until([&] { return model() != "simulator"; }));
  const std::string folder = test.desk.app.learning_folder.string();
  CHECK(model() == folder);
  CHECK(test.learner.times_opened() == 1);
  test.learner.Allow();
  REQUIRE(test.Until([&] { return test.learner.times_opened() == 2; }));  // the newer one of the same folder
  REQUIRE(test.Until([&] { return !test.desk.app.now->model_loading; }));
  CHECK(model() == folder);

  test.desk.app.session->SetModel("simulator");
  REQUIRE(test.Until([&] { return model() == "simulator" && !test.desk.panel.run().use_newest(); }));
  test.learner.Allow();
  REQUIRE(test.UntilEpisodes(3));
  test.desk.Settle();
  CHECK(model() == "simulator");
  CHECK(test.learner.times_opened() == 2);

  REQUIRE(test.desk.ui.ClickText("The agent uses the newest model"));
  REQUIRE(test.Until([&] { return model() == folder; }));
  test.Stop();
}

TEST_CASE("learning: switched off, the agent keeps its model, and another task's agent always does") {
  LearningDesk test;
  REQUIRE(test.desk.ui.ClickText("The agent uses the newest model"));
  test.Start();
  test.learner.Allow();
  REQUIRE(test.UntilEpisodes(1));
  test.desk.Settle();
  CHECK(test.desk.app.now->model == "simulator");

  test.desk.Open(reverie::testing::MakeTask(reverie::testing::kSlider, R"("observation": {"all": "qpos"}, "reward": "all[0]")"),
                 QuickOptions(Actor::kPerson));
  REQUIRE(test.desk.ui.ClickText("The agent uses the newest model"));
  test.learner.Allow();
  REQUIRE(test.UntilEpisodes(2));
  test.desk.Settle();
  CHECK(test.desk.app.now->model == "simulator");
  CHECK(test.learner.times_opened() == 0);
  test.Stop();
}

TEST_CASE("learning: a run that goes on keeps its seed, and its curve begins with the earlier episodes") {
  LearningDesk test;
  const auto task = test.desk.app.now->task;
  const fs::path folder = fs::current_path() / "earlier";
  WriteModel(folder, *task, 2);
  {
    DatasetWriter writer(folder, DescribeDataset(*task, 77, "learning"), false);
    for (const Episode& episode : reverie::testing::Play(task, 2, 77)) writer.Append(episode);
    writer.Commit();
  }
  REQUIRE(test.desk.ui.ClickText("the next free one under out/learning"));
  test.desk.ui.Type("earlier");
  REQUIRE(test.desk.ui.ClickText("Go on with the run in that folder"));
  test.Start();
  REQUIRE(test.UntilEpisodes(2));
  CHECK(test.desk.app.learning_curve[1].episode_return == 20.0);
  test.learner.Allow();
  REQUIRE(test.UntilEpisodes(3));
  CHECK(test.learner.request().resume);
  CHECK(test.learner.request().seed == 77);
  CHECK(test.learner.request().folder == folder);
  CHECK(test.desk.app.learning_curve[2].episode == 2);
  test.Stop();
}

TEST_CASE("learning: models under out/ are listed with their last figures, a broken one with what is wrong") {
  LearningDesk test;
  const auto task = test.desk.app.now->task;
  WriteModel("out/learning/100% #1", *task, 3);
  WriteModel("out/elsewhere/deep/b", *task, 1);
  WriteModel("out/broken", *task, 2);
  Write("out/broken/log.jsonl", "{\"type\": \"episode\"\nnonsense\n");
  Write("out/not a model/config.json", "{\"editor\": \"vim\"}");
  REQUIRE(test.desk.ui.ClickText("Look again"));
  REQUIRE(test.Until([&] { return !test.desk.panel.models().busy() && test.desk.panel.models().models().size() == 4; }));
  CHECK(test.desk.ui.Shows("100% #1"));
  CHECK(test.desk.ui.Shows("30"));
  const KnownModel* model = test.desk.panel.models().Find(fs::current_path() / "out/learning/100% #1");
  REQUIRE(model != nullptr);
  CHECK(model->last_return == 30.0);
  CHECK(model->env_steps == 300);
  CHECK(model->updates == 3000);
  CHECK(model->calibration == doctest::Approx(0.5));
  CHECK(model->problem == "");
  const KnownModel* broken = test.desk.panel.models().Find(fs::current_path() / "out/broken");
  REQUIRE(broken != nullptr);
  CHECK(Contains(broken->problem, "log.jsonl, line 1"));
  const KnownModel* foreign = test.desk.panel.models().Find(fs::current_path() / "out/not a model");
  REQUIRE(foreign != nullptr);
  CHECK(Contains(foreign->problem, "not a model's"));

  REQUIRE(test.desk.ui.ClickText("100% #1"));
  CHECK(test.desk.ui.Shows("Plan in it"));
  CHECK(test.desk.ui.Shows("Save a copy as ..."));
}

TEST_CASE("learning: curves of ticked models lie over one another") {
  LearningDesk test;
  WriteModel("out/a", *test.desk.app.now->task, 3);
  WriteModel("out/b", *test.desk.app.now->task, 3);
  REQUIRE(test.desk.ui.ClickText("Look again"));
  REQUIRE(test.Until([&] { return !test.desk.panel.models().busy() && test.desk.panel.models().models().size() == 2; }));
  CHECK(test.desk.ui.Shows("Nothing learned yet"));
  for (const char* name : {"a", "b"}) {
    const auto text = test.desk.ui.Find(name);
    REQUIRE(text.has_value());
    test.desk.ui.Click({text->min.x - 1.2f * ImGui::GetFontSize(), text->centre().y});
    REQUIRE(test.Until([&] { return !test.desk.ui.Shows("Nothing learned yet"); }));  // the plots push the table down
  }
  CHECK(test.desk.panel.models().IsTicked(fs::current_path() / "out/a"));
  CHECK(test.desk.panel.models().IsTicked(fs::current_path() / "out/b"));
  CHECK(test.desk.ui.Shows("return"));
  CHECK(test.desk.ui.Shows("model error (deviations)"));
}

TEST_CASE("learning: training on recorded data is a curve over updates") {
  LearningCurve curve;
  curve.Add(nlohmann::json::parse(R"({"type": "training", "updates": 1000, "loss": -1.5, "held_out_nll": 0.25,
                                      "held_out_nrmse": 0.125, "update_ms": 4, "wall_s": 30})"));
  CHECK(curve.Has(LearningAxis::kUpdates, LearningFigure::kLoss));
  CHECK(curve.Y(LearningFigure::kModelError)[0] == 0.125f);
  CHECK(curve.X(LearningAxis::kMinutes)[0] == 0.5f);
  CHECK_FALSE(curve.Has(LearningAxis::kEnvSteps, LearningFigure::kLoss));
  CHECK_FALSE(curve.Has(LearningAxis::kUpdates, LearningFigure::kReturn));
}

TEST_CASE("copying a model: every file, under the new name alone, and never over something else") {
  const TemporaryFolder folder;
  const auto task = Pendulum();
  WriteModel(folder / "model", *task, 2);
  Write(folder / "model/data/main_data.hdf5", "episodes");
  CopyModel(folder / "model", folder / "new/copy", {});
  const auto copied = dataset_fixture::Contents(folder / "new/copy");
  CHECK(copied.size() == 5);
  for (const auto& [name, bytes] : copied) CHECK(bytes == ReadFile(folder / "model" / name));
  CHECK(dataset_fixture::Contents(folder / "new").size() == 6);  // nothing else is left there
  CHECK(ReadKnownModel(folder / "new/copy").problem == "");

  CHECK_THROWS_AS(CopyModel(folder / "model", folder / "new/copy", {}), Error);
  CHECK(dataset_fixture::Contents(folder / "new/copy") == copied);
  CHECK_THROWS_AS(CopyModel(folder / "nowhere", folder / "other", {}), CheckpointError);
  std::stop_source stop;
  stop.request_stop();
  CHECK_THROWS_AS(CopyModel(folder / "model", folder / "other", stop.get_token()), Error);
  CHECK_FALSE(fs::exists(folder / "other"));
}

TEST_CASE("copying a model: while a run writes checkpoints, a copy is of one of them") {
  const TemporaryFolder folder;
  const auto task = Pendulum();
  const auto checkpoint = [&](char letter) {  // as a run does: file by file, in its order, each whole
    WriteModel(folder / "next", *task, 1 + letter - 'a', letter);
    for (const char* name : {"optimizer.pt", "config.json", "weights.safetensors", "baseline.safetensors", "log.jsonl"}) {
      fs::create_directories(folder / "model");
      fs::last_write_time(folder / "next" / name, fs::file_time_type::clock::now());
      fs::rename(folder / "next" / name, folder / "model" / name);
      std::this_thread::sleep_for(std::chrono::milliseconds(3));
    }
  };
  checkpoint('a');
  std::jthread run([&](std::stop_token stop) {
    for (char letter = 'b'; !stop.stop_requested(); letter = letter == 'z' ? 'b' : static_cast<char>(letter + 1)) {
      checkpoint(letter);
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
    }
  });
  for (int i = 0; i < 8; ++i) {
    const fs::path to = folder / ("copy " + std::to_string(i));
    CopyModel(folder / "model", to, {});
    const char letter = ReadFile(to / "weights.safetensors").front();
    CHECK(ReadFile(to / "weights.safetensors") == std::string(3000, letter));
    CHECK(ReadFile(to / "optimizer.pt") == std::string(1000, letter));
    CHECK(ReadFile(to / "baseline.safetensors") == std::string(10, letter));
    CHECK(ReadKnownModel(to).updates == 1000 * (1 + letter - 'a'));
    CHECK(ReadKnownModel(to).episodes == 1 + letter - 'a');
  }
}

TEST_CASE("learning: any size, and nothing open") {
  Desk<LearningPanel> desk({420, 900});
  desk.app.learned = Learner().Models();
  desk.Frames(3, {1, 1});
  desk.Frames(2, {420, 900});
  CHECK(desk.ui.Shows("Open a task to learn it"));
  CHECK_FALSE(desk.app.actions.Run("learning.start", desk.app));
  LearningDesk test;
  WriteModel("out/a", *test.desk.app.now->task, 3);
  REQUIRE(test.desk.ui.ClickText("Look again"));
  test.Start();
  test.learner.Allow();
  REQUIRE(test.UntilEpisodes(1));
  for (const ImVec2 size : {ImVec2(1, 1), ImVec2(1, 400), ImVec2(300, 1), ImVec2(60, 60)}) test.desk.Frames(2, size);
  test.Stop();
}
