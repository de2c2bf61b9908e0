// A joint-embedding model as planners want one: what an action sequence is worth is how near it brings the latent to
// that of a goal's picture, summed over the predictions. Belongs to one thread; the model may be shared.
#pragma once

#include <vector>

#include "worldmodel/jepa.h"
#include "worldmodel/world_model.h"

namespace reverie {

class JepaGoal : public WorldModel {
 public:
  /// @param model  outlives this.
  explicit JepaGoal(const Jepa& model) : model_(model) {}

  /// The latents, (D), of where it is and where it is to go. @throws ShapeError.
  void SetStart(std::vector<float> latent);
  void SetGoal(std::vector<float> latent);
  const std::vector<float>& start() const { return start_; }
  /// Distance between the two, of latents of unit variance.
  double Energy() const;

  const CompiledTask& task() const override { return model_.task(); }
  std::string name() const override { return "jepa"; }
  /// Rewards are minus the distance at each control step that ends a prediction, 0 at the others; steps behind the last
  /// whole prediction are not looked at. `belief` is not used: SetStart says where it is. No channels are expected.
  void Imagine(const Belief& belief, std::span<const float> actions, int sequences, int horizon,
               const ImagineOptions& options, Imagination& result) override;

 private:
  const Jepa& model_;
  std::vector<float> start_, goal_, cut_, distances_;
};

}  // namespace reverie
