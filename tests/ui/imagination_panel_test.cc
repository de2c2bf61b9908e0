#include "ui/desktop/imagination_panel.h"

#include <doctest/doctest.h>

#include "tests/ui/imgui_fixture.h"
#include "tests/ui/snapshot_fixture.h"
#include "ui/desktop/channel_chooser.h"
#include "ui/desktop/colours.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/plot.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::snapshot_fixture;

namespace {

const std::vector<std::string> kLabels = {"cart.x", "hinge.cos", "hinge.sin"};

std::shared_ptr<SessionSnapshot> PlanSnapshot(Story& story) {
  const int branch = story.Begin();
  story.Append(branch, 100);
  const auto now = SnapshotOf(story, {branch, 100});
  now->planner.horizon = 20;
  now->plan = PlanFrom(*now, {branch, 100}, 20, 5);
  return now;
}

}  // namespace

TEST_CASE("The plan's text says how far, what it is worth in both models, and where members disagree") {
  Story story;
  const auto now = PlanSnapshot(story);
  CHECK(DescribePlan(*now, MeasurePlan(*now->plan, now->channel_scale), kLabels) ==
        "The plan: 0.8 s ahead (20 steps), expected return 41.2 in the model, 38.9 in the simulator; members disagree "
        "most on hinge.sin.");

  auto plan = std::make_shared<ImaginedPlan>(*now->plan);
  plan->return_in_simulator = kNaN;
  plan->members = 0;
  plan->member_channels.clear();
  plan->spread[1] = 3;  // of channel 1
  now->plan = plan;
  CHECK(DescribePlan(*now, MeasurePlan(*now->plan, now->channel_scale), kLabels) ==
        "The plan: 0.8 s ahead (20 steps), expected return 41.2 in the model; the model is least sure of hinge.cos.");

  plan->model = "simulator";
  plan->return_in_simulator = plan->return_in_model;
  plan->spread.assign(plan->spread.size(), 0);
  CHECK(DescribePlan(*now, MeasurePlan(*now->plan, now->channel_scale), kLabels) ==
        "The plan: 0.8 s ahead (20 steps), expected return 41.2 in the simulator, which it was made in.");

  now->plan = nullptr;
  CHECK(DescribePlan(*now, {}, kLabels) == "No plan yet: play or step, with the planner acting.");
  now->imagination.enabled = false;
  CHECK(DescribePlan(*now, {}, kLabels) == "Nothing is imagined: imagination is switched off.");
}

TEST_CASE("Doubt is counted in the channel's deviations, and channels that never change have none") {
  Story story;
  const auto now = PlanSnapshot(story);
  const PlanFigures figures = MeasurePlan(*now->plan, std::vector<double>{0.5, 0, 0.1});
  REQUIRE(figures.doubt.size() == 3);
  CHECK(figures.doubt[0] == doctest::Approx(0.2));
  CHECK(std::isnan(figures.doubt[1]));
  CHECK(figures.doubt[2] == doctest::Approx(1));
  // Members at 0, 0.2, ... 0.8: deviation 0.2 * sqrt(2).
  CHECK(figures.disagreement[2] == doctest::Approx(2.8284).epsilon(1e-3));
  CHECK(figures.most_doubted == 2);

  ImaginedPlan torn = *now->plan;  // says more than it holds
  torn.horizon = 1000;
  CHECK(MeasurePlan(torn, now->channel_scale).doubt.empty());
}

TEST_CASE("Channels are chosen by score, by search and by pin, and stay in place for a while") {
  ChannelChooser chooser(2);
  const std::vector<std::string> labels = {"torso.x", "torso.z", "knee.angle", "knee.speed"};
  CHECK(chooser.Choose(labels, std::vector<float>{1, kNaN, 3, 2}, 0) == std::vector{2, 3});
  CHECK(chooser.Choose(labels, std::vector<float>{9, 9, 0, 0}, 1) == std::vector{2, 3});
  CHECK(chooser.Choose(labels, std::vector<float>{9, 8, 0, 0}, 3) == std::vector{0, 1});
  chooser.search = "KNEE";
  CHECK(chooser.Choose(labels, std::vector<float>{9, 8, 0, 1}, 6) == std::vector{3, 2});
  chooser.search = "torso z";
  CHECK(chooser.Choose(labels, {}, 6) == std::vector{1});
  chooser.search = "";
  chooser.TogglePin(3);
  CHECK(chooser.Choose(labels, std::vector<float>{9, 8, 0, 0}, 9) == std::vector{3, 0});
  chooser.TogglePin(3);
  CHECK(chooser.Choose(labels, std::vector<float>{9, 8, 0, 0}, 12) == std::vector{0, 1});
  CHECK(chooser.Choose({}, {}, 15).empty());
}

TEST_CASE("Numbers are short and never lie about what is not known") {
  CHECK(Number(0.8) == "0.8");
  CHECK(Number(41.23) == "41.2");
  CHECK(Number(-1234.6) == "-1235");
  CHECK(Number(999.9) == "1000");
  CHECK(Number(0) == "0");
  CHECK(Number(kNaN) == "unknown");
  CHECK(Steps(1) == "1 step");
}

TEST_CASE("The imagination panel draws expectation, members, and what was real") {
  ImGuiFixture ui(500, 2400);
  SnapshotApp fixture;
  Story story;
  fixture.app.now = PlanSnapshot(story);
  const std::unique_ptr<Panel> panel = MakeImaginationPanel();
  ui.RunInWindow(3, {500, 2400}, [&] { panel->Draw(fixture.app); });
  CHECK(ui.Shows("The plan: 0.8 s ahead"));
  CHECK(ui.Shows("20 of 20 steps, 0.8 s"));
  CHECK(ui.Triangles(colours::kPlan) > 50);
  CHECK(ui.Triangles(colours::kReal) > 50);
  CHECK(ui.Triangles(colours::kMember) > 50);
  CHECK(ui.Triangles(colours::kElite) > 0);
  CHECK(ui.Triangles(colours::kCandidate) > 0);
  fixture.app.overlays.members = false;
  ui.Run(2);
  CHECK(ui.Triangles(colours::kMember) == 0);
}

TEST_CASE("Controls of the imagination reach the session") {
  ImGuiFixture ui(600, 900);
  SnapshotApp fixture;
  SessionOptions options;
  options.actor = Actor::kRandom;
  fixture.app.session = std::make_shared<Session>(CompiledTask::Compile(LoadTask("pendulum-swingup")), options);
  const auto look = [&] {
    fixture.app.session->Wait();
    fixture.app.now = fixture.app.session->Snapshot();
    ui.Run(2);
  };
  fixture.app.session->Wait();
  fixture.app.now = fixture.app.session->Snapshot();
  const std::unique_ptr<Panel> panel = MakeImaginationPanel();
  panel->AddActions(fixture.app);
  ui.RunInWindow(2, {600, 900}, [&] { panel->Draw(fixture.app); });

  REQUIRE(ui.ClickText("planning gap"));
  look();
  CHECK_FALSE(fixture.app.now->imagination.planning_gap);
  const int longest = fixture.app.now->planner.horizon;
  fixture.app.actions.Run("imagination.horizon.shorter", fixture.app);
  fixture.app.actions.Run("imagination.horizon.shorter", fixture.app);  // before any snapshot shows the first
  look();
  CHECK(fixture.app.now->imagination.horizon == longest - 2);
  CHECK_FALSE(fixture.app.now->imagination.planning_gap);
  for (int i = 0; i < 3; ++i) fixture.app.actions.Run("imagination.horizon.longer", fixture.app);
  look();
  CHECK(fixture.app.now->imagination.horizon == 0);  // as far as the planner looks
  fixture.app.actions.Run("imagination.toggle", fixture.app);
  look();
  CHECK_FALSE(fixture.app.now->imagination.enabled);
  fixture.app.session.reset();
  fixture.app.now.reset();
}

TEST_CASE("The imagination panel survives nothing, NaN, torn plans, and hundreds of channels at any size") {
  ImGuiFixture ui(1280, 800);
  SnapshotApp fixture;
  const std::unique_ptr<Panel> panel = MakeImaginationPanel();
  const auto at_all_sizes = [&] {
    for (const ImVec2 size : {ImVec2(1, 1), ImVec2(1, 700), ImVec2(900, 1), ImVec2(40, 40), ImVec2(500, 780)})
      ui.RunInWindow(2, size, [&] { panel->Draw(fixture.app); });
  };
  at_all_sizes();
  fixture.app.now = std::make_shared<SessionSnapshot>();
  at_all_sizes();

  Story story({.channels = 300, .actions = 40, .terms = 0});
  const int branch = story.Begin();
  story.Append(branch, 100);
  const auto now = SnapshotOf(story, {branch, 100});
  now->planner.horizon = 20;
  auto plan = PlanFrom(*now, {branch, 90}, 20, 5);
  now->plan = plan;
  fixture.app.now = now;
  at_all_sizes();
  CHECK(ui.Shows("4 of 300 channels"));

  plan = std::make_shared<ImaginedPlan>(*plan);
  plan->channels.assign(plan->channels.size(), kNaN);
  plan->spread.assign(plan->spread.size(), kNaN);
  plan->scores.assign(plan->scores.size(), kNaN);
  auto next = std::make_shared<SessionSnapshot>(*now);
  next->plan = plan;
  next->channel_scale.clear();
  fixture.app.now = next;
  at_all_sizes();

  plan = std::make_shared<ImaginedPlan>(*plan);  // says more than it holds, from a place that is gone
  plan->horizon = 1000;
  plan->elites = 50;
  plan->from = {77, 5};
  next = std::make_shared<SessionSnapshot>(*next);
  next->plan = plan;
  fixture.app.now = next;
  at_all_sizes();

  Story bare({.channels = 0, .actions = 0, .terms = 0});
  bare.Append(bare.Begin(), 5);
  next = SnapshotOf(bare, {0, 5});
  next->plan = PlanFrom(*next, {0, 5}, 10, 0);
  fixture.app.now = next;
  at_all_sizes();
  CHECK(ui.Shows("This scene has no actuators."));
}
