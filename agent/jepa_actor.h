// Acts on pictures alone: what the camera sees is encoded, and so is the goal's picture; the planner looks for actions
// after which the two are alike. Needs a GL driver. An instance belongs to one thread.
#pragma once

#include <memory>
#include <vector>

#include "agent/goal_actors.h"
#include "worldmodel/jepa.h"

namespace reverie {

struct JepaActorOptions {
  PlannerOptions planning;
  int replan = 1;                    // control steps from plan to plan
  int threads = 0;                   // Torch's, on the thread that acts; 0: as they are
  std::vector<uint8_t> picture = {}; // (height, width, 3) of the goal; empty: drawn from the pair's goal state
};

class JepaActor : public GoalActor {
 public:
  /// @param model  outlives it. @throws DeviceError where pictures cannot be drawn.
  JepaActor(const Jepa& model, JepaActorOptions options);
  ~JepaActor() override;

  void Begin(const GoalPair& pair, Environment& environment) override;
  void Act(Environment& environment, std::span<double> action) override;
  /// Distance of the latents, of unit variance.
  double Energy() const override;
  int64_t plans() const override;
  double plan_ms() const override;
  /// Of the goal's picture: above 1 it shows what the data do not (Jepa::Strangeness).
  double strangeness() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
