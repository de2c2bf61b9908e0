// How the scene is looked at, and the hands that reach into it: camera, visualisation flags, selected body,
// perturbation. Window's thread only; it has an mjData of its own that follows the session's snapshots, and
// asks SceneRenderer for pictures.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <mujoco/mujoco.h>

#include "sim/environment.h"

namespace reverie::desktop {

struct Ghost {
  std::vector<double> qpos;  // (nq)
  float rgba[4];
};
struct Trace {
  std::vector<float> points;  // (n, 3)
  float rgba[4];
  float width_px = 2;
};

class SceneView {
 public:
  SceneView();
  ~SceneView();

  mjvCamera camera{};
  mjvOption option{};
  mjtByte render_flags[mjNRNDFLAG]{};  // at first without shadows and reflections, which software draws slowly
  mjvPerturb perturbation{};
  int selected_body = 0;  // 0: none; `perturbation` takes it over in Follow and BeginPerturbation
  bool show_selection = true;

  /// Follows a task and a state. Cheap where both are the same. A new task resets camera and selection, unless
  /// it has the old one's name (it was loaded again): then what both have stays as it was.
  void Follow(std::shared_ptr<const CompiledTask> task, const std::vector<double>& state,
              const std::vector<double>& parameters);
  /// The state followed, everything derived; null without a task. The model is the task's own, or where its
  /// resets draw into it a copy with the parameters followed.
  const mjModel* model() const;
  mjData* data();

  void SetFixedCamera(int id);
  /// From a tracking camera, stays where it is; else frames the whole scene.
  void SetFreeCamera();
  void TrackBody(int body);

  // The mouse over a view of this size, px; x and y from the top left corner. A fixed camera that is moved
  // becomes a free one there.
  void Orbit(double dx, double dy, int height_px);
  /// What the camera looks at follows the mouse, in the plane upright before it or level. Tracking cameras stay.
  void Pan(double dx, double dy, int height_px, bool horizontal);
  /// @param amount  notches of the mouse wheel, each a tenth or so; positive comes nearer.
  void Zoom(double amount);
  /// Selects what is seen there. Returns the body, 0 for none.
  int Select(double x, double y, int width_px, int height_px);
  /// Makes the point that is seen there the one that the camera turns about. Without one nothing changes.
  void CentreOn(double x, double y, int width_px, int height_px);
  /// Begins, moves and ends pushing (translate) or twisting the selected body. What is pushed stays below the mouse, in the
  /// picture's plane through it; `horizontal`: at its height.
  void BeginPerturbation(bool twist);
  void MovePerturbation(double dx, double dy, int width_px, int height_px, bool horizontal);
  void EndPerturbation();
  /// Where a point of the world is in a view of this size; false where it is behind the camera.
  bool Project(const double point[3], int width_px, int height_px, double& x, double& y) const;

 private:
  void LeaveFixedCamera();

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie::desktop
