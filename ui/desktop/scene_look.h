// How a scene looks where its author left it open: a calm sky where there is none, and light where the model
// has none of its own.
#pragma once

#include <vector>

#include <mujoco/mujoco.h>

namespace reverie::desktop {

/// What OpenGL is to be given of a model: a shallow copy, whose visual settings may be changed, with a sky
/// added where it has none. It lives no longer than the model.
class SceneAssets {
 public:
  explicit SceneAssets(const mjModel* model);
  SceneAssets(const SceneAssets&) = delete;
  SceneAssets& operator=(const SceneAssets&) = delete;

  mjModel& model() { return model_; }

 private:
  void AddSky();

  mjModel model_;
  std::vector<int> type_, colorspace_, height_, width_, nchannel_, pathadr_, contenttypeadr_;
  std::vector<mjtSize> adr_;
  std::vector<mjtByte> data_;
};

/// Lights a scene whose author did not: a model without lights that leaves MuJoCo's headlight as it is.
void AddLight(const mjModel* model, mjvScene& scene);

}  // namespace reverie::desktop
