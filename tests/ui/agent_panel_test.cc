#include "ui/desktop/agent_panel.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <thread>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "tests/ui/session_fixture.h"
#include "ui/desktop/planner_fields.h"
#include "worldmodel/model_config.h"
#include "worldmodel/simulator_model.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::testing;

namespace {

const ImVec2 kSize = {420, 900};

struct AgentDesk : Desk<AgentPanel> {
  AgentDesk() : Desk(kSize) {}
  /// Drags the slider of a label from where `from` of its width is to `to`, both 0 to 1.
  /// With the model there: until then a line says that it is loading, and what is below moves when it goes.
  void Open(std::shared_ptr<const CompiledTask> task, SessionOptions options) {
    Desk::Open(std::move(task), std::move(options));
    REQUIRE(Until([this] { return !Now()->model_loading; }));
    Settle();
  }
  bool DragSlider(const char* label, float from, float to) {
    const std::optional<DrawnText> text = ui.Find(label);
    if (!text) return false;
    const float left = 20, right = text->min.x - ImGui::GetStyle().ItemInnerSpacing.x;
    const float y = text->centre().y;
    ui.Drag({left + from * (right - left), y}, {left + to * (right - left), y});
    Settle();
    return true;
  }
};

/// MuJoCo under another name, as if it had been learned.
ModelOpener Pretend() {
  return [](const std::string&, std::shared_ptr<const CompiledTask> task) -> std::unique_ptr<WorldModel> {
    return std::make_unique<SimulatorModel>(std::move(task), 1);
  };
}

template <class Condition>
bool Eventually(AgentDesk& desk, Condition condition) {
  for (int i = 0; i < 1000; ++i) {
    desk.Settle();
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("Keys and radio buttons choose who acts, and at what pace") {
  AgentDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kPlanner));
  desk.Press(GLFW_KEY_1);
  CHECK(desk.Now()->actor == Actor::kPerson);
  desk.Press(GLFW_KEY_3);
  CHECK(desk.Now()->actor == Actor::kSmooth);
  REQUIRE(desk.ui.ClickText("Random"));
  desk.Settle();
  CHECK(desk.Now()->actor == Actor::kRandom);
  // The simulator has no policy of its own to act by.
  CHECK_FALSE(desk.app.actions.Run("agent.policy", desk.app));
  REQUIRE(desk.app.actions.Run("agent.planner", desk.app));
  REQUIRE(desk.app.actions.Run("agent.real_time", desk.app));
  desk.Settle();
  CHECK(desk.Now()->actor == Actor::kPlanner);
  CHECK(desk.Now()->pace == Pace::kRealTime);
  REQUIRE(desk.ui.ClickText("Lock-step"));
  desk.Settle();
  CHECK(desk.Now()->pace == Pace::kLockStep);
}

TEST_CASE("A slider changes the planner of the session at once, and only what it stands for") {
  AgentDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kPlanner));
  const PlannerOptions before = desk.Now()->planner;
  REQUIRE(desk.DragSlider("Horizon", 0.5f, 0.0f));
  PlannerOptions expected = before;
  expected.horizon = 1;
  CHECK(SameOptions(desk.Now()->planner, expected));
  REQUIRE(desk.DragSlider("Horizon", 0.5f, 1.0f));
  CHECK(desk.Now()->planner.horizon == 200);
}

TEST_CASE("Fewer sequences than elites take elites along, so that the planner stays a valid one") {
  AgentDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  REQUIRE(desk.Now()->planner.elites == 3);
  REQUIRE(desk.DragSlider("Sequences", 0.5f, 0.0f));
  CHECK(desk.Now()->planner.sequences == 2);
  CHECK(desk.Now()->planner.elites <= 2);
  CHECK_FALSE(desk.Now()->notice.error);
  CHECK_NOTHROW(desk.Now()->planner.Check("test"));
}

TEST_CASE("The task's defaults come back at a click") {
  AgentDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kRandom));
  REQUIRE_FALSE(SameOptions(desk.Now()->planner, PlannerOptions{}));
  REQUIRE(desk.ui.ClickText("Defaults for this task"));
  // The task names none of its own.
  CHECK(Eventually(desk, [&] { return SameOptions(desk.Now()->planner, PlannerOptions{}); }));
}

TEST_CASE("One key switches between the simulator and the model believed in last") {
  AgentDesk desk;
  SessionOptions options = QuickOptions(Actor::kRandom);
  options.open_model = Pretend();
  desk.Open(Pendulum(), options);
  desk.Press(GLFW_KEY_M);
  CHECK(desk.Now()->model == "simulator");
  REQUIRE_FALSE(desk.app.messages.lines().empty());
  CHECK(desk.app.messages.lines().back().text.find("No learned model is known") == 0);

  desk.app.session->SetModel("models/learned%s#1");
  REQUIRE(Eventually(desk, [&] { return desk.Now()->model == "models/learned%s#1"; }));
  CHECK(desk.ui.Shows("models/learned%s#1"));
  PlannerOptions of_model = desk.Now()->planner;
  of_model.horizon = 9;
  desk.app.session->SetPlanner(of_model);
  REQUIRE(Eventually(desk, [&] { return desk.Now()->planner.horizon == 9; }));
  desk.Press(GLFW_KEY_M);
  REQUIRE(Eventually(desk, [&] { return desk.Now()->model == "simulator" && !desk.Now()->model_loading; }));
  desk.Press(GLFW_KEY_M);
  REQUIRE(Eventually(desk, [&] { return desk.Now()->model == "models/learned%s#1" && !desk.Now()->model_loading; }));
  // It is planned in as it was before.
  CHECK(Eventually(desk, [&] { return desk.Now()->planner.horizon == 9; }));
}

TEST_CASE("A key lets the policy act that a model has learned") {
  class WithPolicy : public SimulatorModel {
   public:
    using SimulatorModel::SimulatorModel;
    bool has_policy() const override { return true; }
    void Propose(const Belief&, int sequences, int horizon, uint64_t, std::vector<float>& actions) override {
      actions.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon), 0.25f);
    }
  };
  AgentDesk desk;
  SessionOptions options = QuickOptions(Actor::kRandom);
  options.open_model = [](const std::string&, std::shared_ptr<const CompiledTask> task) -> std::unique_ptr<WorldModel> {
    return std::make_unique<WithPolicy>(std::move(task), 1);
  };
  desk.Open(Pendulum(), options);
  desk.app.session->SetModel("learned");
  REQUIRE(Eventually(desk, [&] { return desk.Now()->model_has_policy; }));
  desk.Press(GLFW_KEY_5);
  REQUIRE(desk.Now()->actor == Actor::kPolicy);
  desk.app.session->StepControl(3);
  REQUIRE(Eventually(desk, [&] { return desk.Now()->control_step == 3; }));
  CHECK(desk.Now()->action[0] == 0.25);
}

TEST_CASE("A model that cannot be opened is said to be, and the one before stands") {
  AgentDesk desk;
  SessionOptions options = QuickOptions(Actor::kRandom);
  options.open_model = [](const std::string& folder, std::shared_ptr<const CompiledTask> task) {
    if (folder == "broken") throw Error("model broken: no weights");
    return Pretend()(folder, std::move(task));
  };
  desk.Open(Pendulum(), options);
  desk.app.session->SetModel("good");
  REQUIRE(Eventually(desk, [&] { return desk.Now()->model == "good" && !desk.Now()->model_loading; }));
  desk.app.session->SetModel("broken");
  CHECK(Eventually(desk, [&] { return desk.Now()->notice.error && !desk.Now()->model_loading; }));
  CHECK(desk.Now()->model == "good");
}

TEST_CASE("The planning gap is told in words") {
  CHECK(GapInWords(41, 37.9) == "the model overrates its plan by 3.1 of 41");
  CHECK(GapInWords(20, 22.5) == "the model underrates its plan by 2.5 of 20");
  CHECK(GapInWords(30, 30.01) == "model and simulator agree about the plan: 30");
  CHECK(GapInWords(0, 0) == "model and simulator agree about the plan: 0");
  CHECK(GapInWords(NAN, 3) == "");
  CHECK(GapInWords(3, INFINITY) == "");
}

TEST_CASE("The mean planning gap is over the plans that were played in both") {
  AgentDesk desk;
  SessionOptions options = QuickOptions(Actor::kRandom);
  options.open_model = Pretend();
  options.model = "learned";
  options.imagination.enabled = true;
  options.imagination.planning_gap = true;
  desk.Open(Pendulum(), options);
  desk.app.session->StepControl(20);
  REQUIRE(Eventually(desk, [&] { return desk.Now()->now.row == 20 && desk.Now()->model == "learned"; }));
  // The imagination has nothing to do with rows long past, so these stand.
  auto fabricated = std::make_shared<SessionSnapshot>(*desk.Now());
  for (int64_t row = 0; row <= 20; ++row) {
    const BranchView& branch = *fabricated->timeline.Find(0);
    branch.Set(Judged::kReturnInModel, row, row == 5 ? 12.0f : row == 6 ? 8.0f : NAN);
    branch.Set(Judged::kReturnInSimulator, row, row == 5 || row == 6 ? 6.0f : 1.0f);
  }
  fabricated->serial += 1000;
  desk.before_panels = [&](App& app) { app.now = fabricated; };
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Mean of the last 2 plans: the model overrates its plan by 4 of 10"));
}

TEST_CASE("Relief for a slow planner names one parameter and fits the time") {
  PlannerOptions options;
  options.kind = PlannerKind::kCem;
  options.sequences = 100;
  options.horizon = 20;
  options.iterations = 6;
  CHECK_FALSE(RelieveFor(options, 10, 20));
  CHECK(ImaginedSteps(options) == 12000);
  const std::optional<Relief> half = RelieveFor(options, 60, 30);
  REQUIRE(half);
  CHECK(half->text == "3 iterations instead of 6");
  CHECK(half->options.iterations == 3);
  CHECK(half->options.sequences == 100);

  // Two iterations are not enough of a saving here.
  options.iterations = 2;
  const std::optional<Relief> population = RelieveFor(options, 60, 30);
  REQUIRE(population);
  CHECK(population->options.iterations == 2);
  CHECK(population->options.sequences <= 50);
  CHECK(population->options.sequences >= 40);
  CHECK_NOTHROW(population->options.Check("test"));

  options.sequences = 24;
  const std::optional<Relief> shorter = RelieveFor(options, 60, 30);
  REQUIRE(shorter);
  CHECK(shorter->options.horizon == 10);
  CHECK(shorter->text == "a horizon of 10 steps instead of 20");
  CHECK_FALSE(RelieveFor(options, 6000, 3));
}

TEST_CASE("Icem's shrinking population is counted as the planner draws it") {
  class Counting : public WorldModel {
   public:
    explicit Counting(std::shared_ptr<const CompiledTask> task) : task_(std::move(task)) {}
    const CompiledTask& task() const override { return *task_; }
    std::string name() const override { return "counting"; }
    void Imagine(const Belief&, std::span<const float>, int sequences, int horizon, const ImagineOptions&,
                 Imagination& result) override {
      result.rewards.assign(static_cast<size_t>(sequences * horizon), 0.0f);
    }

   private:
    std::shared_ptr<const CompiledTask> task_;
  } model(Pendulum());
  for (const PlannerKind kind : {PlannerKind::kIcem, PlannerKind::kMppi, PlannerKind::kCem, PlannerKind::kShooting}) {
    PlannerOptions options;
    options.kind = kind;
    options.sequences = 90;
    options.iterations = 7;
    options.elites = 12;
    options.population_decay = 1.3;
    Planner planner(options, 1);
    CHECK(planner.MakePlan(model, {}).imagined_steps == ImaginedSteps(options));
  }
}

TEST_CASE("A planner too slow for lock-step is told what to reduce") {
  AgentDesk desk;
  desk.Open(Pendulum(), QuickOptions(Actor::kPlanner));
  auto fabricated = std::make_shared<SessionSnapshot>(*desk.Now());
  fabricated->playing = true;
  fabricated->pace = Pace::kLockStep;
  fabricated->realtime_factor = 0.99;
  fabricated->plan_ms = 15;
  desk.before_panels = [&](App& app) { app.now = fabricated; };
  desk.ui.Run(2);
  CHECK_FALSE(desk.ui.Shows("of real time"));
  fabricated->planner = {};
  fabricated->planner.iterations = 8;
  fabricated->realtime_factor = 0.5;
  fabricated->plan_ms = 30;  // of a control step of 20
  desk.ui.Run(2);
  CHECK(desk.ui.Shows("Runs at 0.50x of real time"));
  CHECK(desk.ui.Shows("iterations instead of 8"));
  desk.before_panels = nullptr;
}

TEST_CASE("Models are found by what is in their folders, and those of another task are refused with a reason") {
  const std::filesystem::path folder = reverie::testing::TemporaryFolder("models");
  const auto task = Pendulum();
  const auto other = reverie::testing::MakeTask(reverie::testing::kSlider, R"keys("observation": {"x": "qpos(rail)"})keys");
  const auto write = [&](const char* name, const CompiledTask& of) {
    std::filesystem::create_directories(folder / name);
    std::ofstream(folder / name / "config.json") << DescribeModel(of, "ensemble").dump();
  };
  write("good #1", *task);
  write("other", *other);
  std::filesystem::create_directories(folder / "empty");
  std::filesystem::create_directories(folder / "torn");
  std::ofstream(folder / "torn" / "config.json") << "{\"model\":";

  const std::vector<ModelChoice> found =
      FindModels({folder / "other", folder / "missing", ""}, {folder, folder / "missing"}, *task);
  REQUIRE(found.size() == 2);
  CHECK(found[0].folder == (folder / "other").string());
  CHECK(found[0].refusal.find("observation") != std::string::npos);
  CHECK(found[1].folder == (folder / "good #1").string());
  CHECK(found[1].kind == "ensemble");
  CHECK(found[1].refusal.empty());
  std::filesystem::remove_all(folder);
}

TEST_CASE("The agent panel survives any size, a scene without actuators, and nothing being open") {
  AgentDesk desk;
  const ImVec2 sizes[] = {{1, 1}, {1, 900}, {420, 1}, {3, 3}, {40, 40}, {60, 900}, {1200, 60}};
  for (const ImVec2 size : sizes) desk.Frames(2, size);
  CHECK_FALSE(desk.app.actions.Run("agent.planner", desk.app));
  desk.Open(Pendulum(), QuickOptions(Actor::kPlanner));
  desk.app.session->StepControl(5);
  desk.Settle();
  for (const ImVec2 size : sizes) desk.Frames(2, size);

  const char* ball = R"(<mujoco><worldbody><body><freejoint/><geom size="0.1"/></body></worldbody></mujoco>)";
  desk.app.session = nullptr;
  desk.ui.Run(1);
  desk.Open(reverie::testing::MakeTask(ball, R"keys("observation": {"height": "qpos"})keys"), QuickOptions(Actor::kPlanner));
  desk.app.session->StepControl(3);
  desk.Settle();
  CHECK(desk.Now()->now.row == 3);
  desk.Frames(2, kSize);
  CHECK(desk.ui.Shows("This scene has no actuators"));
  for (const ImVec2 size : sizes) desk.Frames(2, size);
}
