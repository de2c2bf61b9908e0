#include "sim/renderer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "sim/error.h"
#include "sim/gl_context.h"
#include "sim/render_context.h"

namespace reverie {
namespace {

std::string CameraLabel(const mjModel* model, int id) {
  const char* name = mj_id2name(model, mjOBJ_CAMERA, id);
  if (name != nullptr && *name != '\0') return name;
  std::string label = "camera_" + std::to_string(id);
  while (mj_name2id(model, mjOBJ_CAMERA, label.c_str()) >= 0) label += "_";
  return label;
}

int FindCamera(const mjModel* model, const std::string& camera) {
  std::vector<std::string> labels;
  for (int i = 0; i < model->ncam; ++i) {
    labels.push_back(CameraLabel(model, i));
    if (labels.back() == camera) return i;
  }
  const std::string near = DidYouMean(camera, labels);
  std::string rest = near;
  if (labels.empty()) {
    rest = "; the scene has none, so leave the camera out for a view of the whole scene";
  } else if (near.empty()) {
    rest = "; its cameras: " + Join(labels) + "; without a camera, the whole scene is shown";
  }
  throw SceneError("scene has no camera '" + camera + "'" + rest);
}

bool Moves(const mjModel* model, int body) {
  return model->body_weldid[body] != 0 || model->body_mocapid[model->body_rootid[body]] >= 0;
}

bool SameAssets(const mjModel* a, const mjModel* b) {
  return a->ngeom == b->ngeom && a->nmesh == b->nmesh && a->nmeshvert == b->nmeshvert &&
         a->nhfield == b->nhfield && a->ntex == b->ntex && a->nmat == b->nmat && a->nskin == b->nskin &&
         a->nflex == b->nflex;
}

}  // namespace

struct Renderer::Impl {
  Impl(const mjModel* model, int width_px, int height_px, RenderQuality quality);
  ~Impl() { mjv_freeScene(&scene); }
  void Reserve(size_t geoms);

  GlContext gl;
  const int width;
  const int height;
  mjModel assets;  // a shallow copy: only its visual settings are its own
  std::unique_ptr<RenderContext> context;
  mjvScene scene;
  mjvOption option;
  mjvCamera camera;
  std::vector<mjvGeom> ghosts;
  bool fast;
};

Renderer::Impl::Impl(const mjModel* model, int width_px, int height_px, RenderQuality quality)
    : width(width_px), height(height_px), assets(*model), fast(quality == RenderQuality::kFast) {
  const int most = gl.max_size_px();
  if (width < 1 || height < 1 || width > most || height > most) {
    throw ShapeError("cannot draw a picture of " + std::to_string(width) + " x " + std::to_string(height) +
                     " pixels: this driver draws 1 to " + std::to_string(most) + " a side");
  }
  assets.vis.global.offwidth = width;
  assets.vis.global.offheight = height;
  assets.vis.quality.offsamples = fast ? 0 : std::min(assets.vis.quality.offsamples, gl.max_samples());
  if (fast) assets.vis.quality.shadowsize = 0;
  context = std::make_unique<RenderContext>(gl, &assets);
  mjv_defaultOption(&option);
  mjv_defaultScene(&scene);
  Reserve(0);
}

void Renderer::Impl::Reserve(size_t geoms) {
  const int capacity = GeomCapacity(&assets) + static_cast<int>(geoms);
  if (capacity <= scene.maxgeom) return;
  mjv_freeScene(&scene);
  mjv_makeScene(&assets, &scene, capacity);
  if (fast) {
    scene.flags[mjRND_SHADOW] = 0;
    scene.flags[mjRND_REFLECTION] = 0;
  }
}

Renderer::Renderer(const mjModel* model, int width, int height, RenderQuality quality)
    : impl_(std::make_unique<Impl>(model, width, height, quality)) {}
Renderer::~Renderer() = default;

int Renderer::width() const {
  return impl_->width;
}
int Renderer::height() const {
  return impl_->height;
}

void Renderer::AddGhost(const mjModel* model, mjData* data, const float rgba[4]) {
  Impl& self = *impl_;
  if (!SameAssets(model, &self.assets))
    throw ShapeError("cannot draw: this renderer was made for another scene");
  self.Reserve(self.ghosts.size() + static_cast<size_t>(model->ngeom));
  self.scene.ngeom = 0;
  mjv_addGeoms(model, data, &self.option, nullptr, mjCAT_DYNAMIC, &self.scene);
  for (int i = 0; i < self.scene.ngeom; ++i) {
    mjvGeom geom = self.scene.geoms[i];
    if (geom.objtype != mjOBJ_GEOM || !Moves(model, model->geom_bodyid[geom.objid])) continue;
    geom.matid = -1;  // no texture: the tint alone says that this is not the real one
    geom.reflectance = 0;
    std::copy(rgba, rgba + 3, geom.rgba);
    // MuJoCo draws translucent geoms twice: two layers make the opacity asked for.
    geom.rgba[3] = 1 - std::sqrt(1 - std::clamp(rgba[3], 0.0f, 1.0f));
    self.ghosts.push_back(geom);
  }
  self.scene.ngeom = 0;
}

void Renderer::Render(const mjModel* model, mjData* data, const std::string& camera, std::span<uint8_t> rgb) {
  Impl& self = *impl_;
  const size_t row = static_cast<size_t>(self.width) * 3;
  if (rgb.size() != row * static_cast<size_t>(self.height)) {
    throw ShapeError("picture buffer has " + std::to_string(rgb.size()) + " bytes; " +
                     std::to_string(self.height) + " x " + std::to_string(self.width) + " x 3 are needed");
  }
  if (!SameAssets(model, &self.assets))
    throw ShapeError("cannot draw: this renderer was made for another scene");
  if (camera.empty()) {
    mjv_defaultFreeCamera(model, &self.camera);
  } else {
    mjv_defaultCamera(&self.camera);
    self.camera.type = mjCAMERA_FIXED;
    self.camera.fixedcamid = FindCamera(model, camera);
  }

  mjv_updateScene(model, data, &self.option, nullptr, &self.camera, mjCAT_ALL, &self.scene);
  for (const mjvGeom& ghost : self.ghosts) {
    if (self.scene.ngeom < self.scene.maxgeom) self.scene.geoms[self.scene.ngeom++] = ghost;
  }
  self.ghosts.clear();

  const GlContext::Scope current(self.gl);
  const mjrRect whole{0, 0, self.width, self.height};
  mjr_render(whole, &self.scene, self.context->get());
  mjr_readPixels(rgb.data(), nullptr, whole, self.context->get());
  for (int top = 0, bottom = self.height - 1; top < bottom; ++top, --bottom) {
    std::swap_ranges(rgb.begin() + static_cast<ptrdiff_t>(top * row),
                     rgb.begin() + static_cast<ptrdiff_t>((top + 1) * row),
                     rgb.begin() + static_cast<ptrdiff_t>(bottom * row));
  }
}

std::string DescribeGl() {
  return GlContext().description();
}

}  // namespace reverie
