#include "ui/desktop/drawn_scene.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <string>
#include <utility>

#include "sim/error.h"
#include "ui/desktop/overlay_pass.h"
#include "ui/desktop/scene_camera.h"
#include "ui/desktop/scene_look.h"

namespace reverie::desktop {
namespace {

// Where there is no graphics hardware, a window's pictures do without the finest.
constexpr int kSoftwareShadowPx = 1024;
constexpr int kSoftwareSlices = 20, kSoftwareStacks = 10;  // of round geoms
constexpr int kSoftwareGhostFaces = 1500;                  // of a mesh; finer ones are drawn coarser

/// Whether a field of the model, "geom_size(target).x", is part of what OpenGL keeps.
bool IsAsset(const std::string& field) {
  const auto begins = [&](const char* prefix) { return field.rfind(prefix, 0) == 0; };
  return begins("geom_size") || begins("mesh_") || begins("hfield_") || begins("tex_") || begins("skin_") ||
         begins("mat_tex");
}

bool Finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(value); });
}

/// The selection and perturbation to be drawn; of something else than this model: none.
mjvPerturb UsablePerturbation(const mjModel* model, const mjvPerturb& asked) {
  mjvPerturb none;
  mjv_defaultPerturb(&none);
  if (asked.select <= 0 || asked.select >= model->nbody) return none;
  mjvPerturb usable = asked;
  if (usable.flexselect >= model->nflex) usable.flexselect = -1;
  if (usable.skinselect >= model->nskin) usable.skinselect = -1;
  return usable;
}

void FlipRows(std::vector<uint8_t>& rgb, int width, int height) {
  const auto row = static_cast<ptrdiff_t>(width) * 3;
  for (int top = 0, bottom = height - 1; top < bottom; ++top, --bottom) {
    std::swap_ranges(rgb.begin() + top * row, rgb.begin() + (top + 1) * row, rgb.begin() + bottom * row);
  }
}

}  // namespace

DrawnScene::DrawnScene(std::shared_ptr<const CompiledTask> task, const GlContext& gl, RenderQuality quality)
    : task_(std::move(task)), gl_(gl), quality_(quality) {
  mjv_defaultScene(&scene_);
  if (task_->parameter_size() > 0) {
    own_model_.reset(mj_copyModel(nullptr, task_->model()));
    draws_assets_ = std::ranges::any_of(task_->ParameterLabels(), IsAsset);
  }
  data_.reset(mj_makeData(model()));
  ghost_data_.reset(mj_makeData(model()));
  if (!data_ || !ghost_data_) throw SceneError(task_->scene().origin() + ": not enough memory to draw it");
}

DrawnScene::~DrawnScene() {
  mjv_freeScene(&scene_);
  try {
    const GlContext::Scope current(gl_);
    painter_.reset();
    assets_.reset();
  } catch (const DeviceError&) {
    // The context is lost, and with it what they keep there; see RenderContext.
  }
}

void DrawnScene::MakeAssets(int width, int height) {
  SceneAssets assets(model());
  mjVisual& visual = assets.model().vis;
  visual.global.offwidth = width;
  visual.global.offheight = height;
  visual.quality.offsamples = std::min(visual.quality.offsamples, gl_.max_samples());
  if (gl_.software() && quality_ == RenderQuality::kFast) {
    visual.quality.offsamples = 0;
    visual.quality.shadowsize = std::min(visual.quality.shadowsize, kSoftwareShadowPx);
    visual.quality.numslices = std::min(visual.quality.numslices, kSoftwareSlices);
    visual.quality.numstacks = std::min(visual.quality.numstacks, kSoftwareStacks);
  }
  assets_.reset();  // not both at once
  assets_ = std::make_unique<RenderContext>(gl_, &assets.model());
}

void DrawnScene::SetState(const SceneRequest& request) {
  if (static_cast<int>(request.state.size()) != task_->state_size()) {
    throw ShapeError("cannot draw: a state of task " + task_->spec().name + " has " +
                     std::to_string(task_->state_size()) + " values, this one " +
                     std::to_string(request.state.size()));
  }
  bool same = request.state == state_;
  if (own_model_ && request.parameters != parameters_) {
    if (!request.parameters.empty()) {
      task_->SetParameters(own_model_.get(), data_.get(), request.parameters);
      if (draws_assets_) {
        assets_.reset();
        painter_.reset();
      }
    }
    parameters_ = request.parameters;
    same = false;
  }
  if (same) return;
  state_.clear();  // until the new one is in place
  task_->SetState(model(), data_.get(), request.state);
  state_ = request.state;
}

void DrawnScene::Reserve(int geoms) {
  if (geoms <= scene_.maxgeom) return;
  mjv_freeScene(&scene_);
  mjv_makeScene(model(), &scene_, std::max(geoms, 2 * scene_.maxgeom));
}

void DrawnScene::UpdateScene(const SceneRequest& request) {
  mjvCamera camera = UsableCamera(model(), data_.get(), request.camera);
  const mjvPerturb perturbation = UsablePerturbation(model(), request.perturbation);
  constexpr int kGeomsPerContact = 8;
  Reserve(GeomCapacity(model()) + kGeomsPerContact * data_->ncon);
  for (;;) {
    mjv_updateScene(model(), data_.get(), &request.option, &perturbation, &camera, mjCAT_ALL, &scene_);
    if (scene_.status == 0) break;
    Reserve(2 * scene_.maxgeom);
  }
  std::ranges::copy(request.render_flags, scene_.flags);
  AddLight(model(), scene_);
}

void DrawnScene::DrawGhosts(const SceneRequest& request) {
  mjData* data = ghost_data_.get();
  mju_copy(data->mocap_pos, data_->mocap_pos, 3 * static_cast<int>(model()->nmocap));
  mju_copy(data->mocap_quat, data_->mocap_quat, 4 * static_cast<int>(model()->nmocap));
  if (!painter_) {
    const bool coarse = gl_.software() && quality_ == RenderQuality::kFast;
    painter_ = std::make_unique<GhostPainter>(coarse ? kSoftwareGhostFaces : std::numeric_limits<int>::max());
  }
  for (const Ghost& ghost : request.ghosts) {
    if (std::ssize(ghost.qpos) != model()->nq || !Finite(ghost.qpos) || !(ghost.rgba[3] > 0)) continue;
    mju_copy(data->qpos, ghost.qpos.data(), static_cast<int>(model()->nq));
    mj_kinematics(model(), data);
    painter_->Draw(model(), data, request.option, ghost.rgba);
  }
}

void DrawnScene::Draw(const SceneRequest& request, int width, int height, std::vector<uint8_t>& rgb) {
  SetState(request);
  UpdateScene(request);
  if (!assets_) MakeAssets(width, height);
  mjrContext* context = assets_->get();
  mjr_resizeOffscreen(width, height, context);
  mjr_setBuffer(mjFB_OFFSCREEN, context);
  const mjrRect whole{0, 0, width, height};
  for (mjvGLCamera& eye : scene_.camera) KeepWidth(eye, width, height);
  mjr_render(whole, &scene_, context);
  if (!scene_.flags[mjRND_SEGMENT] && !scene_.flags[mjRND_DEPTH]) {
    const OverlayPass overlays(mjv_averageCamera(&scene_.camera[0], &scene_.camera[1]), width, height);
    DrawGhosts(request);
    overlays.Draw(request.traces);
  }
  rgb.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  mjr_readPixels(rgb.data(), nullptr, whole, context);
  FlipRows(rgb, width, height);
}

}  // namespace reverie::desktop
