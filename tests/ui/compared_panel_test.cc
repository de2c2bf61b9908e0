#include "ui/desktop/compared_panel.h"

#include <doctest/doctest.h>

#include "tests/ui/imgui_fixture.h"
#include "tests/ui/snapshot_fixture.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/horizon_errors.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::snapshot_fixture;

namespace {

const std::vector<std::string> kLabels = {"cart.x", "hinge.cos", "hinge.sin"};

// 100 steps, of which the last 25 were predicted; channel 1 is off by 0.011 more with each.
std::shared_ptr<SessionSnapshot> ComparedSnapshot(Story& story) {
  const int branch = story.Begin();
  story.Append(branch, 100);
  const auto now = SnapshotOf(story, {branch, 100});
  auto compared = PredictionFrom(*now, {branch, 75}, 25, 0.011);
  compared->parts_at = 14;
  compared->parts_channel = 1;
  now->compared = compared;
  return now;
}

}  // namespace

TEST_CASE("The text says when they part, which channel is off and by how much") {
  Story story;
  const auto now = ComparedSnapshot(story);
  const auto errors = MeasureChannels(*now->compared, now->channel_scale, {}, 0.25);
  // At step 14: 0.154 over a deviation of 0.5.
  CHECK(DescribeCompared(*now, errors, kLabels) ==
        "They part after 14 steps (0.56 s): hinge.cos is off by 0.308 of its deviation.");

  auto together = PredictionFrom(*now, {0, 75}, 25, 0.001);
  now->compared = together;
  const auto small = MeasureChannels(*now->compared, now->channel_scale, {}, 0.25);
  CHECK(DescribeCompared(*now, small, kLabels).starts_with("Together for 25 steps (1 s): the worst is hinge.cos"));

  now->compared = PredictionFrom(*now, {0, 100}, 0, 0);
  CHECK(DescribeCompared(*now, {}, kLabels).starts_with("A prediction stands; nothing has happened since."));
  now->compared = nullptr;
  CHECK(DescribeCompared(*now, {}, kLabels).starts_with("No prediction yet"));
  now->imagination.frozen = TimelinePlace{0, 100};
  CHECK(DescribeCompared(*now, {}, kLabels).starts_with("A prediction stands from here."));
  now->imagination.frozen = TimelinePlace{0, 10};
  CHECK(DescribeCompared(*now, {}, kLabels).starts_with("Reality did not come this way"));
  now->imagination.compare = false;
  CHECK(DescribeCompared(*now, {}, kLabels) == "Predictions are not compared: the comparison is switched off.");
}

TEST_CASE("Channels are ordered worst first, in deviations, angles around the circle") {
  PredictedVersusReal compared;
  compared.steps = 2;
  compared.channel_size = 4;
  compared.predicted = {1, 0, 3.1f, 5, /**/ 1, 0.2f, 3.1f, 5};
  compared.real = {1, 0, -3.1f, 0, /**/ 1, 0, -3.1f, 0};
  compared.spread = {1, 0.05f, 1, 1, /**/ 1, 0.05f, 1, 1};
  const auto errors =
      MeasureChannels(compared, std::vector<double>{1, 0.5, 1, 0}, {false, false, true, false}, 0.25);
  REQUIRE(errors.size() == 4);
  CHECK(errors[0].channel == 1);
  CHECK(errors[0].rms == doctest::Approx(0.4 / std::sqrt(2)));
  CHECK(errors[0].last == doctest::Approx(0.4));
  CHECK(errors[0].in_band == doctest::Approx(0.5));  // the second step is 4 deviations of the spread off
  CHECK(errors[0].parts_at == 2);
  CHECK(errors[1].channel == 2);  // 6.2 rad are 0.083 rad the other way
  CHECK(errors[1].rms == doctest::Approx(6.283185 - 6.2).epsilon(1e-3));
  CHECK(errors[2].rms == 0);
  CHECK(errors[3].channel == 3);  // never changes: counts in no order
  CHECK(std::isnan(errors[3].rms));

  // What the model cannot tell counts in no order either.
  compared.tells = {true, false, true, true};
  const auto told = MeasureChannels(compared, std::vector<double>{1, 0.5, 1, 0}, {false, false, true, false}, 0.25);
  CHECK(told[0].channel == 2);
  CHECK(std::isnan(told[2].rms));
  CHECK(told[2].parts_at == 0);
  compared.tells.clear();

  compared.predicted[4] = kNaN;
  CHECK(MeasureChannels(compared, std::vector<double>{1, 0.5, 1, 0}, {}, 0.25)[0].channel == 0);
}

TEST_CASE("Errors by horizon count each prediction once, beside the guess that nothing changes") {
  Story story;
  const auto now = ComparedSnapshot(story);
  const double scale = 0.5;
  HorizonErrors errors;
  auto compared = PredictionFrom(*now, {0, 75}, 6, 0.01);
  errors.Add(*compared, now->timeline, now->channel_scale, {});
  const auto& sums = errors.models().at("models/first");
  CHECK(sums[0].predictions == 1);
  CHECK(sums[1].predictions == 1);
  CHECK(sums[2].predictions == 0);
  CHECK(std::isnan(sums[2].Rms()));
  // Channel 1 of 3 is off by 0.05 at step 5.
  CHECK(sums[1].Rms() == doctest::Approx(0.05 / scale / std::sqrt(3.0)));
  double still = 0;
  for (int c = 0; c < 3; ++c) still += std::pow((ChannelAt(75, c) - ChannelAt(80, c)) / scale, 2);
  CHECK(sums[1].PersistenceRms() == doctest::Approx(std::sqrt(still / 3)));

  // The same prediction, four steps later: only what is new of it.
  compared = PredictionFrom(*now, {0, 75}, 10, 0.01);
  errors.Add(*compared, now->timeline, now->channel_scale, {});
  CHECK(sums[0].predictions == 1);
  CHECK(sums[2].predictions == 1);
  compared = PredictionFrom(*now, {0, 76}, 10, 0.01);
  errors.Add(*compared, now->timeline, now->channel_scale, {});
  CHECK(sums[0].predictions == 2);

  auto other = std::make_shared<PredictedVersusReal>(*compared);
  other->model = "models/second";
  errors.Add(*other, now->timeline, now->channel_scale, {});
  CHECK(errors.models().size() == 2);
  CHECK(sums[0].predictions == 2);
  other->from = {99, 3};  // gone
  errors.Add(*other, now->timeline, now->channel_scale, {});
  errors.Clear();
  CHECK(errors.models().empty());
}

TEST_CASE("The comparison is drawn: predicted beside real, the tolerance, and where they part") {
  ImGuiFixture ui(600, 2200);
  SnapshotApp fixture;
  Story story;
  fixture.app.now = ComparedSnapshot(story);
  const std::unique_ptr<Panel> panel = MakeComparedPanel();
  ui.RunInWindow(3, {600, 2200}, [&] {
    panel->Update(fixture.app);
    panel->Draw(fixture.app);
  });
  CHECK(ui.Shows("They part after 14 steps"));
  CHECK(ui.Shows("they part"));
  CHECK(ui.Shows("tolerance"));
  CHECK(ui.Triangles(colours::kPredicted) > 50);
  CHECK(ui.Triangles(colours::kReal) > 50);
  CHECK(ui.Shows("1 prediction seen"));
  CHECK(ui.Shows("25 (1 s)"));
}

TEST_CASE("Freezing keeps the prediction from the state shown, and a click on its error goes to that step") {
  ImGuiFixture ui(600, 1200);
  SnapshotApp fixture;
  SessionOptions options;
  options.actor = Actor::kRandom;
  options.pace = Pace::kLockStep;
  fixture.app.session = std::make_shared<Session>(CompiledTask::Compile(LoadTask("pendulum-swingup")), options);
  const auto look = [&] {
    fixture.app.session->Wait();
    fixture.app.now = fixture.app.session->Snapshot();
    ui.Run(2);
  };
  fixture.app.session->StepControl(10);
  const std::unique_ptr<Panel> panel = MakeComparedPanel();
  fixture.app.session->Wait();
  fixture.app.now = fixture.app.session->Snapshot();
  ui.RunInWindow(2, {600, 360}, [&] { panel->Draw(fixture.app); });
  REQUIRE(ui.ClickText("Freeze here"));
  look();
  REQUIRE(fixture.app.now->imagination.frozen);
  CHECK(*fixture.app.now->imagination.frozen == TimelinePlace{0, 10});
  CHECK(ui.Shows("frozen at step 10 (0.8 s)"));

  // What was imagined from there stands beside what the next 30 steps were; made by hand, for it is not the
  // session that is tested.
  fixture.app.session->StepControl(30);
  fixture.app.session->Wait();
  REQUIRE(fixture.app.session->Snapshot()->now.row == 40);
  auto now = std::make_shared<SessionSnapshot>(*fixture.app.session->Snapshot());
  now->compared = PredictionFrom(*now, {0, 10}, 30, 0.01);
  now->channel_scale = {1, 1, 1};  // the session may not have judged any yet
  fixture.app.now = now;
  ui.Run(3);
  const plot::View view = plot::LastView();
  REQUIRE(view.max.x > view.min.x);
  const double step_s = now->timeline.control_step_s;
  const double share = (25 * step_s - view.x_min) / (view.x_max - view.x_min);
  REQUIRE(share > 0);
  REQUIRE(share < 1);
  REQUIRE(view.min.y + 20 < 360);
  ui.Click(ImVec2(view.min.x + static_cast<float>(share) * (view.max.x - view.min.x), view.min.y + 10));
  ui.Wait(0.4f);  // no second click comes
  fixture.app.session->Wait();
  CHECK(fixture.app.session->Snapshot()->now == TimelinePlace{0, 25});
  look();
  REQUIRE(ui.ClickText("Unfreeze"));
  look();
  CHECK_FALSE(fixture.app.now->imagination.frozen);
  fixture.app.session.reset();
  fixture.app.now.reset();
}

TEST_CASE("The comparison survives nothing, NaN, torn predictions, and hundreds of channels at any size") {
  ImGuiFixture ui(1280, 800);
  SnapshotApp fixture;
  const std::unique_ptr<Panel> panel = MakeComparedPanel();
  const auto at_all_sizes = [&] {
    for (const ImVec2 size : {ImVec2(1, 1), ImVec2(1, 700), ImVec2(900, 1), ImVec2(40, 40), ImVec2(500, 780)}) {
      ui.RunInWindow(2, size, [&] {
        panel->Update(fixture.app);
        panel->Draw(fixture.app);
      });
    }
  };
  at_all_sizes();
  fixture.app.now = std::make_shared<SessionSnapshot>();
  at_all_sizes();

  Story story({.channels = 300, .actions = 0, .terms = 0});
  const int branch = story.Begin();
  story.Append(branch, 100);
  const auto now = SnapshotOf(story, {branch, 100});
  auto compared = PredictionFrom(*now, {branch, 60}, 40, 0.02);
  now->compared = compared;
  fixture.app.now = now;
  at_all_sizes();

  compared = std::make_shared<PredictedVersusReal>(*compared);
  compared->predicted.assign(compared->predicted.size(), kNaN);
  compared->spread.clear();
  compared->error.assign(compared->error.size(), kNaN);
  compared->parts_at = 1;
  compared->parts_channel = 299;
  auto next = std::make_shared<SessionSnapshot>(*now);
  next->compared = compared;
  fixture.app.now = next;
  at_all_sizes();

  compared = std::make_shared<PredictedVersusReal>(*compared);  // says more than it holds, from a place that is gone
  compared->steps = 5000;
  compared->parts_at = 4999;
  compared->from = {77, 5};
  compared->branch = 77;
  next = std::make_shared<SessionSnapshot>(*next);
  next->compared = compared;
  next->channel_scale.clear();
  next->imagination.frozen = TimelinePlace{77, 5};
  fixture.app.now = next;
  at_all_sizes();
  CHECK(ui.Shows("no longer kept"));
}
