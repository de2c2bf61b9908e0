// Reads and writes MuJoCo's arrays by the names its documentation uses: "qpos(slider)", "geom_pos(target).x".
// Resolved once to addresses; reading is thread-safe.
#pragma once

#include <string>
#include <vector>

#include <mujoco/mujoco.h>

#include "sim/formula.h"
#include "sim/scene.h"

namespace reverie {

/// One number inside an mjData or mjModel.
struct FieldElement {
  enum class Type { kDouble, kFloat, kInt, kBool, kTime, kContactCount };
  const void* (*in_data)(const mjData*) = nullptr;
  void* (*in_model)(mjModel*) = nullptr;  // null for data
  Type type = Type::kDouble;
  int index = 0;
  std::string label;  // "geom_pos(target).x"
  std::string field;  // "geom_pos"

  bool OfModel() const { return in_model != nullptr; }
  double Read(const mjModel* model, const mjData* data) const;
  /// Only doubles and floats can be written.
  void Write(mjModel* model, mjData* data, double value) const;
};

/// The elements that a reference names, in order: all of an array, an object's part, or one component of it.
/// Empty optional: no such array. @throws SceneError for an unknown object (near labels suggested) or
/// component.
std::optional<std::vector<FieldElement>> FindField(const Scene& scene, const Formula::Reference& reference,
                                                   const std::string& context);

/// Names of all arrays that can be referred to.
const std::vector<std::string>& FieldNames();

}  // namespace reverie
