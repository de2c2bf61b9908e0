#include "ui/desktop/inspector_panel.h"

#include <algorithm>

#include "ui/desktop/inspector_lists.h"
#include "ui/desktop/inspector_state.h"
#include "ui/desktop/panels.h"

namespace reverie::desktop {

std::unique_ptr<Panel> MakeInspectorPanel() { return std::make_unique<InspectorPanel>(); }

void InspectorPanel::Draw(App& app) {
  if (!app.now || !app.now->task) {
    ImGui::TextDisabled("Nothing is open.");
    return;
  }
  const mjModel* model = app.scene.model();
  if (!model) return;
  ImGui::SetNextItemWidth(-1);
  if (ImGui::InputTextWithHint("##search", "Search", search_.InputBuf, sizeof search_.InputBuf)) search_.Build();
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("Shows what has this in its name");
  const Inspected in{app, *app.now, model, search_};
  ImGui::PushID(model);
  bodies_.Draw(in);
  joints_.Draw(in);
  actuators_.Draw(in);
  DrawKeyframes(in);
  DrawSensors(in);
  DrawCameras(in);
  DrawVisualisation(in);
  DrawModelFacts(in);
  ImGui::PopID();
}

void InspectorPanel::AddActions(App& app) {
  const auto open = [](const App& a) { return a.now && a.now->task; };
  const auto render = [&](const char* id, const char* title, int flag) {
    app.actions.Add({.id = id, .menu = "Scene/Show", .title = title,
                     .run = [flag](App& a) { a.scene.render_flags[flag] = !a.scene.render_flags[flag]; },
                     .checked = [flag](const App& a) { return a.scene.render_flags[flag] != 0; }});
  };
  const auto draw = [&](const char* id, const char* title, int flag) {
    app.actions.Add({.id = id, .menu = "Scene/Show", .title = title,
                     .run = [flag](App& a) { a.scene.option.flags[flag] = !a.scene.option.flags[flag]; },
                     .checked = [flag](const App& a) { return a.scene.option.flags[flag] != 0; }});
  };
  render("scene.show.shadows", "Shadows", mjRND_SHADOW);
  render("scene.show.reflections", "Reflections", mjRND_REFLECTION);
  render("scene.show.wireframe", "Wireframe", mjRND_WIREFRAME);
  render("scene.show.sky", "Sky", mjRND_SKYBOX);
  render("scene.show.fog", "Fog", mjRND_FOG);
  draw("scene.show.contacts", "Contact points", mjVIS_CONTACTPOINT);
  draw("scene.show.contact_forces", "Contact forces", mjVIS_CONTACTFORCE);
  draw("scene.show.joints", "Joints", mjVIS_JOINT);
  draw("scene.show.actuators", "Actuators", mjVIS_ACTUATOR);
  draw("scene.show.inertia", "Inertia", mjVIS_INERTIA);
  draw("scene.show.centres", "Centres of mass", mjVIS_COM);
  draw("scene.show.transparent", "Transparent bodies", mjVIS_TRANSPARENT);
  app.actions.Add({.id = "scene.copy_state", .menu = "Scene", .title = "Copy the state as a keyframe",
                   .run =
                       [](App& a) {
                         const std::string name =
                             a.now->task->spec().name + " " + std::to_string(a.now->control_step);
                         ImGui::SetClipboardText(KeyLine(a.now->task->model(), a.now->state, name).c_str());
                         a.messages.Say("The state is on the clipboard, as a <key> for a scene's <keyframe>");
                       },
                   .enabled = open});
}

}  // namespace reverie::desktop
