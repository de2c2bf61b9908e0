#include <chrono>
#include <cmath>
#include <thread>

#include <doctest/doctest.h>

#include "agent/session.h"
#include "tests/worldmodel/goal_fixture.h"

using namespace reverie;
using namespace reverie::testing;

namespace {

SessionOptions TowardsGoal() {
  SessionOptions options;
  options.pace = Pace::kLockStep;
  options.at_end = AtEnd::kPause;
  options.threads = 2;
  options.model = "pictures";
  options.open_model = [](const std::string&, std::shared_ptr<const CompiledTask> task) -> std::unique_ptr<WorldModel> {
    return std::make_unique<RailGoal>(std::move(task));
  };
  PlannerOptions planner;
  planner.horizon = 10;
  planner.sequences = 64;
  options.planner = planner;
  return options;
}

template <class Condition>
bool Eventually(const Session& session, Condition&& condition) {
  for (int i = 0; i < 3000; ++i) {
    if (condition(*session.Snapshot())) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace

TEST_CASE("a model that plans to pictures does nothing until there is a goal, then brings the scene to look like it") {
  const auto task = RailTask();
  Session session(task, TowardsGoal());
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.plans_to_pictures && !s.model_loading; }));
  session.StepControl(3);
  session.Wait();
  CHECK(session.Snapshot()->action == std::vector<double>{0});
  CHECK(session.Snapshot()->seen == nullptr);

  std::vector<double> wanted = session.Snapshot()->state;
  wanted[1] = 0.4;  // time, then the place on the rail
  session.SetGoal(wanted);
  session.StepControl(60);
  session.Wait();
  const auto there = session.Snapshot();
  REQUIRE(there->goal);
  CHECK(*there->goal == wanted);
  CHECK(there->channels[0] == doctest::Approx(0.4).epsilon(0.15));
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.seen && s.seen->energy < 0.1; }));
  // The energy at the step where the goal was set is the distance there was.
  const BranchView& branch = *session.Snapshot()->timeline.Find(0);
  float energy = NAN;
  for (int64_t row = 3; row < branch.rows && !std::isfinite(energy); ++row) energy = branch.Get(Judged::kEnergy, row);
  CHECK(energy > 0.2f);

  session.SetGoal({});
  session.Wait();
  CHECK(session.Snapshot()->goal == nullptr);
  CHECK(session.Snapshot()->seen == nullptr);
  session.StepControl(1);
  session.Wait();
  CHECK(session.Snapshot()->action == std::vector<double>{0});
}

TEST_CASE("how unexpected a picture is, is judged step by step, also where a person moved what it shows") {
  SessionOptions options = TowardsGoal();
  options.actor = Actor::kRandom;
  Session session(RailTask(), options);
  REQUIRE(Eventually(session, [](const SessionSnapshot& s) { return s.plans_to_pictures && !s.model_loading; }));
  session.StepControl(12);
  session.Wait();
  const auto judged = [](const SessionSnapshot& s, int64_t row) {
    return std::isfinite(s.timeline.Find(s.now.branch)->Get(Judged::kSurprise, row));
  };
  REQUIRE(Eventually(session, [&](const SessionSnapshot& s) { return judged(s, 12); }));
  const auto played = session.Snapshot();
  const BranchView& branch = *played->timeline.Find(played->now.branch);
  CHECK_FALSE(judged(*played, 1));  // RailGoal looks back two steps
  for (int64_t row = 2; row <= 12; ++row) {
    CHECK(branch.Get(Judged::kSurprise, row) ==
          doctest::Approx(std::abs(branch.Channels(row)[0] - branch.Channels(row - 2)[0])).epsilon(1e-5));
  }

  std::vector<double> moved = played->state;
  moved[1] += 0.3;
  session.EditState(moved, "moved", true);
  session.StepControl(1);
  session.Wait();
  REQUIRE(Eventually(session, [&](const SessionSnapshot& s) { return s.now.branch != played->now.branch && judged(s, 1); }));
  const auto after = session.Snapshot();
  CHECK(after->timeline.Find(after->now.branch)->Get(Judged::kSurprise, 1) > 0.2f);
}

TEST_CASE("a goal that is no state is refused, and the one before stays") {
  Session session(RailTask(), TowardsGoal());
  const std::vector<double> wanted = session.Snapshot()->state;
  session.SetGoal(wanted);
  session.SetGoal({1, 2});
  session.Wait();
  CHECK(session.Snapshot()->notice.error);
  CHECK(session.Snapshot()->notice.text.find("found 2") != std::string::npos);
  REQUIRE(session.Snapshot()->goal);
  CHECK(*session.Snapshot()->goal == wanted);
}
