#include "ui/desktop/reward_panel.h"

#include <doctest/doctest.h>

#include "tests/ui/imgui_fixture.h"
#include "tests/ui/snapshot_fixture.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"
#include "ui/desktop/surprise_meter.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::snapshot_fixture;

namespace {

Story LongStory(int rows) {
  Story story;
  const int branch = story.Begin();
  story.Append(branch, rows);
  return story;
}

}  // namespace

TEST_CASE("The window follows now at the end, stands around it in the past, and shows all when asked") {
  const Story story = LongStory(1000);  // 40 s
  LineageSeries series;
  series.Follow(story.timeline.view(), 0);
  CHECK(WindowAround(series, 40, 10).from == doctest::Approx(30));
  CHECK(WindowAround(series, 40, 10).to == doctest::Approx(40));
  CHECK(WindowAround(series, 20, 10).from < 20);
  CHECK(WindowAround(series, 20, 10).to > 20);
  CHECK(WindowAround(series, 20, 0).from == 0);
  CHECK(WindowAround(series, 20, 0).to == doctest::Approx(40));
  CHECK(WindowAround(series, kNaN, 10).to == doctest::Approx(40));
  CHECK(WindowAround(series, 1, 60).from == 0);
}

TEST_CASE("The reward's text names reward, return, and the planning gap") {
  const Story story = LongStory(100);
  const auto now = SnapshotOf(story, {0, 100});
  now->reward = 0.73;
  now->episode_return = 41.2;
  LineageSeries series;
  series.Follow(now->timeline, 0);
  CHECK(DescribeReward(*now, series, 4) == "Reward 0.73 now, return 41.2 after 4 s.");
  now->timeline.branches[0].Set(Judged::kReturnInModel, 98, 38);
  now->timeline.branches[0].Set(Judged::kReturnInSimulator, 98, 36);
  series.Follow(now->timeline, 0);
  CHECK(DescribeReward(*now, series, 4) ==
        "Reward 0.73 now, return 41.2 after 4 s. The plan promises 38 in the model and 36 in the simulator: a planning "
        "gap of 2.");
}

TEST_CASE("The surprise meter says whether the last step was more than is usual") {
  CHECK(DescribeSurprise(kNaN, 4.1) == "Surprise: no step has been judged yet.");
  CHECK(DescribeSurprise(2.5f, 0) == "Surprise 2.5; what is usual is being learned.");
  CHECK(DescribeSurprise(2.5f, 4.1) == "Surprise 2.5, as is usual (up to 4.1).");
  CHECK(DescribeSurprise(5.25f, 4.1) == "Surprise 5.25: more than is usual (4.1).");

  const Story story = LongStory(300);
  story.timeline.view().branches[0].Set(Judged::kSurprise, 50, 1);
  story.timeline.view().branches[0].Set(Judged::kSurprise, 60, 2);
  LineageSeries series;
  series.Follow(story.timeline.view(), 0);
  CHECK(SurpriseAt(series, 50 * 0.04) == 1);
  CHECK(SurpriseAt(series, 62 * 0.04) == 2);
  CHECK(std::isnan(SurpriseAt(series, 300 * 0.04)));  // too long ago to say anything about now
  CHECK(std::isnan(SurpriseAt(series, 10 * 0.04)));
}

TEST_CASE("The reward panel draws real and predicted rewards, and terms by their names") {
  ImGuiFixture ui(500, 1400);
  SnapshotApp fixture;
  const Story story = LongStory(200);
  for (int64_t row = 1; row <= 200; ++row)
    story.timeline.view().branches[0].Set(Judged::kPredictedReward, row, static_cast<float>(row) + 20);
  const auto now = SnapshotOf(story, {0, 200});
  now->reward_terms = {"upright 100%s ##1", "small control"};
  fixture.app.now = now;
  const std::unique_ptr<Panel> panel = MakeRewardPanel();
  ui.RunInWindow(3, {500, 1400}, [&] { panel->Draw(fixture.app); });
  CHECK(ui.Triangles(colours::kReal) > 20);
  CHECK(ui.Triangles(colours::kPredicted) > 20);
  CHECK(ui.Shows("small control"));
  CHECK(ui.Shows("upright 100%s"));
  CHECK(ui.Shows("now"));
}

TEST_CASE("A click in a reward plot goes to the step under the mouse") {
  ImGuiFixture ui(500, 400);
  SnapshotApp fixture;
  const auto task = CompiledTask::Compile(LoadTask("pendulum-swingup"));
  SessionOptions options;
  options.actor = Actor::kRandom;
  options.pace = Pace::kLockStep;
  options.imagination.enabled = false;
  fixture.app.session = std::make_shared<Session>(task, options);
  fixture.app.session->StepControl(60);
  fixture.app.session->Wait();
  fixture.app.now = fixture.app.session->Snapshot();
  REQUIRE(fixture.app.now->now.row == 60);

  // So low that the reward's is the last plot in sight.
  const std::unique_ptr<Panel> panel = MakeRewardPanel();
  ui.RunInWindow(3, {500, 180}, [&] { panel->Draw(fixture.app); });
  const plot::View view = plot::LastView();
  REQUIRE(view.max.x > view.min.x);
  const double step_s = fixture.app.now->timeline.control_step_s;
  const double share = (20 * step_s - view.x_min) / (view.x_max - view.x_min);
  REQUIRE(share > 0);
  REQUIRE(share < 1);
  REQUIRE(view.min.y + 20 < 180);
  ui.Click(ImVec2(view.min.x + static_cast<float>(share) * (view.max.x - view.min.x), (view.min.y + 180) / 2));
  ui.Wait(0.4f);  // no second click comes
  fixture.app.session->Wait();
  CHECK(fixture.app.session->Snapshot()->now == TimelinePlace{0, 20});
  fixture.app.session.reset();
  fixture.app.now.reset();
}

TEST_CASE("The reward panel survives nothing, NaN and any size") {
  ImGuiFixture ui(1280, 800);
  SnapshotApp fixture;
  const std::unique_ptr<Panel> panel = MakeRewardPanel();
  const auto at_all_sizes = [&] {
    for (const ImVec2 size : {ImVec2(1, 1), ImVec2(1, 700), ImVec2(900, 1), ImVec2(40, 40), ImVec2(500, 700)})
      ui.RunInWindow(2, size, [&] { panel->Draw(fixture.app); });
  };
  at_all_sizes();
  CHECK(ui.Shows("Nothing is open"));
  fixture.app.now = std::make_shared<SessionSnapshot>();
  at_all_sizes();

  Story story({.channels = 300, .actions = 0, .terms = 0});
  const int branch = story.Begin();
  fixture.app.now = SnapshotOf(story, {branch, 0});  // one row
  at_all_sizes();
  story.Append(branch, 50);
  const auto now = SnapshotOf(story, {branch, 50});
  now->timeline.branches[0].Set(Judged::kSurprise, 50, std::numeric_limits<float>::infinity());
  now->timeline.branches[0].Set(Judged::kPlannedReturn, 50, 3);
  now->reward = now->episode_return = kNaN;
  now->surprise_threshold = kNaN;
  now->reward_terms = {"more labels", "than columns"};
  fixture.app.now = now;
  at_all_sizes();
  CHECK(ui.Shows("Reward unknown now"));
  fixture.app.now = SnapshotOf(story, {-1, 0});
  at_all_sizes();
}
