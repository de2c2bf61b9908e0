#include "ui/desktop/scene_look.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <glm/glm.hpp>

namespace reverie::desktop {
namespace {

using glm::vec3;

const vec3 kZenith(0.24f, 0.33f, 0.46f), kHorizon(0.72f, 0.78f, 0.84f), kNadir(0.30f, 0.33f, 0.37f);
constexpr int kFacePx = 96;

/// Colour of the sky by the sine of the elevation.
vec3 SkyColour(float up) {
  const float share = std::pow(std::abs(up), 0.6f);  // most of the change is near the horizon
  return glm::mix(kHorizon, up > 0 ? kZenith : kNadir, share);
}

bool HasLights(const mjModel* model) {
  return std::any_of(model->light_active, model->light_active + model->nlight, [](mjtByte on) { return on != 0; });
}

/// Appends a value to a copy of one of the model's arrays, which then has the copy.
template <typename T>
void Extend(T*& array, std::vector<T>& copy, mjtSize size, T value) {
  copy.assign(array, array + size);
  copy.push_back(value);
  array = copy.data();
}

}  // namespace

SceneAssets::SceneAssets(const mjModel* model) : model_(*model) {
  const bool sky = std::find(model->tex_type, model->tex_type + model->ntex, mjTEXTURE_SKYBOX) !=
                   model->tex_type + model->ntex;
  if (!sky && model->ntex + 1 < mjMAXTEXTURE) AddSky();
}

void SceneAssets::AddSky() {
  Extend(model_.tex_type, type_, model_.ntex, static_cast<int>(mjTEXTURE_SKYBOX));
  Extend(model_.tex_colorspace, colorspace_, model_.ntex, static_cast<int>(mjCOLORSPACE_AUTO));
  Extend(model_.tex_height, height_, model_.ntex, 6 * kFacePx);
  Extend(model_.tex_width, width_, model_.ntex, kFacePx);
  Extend(model_.tex_nchannel, nchannel_, model_.ntex, 3);
  Extend(model_.tex_pathadr, pathadr_, model_.ntex, -1);
  Extend(model_.tex_contenttypeadr, contenttypeadr_, model_.ntex, -1);
  Extend(model_.tex_adr, adr_, model_.ntex, model_.ntexdata);
  data_.assign(model_.tex_data, model_.tex_data + model_.ntexdata);
  // MuJoCo's faces: right, left, up, down, front, back, one below the other.
  for (int face = 0; face < 6; ++face) {
    for (int row = 0; row < kFacePx; ++row) {
      for (int column = 0; column < kFacePx; ++column) {
        const float right = (2 * column + 1.0f) / kFacePx - 1, down = (2 * row + 1.0f) / kFacePx - 1;
        const float above = face == 2 ? 1.0f : face == 3 ? -1.0f : -down;
        const float length = std::sqrt(1 + right * right + down * down);
        const vec3 colour = SkyColour(above / length);
        for (int i = 0; i < 3; ++i) data_.push_back(static_cast<mjtByte>(std::lround(255 * colour[i])));
      }
    }
  }
  model_.tex_data = data_.data();
  ++model_.ntex;
  model_.ntexdata = static_cast<mjtSize>(data_.size());
  // Endless floors fade into it.
  for (int i = 0; i < 3; ++i) model_.vis.rgba.haze[i] = kHorizon[i];
}

void AddLight(const mjModel* model, mjvScene& scene) {
  mjVisual usual;
  mj_defaultVisual(&usual);
  const auto& headlight = model->vis.headlight;
  const bool left_as_it_is = std::equal(headlight.ambient, headlight.ambient + 3, usual.headlight.ambient) &&
                             std::equal(headlight.diffuse, headlight.diffuse + 3, usual.headlight.diffuse) &&
                             std::equal(headlight.specular, headlight.specular + 3, usual.headlight.specular);
  if (HasLights(model) || (headlight.active && !left_as_it_is)) return;

  const auto shine = [](mjvLight& light, float ambient, float diffuse, float specular) {
    std::fill_n(light.ambient, 3, ambient);
    std::fill_n(light.diffuse, 3, diffuse);
    std::fill_n(light.specular, 3, specular);
  };
  for (int i = 0; i < scene.nlight; ++i) {
    if (scene.lights[i].headlight) shine(scene.lights[i], 0.3f, 0.3f, 0.1f);
  }
  if (scene.nlight >= mjMAXLIGHT) return;
  mjvLight& sun = scene.lights[scene.nlight++];
  std::memset(&sun, 0, sizeof sun);
  sun.id = sun.texid = -1;
  sun.type = mjLIGHT_DIRECTIONAL;
  sun.castshadow = 1;
  const bool alone = scene.nlight == 1;  // the headlight is switched off
  shine(sun, alone ? 0.4f : 0.0f, 0.5f, 0.2f);
  const vec3 direction = glm::normalize(vec3(0.3f, 0.5f, -1.0f));
  const auto away = static_cast<float>(2 * model->stat.extent);
  for (int i = 0; i < 3; ++i) {
    sun.dir[i] = direction[i];
    sun.pos[i] = static_cast<float>(model->stat.center[i]) - away * direction[i];
  }
}

}  // namespace reverie::desktop
