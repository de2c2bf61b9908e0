// MuJoCo itself as a world model: action sequences played out in a batch of simulations (mjBatch).
// A diverging sequence gets the reward kDivergedReward from there on; it never stops the others.
#pragma once

#include <memory>

#include "worldmodel/world_model.h"

namespace reverie {

class SimulatorModel : public WorldModel {
 public:
  static constexpr float kDivergedReward = -1e3f;

  /// @param threads  simulation threads; 0: as many as the processors this process may use.
  explicit SimulatorModel(std::shared_ptr<const CompiledTask> task, int threads = 0);
  ~SimulatorModel() override;

  const CompiledTask& task() const override;
  std::string name() const override { return "simulator"; }
  /// The result is the same to the bit for any number of threads.
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;
  void SetThreads(int threads) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Processors that this process may use (affinity and container limits respected), at least 1.
int AvailableThreads();

}  // namespace reverie
