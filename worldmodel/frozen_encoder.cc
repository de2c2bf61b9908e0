#include "worldmodel/frozen_encoder.h"

#include <sys/stat.h>

#include <algorithm>

#include <torch/torch.h>

#include "sim/error.h"
#include "sim/fingerprint.h"
#include "worldmodel/vjepa2.h"
#include "worldmodel/vjepa2_preprocess.h"
#include "worldmodel/weight_files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kTokensAtOnce = 2048, kTokensAtOnceOnGpu = 16384;

/// Names of what decides about features, in order.
std::vector<std::string> FilesOf(const fs::path& folder) {
  std::vector<std::string> names;
  for (const char* name : {"config.json", "processor_config.json", "video_preprocessor_config.json", "preprocessor_config.json"}) {
    if (fs::exists(folder / name)) names.emplace_back(name);
  }
  for (const fs::path& file : WeightFiles(folder).files()) names.push_back(file.filename().string());
  return names;
}

EncoderIdentity::File Look(const fs::path& folder, const std::string& name) {
  struct stat status {};
  if (::stat((folder / name).c_str(), &status) != 0) return {name, -1, 0};
  return {name, static_cast<int64_t>(status.st_size),
          int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + int64_t{status.st_mtim.tv_nsec}};
}

}  // namespace

EncoderIdentity EncoderIdentity::Of(const fs::path& folder) {
  EncoderIdentity identity;
  identity.folder = fs::absolute(folder).lexically_normal();
  if (!fs::is_directory(identity.folder)) {
    throw CheckpointError("encoder " + folder.string() + ": expected a folder with config.json and model.safetensors of a "
                          "V-JEPA 2, found " + (fs::exists(identity.folder) ? "a file" : "none"));
  }
  ReadVJepa2Config(identity.folder);  // whether it is one at all
  Fingerprint fingerprint;
  for (const std::string& name : FilesOf(identity.folder)) {
    identity.files.push_back(Look(identity.folder, name));
    fingerprint.Add(name);
    fingerprint.AddFile(identity.folder / name);
  }
  identity.fingerprint = fingerprint.Text();
  return identity;
}

EncoderIdentity EncoderIdentity::Check(const EncoderIdentity& expected, const std::string& where) {
  const auto refuse = [&](const std::string& found) {
    throw CheckpointError("model " + where + ", key \"encoder\": expected the V-JEPA 2 that it was trained with (fingerprint " +
                          expected.fingerprint + ") in " + expected.folder.string() + ", found " + found +
                          "; put it back, or say where it is in that key's \"folder\" or by --encoder DIR");
  };
  std::error_code ignored;
  if (!fs::is_directory(expected.folder, ignored)) refuse("no such folder");
  bool same = !expected.files.empty();
  for (const File& file : expected.files) same &= Look(expected.folder, file.name) == file;
  if (same) return expected;
  EncoderIdentity found = Of(expected.folder);
  if (found.fingerprint != expected.fingerprint) refuse("one with fingerprint " + found.fingerprint);
  return found;
}

nlohmann::ordered_json EncoderIdentity::ToJson() const {
  nlohmann::ordered_json json = {{"folder", folder.string()}, {"fingerprint", fingerprint}, {"files", nlohmann::json::array()}};
  for (const File& file : files) {
    json["files"].push_back({{"name", file.name}, {"bytes", file.bytes}, {"modified_ns", file.modified_ns}});
  }
  return json;
}

EncoderIdentity EncoderIdentity::FromJson(const nlohmann::json& json, const std::string& where) {
  try {
    EncoderIdentity identity{json.at("folder").get<std::string>(), json.at("fingerprint"), {}};
    for (const nlohmann::json& file : json.at("files")) {
      identity.files.push_back({file.at("name"), file.at("bytes"), file.at("modified_ns")});
    }
    return identity;
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError("model " + where + ", key \"encoder\": expected the encoder that it sees with, found " + error.what());
  }
}

struct FrozenEncoder::Impl {
  EncoderIdentity identity;
  int64_t height, width, frames;
  bool gpu;
  std::unique_ptr<VJepa2> model;
  VJepa2Preprocessing preprocessing;
  int64_t rows = 0, columns = 0;

  at::Tensor Encode(std::span<const uint8_t> pixels, int64_t count) const {
    c10::InferenceMode inference;
    const int64_t picture = height * width * 3, tokens = rows * columns, channels = model->config().hidden_size;
    if (static_cast<int64_t>(pixels.size()) != count * frames * picture) {
      throw ShapeError("pictures of " + std::to_string(pixels.size()) + " bytes: expected " + std::to_string(count) + " of " +
                       std::to_string(height) + " x " + std::to_string(width) + " x " + std::to_string(3 * frames));
    }
    at::Tensor features = at::empty({count, tokens, channels}, at::kFloat);
    const int64_t most = std::max<int64_t>(1, (gpu ? kTokensAtOnceOnGpu : kTokensAtOnce) / tokens);
    const int64_t cropped = 3 * preprocessing.crop_height * preprocessing.crop_width;
    std::vector<float> prepared(static_cast<size_t>(std::min(most, count) * frames * cropped));
    std::vector<uint8_t> one(static_cast<size_t>(frames > 1 ? picture : 0));
    for (int64_t first = 0; first < count; first += most) {
      const int64_t some = std::min(most, count - first);
      for (int64_t i = 0; i < some * frames; ++i) {
        const uint8_t* stack = pixels.data() + (first + i / frames) * frames * picture;
        std::span<const uint8_t> frame(stack, static_cast<size_t>(picture));
        if (frames > 1) {  // those of a stack lie pixel by pixel
          for (int64_t p = 0; p < picture; ++p) one[static_cast<size_t>(p)] = stack[(p / 3 * frames + i % frames) * 3 + p % 3];
          frame = one;
        }
        Preprocess(frame, height, width, preprocessing,
                   std::span(prepared).subspan(static_cast<size_t>(i * cropped), static_cast<size_t>(cropped)));
      }
      model->Encode(std::span(prepared).first(static_cast<size_t>(some * frames * cropped)),
                    {some, frames, preprocessing.crop_height, preprocessing.crop_width},
                    {features.data_ptr<float>() + first * tokens * channels, static_cast<size_t>(some * tokens * channels)});
    }
    return at::layer_norm(features, {channels});
  }
};

FrozenEncoder::FrozenEncoder(EncoderIdentity identity, int64_t height, int64_t width, int64_t frames,
                             const std::string& device)
    : impl_(new Impl{std::move(identity), height, width, frames, device != "cpu", nullptr, {}, 0, 0}) {
  Impl& self = *impl_;
  VJepa2Options options;
  options.device = device;
  const VJepa2Config config = ReadVJepa2Config(self.identity.folder);
  if (frames != 1 && frames != config.tubelet_size) {
    throw Error("model option \"frames\": an encoder with tubelets of " + std::to_string(config.tubelet_size) +
                " frames sees 1 or " + std::to_string(config.tubelet_size) + " at once, found " + std::to_string(frames));
  }
  self.preprocessing = ReadVJepa2Preprocessing(self.identity.folder, config.crop_size);
  self.preprocessing.whole = true;  // V-JEPA 2-AC acts on whole pictures: what is at their rims counts
  self.rows = self.preprocessing.crop_height / config.patch_size;
  self.columns = self.preprocessing.crop_width / config.patch_size;
  self.model = VJepa2::Load(self.identity.folder, options);
  self.model->Tokens({1, frames, self.preprocessing.crop_height, self.preprocessing.crop_width});
}

FrozenEncoder::~FrozenEncoder() = default;

const EncoderIdentity& FrozenEncoder::identity() const { return impl_->identity; }
int64_t FrozenEncoder::frames() const { return impl_->frames; }
int64_t FrozenEncoder::rows() const { return impl_->rows; }
int64_t FrozenEncoder::columns() const { return impl_->columns; }
int64_t FrozenEncoder::channels() const { return impl_->model->config().hidden_size; }

std::string FrozenEncoder::fingerprint() const {
  Fingerprint fingerprint;
  fingerprint.Add(impl_->identity.fingerprint);
  fingerprint.Add(impl_->model->precision() + " " + std::to_string(impl_->height) + " x " + std::to_string(impl_->width) +
                  " x " + std::to_string(impl_->frames));
  return fingerprint.Text();
}

void FrozenEncoder::Encode(std::span<const uint8_t> pixels, int64_t count, std::span<float> features) const {
  if (static_cast<int64_t>(features.size()) != count * size()) {
    throw ShapeError("features of " + std::to_string(features.size()) + " elements: expected " + std::to_string(count) + " x " +
                     std::to_string(size()));
  }
  const at::Tensor encoded = impl_->Encode(pixels, count);
  std::copy_n(encoded.data_ptr<float>(), features.size(), features.data());
}

void FrozenEncoder::EncodeHalf(std::span<const uint8_t> pixels, int64_t count, std::span<uint16_t> features) const {
  if (static_cast<int64_t>(features.size()) != count * size()) {
    throw ShapeError("features of " + std::to_string(features.size()) + " elements: expected " + std::to_string(count) + " x " +
                     std::to_string(size()));
  }
  const at::Tensor encoded = impl_->Encode(pixels, count).to(at::kHalf);
  std::copy_n(static_cast<const uint16_t*>(encoded.data_ptr()), features.size(), features.data());
}

}  // namespace reverie
