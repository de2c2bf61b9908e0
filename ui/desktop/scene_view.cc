#include "ui/desktop/scene_view.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "ui/desktop/scene_camera.h"

namespace reverie::desktop {
namespace {

constexpr double kZoomStep = 0.04;  // of MuJoCo's measure, in which a window's height is 1

/// What a camera or selection refers to, by name: kept across a reload.
int FindAgain(const Scene& before, const Scene& after, mjtObj type, int id) {
  const std::vector<std::string> old_labels = before.Labels(type), labels = after.Labels(type);
  if (id < 0 || static_cast<size_t>(id) >= old_labels.size()) return -1;
  const auto found = std::ranges::find(labels, old_labels[static_cast<size_t>(id)]);
  return found == labels.end() ? -1 : static_cast<int>(found - labels.begin());
}

}  // namespace

struct SceneView::Impl {
  enum class Derived { kNothing, kPoses, kEverything };

  std::shared_ptr<const CompiledTask> task;
  ModelPtr own_model;  // only where resets draw into the model
  DataPtr data;
  std::vector<double> state, parameters;
  Derived derived = Derived::kNothing;
  mjvScene scene;  // for picking and perturbing: cameras and skins, nothing drawn

  Impl() { mjv_defaultScene(&scene); }
  ~Impl() { mjv_freeScene(&scene); }

  const mjModel* model() const { return own_model ? own_model.get() : task ? task->model() : nullptr; }

  void Open(std::shared_ptr<const CompiledTask> opened) {
    task = std::move(opened);
    own_model.reset();
    data.reset();
    state.clear();
    parameters.clear();
    derived = Derived::kNothing;
    mjv_freeScene(&scene);
    if (!task) return;
    if (task->parameter_size() > 0) own_model.reset(mj_copyModel(nullptr, task->model()));
    data.reset(mj_makeData(model()));
    mjv_makeScene(model(), &scene, 1);
  }

  void Derive(Derived wanted) {
    if (derived >= wanted) return;
    const bool known = static_cast<int>(state.size()) == task->state_size();
    if (wanted == Derived::kEverything) {
      if (known) {
        task->SetState(model(), data.get(), state);
      } else {
        mj_forward(model(), data.get());
      }
    } else {
      if (known) mj_setState(model(), data.get(), state.data(), mjSTATE_INTEGRATION);
      mj_kinematics(model(), data.get());
      mj_comPos(model(), data.get());
      mj_camlight(model(), data.get());
    }
    derived = wanted;
  }

  /// The camera as drawn; derives what it depends on.
  mjvGLCamera Camera(const mjvCamera& camera) {
    if (camera.type != mjCAMERA_FREE) Derive(Derived::kPoses);
    const mjvCamera usable = UsableCamera(model(), data.get(), camera);
    return mjv_camera2GLCamera(model(), data.get(), &usable);
  }

  void Aim(const mjvCamera& camera) { scene.camera[0] = scene.camera[1] = Camera(camera); }

  struct Seen {
    int body = -1, flex = -1, skin = -1;  // body -1: nothing but the sky, 0: the world
    mjtNum point[3] = {0, 0, 0};
  };
  Seen SeenAt(const mjvCamera& camera, const mjvOption& option, double x, double y, int width_px, int height_px);
};

SceneView::SceneView() : impl_(std::make_unique<Impl>()) {
  mjv_defaultCamera(&camera);
  mjv_defaultOption(&option);
  mjv_defaultPerturb(&perturbation);
  for (int i = 0; i < mjNRNDFLAG; ++i) render_flags[i] = mjRNDSTRING[i][1][0] == '1';
  render_flags[mjRND_SHADOW] = render_flags[mjRND_REFLECTION] = 0;
}

SceneView::~SceneView() = default;

void SceneView::Follow(std::shared_ptr<const CompiledTask> task, const std::vector<double>& state,
                       const std::vector<double>& parameters) {
  Impl& self = *impl_;
  if (task != self.task) {
    const std::shared_ptr<const CompiledTask> before = self.task;
    self.Open(task);
    EndPerturbation();
    const bool again = before && task && before->spec().name == task->spec().name;
    if (again) {
      selected_body = std::max(0, FindAgain(before->scene(), task->scene(), mjOBJ_BODY, selected_body));
      if (camera.type == mjCAMERA_FIXED) {
        camera.fixedcamid = FindAgain(before->scene(), task->scene(), mjOBJ_CAMERA, camera.fixedcamid);
      } else if (camera.type == mjCAMERA_TRACKING) {
        camera.trackbodyid = FindAgain(before->scene(), task->scene(), mjOBJ_BODY, camera.trackbodyid);
      }
    } else {
      selected_body = 0;
      mjv_defaultCamera(&camera);
      if (task) {
        camera = StartCamera(self.model());
        const std::vector<std::string> cameras = task->scene().Labels(mjOBJ_CAMERA);
        const auto chosen = std::ranges::find(cameras, task->spec().camera);
        if (chosen != cameras.end()) SetFixedCamera(static_cast<int>(chosen - cameras.begin()));
      }
    }
  }
  if (!task) return;
  if (parameters != self.parameters && self.own_model &&
      static_cast<int>(parameters.size()) == task->parameter_size()) {
    task->SetParameters(self.own_model.get(), self.data.get(), parameters);
    self.parameters = parameters;
    self.derived = Impl::Derived::kNothing;
  }
  if (state != self.state) {
    self.state = state;
    self.derived = Impl::Derived::kNothing;
  }
  if (selected_body < 0 || selected_body >= self.model()->nbody) selected_body = 0;
  if (perturbation.select != selected_body) {
    mjv_defaultPerturb(&perturbation);
    perturbation.select = selected_body;
  }
  if (camera.type == mjCAMERA_TRACKING) {
    self.Derive(Impl::Derived::kPoses);
    camera = UsableCamera(self.model(), self.data.get(), camera);
  } else if (camera.type == mjCAMERA_FIXED) {
    camera = UsableCamera(self.model(), self.data.get(), camera);
  }
}

const mjModel* SceneView::model() const {
  return impl_->model();
}

mjData* SceneView::data() {
  if (impl_->task) impl_->Derive(Impl::Derived::kEverything);
  return impl_->data.get();
}

void SceneView::SetFixedCamera(int id) {
  if (!model() || id < 0 || id >= model()->ncam) return;
  camera.type = mjCAMERA_FIXED;
  camera.fixedcamid = id;
}

void SceneView::SetFreeCamera() {
  if (!model()) return;
  if (camera.type == mjCAMERA_TRACKING) {
    camera.type = mjCAMERA_FREE;
    camera.trackbodyid = -1;
    return;
  }
  mjv_defaultCamera(&camera);
  mjv_defaultFreeCamera(model(), &camera);
}

void SceneView::TrackBody(int body) {
  if (!model() || body < 0 || body >= model()->nbody) return;
  if (camera.type == mjCAMERA_FIXED) SetFreeCamera();
  camera.type = mjCAMERA_TRACKING;
  camera.trackbodyid = body;
  camera.fixedcamid = -1;
  impl_->Derive(Impl::Derived::kPoses);
  camera = UsableCamera(model(), impl_->data.get(), camera);
}

void SceneView::Orbit(double dx, double dy, int height_px) {
  if (!model() || height_px < 1) return;
  LeaveFixedCamera();
  mjv_moveCamera(model(), mjMOUSE_ROTATE_V, dx / height_px, dy / height_px, &camera);
}

void SceneView::Pan(double dx, double dy, int height_px, bool horizontal) {
  if (!model() || height_px < 1) return;
  LeaveFixedCamera();
  mjv_moveCamera(model(), horizontal ? mjMOUSE_MOVE_H : mjMOUSE_MOVE_V, dx / height_px, dy / height_px, &camera);
}

void SceneView::Zoom(double amount) {
  if (!model() || !std::isfinite(amount)) return;
  LeaveFixedCamera();
  mjv_moveCamera(model(), mjMOUSE_ZOOM, 0, kZoomStep * amount, &camera);
}

void SceneView::LeaveFixedCamera() {
  if (camera.type != mjCAMERA_FIXED) return;
  const mjvGLCamera seen = impl_->Camera(camera);
  double depth = 0;  // of the scene's centre
  for (int i = 0; i < 3; ++i) depth += (model()->stat.center[i] - seen.pos[i]) * seen.forward[i];
  camera = FreeCameraLike(model(), seen, std::max(depth, 0.1 * model()->stat.extent));
}

SceneView::Impl::Seen SceneView::Impl::SeenAt(const mjvCamera& camera, const mjvOption& option, double x, double y,
                                              int width_px, int height_px) {
  Derive(Derived::kEverything);
  Aim(camera);
  if (scene.nskin > 0 && option.flags[mjVIS_SKIN]) mjv_updateSkin(model(), data.get(), &scene);
  for (mjvGLCamera& eye : scene.camera) KeepWidth(eye, width_px, height_px);
  const mjvGLCamera& eye = scene.camera[0];
  const double aspect = 2 * HalfWidth(eye, width_px, height_px) / (eye.frustum_top - eye.frustum_bottom);
  Seen seen;
  int geom = -1;
  seen.body = mjv_select(model(), data.get(), &option, aspect, x / width_px, 1 - y / height_px, &scene, seen.point, &geom,
                         &seen.flex, &seen.skin);
  return seen;
}

int SceneView::Select(double x, double y, int width_px, int height_px) {
  selected_body = 0;
  mjv_defaultPerturb(&perturbation);
  if (!model() || width_px < 1 || height_px < 1) return 0;
  const Impl::Seen seen = impl_->SeenAt(camera, option, x, y, width_px, height_px);
  if (seen.body <= 0) return 0;
  selected_body = perturbation.select = seen.body;
  perturbation.flexselect = seen.flex;
  perturbation.skinselect = seen.skin;
  mjtNum away[3];
  mju_sub3(away, seen.point, data()->xpos + 3 * seen.body);
  mju_mulMatTVec3(perturbation.localpos, data()->xmat + 9 * seen.body, away);
  return seen.body;
}

void SceneView::CentreOn(double x, double y, int width_px, int height_px) {
  if (!model() || width_px < 1 || height_px < 1) return;
  const Impl::Seen seen = impl_->SeenAt(camera, option, x, y, width_px, height_px);
  if (seen.body < 0) return;
  const mjvGLCamera eye = impl_->Camera(camera);
  double depth = 0;
  for (int i = 0; i < 3; ++i) depth += (seen.point[i] - eye.pos[i]) * eye.forward[i];
  if (!(depth > 0)) return;
  camera = FreeCameraLike(model(), eye, depth);
  mju_copy3(camera.lookat, seen.point);
}

void SceneView::BeginPerturbation(bool twist) {
  if (!model() || selected_body <= 0 || selected_body >= model()->nbody) return;
  if (perturbation.select != selected_body) {
    mjv_defaultPerturb(&perturbation);
    perturbation.select = selected_body;
  }
  impl_->Aim(camera);
  mjv_initPerturb(model(), data(), &impl_->scene, &perturbation);
  perturbation.active = twist ? mjPERT_ROTATE : mjPERT_TRANSLATE;
}

void SceneView::MovePerturbation(double dx, double dy, int width_px, int height_px, bool horizontal) {
  if (!model() || !perturbation.active || width_px < 1 || height_px < 1) return;
  impl_->Aim(camera);
  if (perturbation.active == mjPERT_ROTATE) {
    mjv_movePerturb(model(), data(), horizontal ? mjMOUSE_ROTATE_H : mjMOUSE_ROTATE_V, dx / height_px, dy / height_px,
                    &impl_->scene, &perturbation);
    return;
  }
  mjvGLCamera eye = impl_->scene.camera[0];
  KeepWidth(eye, width_px, height_px);
  mjtNum forward[3], up[3], right[3], away[3];
  mju_f2n(forward, eye.forward, 3);
  mju_f2n(up, eye.up, 3);
  mju_cross(right, forward, up);
  mju_f2n(away, eye.pos, 3);
  mju_sub3(away, perturbation.refselpos, away);
  // As far as the mouse goes in the picture, which MuJoCo's own measure is not for all of our cameras.
  perturbation.scale = ViewHeight(eye) * (eye.orthographic ? 1.0 : std::max(0.0, mju_dot3(away, forward)));
  if (horizontal) {
    mjv_movePerturb(model(), data(), mjMOUSE_MOVE_H, dx / height_px, dy / height_px, &impl_->scene, &perturbation);
    return;
  }
  // In the picture's plane. MuJoCo takes the vertical one, which a camera that looks straight down has none of.
  for (mjtNum* at : {perturbation.refpos, perturbation.refselpos}) {
    mju_addToScl3(at, right, perturbation.scale * dx / height_px);
    mju_addToScl3(at, up, -perturbation.scale * dy / height_px);
  }
}

void SceneView::EndPerturbation() {
  perturbation.active = perturbation.active2 = 0;
}

bool SceneView::Project(const double point[3], int width_px, int height_px, double& x, double& y) const {
  if (!model()) return false;
  return ProjectPoint(impl_->Camera(camera), point, width_px, height_px, x, y);
}

}  // namespace reverie::desktop
