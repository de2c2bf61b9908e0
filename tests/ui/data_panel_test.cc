// Collecting, saving and browsing episodes from the panel, without a window. What was recorded is known from the
// dataset's reader; the simulator's prediction of a recorded episode is the episode.
#include "ui/desktop/data_panel.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include <doctest/doctest.h>

#include "sim/dataset.h"
#include "tests/sim/task_fixture.h"
#include "tests/ui/session_fixture.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::testing;
using reverie::dataset_fixture::TemporaryFolder;
using reverie::task_fixture::WorkingFolder;
using reverie::task_fixture::Write;
namespace fs = std::filesystem;

namespace {

struct DataDesk {
  TemporaryFolder folder;
  WorkingFolder here;
  Desk<DataPanel> desk;

  DataDesk() : here(Made(folder)), desk(ImVec2(460, 2200)) { desk.Open(Pendulum(), QuickOptions(Actor::kSmooth)); }
  static fs::path Made(const TemporaryFolder& folder) {
    fs::create_directories(folder / "here");
    return folder / "here";
  }
  bool Until(const std::function<bool()>& so) { return desk.Until(so); }
  DatasetBrowser& browser() { return desk.panel.browser(); }
  /// Three episodes of 12, 9 and 5 steps, recorded and opened.
  void OpenThree() {
    for (const int steps : {12, 9, 5}) {
      desk.app.session->StepControl(steps);
      desk.app.session->Wait();
      desk.app.session->ResetToEpisode(steps);
    }
    desk.Settle();
    REQUIRE(desk.app.session->SaveEpisodes("pendulum") == 3);
    desk.app.dataset_to_browse = fs::absolute("pendulum");
    REQUIRE(Until([&] { return browser().table().size() == 3 && !browser().loading(); }));
  }
};

}  // namespace

TEST_CASE("data: episodes of a dataset are listed, sorted, filtered and chosen one after the other") {
  DataDesk test;
  test.OpenThree();
  const DatasetReader reader("pendulum");
  for (size_t i = 0; i < 3; ++i) {
    CHECK(test.browser().table().row(i).steps == reader.Read(static_cast<int64_t>(i)).steps);
  }
  CHECK(test.desk.ui.Shows("3 of 3 episodes"));
  EpisodeTable& table = test.browser().table();
  table.SortBy(EpisodeTable::kSteps, false);
  CHECK(table.row(table.Shown().front()).steps == 5);
  table.SortBy(EpisodeTable::kIndex, false);
  REQUIRE(test.desk.app.actions.Run("data.next_episode", test.desk.app));
  REQUIRE(test.Until([&] { return test.browser().view().episode() != nullptr; }));
  CHECK(test.browser().view().episode()->episode.index == 0);
  REQUIRE(test.desk.app.actions.Run("data.next_episode", test.desk.app));
  REQUIRE(test.Until([&] { return test.browser().view().episode()->episode.index == 1; }));
  REQUIRE(test.desk.app.actions.Run("data.previous_episode", test.desk.app));
  REQUIRE(test.Until([&] { return test.browser().view().episode()->episode.index == 0; }));
  CHECK(test.desk.ui.Shows("Episode 0: 12 steps"));
}

TEST_CASE("data: the simulator's prediction of what was recorded is what was recorded, and a state goes to the scene") {
  DataDesk test;
  test.OpenThree();
  REQUIRE(test.desk.app.actions.Run("data.next_episode", test.desk.app));
  REQUIRE(test.Until([&] { return test.browser().view().episode() != nullptr; }));
  REQUIRE(test.desk.app.actions.Run("data.predict", test.desk.app));
  REQUIRE(test.Until([&] { return test.browser().view().prediction() != nullptr; }));
  const EpisodePrediction& prediction = *test.browser().view().prediction();
  CHECK(prediction.steps == 12);
  CHECK(prediction.parts_at == 0);
  for (const float error : prediction.error) CHECK(error < 1e-4f);
  CHECK(test.desk.ui.Shows("together for all 12 steps"));

  REQUIRE(test.Until([&] { return test.desk.ui.ClickText("Send this state to the live scene"); }));
  test.desk.Settle();
  const DatasetReader reader("pendulum");
  const Episode recorded = reader.Read(0);
  const std::vector<double> state = test.desk.Now()->state;
  REQUIRE(recorded.integration_state.size() >= state.size());
  CHECK(std::equal(state.begin(), state.end(), recorded.integration_state.begin()));
}

TEST_CASE("data: an episode plays in the scene and the live state comes back") {
  DataDesk test;
  test.OpenThree();
  REQUIRE(test.desk.app.actions.Run("data.next_episode", test.desk.app));
  REQUIRE(test.Until([&] { return test.browser().view().episode() != nullptr; }));
  CHECK_FALSE(test.desk.app.shown_state.has_value());
  REQUIRE(test.Until([&] { return test.browser().view().misfit().empty() && !test.desk.ui.Shows("comparing with"); }));
  REQUIRE(test.desk.app.actions.Run("data.play", test.desk.app));
  REQUIRE(test.Until([&] { return test.desk.app.shown_state.has_value(); }));
  REQUIRE(test.Until([&] { return test.browser().view().cursor() == 12; }));
  CHECK_FALSE(test.browser().view().playing());
  REQUIRE(test.desk.ui.ClickText("Show in the scene"));
  REQUIRE(test.Until([&] { return !test.desk.app.shown_state.has_value(); }));
}

TEST_CASE("data: a batch is collected in the background as the command line collects it, and can be browsed") {
  DataDesk test;
  REQUIRE(test.desk.app.actions.Run("data.collect", test.desk.app));
  CHECK_FALSE(test.desk.app.actions.Run("data.collect", test.desk.app));  // one at a time
  const std::shared_ptr<Job> job = test.desk.app.jobs.back();
  REQUIRE(test.Until([&] { return job->status().finished; }));
  CHECK(job->status().error == "");
  const fs::path made = fs::directory_iterator("out/data")->path();
  const DatasetReader reader(made);
  CHECK(reader.episodes() == 100);
  CHECK(reader.info().policy == "random");
  test.desk.app.dataset_to_browse = made;
  REQUIRE(test.Until([&] { return test.browser().table().size() == 100; }));
}

TEST_CASE("data: beside learning a batch takes the workers that are free, and says how many") {
  DataDesk test;
  test.desk.app.threads = ThreadBudget::Of(8);
  const ThreadBudget::Share learning = test.desk.app.threads->Take(4);
  REQUIRE(test.desk.ui.ClickText("Collect episodes"));
  REQUIRE(test.desk.app.actions.Run("data.collect", test.desk.app));
  const std::shared_ptr<Job> job = test.desk.app.jobs.back();
  job->Pause(true);  // so that it is seen at work
  CHECK(test.Until([&] { return test.desk.ui.Shows("2 workers, as many of 7 as were free"); }));
  job->Pause(false);
  REQUIRE(test.Until([&] { return job->status().finished; }));
  CHECK(job->status().error == "");
  CHECK(DatasetReader(fs::directory_iterator("out/data")->path()).episodes() == 100);
  CHECK(test.desk.app.threads->handed_out() == 4);
}

TEST_CASE("data: what is no dataset is told in one line, and any size is survived") {
  DataDesk test;
  Write("not a dataset/readme.txt", "hello");
  test.desk.app.dataset_to_browse = fs::absolute("not a dataset");
  REQUIRE(test.Until([&] { return !test.browser().loading() && !test.browser().problem().empty(); }));
  CHECK(test.browser().problem().find('\n') == std::string::npos);
  CHECK(test.browser().problem().find("not a dataset") != std::string::npos);
  for (const ImVec2 size : {ImVec2(1, 1), ImVec2(30, 900), ImVec2(900, 20), ImVec2(460, 2200)}) test.desk.Frames(2, size);
}
