#include "ui/desktop/timeline_panel.h"

#include <chrono>
#include <cmath>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "tests/ui/session_fixture.h"
#include "ui/desktop/colours.h"
#include "worldmodel/simulator_model.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::testing;

namespace {

using TimelineDesk = Desk<TimelinePanel>;

// 100 random control steps, of which the strip shows all, 8 pixels each.
void PlayHundred(TimelineDesk& desk) {
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  desk.app.session->StepControl(100);
  desk.panel.strip().Show(0, 100);
  desk.Settle();
  REQUIRE(desk.Now()->now == TimelinePlace{0, 100});
}

float XOfStep(int64_t step) { return 8.0f * static_cast<float>(step); }

std::vector<double> Recorded(const SessionSnapshot& snapshot, TimelinePlace place) {
  const std::span<const double> state = snapshot.timeline.Find(place.branch)->State(place.row);
  return {state.begin(), state.end()};
}

}  // namespace

TEST_CASE("Dragging in the timeline goes to the step under the mouse, exactly") {
  TimelineDesk desk;
  PlayHundred(desk);
  const float y = desk.panel.strip().PointOf({0, 25})->y;
  desk.ui.Drag({XOfStep(90), y}, {XOfStep(25), y});
  desk.Settle();
  CHECK(desk.Now()->now == TimelinePlace{0, 25});
  CHECK(desk.Now()->state == Recorded(*desk.Now(), {0, 25}));

  desk.ui.Click({XOfStep(60) + 1, y});
  desk.Settle();
  CHECK(desk.Now()->now == TimelinePlace{0, 60});
  // What was recorded after it is still there, and beyond the end there is nothing to go to.
  desk.ui.Drag({XOfStep(60), y}, {900, y});
  desk.Settle();
  CHECK(desk.Now()->now == TimelinePlace{0, 100});
  CHECK(desk.Now()->timeline.branches.size() == 1);
}

TEST_CASE("Each press of a key makes its step, however long the plans for them take") {
  class Slow : public SimulatorModel {
   public:
    using SimulatorModel::SimulatorModel;
    void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
                 const ImagineOptions& options, Imagination& result) override {
      std::this_thread::sleep_for(std::chrono::milliseconds(40));
      SimulatorModel::Imagine(belief, actions, sequences, horizon, options, result);
    }
  };
  TimelineDesk desk;
  SessionOptions options = QuickOptions(Actor::kPlanner);
  options.model = "slow";
  options.open_model = [](const std::string&, std::shared_ptr<const CompiledTask> task) -> std::unique_ptr<WorldModel> {
    return std::make_unique<Slow>(std::move(task), 1);
  };
  desk.Open(Pendulum(), options);
  for (int press = 0; press < 4; ++press) desk.ui.Press(GLFW_KEY_RIGHT);
  desk.Settle();
  CHECK(desk.Now()->control_step == 4);
}

TEST_CASE("Dragging in the timeline stops the time") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.app.session->Play();
  desk.Settle();
  REQUIRE(desk.Now()->playing);
  const float y = desk.panel.strip().PointOf({0, 25})->y;
  desk.ui.Drag({XOfStep(40), y}, {XOfStep(30), y});
  desk.Settle();
  CHECK_FALSE(desk.Now()->playing);
  // While it played, the strip went along: 30 is under another place now.
  CHECK(std::abs(desk.panel.strip().PointOf(desk.Now()->now)->x - XOfStep(30)) < XOfStep(1));
}

TEST_CASE("Space plays and pauses") {
  TimelineDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  REQUIRE_FALSE(desk.Now()->playing);
  desk.Press(GLFW_KEY_SPACE);
  CHECK(desk.Now()->playing);
  desk.Press(GLFW_KEY_SPACE);
  CHECK_FALSE(desk.Now()->playing);
}

TEST_CASE("Left goes back one row, Right along what is recorded and then on") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.Press(GLFW_KEY_LEFT);
  CHECK(desk.Now()->now == TimelinePlace{0, 99});
  CHECK(desk.Now()->state == Recorded(*desk.Now(), {0, 99}));
  // Presses that come faster than the session answers all count.
  desk.ui.Press(GLFW_KEY_LEFT);
  desk.ui.Press(GLFW_KEY_LEFT);
  desk.Press(GLFW_KEY_LEFT);
  CHECK(desk.Now()->now == TimelinePlace{0, 96});
  desk.Press(GLFW_KEY_LEFT, false, true);
  CHECK(desk.Now()->now == TimelinePlace{0, 86});
  desk.Press(GLFW_KEY_RIGHT, false, true);
  desk.Press(GLFW_KEY_RIGHT);
  CHECK(desk.Now()->now == TimelinePlace{0, 97});
  desk.Press(GLFW_KEY_RIGHT, false, true);
  CHECK(desk.Now()->now == TimelinePlace{0, 100});
  CHECK(desk.Now()->timeline.branches.size() == 1);
  desk.Press(GLFW_KEY_RIGHT);
  CHECK(desk.Now()->now == TimelinePlace{0, 101});
  desk.Press(GLFW_KEY_HOME);
  CHECK(desk.Now()->now == TimelinePlace{0, 0});
  desk.Press(GLFW_KEY_LEFT);
  CHECK(desk.Now()->now == TimelinePlace{0, 0});
  desk.Press(GLFW_KEY_END);
  CHECK(desk.Now()->now == TimelinePlace{0, 101});
}

TEST_CASE("Going on from the past makes a branch, and a click on the other one goes back to it") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.app.GoTo({0, 40});
  desk.Settle();
  CHECK(desk.ui.Shows("playing makes a branch"));
  desk.Press(GLFW_KEY_RIGHT, true);
  REQUIRE(desk.Now()->now == TimelinePlace{1, 1});
  CHECK(desk.Now()->control_step == 41);
  CHECK_FALSE(desk.ui.Shows("playing makes a branch"));

  // The old future is a lane now, from step 40 to step 100.
  CHECK(desk.panel.strip().path().leaf() == 1);
  const std::optional<ImVec2> lane = desk.panel.strip().PointOf({0, 80});
  REQUIRE(lane);
  CHECK(lane->x == doctest::Approx(XOfStep(80)));
  desk.ui.Click(*lane);
  desk.Settle();
  CHECK(desk.Now()->now == TimelinePlace{0, 80});
  CHECK(desk.panel.strip().path().leaf() == 0);

  // And the new one can be thrown away.
  desk.Settle();
  const std::optional<ImVec2> other = desk.panel.strip().PointOf({1, 1});
  REQUIRE(other);
  desk.ui.Click(*other, ImGuiMouseButton_Right);
  REQUIRE(desk.ui.ClickText("Remove branch"));
  desk.Settle();
  CHECK(desk.Now()->timeline.branches.size() == 1);
  CHECK(desk.Now()->now == TimelinePlace{0, 80});
}

TEST_CASE("What led to the present is not offered for removal") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.ui.Click({XOfStep(50), desk.panel.strip().PointOf({0, 50})->y}, ImGuiMouseButton_Right);
  REQUIRE(desk.ui.ClickText("Remove branch"));
  desk.Settle();
  CHECK(desk.Now()->timeline.branches.size() == 1);
  CHECK(desk.Now()->notice.text.empty());
}

TEST_CASE("Going back on a branch walks on along its parent") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.app.GoTo({0, 40});
  desk.Settle();
  desk.Press(GLFW_KEY_RIGHT, true);
  REQUIRE(desk.Now()->now == TimelinePlace{1, 1});
  desk.Press(GLFW_KEY_LEFT);
  CHECK(desk.Now()->control_step == 40);
  desk.Press(GLFW_KEY_LEFT);
  CHECK(desk.Now()->now == TimelinePlace{0, 39});
  // The way ahead is still the branch that the person came from.
  desk.Press(GLFW_KEY_END);
  CHECK(desk.Now()->now == TimelinePlace{1, 1});
}

TEST_CASE("Comma and period jump to the events that are shown, menu entries to one kind") {
  TimelineDesk desk;
  PlayHundred(desk);
  const BranchView branch = *desk.Now()->timeline.Find(0);
  branch.AddEvent(10, kContactEvent);
  branch.AddEvent(30, kSurpriseEvent);
  branch.AddEvent(70, kDivergenceEvent);
  desk.Press(GLFW_KEY_HOME);
  desk.Press(GLFW_KEY_PERIOD);
  CHECK(desk.Now()->now.row == 30);
  desk.Press(GLFW_KEY_PERIOD);
  CHECK(desk.Now()->now.row == 70);
  desk.Press(GLFW_KEY_COMMA);
  CHECK(desk.Now()->now.row == 30);
  REQUIRE(desk.app.actions.Run("time.previous_event.contact", desk.app));
  desk.Settle();
  CHECK(desk.Now()->now.row == 10);
  REQUIRE(desk.app.actions.Run("time.events.contact", desk.app));
  REQUIRE(desk.app.actions.Run("time.events.surprise", desk.app));
  desk.Settle();
  desk.Press(GLFW_KEY_PERIOD);
  CHECK(desk.Now()->now.row == 70);
  desk.Press(GLFW_KEY_COMMA);
  CHECK(desk.Now()->now.row == 10);
  // Where there is none, the place stays and a message says so.
  desk.Press(GLFW_KEY_COMMA);
  CHECK(desk.Now()->now.row == 10);
  REQUIRE_FALSE(desk.app.messages.lines().empty());
  CHECK(desk.app.messages.lines().back().text.find("No earlier event") == 0);
}

TEST_CASE("A prediction is frozen where the person is, and let go") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.app.GoTo({0, 42});
  desk.Settle();
  desk.Press(GLFW_KEY_F);
  REQUIRE(desk.Now()->imagination.frozen);
  CHECK(*desk.Now()->imagination.frozen == TimelinePlace{0, 42});
  desk.Press(GLFW_KEY_F, false, true);
  CHECK_FALSE(desk.Now()->imagination.frozen);
}

TEST_CASE("Backspace begins the same episode again, with shift the next") {
  TimelineDesk desk;
  PlayHundred(desk);
  const std::vector<double> beginning = Recorded(*desk.Now(), {0, 0});
  desk.Press(GLFW_KEY_BACKSPACE);
  CHECK(desk.Now()->episode == 0);
  CHECK(desk.Now()->control_step == 0);
  CHECK(desk.Now()->state == beginning);
  desk.Press(GLFW_KEY_BACKSPACE, false, true);
  CHECK(desk.Now()->episode == 1);
  desk.app.session->ResetToSeed(99);
  desk.Settle();
  desk.Press(GLFW_KEY_BACKSPACE);
  CHECK(desk.Now()->seed == 99);
  CHECK(desk.Now()->episode == -1);
  desk.Press(GLFW_KEY_BACKSPACE, false, true);
  CHECK(desk.Now()->episode == 2);
}

TEST_CASE("What is recorded can be shown again without a branch") {
  TimelineDesk desk;
  PlayHundred(desk);
  desk.Press(GLFW_KEY_HOME);
  REQUIRE(desk.app.actions.Run("time.replay", desk.app));
  // 30 frames of 1/60 s are 25 control steps of 0.02 s.
  desk.ui.Run(30);
  desk.Settle();
  CHECK(desk.Now()->now.row >= 24);
  CHECK(desk.Now()->now.row <= 28);
  for (int i = 0; i < 100; ++i) {
    desk.app.session->Wait();
    desk.ui.Run(2);
  }
  desk.Settle();
  CHECK(desk.Now()->now == TimelinePlace{0, 100});
  CHECK(desk.Now()->timeline.branches.size() == 1);
}

TEST_CASE("Speeds go by factors of two, and beyond 16 as fast as it goes") {
  CHECK(NextSpeed(1, true) == 2);
  CHECK(NextSpeed(16, true) == 0);
  CHECK(NextSpeed(0, true) == 0);
  CHECK(NextSpeed(0, false) == 16);
  CHECK(NextSpeed(0.3, false) == 0.25);
  CHECK(NextSpeed(1.0 / 16, false) == 1.0 / 16);
  CHECK(SpeedText(0.0625) == "1/16x");
  CHECK(SpeedText(4) == "4x");

  TimelineDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  desk.Press(GLFW_KEY_EQUAL);
  CHECK(desk.Now()->speed == 2);
  desk.Press(GLFW_KEY_EQUAL, false, true);
  CHECK(desk.Now()->speed == 4);
  desk.Press(GLFW_KEY_MINUS);
  CHECK(desk.Now()->speed == 2);
}

TEST_CASE("The wheel zooms around the mouse, dragging with the middle button moves") {
  TimelineDesk desk;
  PlayHundred(desk);
  const StepAxis& axis = desk.panel.strip().axis();
  desk.ui.MoveMouse({XOfStep(50), desk.panel.strip().PointOf({0, 50})->y});
  desk.ui.Run();
  desk.ui.Wheel(2);
  desk.ui.Run(2);
  CHECK(axis.X(50) == doctest::Approx(XOfStep(50)));
  CHECK(axis.last - axis.first == doctest::Approx(100 / 1.25 / 1.25));
  const double first = axis.first;
  const float y = desk.ui.io().MousePos.y;
  desk.ui.Drag({400, y}, {360, y}, ImGuiMouseButton_Middle);
  CHECK(axis.first == doctest::Approx(first + 40 * 64.0 / 800));
  CHECK(desk.Now()->now.row == 100);
  REQUIRE(desk.app.actions.Run("time.fit", desk.app));
  desk.ui.Run(2);
  CHECK(axis.first == 0);
  CHECK(axis.last >= 100);
}

TEST_CASE("A timeline of a hundred thousand rows and two hundred branches costs no more than its pixels") {
  TimelineDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  Timeline timeline({.state = 1, .channels = 1, .action = 1, .reward_terms = 1}, 0.02, int64_t{1} << 40);
  const double zero[] = {0};
  for (int i = 0; i < 200; ++i) {
    BranchInfo info;
    if (i > 0) {
      info.parent = 0;
      info.parent_row = info.first_step = 400 * i;
    }
    timeline.Begin(info, zero, zero);
    for (int64_t row = 1; row < (i == 0 ? 100000 : 500); ++row) {
      const double reward = row % 1000 < 500 ? 0.2 : 0.9;
      timeline.Append(i, {.state = zero, .channels = zero, .action = zero, .reward_terms = zero, .reward = reward,
                          .events = row % 3 == 0 ? kSurpriseEvent | kContactEvent : 0u});
    }
  }
  auto fabricated = std::make_shared<SessionSnapshot>(*desk.Now());
  fabricated->timeline = timeline.view();
  fabricated->now = {0, 99999};
  desk.before_panels = [&](App& app) { app.now = fabricated; };
  desk.panel.strip().Fit();
  desk.ui.Run(3);
  CHECK(desk.panel.strip().path().size() == 100000);
  // Each of 800 columns may have a few triangles of reward, heat and glyphs.
  CHECK(desk.ui.triangles() < 800 * 30);
  // Judged later, a row far back is marked within some frames.
  const ImVec4 surprise = colours::kSurprise;
  desk.panel.strip().shown_events = 0;
  desk.ui.Run(1);
  REQUIRE(desk.ui.Triangles(surprise) == 0);
  fabricated->timeline.Find(0)->Set(Judged::kSurprise, 50000, 9.0f);
  desk.ui.Run(100);
  CHECK(desk.ui.Triangles(surprise) > 0);
}

TEST_CASE("The timeline survives any size, and nothing being open") {
  TimelineDesk desk;
  const ImVec2 sizes[] = {{1, 1}, {1, 300}, {800, 1}, {3, 3}, {40, 40}, {120, 700}, {800, 60}, {2000, 120}};
  for (const ImVec2 size : sizes) desk.Frames(2, size);
  CHECK_FALSE(desk.app.actions.Run("time.play", desk.app));
  PlayHundred(desk);
  desk.app.GoTo({0, 40});
  desk.Settle();
  desk.Press(GLFW_KEY_RIGHT, true);
  for (const ImVec2 size : sizes) desk.Frames(2, size);
  desk.app.session = nullptr;
  for (const ImVec2 size : sizes) desk.Frames(2, size);
  CHECK_FALSE(desk.app.actions.Run("time.step", desk.app));
}

TEST_CASE("A path holds each row once where a branch goes on, and twice where a person changed it") {
  const double zero[] = {0};
  const Timeline::Row row = {.state = zero, .channels = zero, .action = zero, .reward_terms = zero};
  for (const bool edited : {false, true}) {
    Timeline timeline({.state = 1, .channels = 1, .action = 1, .reward_terms = 1}, 0.02, int64_t{1} << 30);
    timeline.Begin({}, zero, zero);
    for (int i = 0; i < 10; ++i) timeline.Append(0, row);
    BranchInfo info;
    info.parent = 0;
    info.parent_row = info.first_step = 4;
    info.edited = edited;
    timeline.Begin(info, zero, zero);
    for (int i = 0; i < 3; ++i) timeline.Append(1, row);
    timeline.AddEvent({1, 2}, kRewardEvent);

    const TimelinePath path(timeline.view(), 1);
    CHECK(path.size() == (edited ? 9 : 8));  // rows 0 to 4, then 3 more, and the changed one
    CHECK(path.first_step() == 0);
    CHECK(path.last_step() == 7);
    CHECK(path.AtStep(3) == TimelinePlace{0, 3});
    CHECK(path.AtStep(4) == (edited ? TimelinePlace{1, 0} : TimelinePlace{0, 4}));
    CHECK(path.AtStep(5) == TimelinePlace{1, 1});
    CHECK(path.AtStep(99) == TimelinePlace{1, 3});
    CHECK(path.AtStep(-5) == TimelinePlace{0, 0});
    CHECK(path.IndexOf({1, 0}) == (edited ? 5 : 4));
    CHECK(path.IndexOf({0, 4}) == 4);
    CHECK_FALSE(path.IndexOf({0, 5}));
    for (int64_t i = 0; i < path.size(); ++i) CHECK(path.IndexOf(path.At(i)) == i);
    CHECK(path.FindEvent({0, 0}, 1, kRewardEvent) == TimelinePlace{1, 2});
    CHECK(path.FindEvent({1, 3}, -1, kRewardEvent) == TimelinePlace{1, 2});
    CHECK_FALSE(path.FindEvent({1, 2}, 1, kRewardEvent));
    CHECK_FALSE(path.FindEvent({0, 0}, 1, kContactEvent));
  }
}
