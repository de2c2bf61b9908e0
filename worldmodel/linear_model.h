// The baseline that a learned model must beat: the change of every channel as a linear function of channels and
// action, by ridge regression on the same data. One thread at a time.
#pragma once

#include <filesystem>
#include <memory>

#include "worldmodel/replay_buffer.h"
#include "worldmodel/world_model.h"

namespace reverie {

class LinearModel : public WorldModel {
 public:
  explicit LinearModel(std::shared_ptr<const CompiledTask> task);
  ~LinearModel() override;

  /// Fits on z-scored inputs and targets with the given ridge; an angle enters as cosine and sine.
  void Fit(const ReplayBuffer& data, double ridge = 1e-3);

  /// baseline.safetensors in a model's folder. @throws CheckpointError.
  void Save(const std::filesystem::path& folder) const;
  static std::unique_ptr<LinearModel> Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task);

  const CompiledTask& task() const override;
  std::string name() const override { return "linear"; }
  /// Fills channels only: no rewards, no spread.
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
