#include "agent/goal_actors.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/random.h"
#include "worldmodel/simulator_model.h"

namespace reverie {
namespace {

class RandomActor : public GoalActor {
 public:
  void Begin(const GoalPair& pair, Environment&) override { random_ = Random(pair.seed); }
  void Act(Environment&, std::span<double> action) override {
    for (double& element : action) element = random_.Uniform(-1.0, 1.0);
  }

 private:
  Random random_{0};
};

class StraightActor : public GoalActor {
 public:
  StraightActor(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure) : measure_(measure), tried_(task) {}

  void Begin(const GoalPair& pair, Environment& environment) override {
    goal_ = pair.goal_channels;
    distance_ = measure_.Distance(environment.channels(), goal_);
    if (environment.task().parameter_size() > 0) tried_.SetParameters(environment.parameters());
  }
  void Act(Environment& environment, std::span<double> action) override {
    const std::vector<double> state = environment.SaveState();
    distance_ = measure_.Distance(environment.channels(), goal_);
    std::vector<double> tried(action.size(), 0.0);
    double most = 0.0;
    for (size_t i = 0; i < action.size(); ++i) {
      double distances[2];
      for (const int way : {0, 1}) {
        std::fill(tried.begin(), tried.end(), 0.0);
        tried[i] = way == 0 ? 1.0 : -1.0;
        tried_.RestoreState(state, 0);
        tried_.Step(tried);
        distances[way] = measure_.Distance(tried_.channels(), goal_);
      }
      action[i] = 0.5 * (distances[1] - distances[0]);
      most = std::max(most, std::abs(action[i]));
    }
    if (most <= 0.0) return;
    const double speed = std::min(1.0, distance_ / most);
    for (double& element : action) element *= speed / most;
  }
  double Energy() const override { return distance_; }

 private:
  const GoalMeasure& measure_;
  Environment tried_;
  std::vector<double> goal_;
  double distance_ = 0;
};

/// The simulator as a model whose reward is minus the length of the path to a goal.
class SimulatorGoal : public WorldModel {
 public:
  SimulatorGoal(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure)
      : measure_(measure), simulator_(std::move(task), 1) {}
  void SetGoal(std::vector<double> channels) { goal_ = std::move(channels); }

  const CompiledTask& task() const override { return simulator_.task(); }
  std::string name() const override { return "simulator"; }
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override {
    ImagineOptions with_channels = options;
    with_channels.channels = true;
    simulator_.Imagine(belief, actions, sequences, horizon, with_channels, result);
    const auto size = static_cast<size_t>(task().channel_size());
    std::vector<double> channels(size);
    for (size_t row = 0; row < result.rewards.size(); ++row) {
      std::copy_n(result.channels.data() + row * size, size, channels.begin());
      const double length = measure_.PathLength(channels, goal_);
      result.rewards[row] = std::isfinite(length) ? static_cast<float>(-length) : SimulatorModel::kDivergedReward;
    }
  }

 private:
  const GoalMeasure& measure_;
  SimulatorModel simulator_;
  std::vector<double> goal_;
};

class SimulatorActor : public GoalActor {
 public:
  SimulatorActor(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure, const PlannerOptions& planning,
                 int replan)
      : measure_(measure), model_(task, measure), planner_(planning, task->action_size()), replan_(replan) {}

  void Begin(const GoalPair& pair, Environment& environment) override {
    goal_ = pair.goal_channels;
    model_.SetGoal(goal_);
    planner_.Reset(pair.seed);
    step_ = 0;
    length_ = measure_.PathLength(environment.channels(), goal_);
  }
  void Act(Environment& environment, std::span<double> action) override {
    const int at = step_++ % replan_;
    length_ = measure_.PathLength(environment.channels(), goal_);
    if (at == 0) {
      plan_ = planner_.MakePlan(model_, Belief::Of(environment), replan_);
      ++plans_;
      plan_ms_ += plan_.plan_ms;
    }
    const size_t row = std::min(static_cast<size_t>(at), plan_.actions.size() / std::max<size_t>(1, action.size()) - 1);
    for (size_t i = 0; i < action.size(); ++i) action[i] = plan_.actions[row * action.size() + i];
  }
  double Energy() const override { return length_; }
  int64_t plans() const override { return plans_; }
  double plan_ms() const override { return plan_ms_; }

 private:
  const GoalMeasure& measure_;
  SimulatorGoal model_;
  Planner planner_;
  const int replan_;
  std::vector<double> goal_;
  Plan plan_;
  int step_ = 0;
  int64_t plans_ = 0;
  double length_ = 0, plan_ms_ = 0;
};

}  // namespace

double GoalActor::Energy() const { return std::numeric_limits<double>::quiet_NaN(); }

std::unique_ptr<GoalActor> MakeRandomActor(const CompiledTask&) { return std::make_unique<RandomActor>(); }

std::unique_ptr<GoalActor> MakeStraightActor(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure) {
  return std::make_unique<StraightActor>(std::move(task), measure);
}

std::unique_ptr<GoalActor> MakeSimulatorActor(std::shared_ptr<const CompiledTask> task, const GoalMeasure& measure,
                                              const PlannerOptions& planning, int replan) {
  return std::make_unique<SimulatorActor>(std::move(task), measure, planning, replan);
}

}  // namespace reverie
