#include "worldmodel/vjepa2_preprocess.h"

#include <algorithm>
#include <string>
#include <utility>

#include <ATen/ATen.h>
#include <nlohmann/json.hpp>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

/// The settings and the file they were found in; an empty path where there are none.
std::pair<nlohmann::json, fs::path> FindSettings(const fs::path& folder) {
  for (const char* name : {"processor_config.json", "video_preprocessor_config.json", "preprocessor_config.json"}) {
    const fs::path path = folder / name;
    if (!fs::exists(path)) continue;
    nlohmann::json settings = nlohmann::json::parse(ReadFile(path), nullptr, false);
    if (!settings.is_object()) throw CheckpointError(path.string() + ": expected a JSON object");
    if (std::string(name) != "processor_config.json") return {settings, path};
    if (settings.contains("video_processor")) return {settings["video_processor"], path};
  }
  return {};
}

void CheckSize(const char* what, size_t found, int64_t expected) {
  if (found != static_cast<size_t>(expected)) {
    throw ShapeError(std::string(what) + ": expected " + std::to_string(expected) + " values, found " +
                     std::to_string(found));
  }
}

}  // namespace

VJepa2Preprocessing ReadVJepa2Preprocessing(const fs::path& folder, int64_t crop_size) {
  VJepa2Preprocessing how;
  how.crop_height = how.crop_width = crop_size;
  const auto [settings, path] = FindSettings(folder);
  if (path.empty()) return how;
  const auto fail = [&, &all = settings, &file = path](const char* key, const std::string& expected) {
    throw CheckpointError(file.string() + ": " + key + ": expected " + expected + ", found " + all.at(key).dump());
  };
  for (const char* key : {"do_resize", "do_center_crop", "do_rescale", "do_normalize"}) {
    if (settings.contains(key) && !settings.at(key).is_null() && settings.at(key) != true) fail(key, "true");
  }
  constexpr int kBilinear = 2;  // as PIL counts them
  if (settings.contains("resample") && settings.at("resample") != kBilinear) fail("resample", "2 (bilinear)");
  try {
    if (settings.contains("crop_size")) {
      const nlohmann::json& crop = settings.at("crop_size");
      how.crop_height = crop.is_object() ? crop.at("height").get<int64_t>() : crop.get<int64_t>();
      how.crop_width = crop.is_object() ? crop.at("width").get<int64_t>() : crop.get<int64_t>();
      if (how.crop_height < 1 || how.crop_width < 1 || std::max(how.crop_height, how.crop_width) > 16384 ||
          how.crop_width > how.short_side()) {
        fail("crop_size", "sizes from 1 to 16384 that the resized picture has");
      }
    }
    if (settings.contains("image_mean")) how.mean = settings.at("image_mean").get<std::array<float, 3>>();
    if (settings.contains("image_std")) how.deviation = settings.at("image_std").get<std::array<float, 3>>();
    if (settings.contains("rescale_factor")) how.rescale_factor = settings.at("rescale_factor").get<double>();
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(path.string() + ": crop_size, image_mean, image_std or rescale_factor: " + error.what());
  }
  return how;
}

void Preprocess(std::span<const uint8_t> rgb, int64_t height, int64_t width, const VJepa2Preprocessing& how,
                std::span<float> pixels) {
  CheckSize("picture", rgb.size(), height * width * 3);
  CheckSize("pixels", pixels.size(), 3 * how.crop_height * how.crop_width);
  c10::InferenceMode inference;
  at::Tensor picture = at::from_blob(const_cast<uint8_t*>(rgb.data()), {1, height, width, 3}, at::kByte)
                           .permute({0, 3, 1, 2});
  const int64_t shorter = how.short_side(), longer = shorter * std::max(height, width) / std::min(height, width);
  const int64_t rows = height < width ? shorter : longer, columns = height < width ? longer : shorter;
  if (rows != height || columns != width) {
    picture = at::_upsample_bilinear2d_aa(picture, {rows, columns}, /*align_corners=*/false);
  }
  picture = picture.narrow(2, (rows - how.crop_height) / 2, how.crop_height)
                .narrow(3, (columns - how.crop_width) / 2, how.crop_width);
  const auto channels = [&](const std::array<float, 3>& values) {
    return at::tensor(at::ArrayRef<float>(values.data(), 3)).mul(1.0 / how.rescale_factor).view({3, 1, 1});
  };
  at::Tensor out = at::from_blob(pixels.data(), {3, how.crop_height, how.crop_width}, at::kFloat);
  out.copy_(picture.squeeze(0)).sub_(channels(how.mean)).div_(channels(how.deviation));
}

}  // namespace reverie
