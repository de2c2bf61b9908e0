#include "ui/desktop/ghost_painter.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <GL/gl.h>

#include <glm/glm.hpp>
#include <glm/gtc/constants.hpp>
#include <glm/gtc/type_ptr.hpp>

namespace reverie::desktop {
namespace {

enum Shape : unsigned { kHalfSphere, kTube, kDisc, kBox, kShapes };
constexpr int kSlices = 18, kRings = 4;

bool Moves(const mjModel* model, int body) {
  return model->body_weldid[body] != 0 || model->body_mocapid[model->body_rootid[body]] >= 0;
}

bool Visible(const mjModel* model, const mjvOption& option, int geom) {
  const int material = model->geom_matid[geom];
  const float* rgba = material >= 0 ? model->mat_rgba + 4 * material : model->geom_rgba + 4 * geom;
  return option.geomgroup[std::clamp(model->geom_group[geom], 0, mjNGROUP - 1)] && rgba[3] > 0;
}

void Vertex(const glm::vec3& normal, const glm::vec3& point) {
  glNormal3fv(glm::value_ptr(normal));
  glVertex3fv(glm::value_ptr(point));
}

glm::vec2 OnCircle(int slice) {
  const float angle = glm::two_pi<float>() * static_cast<float>(slice) / kSlices;
  return {std::cos(angle), std::sin(angle)};
}

/// Radius 1, z >= 0.
void DrawHalfSphere() {
  for (int ring = 0; ring < kRings; ++ring) {
    glBegin(GL_TRIANGLE_STRIP);
    for (int slice = 0; slice <= kSlices; ++slice) {
      for (const int edge : {ring + 1, ring}) {
        const float elevation = glm::half_pi<float>() * static_cast<float>(edge) / kRings;
        const glm::vec3 point(OnCircle(slice) * std::cos(elevation), std::sin(elevation));
        Vertex(point, point);
      }
    }
    glEnd();
  }
}

/// Radius 1, z from -1 to 1, open.
void DrawTube() {
  glBegin(GL_TRIANGLE_STRIP);
  for (int slice = 0; slice <= kSlices; ++slice) {
    const glm::vec3 out(OnCircle(slice), 0);
    Vertex(out, out + glm::vec3(0, 0, 1));
    Vertex(out, out - glm::vec3(0, 0, 1));
  }
  glEnd();
}

/// Radius 1, at z = 1, facing up.
void DrawDisc() {
  glBegin(GL_TRIANGLE_FAN);
  const glm::vec3 up(0, 0, 1);
  for (int slice = 0; slice < kSlices; ++slice) Vertex(up, glm::vec3(OnCircle(slice), 1));
  glEnd();
}

/// From -1 to 1.
void DrawBox() {
  glBegin(GL_QUADS);
  for (int axis = 0; axis < 3; ++axis) {
    for (const float side : {-1.0f, 1.0f}) {
      glm::vec3 out(0), across(0), along(0);
      out[axis] = side;
      across[(axis + 1) % 3] = side;
      along[(axis + 2) % 3] = 1;
      for (const auto& [a, b] : {std::array{-1, -1}, {1, -1}, {1, 1}, {-1, 1}}) {
        Vertex(out, out + static_cast<float>(a) * across + static_cast<float>(b) * along);
      }
    }
  }
  glEnd();
}

void DrawMesh(const mjModel* model, int mesh) {
  const float* points = model->mesh_vert + 3 * model->mesh_vertadr[mesh];
  const float* normals = model->mesh_normal + 3 * model->mesh_normaladr[mesh];
  const int* faces = model->mesh_face + 3 * model->mesh_faceadr[mesh];
  const int* face_normals = model->mesh_facenormal + 3 * model->mesh_faceadr[mesh];
  glBegin(GL_TRIANGLES);
  for (int i = 0; i < 3 * model->mesh_facenum[mesh]; ++i) {
    glNormal3fv(normals + 3 * face_normals[i]);
    glVertex3fv(points + 3 * faces[i]);
  }
  glEnd();
}

/// The mesh with all vertices in a cell of a grid made one: what lies within a few per cent of its size is lost.
void DrawCoarseMesh(const mjModel* model, int mesh) {
  constexpr float kCells = 20;  // along its longest side
  const auto vertices = static_cast<size_t>(model->mesh_vertnum[mesh]);
  const auto point = [first = model->mesh_vert + 3 * model->mesh_vertadr[mesh]](size_t i) {
    return glm::make_vec3(first + 3 * i);
  };
  glm::vec3 low = point(0), high = low;
  for (size_t i = 1; i < vertices; ++i) low = glm::min(low, point(i)), high = glm::max(high, point(i));
  const glm::vec3 sides = high - low;
  const float cell = std::max({sides.x, sides.y, sides.z}) / kCells;
  if (!(cell > 0)) return;

  struct Corner {
    glm::vec3 sum{0};
    float count = 0;
  };
  std::map<std::array<int, 3>, size_t> known;  // cell to corner
  std::vector<Corner> corners;
  std::vector<size_t> corner_of(vertices);
  for (size_t i = 0; i < vertices; ++i) {
    const glm::ivec3 at((point(i) - low) / cell);
    const auto [place, fresh] = known.try_emplace({at.x, at.y, at.z}, corners.size());
    if (fresh) corners.emplace_back();
    corner_of[i] = place->second;
    corners[place->second].sum += point(i);
    ++corners[place->second].count;
  }

  std::set<std::array<size_t, 3>> drawn;  // translucent faces must not be drawn twice
  const int* face = model->mesh_face + 3 * model->mesh_faceadr[mesh];
  glBegin(GL_TRIANGLES);
  for (int i = 0; i < model->mesh_facenum[mesh]; ++i, face += 3) {
    std::array<size_t, 3> corner;
    for (size_t k = 0; k < 3; ++k) corner[k] = corner_of[static_cast<size_t>(face[k])];
    std::rotate(corner.begin(), std::ranges::min_element(corner), corner.end());
    if (corner[0] == corner[1] || corner[1] == corner[2] || corner[2] == corner[0]) continue;
    if (!drawn.insert(corner).second) continue;
    std::array<glm::vec3, 3> at;
    for (size_t k = 0; k < 3; ++k) at[k] = corners[corner[k]].sum / corners[corner[k]].count;
    const glm::vec3 out = glm::cross(at[1] - at[0], at[2] - at[0]);
    for (const glm::vec3& corner_point : at) Vertex(out, corner_point);
  }
  glEnd();
}

void Light(const float rgba[4]) {
  const float half[4] = {0.5f, 0.5f, 0.5f, 1}, none[4] = {0, 0, 0, 1}, from_the_eye[4] = {0, 0, 1, 0};
  glMatrixMode(GL_MODELVIEW);
  glPushMatrix();
  glLoadIdentity();
  glLightfv(GL_LIGHT0, GL_POSITION, from_the_eye);
  glPopMatrix();
  glLightf(GL_LIGHT0, GL_SPOT_CUTOFF, 180);
  glLightfv(GL_LIGHT0, GL_AMBIENT, none);
  glLightfv(GL_LIGHT0, GL_DIFFUSE, half);
  glLightfv(GL_LIGHT0, GL_SPECULAR, none);
  glLightModelfv(GL_LIGHT_MODEL_AMBIENT, half);
  glEnable(GL_LIGHT0);
  glEnable(GL_LIGHTING);
  glEnable(GL_NORMALIZE);
  glEnable(GL_COLOR_MATERIAL);
  glColorMaterial(GL_FRONT_AND_BACK, GL_AMBIENT_AND_DIFFUSE);
  glMaterialfv(GL_FRONT_AND_BACK, GL_EMISSION, none);
  glColor4fv(rgba);
}

}  // namespace

GhostPainter::~GhostPainter() {
  if (shapes_ != 0) glDeleteLists(shapes_, kShapes);
  for (const auto& [mesh, list] : meshes_) glDeleteLists(list, 1);
}

unsigned GhostPainter::Mesh(const mjModel* model, int mesh) {
  const auto known = meshes_.find(mesh);
  if (known != meshes_.end()) return known->second;
  const unsigned list = glGenLists(1);
  glNewList(list, GL_COMPILE);
  if (model->mesh_facenum[mesh] > most_faces_) {
    DrawCoarseMesh(model, mesh);
  } else {
    DrawMesh(model, mesh);
  }
  glEndList();
  return meshes_[mesh] = list;
}

void GhostPainter::DrawGeom(const mjModel* model, const mjData* data, int geom) {
  const mjtNum* size = model->geom_size + 3 * geom;
  const auto shape = [&](Shape which, double lift, double x, double y, double z) {
    glPushMatrix();
    glTranslated(0, 0, lift);
    glScaled(x, y, z);
    glCallList(shapes_ + which);
    glPopMatrix();
  };
  const auto both_ends = [&](Shape which, double lift, double x, double y, double z) {
    shape(which, lift, x, y, z);
    glPushMatrix();
    glRotated(180, 1, 0, 0);
    shape(which, lift, x, y, z);
    glPopMatrix();
  };

  glm::dmat4 pose(glm::transpose(glm::make_mat3(data->geom_xmat + 9 * geom)));
  pose[3] = glm::dvec4(glm::make_vec3(data->geom_xpos + 3 * geom), 1);
  glPushMatrix();
  glMultMatrixd(glm::value_ptr(pose));
  switch (model->geom_type[geom]) {
    case mjGEOM_SPHERE:
      both_ends(kHalfSphere, 0, size[0], size[0], size[0]);
      break;
    case mjGEOM_ELLIPSOID:
      both_ends(kHalfSphere, 0, size[0], size[1], size[2]);
      break;
    case mjGEOM_CAPSULE:
      shape(kTube, 0, size[0], size[0], size[1]);
      both_ends(kHalfSphere, size[1], size[0], size[0], size[0]);
      break;
    case mjGEOM_CYLINDER:
      shape(kTube, 0, size[0], size[0], size[1]);
      both_ends(kDisc, 0, size[0], size[0], size[1]);
      break;
    case mjGEOM_BOX:
      shape(kBox, 0, size[0], size[1], size[2]);
      break;
    case mjGEOM_MESH:
    case mjGEOM_SDF:
      if (model->geom_dataid[geom] >= 0) glCallList(Mesh(model, model->geom_dataid[geom]));
      break;
    default:
      break;
  }
  glPopMatrix();
}

void GhostPainter::Draw(const mjModel* model, const mjData* data, const mjvOption& option, const float rgba[4]) {
  if (shapes_ == 0) {
    shapes_ = glGenLists(kShapes);
    constexpr void (*kDraw[kShapes])() = {DrawHalfSphere, DrawTube, DrawDisc, DrawBox};
    for (unsigned i = 0; i < kShapes; ++i) {
      glNewList(shapes_ + i, GL_COMPILE);
      kDraw[i]();
      glEndList();
    }
  }
  glPushAttrib(GL_ALL_ATTRIB_BITS);
  Light(rgba);
  glPolygonMode(GL_FRONT_AND_BACK, GL_FILL);
  glEnable(GL_CULL_FACE);
  // Where it is in the same place as the real body, it is behind.
  glEnable(GL_POLYGON_OFFSET_FILL);
  glPolygonOffset(-1, -4);
  for (int geom = 0; geom < model->ngeom; ++geom) {
    if (Moves(model, model->geom_bodyid[geom]) && Visible(model, option, geom)) DrawGeom(model, data, geom);
  }
  glPopAttrib();
}

}  // namespace reverie::desktop
