// Finds the pose behind channels: a MuJoCo state whose channels are those that a world model predicts, so
// that what it predicts can be drawn. SI units; one thread at a time.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "sim/environment.h"

namespace reverie {

/// Damped Gauss-Newton over qpos (in its tangent space, so quaternions stay unit) and qvel, from finite
/// differences of MuJoCo's position and velocity stages. What no channel shows moves on by its velocity, and
/// a velocity that no channel shows is that of the pose: both from a weak pull towards q = q_before +
/// dt*(v_before + v)/2. Mocap bodies, controls and activations stay as at the start; limits and equalities
/// are not enforced.
class PoseFit {
 public:
  /// @param channel_scale  (channel_size()) how far off each channel weighs the same, such as its standard
  /// deviation
  ///                       in the data; where there is none, or it is not positive, its spread over chance
  ///                       poses.
  /// @throws ShapeError for another size; SceneError if there is no memory.
  explicit PoseFit(std::shared_ptr<const CompiledTask> task, std::span<const double> channel_scale = {});
  ~PoseFit();
  PoseFit(const PoseFit&) = delete;
  PoseFit& operator=(const PoseFit&) = delete;

  /// Begins at a real state: what the model was given to imagine from.
  /// @param integration_state  (state_size()).
  /// @param parameters         (parameter_size()) what the episode's reset drew into the model.
  /// @throws ShapeError.
  void Start(std::span<const double> integration_state, std::span<const double> parameters = {});

  /// Moves to the pose one control step later whose channels are nearest to `channels`. Where a channel that
  /// a pose can show is not finite, or beyond mjMAXVAL, the pose stays.
  /// @param channels  (channel_size()).
  /// @return          root-mean-square difference of the channels that a pose can show, in their scales;
  /// infinity
  ///                  where the pose stayed.
  /// @throws ShapeError.
  double Step(std::span<const double> channels);

  /// The pose, ready to draw: everything derived from position and velocity, but no contacts or forces.
  /// The model is this object's own, constraints disabled.
  const mjModel* model() const;
  mjData* data();
  const mjData* data() const;

  /// Which channels depend on the pose: not a goal that stays, nor forces such as those of touch sensors.
  const std::vector<bool>& shown() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
