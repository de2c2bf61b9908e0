// Ghosts: translucent copies of a model's moving bodies in one colour, drawn with OpenGL directly from coarse
// shapes, in an OverlayPass. Skins, flexible bodies and height fields have no copy.
#pragma once

#include <map>

#include <mujoco/mujoco.h>

namespace reverie::desktop {

/// Its shapes live in the GL context that is current when it first draws, and end with it or in the destructor.
class GhostPainter {
 public:
  /// @param most_faces  of a mesh; one that has more is drawn with fewer.
  explicit GhostPainter(int most_faces) : most_faces_(most_faces) {}
  ~GhostPainter();
  GhostPainter(const GhostPainter&) = delete;
  GhostPainter& operator=(const GhostPainter&) = delete;

  /// Draws the visible geoms of moving bodies where mj_kinematics has put them.
  /// @param rgba  of what faces the eye; what turns away is darker.
  void Draw(const mjModel* model, const mjData* data, const mjvOption& option, const float rgba[4]);

 private:
  void DrawGeom(const mjModel* model, const mjData* data, int geom);
  unsigned Mesh(const mjModel* model, int mesh);

  int most_faces_;
  unsigned shapes_ = 0;              // display lists: half a sphere, a tube, a disc, a box
  std::map<int, unsigned> meshes_;   // display lists
};

}  // namespace reverie::desktop
