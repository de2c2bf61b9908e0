#include "ui/desktop/inspector_bodies.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "ui/desktop/inspector_state.h"

namespace reverie::desktop {
namespace {

struct TreeRow {
  int body, depth;
  bool has_children;
};

/// The bodies that are not within a closed one, parents before children.
std::vector<TreeRow> OpenRows(const mjModel* model, const std::vector<bool>& closed) {
  std::vector<int> depth(static_cast<size_t>(model->nbody), 0);
  std::vector<bool> hidden(depth.size()), parent(depth.size());
  for (int i = 1; i < model->nbody; ++i) parent[static_cast<size_t>(model->body_parentid[i])] = true;
  std::vector<TreeRow> rows;
  for (int i = 0; i < model->nbody; ++i) {
    const auto at = static_cast<size_t>(i), above = static_cast<size_t>(model->body_parentid[i]);
    if (i > 0) {
      depth[at] = depth[above] + 1;
      hidden[at] = hidden[above] || closed[above];
    }
    if (!hidden[at]) rows.push_back({i, depth[at], parent[at]});
  }
  return rows;
}

std::string Vector(const mjtNum* values, size_t count, const char* unit) {
  return ShortNumbers({values, count}) + (*unit ? std::string("  ") + unit : "");
}

}  // namespace

void BodySection::Draw(const Inspected& in) {
  if (model_ != in.model) {
    model_ = in.model;
    closed_.assign(static_cast<size_t>(in.model->nbody), false);
    scrolled_to_ = 0;
  }
  const size_t all = static_cast<size_t>(in.model->nbody);
  const size_t shown = in.search.IsActive() ? in.Matching(mjOBJ_BODY, in.model->nbody).size() : all;
  if (in.app.scene.selected_body > 0 && scrolled_to_ != in.app.scene.selected_body) ImGui::SetNextItemOpen(true);
  if (!BeginSection("Bodies", shown, all)) return;
  DrawTree(in);
  if (in.app.scene.selected_body > 0) DrawSelected(in);
}

void BodySection::DrawTree(const Inspected& in) {
  SceneView& view = in.app.scene;
  std::vector<TreeRow> rows;
  if (in.search.IsActive()) {
    for (const int body : in.Matching(mjOBJ_BODY, in.model->nbody)) rows.push_back({body, 0, false});
  } else {
    rows = OpenRows(in.model, closed_);
  }
  const float height = ImGui::GetTextLineHeightWithSpacing(), indent = 0.9f * ImGui::GetFontSize();
  // What was selected in the view is brought into sight.
  int sight = -1;
  if (scrolled_to_ != view.selected_body) {
    const auto found = std::ranges::find(rows, view.selected_body, &TreeRow::body);
    if (found != rows.end()) sight = static_cast<int>(found - rows.begin());
    scrolled_to_ = view.selected_body;
  }
  ClippedRows("tree", rows.size(), height, [&](size_t i) {
    const TreeRow& row = rows[i];
    const std::string& label = in.scene().Label(mjOBJ_BODY, row.body);
    const auto at = static_cast<size_t>(row.body);
    ImGui::SetCursorPosX(ImGui::GetCursorPosX() + indent * static_cast<float>(row.depth));
    ImGuiTreeNodeFlags flags = ImGuiTreeNodeFlags_NoTreePushOnOpen | ImGuiTreeNodeFlags_SpanAvailWidth |
                               ImGuiTreeNodeFlags_OpenOnArrow;
    if (!row.has_children) flags |= ImGuiTreeNodeFlags_Leaf;
    if (row.body == view.selected_body && row.body > 0) flags |= ImGuiTreeNodeFlags_Selected;
    ImGui::SetNextItemOpen(!closed_[at]);
    const bool open = ImGui::TreeNodeEx("body", flags, "%s", label.c_str());
    if (row.has_children) closed_[at] = !open;
    if (ImGui::IsItemClicked() && !ImGui::IsItemToggledOpen()) {
      view.selected_body = row.body == view.selected_body ? 0 : row.body;
      scrolled_to_ = view.selected_body;
    }
    if (ImGui::IsItemHovered() && ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left) && row.body > 0) {
      view.selected_body = row.body;
      view.TrackBody(row.body);
    }
  }, sight);
}

void BodySection::DrawSelected(const Inspected& in) {
  const int body = in.app.scene.selected_body;
  if (body >= in.model->nbody) return;
  const mjModel* model = in.model;
  mjData* data = in.data();
  if (!data) return;
  ImGui::Separator();
  const std::string& label = in.scene().Label(mjOBJ_BODY, body);
  ImGui::TextUnformatted(label.data(), label.data() + label.size());
  const mjtNum* quat = data->xquat + 4 * body;
  const std::array<double, 3> euler = EulerDegrees(quat);
  mjtNum velocity[6];
  mj_objectVelocity(model, data, mjOBJ_XBODY, body, velocity, 0);
  FactRow("Position", Vector(data->xpos + 3 * body, 3, "m"), "Of the body's frame, in the world");
  FactRow("Orientation", Vector(quat, 4, ""), "Quaternion, w x y z, in the world");
  FactRow("Euler angles", Vector(euler.data(), 3, "deg"), "About x, then the new y, then the new z, as MJCF's euler");
  FactRow("Velocity", Vector(velocity + 3, 3, "m/s"), "Of the body's frame, in the world's directions");
  FactRow("Turning", Vector(velocity, 3, "rad/s"), "Angular velocity, in the world's directions");
  std::string mass = ShortNumber(model->body_mass[body]) + " kg";
  if (model->body_subtreemass[body] != model->body_mass[body]) {
    mass += ", " + ShortNumber(model->body_subtreemass[body]) + " kg with what hangs on it";
  }
  FactRow("Mass", mass);
  DrawContacts(in, body);
  if (ImGui::SmallButton("Follow with the camera")) in.app.scene.TrackBody(body);
  ImGui::SameLine();
  if (ImGui::SmallButton("Deselect")) in.app.scene.selected_body = 0;
}

void BodySection::DrawContacts(const Inspected& in, int body) {
  const mjModel* model = in.model;
  const mjData* data = in.data();
  constexpr int kMost = 12;
  int count = 0;
  for (int i = 0; i < data->ncon; ++i) {
    const mjContact& contact = data->contact[i];
    const int bodies[2] = {contact.geom[0] >= 0 ? model->geom_bodyid[contact.geom[0]] : -1,
                           contact.geom[1] >= 0 ? model->geom_bodyid[contact.geom[1]] : -1};
    if (bodies[0] != body && bodies[1] != body) continue;
    if (++count > kMost) continue;
    const int other = bodies[0] == body ? bodies[1] : bodies[0];
    mjtNum force[6] = {};
    if (contact.efc_address >= 0) mj_contactForce(model, data, i, force);
    const std::string partner = other >= 0 ? in.scene().Label(mjOBJ_BODY, other) : "a flexible body";
    FactRow("Touches", partner + "   " + ShortNumber(force[0]) + " N, " +
                           ShortNumber(std::hypot(force[1], force[2])) + " N along",
            "Force across the contact, and along its surface");
  }
  if (count == 0) FactRow("Touches", "nothing");
  if (count > kMost) FactRow("", "and " + std::to_string(count - kMost) + " more contacts");
}

}  // namespace reverie::desktop
