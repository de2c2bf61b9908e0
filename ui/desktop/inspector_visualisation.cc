#include <algorithm>
#include <array>
#include <iterator>

#include "ui/desktop/inspector_lists.h"

namespace reverie::desktop {
namespace {

struct Flag {
  int flag;
  const char* name;
  const char* help;  // null: the name says it all
};

constexpr Flag kDrawn[] = {
    {mjVIS_CONTACTPOINT, "Contact points", nullptr},
    {mjVIS_CONTACTFORCE, "Contact forces", nullptr},
    {mjVIS_CONTACTSPLIT, "Split contact forces", "Across and along the surface, as two arrows"},
    {mjVIS_JOINT, "Joints", nullptr},
    {mjVIS_ACTUATOR, "Actuators", nullptr},
    {mjVIS_ACTIVATION, "Activations", "Actuators are coloured by their activation"},
    {mjVIS_COM, "Centres of mass", nullptr},
    {mjVIS_INERTIA, "Inertia", "A box or ellipsoid of the same inertia for each body"},
    {mjVIS_SCLINERTIA, "Inertia scaled by mass", nullptr},
    {mjVIS_TENDON, "Tendons", nullptr},
    {mjVIS_CONSTRAINT, "Equalities", "Points that equality constraints hold together"},
    {mjVIS_RANGEFINDER, "Range finders", nullptr},
    {mjVIS_PERTFORCE, "Pushing force", "An arrow where the mouse pushes"},
    {mjVIS_PERTOBJ, "Pushed body", "Where the mouse pulls the body to"},
    {mjVIS_SELECT, "Selected point", nullptr},
    {mjVIS_TRANSPARENT, "Transparent bodies", nullptr},
    {mjVIS_STATIC, "What cannot move", nullptr},
    {mjVIS_TEXTURE, "Textures", nullptr},
    {mjVIS_SKIN, "Skins", nullptr},
    {mjVIS_CONVEXHULL, "Convex hulls", "What collides of a mesh"},
    {mjVIS_AUTOCONNECT, "Skeleton", "Lines between joints and centres of mass"},
    {mjVIS_CAMERA, "Cameras", nullptr},
    {mjVIS_LIGHT, "Lights", nullptr},
    {mjVIS_ISLAND, "Islands", "Groups of bodies that constraints tie together, in one colour each"},
    {mjVIS_BODYBVH, "Bounding boxes of bodies", nullptr},
    {mjVIS_MESHBVH, "Bounding boxes of meshes", nullptr},
    {mjVIS_FLEXVERT, "Flexible bodies' points", nullptr},
    {mjVIS_FLEXEDGE, "Flexible bodies' edges", nullptr},
    {mjVIS_FLEXFACE, "Flexible bodies' faces", nullptr},
    {mjVIS_FLEXSKIN, "Flexible bodies' skins", nullptr},
};

constexpr Flag kRendered[] = {
    {mjRND_SHADOW, "Shadows", "Slow without graphics hardware"},
    {mjRND_REFLECTION, "Reflections", "Slow without graphics hardware"},
    {mjRND_WIREFRAME, "Wireframe", nullptr},
    {mjRND_SKYBOX, "Sky", nullptr},
    {mjRND_FOG, "Fog", nullptr},
    {mjRND_HAZE, "Haze", "The ground fades into the sky"},
    {mjRND_ADDITIVE, "Additive transparency", nullptr},
    {mjRND_CULL_FACE, "Hide back faces", nullptr},
};

void Checkboxes(const Inspected& in, std::span<const Flag> flags, mjtByte* values) {
  const float em = ImGui::GetFontSize(), width = ImGui::GetContentRegionAvail().x;
  const int columns = std::clamp(static_cast<int>(width / (13 * em)), 1, 3);
  if (!ImGui::BeginTable("flags", columns, ImGuiTableFlags_SizingStretchSame)) return;
  for (const Flag& flag : flags) {
    if (!in.Matches(flag.name)) continue;
    ImGui::TableNextColumn();
    ImGui::PushID(flag.flag);
    bool on = values[flag.flag] != 0;
    if (ImGui::Checkbox(flag.name, &on)) values[flag.flag] = on;
    if (flag.help && ImGui::IsItemHovered()) ImGui::SetTooltip("%s", flag.help);
    ImGui::PopID();
  }
  ImGui::EndTable();
}

void Choice(const char* name, int& chosen, const char* const* names, int count) {
  RowName(name, 0.3f);
  chosen = std::clamp(chosen, 0, count - 1);
  ImGui::PushID(name);
  ImGui::Combo("##choice", &chosen, names, count);
  ImGui::PopID();
}

void Groups(const char* name, mjtByte* groups) {
  ImGui::PushID(name);
  RowName(name, 0.3f, "Groups that are drawn");
  for (int i = 0; i < mjNGROUP; ++i) {
    if (i > 0) ImGui::SameLine(0, ImGui::GetStyle().ItemInnerSpacing.x);
    ImGui::PushID(i);
    const bool on = groups[i] != 0;
    const std::string digit = std::to_string(i);
    if (on) ImGui::PushStyleColor(ImGuiCol_Button, ImGui::GetStyleColorVec4(ImGuiCol_ButtonActive));
    if (ImGui::SmallButton(digit.c_str())) groups[i] = !on;
    if (on) ImGui::PopStyleColor();
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("Group %d is %s", i, on ? "drawn" : "hidden");
    ImGui::PopID();
  }
  ImGui::PopID();
}

}  // namespace

void DrawVisualisation(const Inspected& in) {
  if (!ImGui::CollapsingHeader("Visualisation")) return;
  SceneView& view = in.app.scene;
  ImGui::PushID("rendered");
  Checkboxes(in, kRendered, view.render_flags);
  ImGui::PopID();
  ImGui::Separator();
  ImGui::PushID("drawn");
  Checkboxes(in, kDrawn, view.option.flags);
  ImGui::PopID();
  ImGui::Separator();
  Choice("Labels", view.option.label, mjLABELSTRING, mjNLABEL);
  Choice("Frames", view.option.frame, mjFRAMESTRING, mjNFRAME);
  Groups("Geoms", view.option.geomgroup);
  Groups("Sites", view.option.sitegroup);
  Groups("Joints", view.option.jointgroup);
  Groups("Tendons", view.option.tendongroup);
  Groups("Actuators", view.option.actuatorgroup);
  Groups("Skins", view.option.skingroup);
  if (ImGui::SmallButton("Back to the defaults")) {
    mjv_defaultOption(&view.option);
    const SceneView fresh;
    std::ranges::copy(fresh.render_flags, view.render_flags);
  }
}

}  // namespace reverie::desktop
