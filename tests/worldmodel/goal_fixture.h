// A model that plans to pictures without any: a mass on a rail, whose place is all there is to see.
#pragma once

#include <cmath>
#include <memory>
#include <vector>

#include "tests/worldmodel/task_fixture.h"
#include "worldmodel/picture_model.h"
#include "worldmodel/simulator_model.h"

namespace reverie::testing {

inline std::shared_ptr<const CompiledTask> RailTask() {
  std::string damped = kSlider;
  damped.replace(damped.find("type=\"slide\""), 12, "type=\"slide\" damping=\"8\"");
  return MakeTask(damped, R"keys("time_limit_s": 10, "observation": {"place": "qpos(rail)"})keys");
}

class RailGoal : public PictureModel {
 public:
  explicit RailGoal(std::shared_ptr<const CompiledTask> task) : simulator_(std::move(task), 1) {}
  const CompiledTask& task() const override { return simulator_.task(); }
  std::string name() const override { return "pictures"; }
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override {
    ImagineOptions with_channels = options;
    with_channels.channels = true;
    simulator_.Imagine(belief, actions, sequences, horizon, with_channels, result);
    for (size_t i = 0; i < result.rewards.size(); ++i) {
      result.rewards[i] = -std::abs(result.channels[i] - static_cast<float>(Place(belief.goal)));
    }
  }
  std::shared_ptr<const Seen> See(const Belief& belief, std::span<const float>) override {
    if (belief.goal.empty()) return nullptr;
    auto seen = std::make_shared<Seen>();
    seen->width = seen->height = 1;
    seen->now = seen->goal = {0, 0, 0};
    seen->energy = std::abs(Place(belief.goal) - Place(belief.integration_state));
    seen->side = 2;
    seen->landscape = {0, 1, 2, 3};
    return seen;
  }
  int surprise_steps() const override { return 2; }
  /// How far it went in two steps.
  double Surprise(const Belief& before, std::span<const float>, const Belief& after) override {
    return std::abs(Place(after.integration_state) - Place(before.integration_state));
  }

 private:
  static double Place(const std::vector<double>& state) { return state.empty() ? 0 : state[1]; }  // behind the time
  SimulatorModel simulator_;
};

}  // namespace reverie::testing
