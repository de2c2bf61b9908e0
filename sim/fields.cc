#include "sim/fields.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <type_traits>

#include <mujoco/mjxmacro.h>

#include "sim/error.h"

namespace reverie {
namespace {

struct Field {
  const void* (*in_data)(const mjData*) = nullptr;
  void* (*in_model)(mjModel*) = nullptr;
  FieldElement::Type type;
  std::string rows_name;  // "ngeom"
  int (*rows)(const mjModel*);
  int (*columns)(const mjModel*);
};

template <class T>
constexpr FieldElement::Type TypeOf() {
  if constexpr (std::is_same_v<T, mjtNum>) return FieldElement::Type::kDouble;
  if constexpr (std::is_same_v<T, float>) return FieldElement::Type::kFloat;
  if constexpr (std::is_same_v<T, int>) return FieldElement::Type::kInt;
  return FieldElement::Type::kBool;
}
template <class T>
constexpr bool kReadable = std::is_same_v<T, mjtNum> || std::is_same_v<T, float> || std::is_same_v<T, int> ||
                           std::is_same_v<T, mjtBool>;

// The tables below come from MuJoCo's own list of its arrays, so every version's arrays are there.
const std::map<std::string, Field>& Fields() {
  static const std::map<std::string, Field> fields = [] {
    std::map<std::string, Field> table;
#pragma push_macro("MJ_M")
#undef MJ_M
#define MJ_M(n) m->n
#define X(T, name, nr, nc)                                                                   \
  if constexpr (kReadable<T>) {                                                              \
    table[#name] = {nullptr,                                                                 \
                    [](mjModel* m) -> void* { return m->name; },                             \
                    TypeOf<T>(),                                                             \
                    #nr,                                                                     \
                    [](const mjModel* m) { return static_cast<int>(m->nr); },                \
                    []([[maybe_unused]] const mjModel* m) { return static_cast<int>(nc); }}; \
  }
#pragma push_macro("XNV")
#undef XNV
#define XNV X
    MJMODEL_POINTERS
#undef X
#define X(T, name, nr, nc)                                                                   \
  if constexpr (kReadable<T>) {                                                              \
    table[#name] = {[](const mjData* d) -> const void* { return d->name; },                  \
                    nullptr,                                                                 \
                    TypeOf<T>(),                                                             \
                    #nr,                                                                     \
                    [](const mjModel* m) { return static_cast<int>(m->nr); },                \
                    []([[maybe_unused]] const mjModel* m) { return static_cast<int>(nc); }}; \
  }
    MJDATA_POINTERS
#undef X
#pragma pop_macro("XNV")
#pragma pop_macro("MJ_M")
    // What the scene's <option> says, of one row each.
    const auto add_option = [&table](const char* name, void* (*in_model)(mjModel*), int (*columns)(const mjModel*)) {
      table[name] = {nullptr, in_model, FieldElement::Type::kDouble, "", [](const mjModel*) { return 1; }, columns};
    };
    const auto one = [](const mjModel*) { return 1; };
    const auto three = [](const mjModel*) { return 3; };
    add_option("gravity", [](mjModel* m) -> void* { return m->opt.gravity; }, three);
    add_option("wind", [](mjModel* m) -> void* { return m->opt.wind; }, three);
    add_option("density", [](mjModel* m) -> void* { return &m->opt.density; }, one);
    add_option("viscosity", [](mjModel* m) -> void* { return &m->opt.viscosity; }, one);
    return table;
  }();
  return fields;
}

struct Range {
  int first, count;  // rows
};

Range RowsOf(const Scene& scene, const Field& field, const std::string& label, const std::string& context) {
  const mjModel* m = scene.model();
  const std::string& rows = field.rows_name;
  const auto find = [&](mjtObj type) { return scene.Find(type, label, context); };
  static const std::map<std::string, mjtObj> kObjects = {
      {"nbody", mjOBJ_BODY},     {"njnt", mjOBJ_JOINT},         {"ngeom", mjOBJ_GEOM},
      {"nsite", mjOBJ_SITE},     {"ncam", mjOBJ_CAMERA},        {"nlight", mjOBJ_LIGHT},
      {"ntendon", mjOBJ_TENDON}, {"nsensor", mjOBJ_SENSOR},     {"neq", mjOBJ_EQUALITY},
      {"nkey", mjOBJ_KEY},       {"nactuator", mjOBJ_ACTUATOR}, {"nmat", mjOBJ_MATERIAL},
  };
  if (const auto object = kObjects.find(rows); object != kObjects.end()) return {find(object->second), 1};
  if (rows == "nq") {
    static const int kSize[] = {7, 4, 1, 1};
    const int joint = find(mjOBJ_JOINT);
    return {m->jnt_qposadr[joint], kSize[m->jnt_type[joint]]};
  }
  if (rows == "nv") {
    static const int kSize[] = {6, 3, 1, 1};
    const int joint = find(mjOBJ_JOINT);
    return {m->jnt_dofadr[joint], kSize[m->jnt_type[joint]]};
  }
  if (rows == "nsensordata") {
    const int sensor = find(mjOBJ_SENSOR);
    return {m->sensor_adr[sensor], m->sensor_dim[sensor]};
  }
  if (rows == "nu" || rows == "nout" || rows == "na") {
    const int actuator = find(mjOBJ_ACTUATOR);
    if (rows == "nu") return {m->actuator_ctrladr[actuator], m->actuator_ctrlnum[actuator]};
    if (rows == "nout") return {m->actuator_outadr[actuator], m->actuator_outnum[actuator]};
    if (m->actuator_actnum[actuator] == 0) {
      throw SceneError(context + ": actuator '" + label + "' has no activation state");
    }
    return {m->actuator_actadr[actuator], m->actuator_actnum[actuator]};
  }
  if (rows == "nmocap") {
    const int body = find(mjOBJ_BODY);
    if (m->body_mocapid[body] < 0) throw SceneError(context + ": body '" + label + "' is not a mocap body");
    return {m->body_mocapid[body], 1};
  }
  throw SceneError(context + ": its elements have no names; use an index, as in [0], in place of '" + label +
                   "'");
}

int ComponentOf(const std::string& component, int columns, const std::string& context) {
  const std::string axes = columns == 4 ? "wxyz" : "xyz";
  const auto axis = [&](char c) { return static_cast<int>(axes.find(c)); };
  if (columns == 9 && component.size() == 2 && axis(component[0]) >= 0 && axis(component[1]) >= 0) {
    return 3 * axis(component[0]) + axis(component[1]);
  }
  if (columns != 9 && columns > 1 && component.size() == 1 && axis(component[0]) >= 0 &&
      axis(component[0]) < columns) {
    return axis(component[0]);
  }
  throw SceneError(context + ": '." + component + "' is no component of " + std::to_string(columns) +
                   " columns (3 have x y z, 4 have w x y z, 9 have xx xy ... zz)");
}

}  // namespace

double FieldElement::Read(const mjModel* model, const mjData* data) const {
  if (type == Type::kTime) return data->time;
  if (type == Type::kContactCount) return data->ncon;
  const void* array = in_model ? in_model(const_cast<mjModel*>(model)) : in_data(data);
  switch (type) {
    case Type::kDouble:
      return static_cast<const mjtNum*>(array)[index];
    case Type::kFloat:
      return static_cast<const float*>(array)[index];
    case Type::kInt:
      return static_cast<const int*>(array)[index];
    default:
      return static_cast<const mjtBool*>(array)[index] ? 1.0 : 0.0;
  }
}

void FieldElement::Write(mjModel* model, mjData* data, double value) const {
  void* array = in_model ? in_model(model) : const_cast<void*>(in_data(data));
  if (type == Type::kFloat) {
    static_cast<float*>(array)[index] = static_cast<float>(value);
  } else {
    static_cast<mjtNum*>(array)[index] = value;
  }
}

std::optional<std::vector<FieldElement>> FindField(const Scene& scene, const Formula::Reference& reference,
                                                   const std::string& context) {
  if (reference.name == "time" || reference.name == "ncon") {
    FieldElement element;
    element.type = reference.name == "time" ? FieldElement::Type::kTime : FieldElement::Type::kContactCount;
    element.label = element.field = reference.name;
    return std::vector<FieldElement>{element};
  }
  const auto found = Fields().find(reference.name);
  if (found == Fields().end()) return std::nullopt;
  const Field& field = found->second;
  const mjModel* model = scene.model();
  const int columns = field.columns(model);
  const Range range =
      reference.argument ? RowsOf(scene, field, *reference.argument, context) : Range{0, field.rows(model)};
  std::vector<FieldElement> elements;
  for (int row = range.first; row < range.first + range.count; ++row) {
    for (int column = 0; column < columns; ++column) {
      if (!reference.component.empty() && column != ComponentOf(reference.component, columns, context))
        continue;
      FieldElement element;
      element.in_data = field.in_data;
      element.in_model = field.in_model;
      element.type = field.type;
      element.index = row * columns + column;
      element.field = reference.name;
      element.label = reference.name + (reference.argument ? "(" + *reference.argument + ")" : "") +
                      (reference.component.empty() ? "" : "." + reference.component);
      elements.push_back(element);
    }
  }
  if (elements.size() > 1) {
    for (size_t i = 0; i < elements.size(); ++i) elements[i].label += "[" + std::to_string(i) + "]";
  }
  return elements;
}

const std::vector<std::string>& FieldNames() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = {"time", "ncon"};
    for (const auto& [name, field] : Fields()) all.push_back(name);
    return all;
  }();
  return names;
}

}  // namespace reverie
