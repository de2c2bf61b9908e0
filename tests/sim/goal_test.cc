// Distances, regions and budgets of a task's "goal" by hand, and what a policy that slides along walls meets.
#include "sim/goal.h"

#include <doctest/doctest.h>

#include "sim/collect.h"
#include "sim/dataset_contacts.h"
#include "sim/error.h"
#include "sim/explore_policy.h"
#include "tests/sim/cart.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

std::shared_ptr<const CompiledTask> TwoRooms() { return CompiledTask::Compile(LoadTask("two-rooms")); }

constexpr const char* kPoint = R"(<mujoco><option gravity="0 0 0"/><worldbody><body>
  <joint name="x" type="slide" axis="1 0 0"/><joint name="y" type="slide" axis="0 1 0"/><geom size=".1"/></body></worldbody>
  <actuator><motor joint="x"/><motor joint="y"/></actuator></mujoco>)";

std::string GoalRefused(const std::string& goal) {
  const TemporaryFolder folder;
  return MessageOf([&] {
    GoalMeasure measure(*Compile(folder, kPoint, R"({"scene": "scene.xml", "observation": {"place": "qpos"}, "goal": )" + goal + "}"));
  });
}

}  // namespace

TEST_CASE("distance, path and budget of two rooms are what a ruler gives") {
  const auto task = TwoRooms();
  const GoalMeasure measure(*task);
  // position, velocity, goal
  const std::vector<double> left = {-0.3, 0.15, 0, 0, 9, 9}, right = {0.3, 0.55, 5, 5, 9, 9}, below = {-0.3, -0.25, 0, 0, 9, 9};
  CHECK(measure.within() == 0.05);
  CHECK(measure.Distance(left, right) == doctest::Approx(std::hypot(0.6, 0.4)));
  CHECK(measure.Region(left) != measure.Region(right));
  CHECK(measure.PathLength(left, right) == doctest::Approx(0.3 + 0.5));  // through the door at (0, 0.15)
  CHECK(measure.PathLength(left, below) == doctest::Approx(0.4));
  // Twice 0.8 m at 0.6 m/s in steps of 0.05 s.
  CHECK(measure.Budget(left, right) == 54);
  CHECK(measure.hide() == std::vector<std::string>{"goal"});
}

TEST_CASE("a moving door is passed where it is") {
  const auto task = CompiledTask::Compile(LoadTask("two-rooms-moving-door"));
  const GoalMeasure measure(*task);
  const std::vector<double> left = {-0.3, -0.2, 0, 0, 9, 9, -0.2}, right = {0.3, 0.2, 0, 0, 9, 9, -0.2};
  CHECK(measure.PathLength(left, right) == doctest::Approx(0.3 + 0.5));
}

TEST_CASE("a budget in seconds and steps to be held are read in control steps") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kPoint, R"({"scene": "scene.xml", "control_timestep_s": 0.02, "action_repeat": 2,
    "observation": {"place": "qpos"}, "goal": {"distance": "place", "within": 1, "budget_s": 4, "hold": 5}})");
  const GoalMeasure measure(*task);
  const std::vector<double> here = {0, 0}, there = {3, 4};
  CHECK(measure.Budget(here, there) == 100);
  CHECK(measure.hold() == 5);
}

TEST_CASE("a goal that cannot be measured is refused with its key") {
  CHECK(Contains(GoalRefused("{}"), "has no \"goal\""));
  CHECK(Contains(GoalRefused(R"({"within": 1})"), "\"goal.distance\""));
  CHECK(Contains(GoalRefused(R"({"distance": "place"})"), "\"goal.within\""));
  CHECK(Contains(GoalRefused(R"({"distance": "place", "within": -1})"), "a number above 0, found -1"));
  CHECK(Contains(GoalRefused(R"({"distance": "plaice", "within": 1})"), "plaice"));
  CHECK(Contains(GoalRefused(R"({"distance": "place", "within": 1, "waypoint": ["0", "1"]})"), "a \"region\""));
  CHECK(Contains(GoalRefused(R"({"distance": "place", "within": 1, "regoin": "1"})"), "'region'"));
  CHECK(Contains(GoalRefused(R"({"distance": "place", "within": 1, "hold": 2.5})"), "whole number of control steps"));
  CHECK(Contains(GoalRefused(R"({"distance": "place", "within": 1, "speed": 1, "budget_s": 3})"), "either this or \"speed\""));
  for (const char* goal : {"{}", R"({"within": 1})", R"({"distance": "plaice", "within": 1})"}) CHECK(IsOneLine(GoalRefused(goal)));
}

TEST_CASE("exploring meets walls and crosses the door, and is the same for a seed whatever the threads") {
  const auto task = TwoRooms();
  const TemporaryFolder folder;
  const auto crossings = [&](const PolicySource& policy, const std::string& name) {
    DatasetWriter writer(folder / name, DescribeDataset(*task, 5, policy.name), false);
    CollectOptions options;
    options.episodes = 30;
    options.seed = 5;
    options.workers = 2;
    Collect(task, policy, options, [&](Episode&& episode) { writer.Append(episode); });
    writer.Finish();
    return ReportContacts(DatasetReader(folder / name));
  };
  const ContactReport explored = crossings(ExplorePolicy(*task), "explore"), again = crossings(ExplorePolicy(*task), "again");
  const ContactReport smooth = crossings(SmoothPolicy(*task), "smooth");
  CHECK(explored.has_regions);
  CHECK(explored.episodes == 30);
  CHECK(explored.states == 30 * 201);
  CHECK(explored.crossings_per_episode == again.crossings_per_episode);
  CHECK(explored.crossings_per_episode > 1.5);
  CHECK(explored.crossings_per_episode > 2.0 * smooth.crossings_per_episode);
  CHECK(explored.touching > 0.1);
  MESSAGE("explore: ", explored.crossings_per_episode, " crossings, ", explored.contacts_per_episode, " contacts, touching ",
          explored.touching, "; smooth: ", smooth.crossings_per_episode, ", ", smooth.contacts_per_episode, ", ", smooth.touching);
}

TEST_CASE("exploring goes to what can only be pushed") {
  const auto task = CompiledTask::Compile(LoadTask("pusher"));
  const int block = 2;  // channels: hand x, y, block x, y
  const auto moved = [&](const PolicySource& policy) {
    CollectOptions options;
    options.episodes = 10;
    options.seed = 3;
    int64_t moving = 0, all = 0;
    Collect(task, policy, options, [&](Episode&& episode) {
      const int64_t width = static_cast<int64_t>(episode.observations.size()) / (episode.steps + 1);
      for (int64_t t = 0; t < episode.steps; ++t, ++all) {
        const double *now = episode.observations.data() + t * width, *next = now + width;
        moving += std::hypot(next[block] - now[block], next[block + 1] - now[block + 1]) > 0.003;
      }
    });
    return static_cast<double>(moving) / static_cast<double>(all);
  };
  const double explored = moved(ExplorePolicy(*task)), smooth = moved(SmoothPolicy(*task));
  CHECK(explored > 0.1);
  CHECK(explored > 3.0 * smooth);
}

TEST_CASE("contacts are counted where an actuated joint is pushed back on") {
  // A cart that is never held up touches nothing, though it has weight.
  const TemporaryFolder folder;
  const auto task = Compile(folder, kCart);
  DatasetWriter writer(folder / "set", DescribeDataset(*task, 5, "random"), false);
  CollectOptions options;
  options.episodes = 2;
  options.steps = 20;
  Collect(task, RandomPolicy(*task), options, [&](Episode&& episode) { writer.Append(episode); });
  writer.Finish();
  const ContactReport report = ReportContacts(DatasetReader(folder / "set"));
  CHECK_FALSE(report.has_regions);
  CHECK(report.touching == 0.0);
}
