#include "agent/session.h"

#include <chrono>
#include <cmath>
#include <mutex>
#include <thread>

#include <doctest/doctest.h>

#include "agent/planner_policy.h"
#include "sim/collect.h"
#include "sim/dataset.h"
#include "sim/error.h"
#include "sim/replay.h"
#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/simulator_model.h"

using namespace reverie;

namespace {

std::shared_ptr<const CompiledTask> CartPole(int action_repeat = 4) {
  return CompiledTask::Compile(LoadTask("cartpole-swingup"), action_repeat);
}

PlannerOptions SmallPlanner() {
  PlannerOptions options;
  options.horizon = 8;
  options.sequences = 16;
  options.iterations = 2;
  options.elites = 4;
  return options;
}

SessionOptions LockStep(Actor actor) {
  SessionOptions options;
  options.seed = 7;
  options.actor = actor;
  options.pace = Pace::kLockStep;
  options.at_end = AtEnd::kPause;
  options.planner = SmallPlanner();
  options.imagination.enabled = false;
  options.threads = 2;
  return options;
}

// The same episode as the command line plays it.
Episode Headless(std::shared_ptr<const CompiledTask> task, const PolicySource& policy, int64_t index) {
  const DataPtr data(mj_makeData(task->model()));
  Episode episode;
  REQUIRE(PlayEpisode(*task, const_cast<mjModel*>(task->model()), data.get(), policy, index,
                      HashSeed(7, static_cast<uint64_t>(index)), {}, episode));
  return episode;
}

std::vector<double> StateAt(const SessionSnapshot& snapshot, TimelinePlace place) {
  const std::span<const double> state = snapshot.timeline.Find(place.branch)->State(place.row);
  return {state.begin(), state.end()};
}

// Waits for what another thread does in its own time; gives up after a time that only a failure takes.
template <class Condition>
bool Eventually(Session& session, Condition&& condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition(*session.Snapshot())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("in lock-step a session plays what the command line plays, to the bit") {
  const auto task = CartPole();
  SimulatorModel simulator(task, 1);
  for (const Actor actor : {Actor::kRandom, Actor::kSmooth, Actor::kPlanner}) {
    CAPTURE(ActorName(actor));
    const Episode expected = Headless(task,
                                      actor == Actor::kRandom   ? RandomPolicy(*task)
                                      : actor == Actor::kSmooth ? SmoothPolicy(*task)
                                                                : PlannerPolicy(simulator, SmallPlanner(), nullptr),
                                      2);
    Session session(task, LockStep(actor));
    session.ResetToEpisode(2);
    session.StepControl(task->steps_per_episode());
    session.Wait();
    const Episode played = session.ExtractEpisode(session.Snapshot()->now);
    CHECK(played.steps == expected.steps);
    CHECK(played.integration_state == expected.integration_state);
    CHECK(played.actions == expected.actions);
    CHECK(played.rewards == expected.rewards);
    CHECK(played.observations == expected.observations);
    CHECK(played.seed == expected.seed);
    CHECK(played.truncated == expected.truncated);
    CHECK(session.Snapshot()->episode_return == doctest::Approx(expected.Return()));
  }
}

TEST_CASE("what is imagined for people changes nothing about what is done") {
  const auto task = CartPole();
  std::vector<double> states[2];
  for (const bool imagine : {false, true}) {
    SessionOptions options = LockStep(Actor::kPlanner);
    options.imagination.enabled = imagine;
    Session session(task, options);
    session.StepControl(20);
    session.Wait();
    session.StepControl(20);
    session.Wait();
    states[imagine] = session.Snapshot()->state;
  }
  CHECK(states[0] == states[1]);
}

TEST_CASE("playing in lock-step gives the states that stepping gives") {
  const auto task = CartPole();
  Session stepped(task, LockStep(Actor::kPlanner)), played(task, LockStep(Actor::kPlanner));
  stepped.StepControl(30);
  stepped.Wait();
  played.SetSpeed(0);
  played.Play();
  REQUIRE(Eventually(played, [](const SessionSnapshot& s) { return s.now.row >= 30; }));
  played.Pause();
  played.Wait();
  CHECK(StateAt(*played.Snapshot(), {0, 30}) == StateAt(*stepped.Snapshot(), {0, 30}));
}

TEST_CASE("a session that plays steps to a control step and stands there, however old its last picture is") {
  SessionOptions options = LockStep(Actor::kRandom);
  Session session(CartPole(), options);
  const int64_t end = session.task().steps_per_episode();
  session.SetSpeed(0);
  for (int64_t episode = 0; episode < 20; ++episode) {
    CAPTURE(episode);
    session.ResetToEpisode(episode);
    session.Play();
    std::this_thread::sleep_for(std::chrono::microseconds(200 * episode));
    session.StepTo(end);
    session.Wait();
    const auto now = session.Snapshot();
    CHECK(now->episode == episode);
    CHECK(now->control_step == end);
    CHECK(!now->playing);
  }
}

TEST_CASE("a person goes back to any step, exactly, and on from there in a branch that leaves the future as it was") {
  const auto task = CartPole();
  Session session(task, LockStep(Actor::kSmooth));
  session.StepControl(100);
  session.Wait();
  const auto before = session.Snapshot();
  REQUIRE(before->now == TimelinePlace{0, 100});
  session.Seek({0, 40});
  session.Wait();
  auto now = session.Snapshot();
  CHECK(now->now == TimelinePlace{0, 40});
  CHECK_FALSE(now->at_end_of_branch);
  CHECK(now->state == StateAt(*before, {0, 40}));
  CHECK(now->control_step == 40);
  CHECK(now->time_s == doctest::Approx(40 * 0.04));
  double reward = 0;
  for (int64_t row = 1; row <= 40; ++row) reward += before->timeline.Find(0)->Reward(row);
  CHECK(now->episode_return == doctest::Approx(reward));

  // The same action from the same state leads to the same state: physics goes on to the bit.
  const std::span<const double> action = before->timeline.Find(0)->Action(41);
  session.SetActor(Actor::kPerson);
  session.SetPersonAction({action.begin(), action.end()}, std::vector<bool>(action.size(), false));
  session.StepControl(1);
  session.Wait();
  now = session.Snapshot();
  CHECK(now->now.branch == 1);
  CHECK(now->now.row == 1);
  CHECK(now->control_step == 41);
  CHECK(now->state == StateAt(*before, {0, 41}));
  CHECK(StateAt(*now, {0, 100}) == before->state);
  CHECK(now->timeline.Find(1)->info->parent == 0);
  CHECK(now->timeline.Find(1)->info->parent_row == 40);

  // An episode of the branch is one without a seam.
  session.StepControl(10);
  session.Wait();
  const Episode episode = session.ExtractEpisode(session.Snapshot()->now);
  CHECK(episode.steps == 51);
  CHECK(VerifyEpisode(*task, episode).mismatches == 0);
}

TEST_CASE("going another way from where a branch begins makes a branch beside it, and each knows what led there") {
  Session session(CartPole(), LockStep(Actor::kSmooth));
  session.StepControl(10);
  session.Wait();
  const double led_there = session.Snapshot()->timeline.Find(0)->Reward(6);
  session.Seek({0, 6});
  session.SetActor(Actor::kRandom);
  session.StepControl(2);
  session.Wait();
  session.Seek({1, 0});
  session.SetActor(Actor::kPerson);
  session.StepControl(2);
  session.Wait();
  const auto now = session.Snapshot();
  CHECK(now->now == TimelinePlace{2, 2});
  CHECK(now->timeline.Find(2)->info->parent == 0);
  CHECK(now->timeline.Find(2)->info->parent_row == 6);
  CHECK(now->timeline.Lineage(2).size() == 2);
  const double lived_through = now->episode_return;
  session.Seek({2, 1});
  session.Seek({2, 2});
  session.Wait();
  CHECK(session.Snapshot()->episode_return == doctest::Approx(lived_through).epsilon(1e-12));
  session.Seek({2, 0});
  session.Wait();
  CHECK(session.Snapshot()->reward == led_there);
}

TEST_CASE("simulation steps one by one make up the control step") {
  const auto task = CartPole();
  Session whole(task, LockStep(Actor::kSmooth)), parts(task, LockStep(Actor::kSmooth));
  whole.StepControl(1);
  whole.Wait();
  const int count = parts.Snapshot()->simulation_steps;
  REQUIRE(count > 1);
  for (int i = 1; i < count; ++i) {
    parts.StepSimulation();
    parts.Wait();
    CHECK(parts.Snapshot()->simulation_step == i);
    CHECK(parts.Snapshot()->now.row == 0);
    CHECK(parts.Snapshot()->time_s == doctest::Approx(i * task->model()->opt.timestep));
  }
  parts.StepSimulation();
  parts.Wait();
  CHECK(parts.Snapshot()->simulation_step == 0);
  CHECK(parts.Snapshot()->state == whole.Snapshot()->state);
  // And a control step that was begun in parts is finished as a whole.
  parts.StepSimulation();
  parts.StepControl(1);
  whole.StepControl(1);
  parts.Wait();
  whole.Wait();
  CHECK(parts.Snapshot()->state == whole.Snapshot()->state);
}

TEST_CASE("a person's slider takes over from the agent while it is held") {
  const auto task = CartPole();
  Session session(task, LockStep(Actor::kRandom));
  session.SetPersonAction({0.25}, {true});
  session.StepControl(3);
  session.Wait();
  auto now = session.Snapshot();
  CHECK(now->holding);
  for (int64_t row = 1; row <= 3; ++row) CHECK(now->timeline.Find(0)->Action(row)[0] == 0.25);
  CHECK(now->timeline.Find(0)->ActorOf(3) == static_cast<uint8_t>(Actor::kPerson));
  session.SetPersonAction({0.25}, {false});
  session.StepControl(1);
  session.Wait();
  now = session.Snapshot();
  CHECK(now->timeline.Find(0)->Action(4)[0] != 0.25);
  CHECK(now->timeline.Find(0)->ActorOf(4) == static_cast<uint8_t>(Actor::kRandom));
}

TEST_CASE("a push moves what is pushed, and the episode still replays to the bit") {
  const auto task = CartPole();
  Session pushed(task, LockStep(Actor::kPerson)), left_alone(task, LockStep(Actor::kPerson));
  const auto step = [&] {
    for (Session* session : {&pushed, &left_alone}) {
      session->StepControl(5);
      session->Wait();
    }
  };
  step();
  mjvPerturb push;
  mjv_defaultPerturb(&push);
  push.select = 1;
  push.active = mjPERT_TRANSLATE;
  push.localmass = task->model()->body_mass[1];
  push.refselpos[0] = 1.0;  // pulled a metre to the side
  pushed.Play();  // while paused it would be posed, not pushed
  pushed.SetPerturbation(push);
  REQUIRE(Eventually(pushed, [](const SessionSnapshot& s) { return s.control_step >= 15; }));
  pushed.Pause();
  push.active = 0;
  pushed.SetPerturbation(push);
  left_alone.StepControl(10);
  step();
  const int slider = 0;
  const Episode episode = pushed.ExtractEpisode(pushed.Snapshot()->now);
  const Episode quiet = left_alone.ExtractEpisode(left_alone.Snapshot()->now);
  CHECK(episode.qpos[static_cast<size_t>(5 * 2 + slider)] == quiet.qpos[static_cast<size_t>(5 * 2 + slider)]);
  CHECK(episode.qpos[static_cast<size_t>(15 * 2 + slider)] > quiet.qpos[static_cast<size_t>(15 * 2 + slider)] + 0.05);
  CHECK(VerifyEpisode(*task, episode).mismatches == 0);
}

TEST_CASE("a body that is dragged while paused takes its joint along, in one branch however far") {
  const auto task = CartPole();
  Session session(task, LockStep(Actor::kSmooth));
  session.StepControl(10);
  session.Wait();
  const double angle = session.Snapshot()->state[2];
  mjvPerturb drag;
  mjv_defaultPerturb(&drag);
  drag.select = 1;
  drag.active = mjPERT_TRANSLATE;
  for (const double x : {0.1, 0.2, 0.3}) {
    mju_copy3(drag.refselpos, task->model()->body_pos + 3);
    drag.refselpos[0] = x;
    session.SetPerturbation(drag);
  }
  session.Wait();
  const auto now = session.Snapshot();
  CHECK(now->state[1] == doctest::Approx(0.3).epsilon(1e-5));  // qpos[0] follows the time
  CHECK(now->state[2] == angle);
  CHECK(now->control_step == 10);
  CHECK(now->timeline.branches.size() == 2);
  CHECK(now->timeline.Find(now->now.branch)->info->edited);
}

TEST_CASE("a changed state begins a branch, and a slider that is dragged only one") {
  const auto task = CartPole();
  Session session(task, LockStep(Actor::kSmooth));
  session.StepControl(10);
  session.Wait();
  std::vector<double> state = session.Snapshot()->state;
  for (int frame = 0; frame < 5; ++frame) {
    state[1] = 0.1 * frame;  // qpos[0] follows the time
    session.EditState(state, "joint slider moved");
  }
  session.Wait();
  auto now = session.Snapshot();
  CHECK(now->timeline.branches.size() == 2);
  CHECK(now->state[1] == 0.4);
  CHECK(now->control_step == 10);
  CHECK(now->timeline.Find(now->now.branch)->info->edited);
  session.StepControl(4);
  session.Wait();
  now = session.Snapshot();
  // No action led to the changed state, so the episode begins there.
  const Episode episode = session.ExtractEpisode(now->now);
  CHECK(episode.steps == 4);
  CHECK(VerifyEpisode(*task, episode).mismatches == 0);
  session.EditState({1.0, 2.0}, "nonsense");
  session.Wait();
  CHECK(session.Snapshot()->notice.error);
  CHECK(session.Snapshot()->now == now->now);
}

TEST_CASE("a simulation that blows up pauses at its last sound state and names the degree of freedom") {
  const std::filesystem::path file = testing::TemporaryFolder("unstable") / "unstable.xml";
  std::ofstream(file) << R"xml(<mujoco><option timestep="0.02" integrator="Euler"/><worldbody>
      <body><joint name="wild" type="slide" axis="1 0 0" stiffness="-1e6"/><geom size="0.1" mass="0.01"/></body>
      </worldbody><actuator><motor joint="wild"/></actuator></mujoco>)xml";
  const auto task = CompiledTask::Compile(LoadTask(file.string()));
  Session session(task, LockStep(Actor::kRandom));
  session.StepControl(10000);
  session.Wait();
  const auto now = session.Snapshot();
  REQUIRE(now->divergence.has_value());
  CHECK(now->divergence->dof == "wild");
  CHECK_FALSE(now->playing);
  CHECK(now->notice.error);
  CHECK(now->notice.text.find("wild") != std::string::npos);
  CHECK(now->now == now->divergence->before);
  for (const double value : now->state) CHECK(std::isfinite(value));
  CHECK((now->timeline.Find(now->now.branch)->Events(now->now.row) & kDivergenceEvent) != 0);
  // Going back stays in the episode; from there it goes on in a branch, also from the last sound state itself.
  session.Seek(now->divergence->back);
  session.Wait();
  CHECK_FALSE(session.Snapshot()->divergence.has_value());
  CHECK(session.Snapshot()->control_step < now->control_step);
  session.Seek(now->now);
  session.Play();
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.divergence.has_value() && !s.playing; }));
  const auto again = session.Snapshot();
  CHECK(again->episode == 0);
  CHECK(again->now == now->now);
  CHECK(again->timeline.branches.size() == 1);
  session.ResetToEpisode(0);
  session.Wait();
  CHECK_FALSE(session.Snapshot()->divergence.has_value());
}

TEST_CASE("what was changed in an older picture of the session hangs where that picture was taken") {
  Session session(CartPole(), LockStep(Actor::kSmooth));
  session.StepControl(6);
  session.Wait();
  const auto seen = session.Snapshot();
  session.StepControl(5);
  for (int frame = 0; frame < 3; ++frame) session.EditState(seen->state, "put", true, seen->now);
  session.Wait();
  const auto now = session.Snapshot();
  CHECK(now->control_step == 6);
  CHECK(now->timeline.branches.size() == 2);
  CHECK(now->timeline.Find(now->now.branch)->info->parent_row == 6);
  CHECK(now->time_s == seen->time_s);
}

TEST_CASE("after a change by hand the run goes on with its next episode") {
  SessionOptions options = LockStep(Actor::kSmooth);
  options.at_end = AtEnd::kNextEpisode;
  const auto task = CartPole();
  Session session(task, options);
  session.ResetToEpisode(5);
  session.StepControl(3);
  session.Wait();
  session.EditState(session.Snapshot()->state, "put");
  session.StepControl(task->steps_per_episode() + 5);
  session.Wait();
  CHECK(session.Snapshot()->episode == 6);
}

TEST_CASE("a model that cannot be opened is told, and the session plans on in the one before") {
  const auto task = CartPole();
  SessionOptions options = LockStep(Actor::kPlanner);
  options.open_model = [](const std::string& folder, std::shared_ptr<const CompiledTask>) -> std::unique_ptr<WorldModel> {
    throw CheckpointError("model " + folder + ": no config.json");
  };
  Session session(task, options);
  session.StepControl(2);
  session.SetModel("nowhere");
  session.StepControl(2);
  session.Wait();
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.notice.error && !s.model_loading; }));
  const auto now = session.Snapshot();
  CHECK(now->model == "simulator");
  CHECK(now->notice.text == "model nowhere: no config.json");
  CHECK(now->control_step == 4);

  options.model = "nowhere";
  Session second(task, options);
  second.StepControl(2);
  second.Wait();
  CHECK(second.Snapshot()->control_step == 2);
  CHECK(second.Snapshot()->model == "simulator");
}

TEST_CASE("a model's own policy acts where it has one, and is said to be missing where not") {
  const auto task = CartPole();
  // Pushes as the cart's place says, so that what it does depends on where it is asked.
  class WithPolicy : public SimulatorModel {
   public:
    using SimulatorModel::SimulatorModel;
    bool has_policy() const override { return true; }
    void Propose(const Belief& belief, int sequences, int horizon, uint64_t, std::vector<float>& actions) override {
      const float push = std::clamp(-5.0f * static_cast<float>(belief.channels[0]) + 0.1f, -1.0f, 1.0f);
      actions.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon), push);
    }
  };
  SessionOptions options = LockStep(Actor::kPolicy);
  options.model = "learned";
  options.open_model = [](const std::string&, std::shared_ptr<const CompiledTask> of) -> std::unique_ptr<WorldModel> {
    return std::make_unique<WithPolicy>(std::move(of), 1);
  };
  PlannerOptions policy = SmallPlanner();
  policy.kind = PlannerKind::kPolicy;
  WithPolicy model(task, 1);
  const PolicySource source = PlannerPolicy(model, policy, nullptr);
  CHECK(source.name == "policy(simulator)");
  const Episode expected = Headless(task, source, 0);

  Session session(task, options);
  session.StepControl(task->steps_per_episode());
  session.Wait();
  CHECK(session.Snapshot()->model_has_policy);
  const Episode played = session.ExtractEpisode(session.Snapshot()->now);
  CHECK(played.actions == expected.actions);
  CHECK(played.integration_state == expected.integration_state);
  CHECK(session.Snapshot()->timeline.Find(0)->ActorOf(3) == static_cast<uint8_t>(Actor::kPolicy));

  session.SetModel("simulator");
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.model == "simulator" && !s.model_loading; }));
  CHECK_FALSE(session.Snapshot()->model_has_policy);
  // What was planned for before the reset fails as well; it is this episode's plan that stops the session.
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.notice.error; }));
  const int64_t before = session.Snapshot()->notice.serial;
  session.ResetToEpisode(1);
  session.StepControl(2);
  REQUIRE(Eventually(session, [&](const SessionSnapshot& s) { return s.notice.serial > before; }));
  CHECK(session.Snapshot()->notice.text.find("model 'simulator' has learned no policy of its own") != std::string::npos);
  CHECK_FALSE(session.Snapshot()->playing);
  session.SetActor(Actor::kSmooth);
  session.ResetToEpisode(2);
  session.StepControl(2);
  session.Wait();
  CHECK(session.Snapshot()->control_step == 2);
}

TEST_CASE("what a model with a memory is told of the past is what was measured and done, on whatever branch") {
  const auto task = CartPole();
  struct Told {
    std::mutex mutex;
    std::vector<double> past, states;
    std::vector<double> Past() {
      const std::lock_guard lock(mutex);
      return past;
    }
    std::vector<double> States() {
      const std::lock_guard lock(mutex);
      return states;
    }
  };
  class Remembering : public SimulatorModel {
   public:
    Remembering(std::shared_ptr<const CompiledTask> task, Told& told) : SimulatorModel(std::move(task), 1), told_(told) {}
    int memory() const override { return 3; }
    bool has_policy() const override { return true; }
    void Propose(const Belief& belief, int sequences, int horizon, uint64_t, std::vector<float>& actions) override {
      const std::lock_guard lock(told_.mutex);
      told_.past = belief.past;
      told_.states = belief.past_states;
      actions.assign(static_cast<size_t>(sequences) * static_cast<size_t>(horizon),
                     static_cast<float>(std::clamp(belief.channels[0] + 0.3, -1.0, 1.0)));
    }

   private:
    Told& told_;
  };
  Told in_session, headless;
  SessionOptions options = LockStep(Actor::kPolicy);
  options.model = "learned";
  options.open_model = [&](const std::string&, std::shared_ptr<const CompiledTask> of) -> std::unique_ptr<WorldModel> {
    return std::make_unique<Remembering>(std::move(of), in_session);
  };
  Remembering model(task, headless);
  PlannerOptions policy = SmallPlanner();
  policy.kind = PlannerKind::kPolicy;
  const Episode played = Headless(task, PlannerPolicy(model, policy, nullptr), 0);
  const size_t row = static_cast<size_t>(task->channel_size() + task->action_size());
  CHECK(headless.past == Belief::Of(*task, played, played.steps - 1, 3).past);
  CHECK(headless.past.size() == 3 * row);
  CHECK(Belief::Of(*task, played, 2, 3).past.size() == 2 * row);

  Session session(task, options);
  const auto told = [&](int64_t step) {
    session.Wait();
    const Belief expected = Belief::Of(*task, played, step, 3);
    REQUIRE(expected.past_states.size() == 3 * static_cast<size_t>(task->state_size()));
    return Eventually(session, [&](const SessionSnapshot&) {
      return in_session.Past() == expected.past && in_session.States() == expected.past_states;
    });
  };
  session.StepControl(10);
  CHECK(told(10));  // the plan for the step that would come next
  // On a branch that begins in the past, the past is what led there.
  session.Seek({0, 5});
  session.StepControl(2);
  CHECK(told(7));
  CHECK(session.Snapshot()->now.branch != 0);
  // What a person changed by hand has none.
  session.EditState(session.Snapshot()->state, "put");
  session.Wait();
  CHECK(Eventually(session, [&](const SessionSnapshot&) { return in_session.Past().empty(); }));
  session.StepControl(1);
  session.Wait();
  CHECK(Eventually(session, [&](const SessionSnapshot&) { return in_session.Past().size() == row; }));
}

TEST_CASE("in real time the physics keeps its pace whatever the planner takes") {
  const auto task = CartPole();
  SessionOptions options = LockStep(Actor::kPlanner);
  options.pace = Pace::kRealTime;
  options.planner->sequences = 500;  // far longer a plan than a control step
  options.planner->iterations = 100;
  options.planner->horizon = 50;
  Session session(task, options);
  session.Play();
  CHECK(Eventually(session, [](const SessionSnapshot& s) { return s.control_step >= 25; }));
  CHECK(session.Snapshot()->plans < 25);
}

TEST_CASE("the simulator's imagined plan is what then happens") {
  const auto task = CartPole();
  SessionOptions options = LockStep(Actor::kPlanner);
  options.imagination.enabled = true;
  options.imagination.candidates = 6;
  Session session(task, options);
  session.StepControl(3);
  session.Wait();
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.plan && s.plan->from == s.now; }));
  const auto plan = session.Snapshot()->plan;
  CHECK(plan->horizon == 8);
  CHECK(plan->candidates == 6);
  CHECK(plan->traces.size() == 6 * 9 * 3);
  CHECK(plan->elites > 0);
  CHECK(std::is_sorted(plan->scores.rbegin(), plan->scores.rend()));
  CHECK(plan->return_in_simulator == plan->return_in_model);
  session.SetActor(Actor::kPerson);
  for (int h = 0; h < plan->horizon; ++h) {
    session.SetPersonAction({plan->actions[static_cast<size_t>(h)]}, {false});
    session.StepControl(1);
    session.Wait();
    const std::vector<double>& state = session.Snapshot()->state;  // time, qpos, ...
    CHECK(plan->ghosts[static_cast<size_t>(2 * h)] == doctest::Approx(state[1]).epsilon(1e-9));
    CHECK(plan->ghosts[static_cast<size_t>(2 * h + 1)] == doctest::Approx(state[2]).epsilon(1e-9));
  }
}

TEST_CASE("a prediction of the simulator stays with reality until a person pushes") {
  const auto task = CartPole();
  SessionOptions options = LockStep(Actor::kSmooth);
  options.imagination.enabled = true;
  options.imagination.compare_steps = 10;
  Session session(task, options);
  session.StepControl(20);
  session.Wait();
  const auto compared = [](const SessionSnapshot& s) {
    return s.compared && s.timeline.StepOf(s.compared->from) + s.compared->steps == s.control_step;
  };
  REQUIRE(Eventually(session, compared));
  auto now = session.Snapshot();
  CHECK(now->compared->from == TimelinePlace{0, 10});
  CHECK(now->compared->steps == 10);
  CHECK(now->compared->parts_at == 0);
  for (const float error : now->compared->error) CHECK(error < 1e-4);

  ImaginationOptions frozen = options.imagination;
  frozen.frozen = now->now;
  session.SetImagination(frozen);
  mjvPerturb push;
  mjv_defaultPerturb(&push);
  push.select = 1;
  push.active = mjPERT_TRANSLATE;
  push.localmass = task->model()->body_mass[1];
  push.refselpos[0] = 2.0;
  session.StepControl(5);
  session.Wait();
  session.Play();
  session.SetPerturbation(push);
  REQUIRE(Eventually(session, [&](const SessionSnapshot& s) { return s.control_step >= 35; }));
  session.Pause();
  REQUIRE(Eventually(session, [&](const SessionSnapshot& s) { return compared(s) && s.compared->steps >= 15; }));
  now = session.Snapshot();
  CHECK(now->compared->from == TimelinePlace{0, 20});
  CHECK(now->compared->parts_at > 5);
  CHECK((now->timeline.Find(0)->Events(20 + now->compared->parts_at) & kPartingEvent) != 0);
}

TEST_CASE("a frozen prediction stays where it was made, and is followed as far as predictions are") {
  SessionOptions options = LockStep(Actor::kSmooth);
  options.imagination.enabled = true;
  options.imagination.frozen = TimelinePlace{0, 20};
  Session session(CartPole(), options);
  session.StepControl(20 + kMostComparedSteps + 30);
  session.Wait();
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.compared && s.compared->steps == kMostComparedSteps; }));
  const auto now = session.Snapshot();
  CHECK(now->compared->from == TimelinePlace{0, 20});
  const auto& compared = *now->compared;
  const std::span<const double> last = now->timeline.Find(0)->Channels(20 + kMostComparedSteps);
  for (size_t i = 0; i < last.size(); ++i) CHECK(compared.real[compared.real.size() - last.size() + i] == static_cast<float>(last[i]));
}

TEST_CASE("a session's episodes become a dataset that replays") {
  const std::filesystem::path folder = testing::TemporaryFolder("session");
  const auto task = CartPole();
  Session session(task, LockStep(Actor::kSmooth));
  session.StepControl(30);
  session.Wait();
  session.Seek({0, 10});
  session.StepControl(15);
  session.Wait();
  session.ResetToSeed(99);
  session.StepControl(5);
  session.Wait();
  CHECK(session.SaveEpisodes(folder / "played") == 3);
  const DatasetReader reader(folder / "played");
  REQUIRE(reader.episodes() == 3);
  const int64_t steps[] = {30, 25, 5};
  for (int64_t k = 0; k < 3; ++k) {
    const Episode episode = reader.Read(k);
    CHECK(episode.steps == steps[k]);
    CHECK(VerifyEpisode(*TaskOfDataset(reader), episode).mismatches == 0);
  }
  CHECK(reader.Read(2).seed == 99);
}

TEST_CASE("commands from several threads at once, while it plays, neither block nor break it") {
  const auto task = CartPole();
  SessionOptions options = LockStep(Actor::kPlanner);
  options.imagination.enabled = true;
  options.at_end = AtEnd::kNextEpisode;
  Session session(task, options);
  session.SetSpeed(0);
  std::vector<std::jthread> people;
  for (int person = 0; person < 3; ++person) {
    people.emplace_back([&, person] {
      Random random(static_cast<uint64_t>(person));
      for (int i = 0; i < 60; ++i) {
        const auto now = session.Snapshot();
        switch (static_cast<int>(random.Uniform(0, 10))) {
          case 0: session.Play(); break;
          case 1: session.Pause(); break;
          case 2: session.Seek({now->now.branch, now->now.row / 2}); break;
          case 3: session.SetActor(static_cast<Actor>(static_cast<int>(random.Uniform(0, 4)))); break;
          case 4: session.SetPace(random.Uniform() < 0.5 ? Pace::kLockStep : Pace::kRealTime); break;
          case 5: session.StepControl(3); break;
          case 6: session.StepSimulation(); break;
          case 7: session.ResetToEpisode(i); break;
          case 8: session.RemoveBranch(static_cast<int>(random.Uniform(0, 20))); break;
          default: session.EditState(now->state, "put"); break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
      }
    });
  }
  people.clear();
  session.Pause();
  session.StepControl(1);
  session.Wait();
  const auto now = session.Snapshot();
  REQUIRE(now->timeline.Find(now->now.branch) != nullptr);
  CHECK(now->state == StateAt(*now, now->now));
}
