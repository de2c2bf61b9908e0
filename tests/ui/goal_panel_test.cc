#include "ui/desktop/goal_panel.h"

#include <doctest/doctest.h>

#include "tests/ui/session_fixture.h"
#include "tests/worldmodel/goal_fixture.h"
#include "ui/desktop/panels.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::testing;

namespace {

struct OwnedGoalPanel : Panel {
  std::unique_ptr<Panel> panel = MakeGoalPanel();
  const char* title() const override { return panel->title(); }
  void Draw(App& app) override { panel->Draw(app); }
  void AddActions(App& app) override { panel->AddActions(app); }
};

}  // namespace

TEST_CASE("The button keeps what the scene shows as the goal, and what the model makes of it is drawn") {
  Desk<OwnedGoalPanel> desk({420, 900});
  SessionOptions options = QuickOptions(Actor::kPlanner);
  options.imagination.enabled = true;
  options.model = "pictures";
  options.open_model = [](const std::string&, std::shared_ptr<const CompiledTask> task) -> std::unique_ptr<WorldModel> {
    return std::make_unique<reverie::testing::RailGoal>(std::move(task));
  };
  desk.Open(reverie::testing::RailTask(), options);
  REQUIRE(desk.Until([&] { return desk.app.now->plans_to_pictures; }));
  CHECK(DescribeGoal(*desk.app.now).find("nothing to plan for") != std::string::npos);
  CHECK_FALSE(desk.app.actions.Run("goal.forget", desk.app));

  // Posed by hand, kept, and back.
  std::vector<double> posed = desk.app.now->state;
  posed[1] = 0.4;
  desk.app.session->EditState(posed, "posed", true);
  desk.Settle();
  REQUIRE(desk.ui.ClickText("Make it look like this"));
  desk.Settle();
  REQUIRE(desk.Now()->goal);
  CHECK((*desk.Now()->goal)[1] == 0.4);
  desk.app.session->ResetToEpisode(0);
  REQUIRE(desk.Until([&] { return desk.app.now->seen && desk.app.now->seen->energy > 0.3; }));
  CHECK(DescribeGoal(*desk.app.now) == "The goal is 0.4 away, as the model sees it.");
  CHECK(desk.ui.Find("its goal"));
  CHECK(desk.ui.Find("from 0 (bright) to 3"));

  REQUIRE(desk.ui.ClickText("Forget"));
  desk.Settle();
  CHECK(desk.Now()->goal == nullptr);
  CHECK_FALSE(desk.ui.Find("its goal"));
}

TEST_CASE("With a model of channels the panel says what is missing") {
  Desk<OwnedGoalPanel> desk({420, 900});
  desk.Open(Pendulum(), QuickOptions(Actor::kPlanner));
  REQUIRE(desk.app.actions.Run("goal.set", desk.app));
  desk.Settle();
  CHECK(DescribeGoal(*desk.app.now).find("--model jepa") != std::string::npos);
}
