#include "ui/desktop/inspector_lists.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "ui/desktop/inspector_state.h"

namespace reverie::desktop {
namespace {

const char* IntegratorName(int integrator) {
  switch (integrator) {
    case mjINT_EULER: return "Euler";
    case mjINT_RK4: return "Runge-Kutta 4";
    case mjINT_IMPLICIT: return "implicit";
    case mjINT_IMPLICITFAST: return "implicit, fast";
    default: return "other";
  }
}

const char* SolverName(int solver) {
  switch (solver) {
    case mjSOL_PGS: return "projected Gauss-Seidel";
    case mjSOL_CG: return "conjugate gradient";
    case mjSOL_NEWTON: return "Newton";
    default: return "other";
  }
}

}  // namespace

void DrawKeyframes(const Inspected& in) {
  const std::vector<int> ids = in.Matching(mjOBJ_KEY, in.model->nkey);
  if (!BeginSection("Keyframes", ids.size(), static_cast<size_t>(in.model->nkey))) return;
  ClippedRows("keys", ids.size(), ImGui::GetTextLineHeightWithSpacing(), [&](size_t i) {
    const std::string& label = in.scene().Label(mjOBJ_KEY, ids[i]);
    if (ImGui::Selectable(("##" + std::to_string(i)).c_str())) {
      in.Edit(WithKeyframe(in.model, in.now.state, ids[i]), "keyframe " + label);
    }
    if (ImGui::IsItemHovered()) ImGui::SetTooltip("Puts the scene into this state, and pauses");
    ImGui::SameLine();
    ImGui::TextUnformatted(label.data(), label.data() + label.size());
  });
  if (ImGui::SmallButton("Copy this state")) {
    const std::string name = in.now.task->spec().name + " " + std::to_string(in.now.control_step);
    ImGui::SetClipboardText(KeyLine(in.model, in.now.state, name).c_str());
    in.app.messages.Say("The state is on the clipboard, as a <key> for a scene's <keyframe>");
  }
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("As a <key> line, to paste into the <keyframe> of an MJCF file");
}

void DrawSensors(const Inspected& in) {
  if (in.model->nsensor == 0) return;
  const std::vector<int> ids = in.Matching(mjOBJ_SENSOR, in.model->nsensor);
  if (!BeginSection("Sensors", ids.size(), static_cast<size_t>(in.model->nsensor))) return;
  const mjData* data = in.data();
  if (!data) return;
  ClippedRows("sensors", ids.size(), ImGui::GetFrameHeightWithSpacing(), [&](size_t i) {
    const int sensor = ids[i];
    RowName(in.scene().Label(mjOBJ_SENSOR, sensor));
    const std::string values = ShortNumbers({data->sensordata + in.model->sensor_adr[sensor],
                                             static_cast<size_t>(in.model->sensor_dim[sensor])}, 4);
    ImGui::TextUnformatted(values.data(), values.data() + values.size());
  });
}

void DrawCameras(const Inspected& in) {
  SceneView& view = in.app.scene;
  const std::vector<int> ids = in.Matching(mjOBJ_CAMERA, in.model->ncam);
  if (!BeginSection("Cameras", ids.size(), static_cast<size_t>(in.model->ncam))) return;
  if (ImGui::RadioButton("Free", view.camera.type == mjCAMERA_FREE)) view.SetFreeCamera();
  if (ImGui::IsItemHovered()) ImGui::SetTooltip("Drag with the left button to orbit, the right to pan, wheel to zoom");
  const int selected = view.selected_body, tracked = view.camera.trackbodyid;
  const bool tracking = view.camera.type == mjCAMERA_TRACKING && tracked >= 0 && tracked < in.model->nbody;
  ImGui::BeginDisabled(selected <= 0 && !tracking);
  const int followed = tracking ? tracked : selected;
  const std::string follow =
      "Follow " + (followed > 0 ? in.scene().Label(mjOBJ_BODY, followed) : std::string("the selected body"));
  if (ImGui::RadioButton("##follow", tracking) && selected > 0) view.TrackBody(selected);
  ImGui::SameLine();
  ImGui::TextUnformatted(follow.data(), follow.data() + follow.size());
  ImGui::EndDisabled();
  ClippedRows("cameras", ids.size(), ImGui::GetFrameHeightWithSpacing(), [&](size_t i) {
    const int camera = ids[i];
    const bool chosen = view.camera.type == mjCAMERA_FIXED && view.camera.fixedcamid == camera;
    if (ImGui::RadioButton("##camera", chosen)) view.SetFixedCamera(camera);
    ImGui::SameLine();
    const std::string& label = in.scene().Label(mjOBJ_CAMERA, camera);
    ImGui::TextUnformatted(label.data(), label.data() + label.size());
  });
}

void DrawModelFacts(const Inspected& in) {
  if (!ImGui::CollapsingHeader("Model")) return;
  const mjModel* model = in.model;
  const TaskSpec& spec = in.now.task->spec();
  const auto count = [](const char* name, int64_t value) { FactRow(name, std::to_string(value)); };
  if (!spec.description.empty()) FactRow("Task", spec.description);
  FactRow("Scene", spec.scene_file.empty() ? in.scene().origin() : spec.scene_file.string());
  if (!spec.task_file.empty()) FactRow("Task file", spec.task_file.string());
  FactRow("Simulation step", ShortNumber(model->opt.timestep) + " s");
  FactRow("Control step", ShortNumber(in.now.timeline.control_step_s) + " s",
          "Between one action and the next, action repeat included");
  FactRow("Integrator", IntegratorName(model->opt.integrator));
  FactRow("Solver", std::string(SolverName(model->opt.solver)) + ", up to " +
                        std::to_string(model->opt.iterations) + " iterations");
  FactRow("Friction cone", model->opt.cone == mjCONE_PYRAMIDAL ? "pyramidal" : "elliptic");
  FactRow("Gravity", ShortNumbers({model->opt.gravity, 3}) + "  m/s\u00B2");
  count("Positions", model->nq);
  count("Velocities", model->nv);
  count("Activations", model->na);
  count("Bodies", model->nbody);
  count("Joints", model->njnt);
  count("Geoms", model->ngeom);
  count("Sites", model->nsite);
  count("Tendons", model->ntendon);
  count("Equalities", model->neq);
  count("Meshes", model->nmesh);
  count("Observed", in.now.task->observation_size());
  count("Signals", in.now.task->signal_size());
  FactRow("Total mass", ShortNumber(model->nbody > 0 ? model->body_subtreemass[0] : 0) + " kg");
}

}  // namespace reverie::desktop
