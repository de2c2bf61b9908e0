// What a task's reward is put together from: its terms make up the reward, on tasks that come with the program.
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/environment.h"
#include "sim/error.h"
#include "tests/sim/task_fixture.h"

using namespace reverie;
using namespace reverie::task_fixture;

namespace {

/// Compares on random channels and actions, those beyond the actuators' range included.
void CheckTermsMakeUpReward(const CompiledTask& task) {
  Random random(3);
  std::vector<double> channels(static_cast<size_t>(task.channel_size()));
  std::vector<double> action(static_cast<size_t>(task.action_size()));
  std::vector<double> values(task.reward_terms().size());
  for (int round = 0; round < 50; ++round) {
    for (double& value : channels) value = random.Normal(0.0, 1.5);
    for (double& value : action) value = random.Normal(0.0, 1.0);
    task.RewardTerms(channels, action, values);
    double together = task.reward_terms_are_factors() ? 1.0 : 0.0;
    for (const double value : values) {
      together = task.reward_terms_are_factors() ? together * value : together + value;
    }
    CHECK(together == doctest::Approx(task.Reward(channels, action)).epsilon(1e-12));
  }
}

std::vector<std::string> Labels(const CompiledTask& task) {
  std::vector<std::string> labels;
  for (const RewardTerm& term : task.reward_terms()) labels.push_back(term.label);
  return labels;
}

constexpr char kPusher[] = R"(<mujoco><worldbody><body><joint name="slide" type="slide"/>
  <geom size="0.1" mass="1"/></body></worldbody><actuator><motor joint="slide"/></actuator></mujoco>)";

std::shared_ptr<const CompiledTask> Rewarded(const TemporaryFolder& folder, const std::string& reward) {
  return Compile(folder, kPusher,
                 R"({"scene": "scene.xml", "observation": {"position": "qpos", "velocity": "qvel"}, "reward": ")" +
                     reward + R"("})");
}

}  // namespace

TEST_CASE("The terms of every reward that comes with the program make it up") {
  for (const std::string& name : ListTasks()) {
    CAPTURE(name);
    std::shared_ptr<const CompiledTask> task;
    try {
      task = CompiledTask::Compile(LoadTask(name));
    } catch (const SceneError&) {
      continue;  // a scene of a package that is not installed
    }
    CHECK(task->reward_terms().empty() == task->reward().empty());
    CheckTermsMakeUpReward(*task);
    std::set<std::string> different;
    for (const std::string& label : Labels(*task)) {
      CHECK(label.size() <= 40);
      CHECK(different.insert(label).second);
    }
  }
}

TEST_CASE("A product of tolerances is shown factor by factor, one tolerance whole") {
  const auto cartpole = CompiledTask::Compile(LoadTask("dm_control/cartpole-swingup"));
  CHECK(cartpole->reward_terms_are_factors());
  CHECK(Labels(*cartpole) ==
        std::vector<std::string>{"(position[1] + 1)/2", "(4 + tolerance(action[0], 0, 0, 1, \"q...",
                                 "(1 + tolerance(velocity[1], 0, 0, 5))/2", "(1 + tolerance(position[0], 0, 0, 2))/2"});
  const auto cheetah = CompiledTask::Compile(LoadTask("dm_control/cheetah-run"));
  CHECK_FALSE(cheetah->reward_terms_are_factors());
  CHECK(Labels(*cheetah) == std::vector<std::string>{"tolerance(speed, 10, inf, 10, \"linear..."});
}

TEST_CASE("Summands of a reward carry their sign, and labels that would be the same are counted") {
  const TemporaryFolder folder;
  const auto sum = Rewarded(folder, "velocity[0] - 0.1*norm(action)^2 + 1");
  CHECK_FALSE(sum->reward_terms_are_factors());
  CHECK(Labels(*sum) == std::vector<std::string>{"velocity[0]", "-0.1*norm(action)^2", "1"});
  CheckTermsMakeUpReward(*sum);
  const auto alike = Rewarded(folder, "tolerance(velocity[0] + position[0]*0.25, 0, 0, 1) + "
                                      "tolerance(velocity[0] + position[0]*0.25, 0, 0, 2) + position[0] + position[0]");
  CHECK(Labels(*alike) == std::vector<std::string>{"tolerance(velocity[0] + position[0]*0...",
                                                   "tolerance(velocity[0] + position[... (2)", "position[0]",
                                                   "position[0] (2)"});
  CheckTermsMakeUpReward(*alike);
}

TEST_CASE("A task without a reward has no terms") {
  const TemporaryFolder folder;
  const auto task = Compile(folder, kPusher);
  CHECK(task->reward_terms().empty());
  CHECK_FALSE(task->reward_terms_are_factors());
}
