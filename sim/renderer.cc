#include "sim/renderer.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>
#include <tuple>
#include <utility>
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

// -1: none of that name or label.
int CameraId(const mjModel* model, const std::string& camera) {
  if (const int id = mj_name2id(model, mjOBJ_CAMERA, camera.c_str()); id >= 0) return id;
  for (int i = 0; i < model->ncam; ++i) {
    if (CameraLabel(model, i) == camera) return i;
  }
  return -1;
}

int FindCamera(const mjModel* model, const std::string& camera) {
  if (const int id = CameraId(model, camera); id >= 0) return id;
  const std::vector<std::string> labels = CameraLabels(model);
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

using Objects = std::set<std::pair<int, int>>;  // type and id, as mjvGeom has them

/// What a body, geom or site of that name draws.
Objects ObjectsNamed(const mjModel* model, const std::string& name) {
  Objects found;
  if (const int body = mj_name2id(model, mjOBJ_BODY, name.c_str()); body > 0) {
    for (int i = 0; i < model->ngeom; ++i) {
      if (model->geom_bodyid[i] == body) found.insert({mjOBJ_GEOM, i});
    }
    for (int i = 0; i < model->nsite; ++i) {
      if (model->site_bodyid[i] == body) found.insert({mjOBJ_SITE, i});
    }
    return found;
  }
  for (const mjtObj type : {mjOBJ_GEOM, mjOBJ_SITE}) {
    if (const int id = mj_name2id(model, type, name.c_str()); id >= 0) found.insert({type, id});
  }
  if (!found.empty()) return found;
  std::vector<std::string> known;
  const auto add = [&](int type, int first, int count) {
    for (int i = first; i < count; ++i) {
      const char* other = mj_id2name(model, type, i);
      if (other != nullptr && *other != '\0') known.push_back(other);
    }
  };
  add(mjOBJ_BODY, 1, static_cast<int>(model->nbody));
  add(mjOBJ_GEOM, 0, static_cast<int>(model->ngeom));
  add(mjOBJ_SITE, 0, static_cast<int>(model->nsite));
  std::sort(known.begin(), known.end());  // a body and its geom often have one name
  known.erase(std::unique(known.begin(), known.end()), known.end());
  throw SceneError("scene has no body, geom or site '" + name + "' to hide" + DidYouMean(name, known));
}

/// Puts the first row on top, where OpenGL has the last.
template <class Value>
void Flip(std::span<Value> values, int rows) {
  const auto row = static_cast<ptrdiff_t>(values.size()) / rows;
  for (ptrdiff_t top = 0, bottom = rows - 1; top < bottom; ++top, --bottom) {
    std::swap_ranges(values.begin() + top * row, values.begin() + (top + 1) * row, values.begin() + bottom * row);
  }
}

/// Draws ids instead of colours while it lives.
class IdColours {
 public:
  explicit IdColours(mjvScene& scene) : scene_(scene), segment_(scene.flags[mjRND_SEGMENT]), ids_(scene.flags[mjRND_IDCOLOR]) {
    scene.flags[mjRND_SEGMENT] = scene.flags[mjRND_IDCOLOR] = 1;
  }
  ~IdColours() {
    scene_.flags[mjRND_SEGMENT] = segment_;
    scene_.flags[mjRND_IDCOLOR] = ids_;
  }
  IdColours(const IdColours&) = delete;
  IdColours& operator=(const IdColours&) = delete;

 private:
  mjvScene& scene_;
  const mjtByte segment_, ids_;
};

}  // namespace

std::vector<std::string> CameraLabels(const mjModel* model) {
  std::vector<std::string> labels;
  for (int i = 0; i < model->ncam; ++i) labels.push_back(CameraLabel(model, i));
  return labels;
}

bool HasCamera(const mjModel* model, const std::string& camera) { return CameraId(model, camera) >= 0; }

void CheckCamera(const mjModel* model, const std::string& camera) { FindCamera(model, camera); }

void CheckHidden(const mjModel* model, const std::vector<std::string>& names) {
  for (const std::string& name : names) ObjectsNamed(model, name);
}

struct Renderer::Impl {
  Impl(const mjModel* model, int width_px, int height_px, RenderQuality quality);
  ~Impl() { mjv_freeScene(&scene); }
  void Reserve(size_t geoms);
  void CheckSize(size_t found, size_t channels, const char* unit) const;
  mjrRect Whole() const { return {0, 0, width, height}; }

  GlContext gl;
  const int width;
  const int height;
  mjModel assets;  // a shallow copy: only its visual settings are its own
  std::unique_ptr<RenderContext> context;
  mjvScene scene;
  mjvOption option;
  mjvCamera camera;
  std::vector<mjvGeom> ghosts;
  Objects hidden;
  bool fast;
  float near = 0, far = 0;  // clipping planes, metres
  std::vector<uint8_t> id_colours;
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

void Renderer::Hide(const mjModel* model, const std::vector<std::string>& names) {
  impl_->hidden.clear();
  for (const std::string& name : names) impl_->hidden.merge(ObjectsNamed(model, name));
}

void Renderer::Impl::CheckSize(size_t found, size_t channels, const char* unit) const {
  if (found == static_cast<size_t>(width) * static_cast<size_t>(height) * channels) return;
  throw ShapeError("picture buffer has " + std::to_string(found) + " " + unit + "; " + std::to_string(height) + " x " +
                   std::to_string(width) + " x " + std::to_string(channels) + " are needed");
}

void Renderer::Render(const mjModel* model, mjData* data, const std::string& camera, std::span<uint8_t> rgb) {
  impl_->CheckSize(rgb.size(), 3, "bytes");
  Look(model, data, camera);
  DrawPixels(rgb);
}

void Renderer::Look(const mjModel* model, mjData* data, const std::string& camera) {
  Impl& self = *impl_;
  if (!SameAssets(model, &self.assets))
    throw ShapeError("cannot draw: this renderer was made for another scene");
  if (camera.empty()) {
    mjv_defaultFreeCamera(model, &self.camera);
  } else {
    mjv_defaultCamera(&self.camera);
    self.camera.type = mjCAMERA_FIXED;
    self.camera.fixedcamid = FindCamera(model, camera);
  }
  self.near = static_cast<float>(model->vis.map.znear * model->stat.extent);
  self.far = static_cast<float>(model->vis.map.zfar * model->stat.extent);

  mjv_updateScene(model, data, &self.option, nullptr, &self.camera, mjCAT_ALL, &self.scene);
  if (!self.hidden.empty()) {
    const auto end = std::remove_if(self.scene.geoms, self.scene.geoms + self.scene.ngeom, [&](const mjvGeom& geom) {
      return self.hidden.contains({geom.objtype, geom.objid});
    });
    self.scene.ngeom = static_cast<int>(end - self.scene.geoms);
    // Segmentation looks an object up by this number, which must stay below the number of geoms.
    for (int i = 0; i < self.scene.ngeom; ++i) {
      if (self.scene.geoms[i].segid >= 0) self.scene.geoms[i].segid = i;
    }
  }
  for (const mjvGeom& ghost : self.ghosts) {
    if (self.scene.ngeom < self.scene.maxgeom) self.scene.geoms[self.scene.ngeom++] = ghost;
  }
  self.ghosts.clear();
}

void Renderer::DrawPixels(std::span<uint8_t> rgb) {
  Impl& self = *impl_;
  self.CheckSize(rgb.size(), 3, "bytes");
  const GlContext::Scope current(self.gl);
  mjr_render(self.Whole(), &self.scene, self.context->get());
  mjr_readPixels(rgb.data(), nullptr, self.Whole(), self.context->get());
  self.gl.CheckAlive();
  Flip(rgb, self.height);
}

void Renderer::DrawDepth(std::span<float> metres) {
  Impl& self = *impl_;
  self.CheckSize(metres.size(), 1, "numbers");
  const GlContext::Scope current(self.gl);
  {
    const IdColours ids(self.scene);  // the sky has no depth then
    mjr_render(self.Whole(), &self.scene, self.context->get());
  }
  // MuJoCo draws with 1 at the near plane and 0 at the far one, where floats are finest.
  self.context->get()->readDepthMap = mjDEPTH_ZEROFAR;
  mjr_readPixels(nullptr, metres.data(), self.Whole(), self.context->get());
  self.gl.CheckAlive();
  const float near = self.near, far = self.far;
  if (self.scene.camera[0].orthographic) {
    for (float& depth : metres) depth = static_cast<float>(far - static_cast<double>(depth) * (far - near));
  } else {
    // The perspective matrix's elements, in the precision in which OpenGL has them.
    const float c = -0.5f * (-(far + near) / (far - near)) - 0.5f;
    const float d = -0.5f * (-(2.0f * far * near) / (far - near));
    for (float& depth : metres) depth = static_cast<float>(d / (static_cast<double>(depth) + c));
  }
  Flip(metres, self.height);
}

void Renderer::DrawSegmentation(std::span<int32_t> ids) {
  Impl& self = *impl_;
  self.CheckSize(ids.size(), 2, "numbers");
  self.id_colours.resize(ids.size() / 2 * 3);
  const GlContext::Scope current(self.gl);
  {
    const IdColours drawn(self.scene);
    mjr_render(self.Whole(), &self.scene, self.context->get());
  }
  mjr_readPixels(self.id_colours.data(), nullptr, self.Whole(), self.context->get());
  self.gl.CheckAlive();
  std::vector<std::pair<int32_t, int32_t>> of_colour(static_cast<size_t>(self.scene.ngeom) + 1, {-1, -1});
  for (int i = 0; i < self.scene.ngeom; ++i) {
    const mjvGeom& geom = self.scene.geoms[i];
    if (geom.segid < 0 || geom.segid >= self.scene.ngeom) continue;
    of_colour[static_cast<size_t>(geom.segid) + 1] = {geom.objid, geom.objtype};
  }
  for (size_t i = 0; i < ids.size() / 2; ++i) {
    const uint8_t* colour = &self.id_colours[3 * i];
    const size_t at = colour[0] + (size_t{colour[1]} << 8) + (size_t{colour[2]} << 16);
    std::tie(ids[2 * i], ids[2 * i + 1]) = at < of_colour.size() ? of_colour[at] : std::pair<int32_t, int32_t>{-1, -1};
  }
  Flip(ids, self.height);
}

std::string DescribeGl() {
  return GlContext().description();
}

}  // namespace reverie
