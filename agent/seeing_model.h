// A joint-embedding model as a session plans in it: where the belief is and what its goal looks like is drawn, encoded,
// and compared. Needs LibTorch and a GL driver. An instance belongs to one thread.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "agent/jepa_eye.h"
#include "worldmodel/jepa_goal.h"
#include "worldmodel/world_model.h"

namespace reverie {

class SeeingModel : public WorldModel {
 public:
  /// @throws DeviceError where pictures cannot be drawn.
  explicit SeeingModel(std::unique_ptr<const Jepa> model);

  const CompiledTask& task() const override { return model_->task(); }
  std::string name() const override { return "jepa"; }
  bool plans_to_pictures() const override { return true; }
  void SetThreads(int threads) override;
  /// As JepaGoal, between the belief and its goal; all rewards are 0 where it has none.
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;
  std::shared_ptr<const Seen> See(const Belief& belief, std::span<const float> plan) override;

 private:
  void Follow(const Belief& belief);

  const std::unique_ptr<const Jepa> model_;
  JepaEye eye_;
  JepaGoal goal_;
  Environment posed_;
  Belief followed_;                   // its state and goal
  std::optional<double> followed_s_;  // the simulation's time there
  JepaEye::Pixels now_, wanted_;
};

}  // namespace reverie
