#include "worldmodel/model_files.h"

#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/safetensors.h"

namespace reverie {
namespace {

constexpr const char* kCalibrationKey = "calibration";

TensorBytes ToBytes(const torch::Tensor& tensor) {
  const torch::Tensor host = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  TensorBytes bytes;
  bytes.dtype = "F32";
  bytes.shape = host.sizes().vec();
  bytes.bytes.assign(static_cast<const char*>(host.data_ptr()), static_cast<size_t>(host.numel()) * sizeof(float));
  return bytes;
}

std::string ShapeText(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + ")";
}

}  // namespace

void WriteModel(const std::filesystem::path& folder, const ModelContent& content, const nlohmann::ordered_json& options,
                const nlohmann::ordered_json& more) {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  Safetensors file;
  file.metadata = {{"format", "pt"}, {"model", content.kind}, {"task", content.task.spec().name}};
  for (const auto& [name, tensor] : content.tensors) file.tensors[name] = ToBytes(tensor);
  nlohmann::ordered_json config = DescribeModel(content.task, content.kind);
  config["options"] = options;
  config["updates"] = content.updates;
  nlohmann::json calibration = content.calibration.ToJson();
  calibration.erase("observed");
  config[kCalibrationKey] = calibration;
  if (!more.is_null()) config.update(more);
  WriteSafetensors(folder / "weights.safetensors", file);
  WriteFileAtomically(folder / "config.json", config.dump(2) + "\n");
}

void ReadModel(const std::filesystem::path& folder, const nlohmann::json& config, ModelContent content) {
  const std::filesystem::path file = folder / "weights.safetensors";
  const Safetensors weights = ReadSafetensors(file);
  torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : content.tensors) {
    const auto found = weights.tensors.find(name);
    if (found == weights.tensors.end()) {
      std::vector<std::string> present;
      for (const auto& [other, unused] : weights.tensors) present.push_back(other);
      throw CheckpointError("weights " + file.string() + ": tensor '" + name + "' is missing" +
                            DidYouMean(name, present));
    }
    const TensorBytes& bytes = found->second;
    if (bytes.dtype != "F32" || bytes.shape != tensor.sizes().vec()) {
      throw CheckpointError("weights " + file.string() + ": tensor '" + name + "': expected F32 " +
                            ShapeText(tensor.sizes().vec()) + ", found " + bytes.dtype + " " + ShapeText(bytes.shape));
    }
    tensor.copy_(torch::from_blob(const_cast<char*>(bytes.bytes.data()), bytes.shape, torch::kFloat32));
  }
  for (const auto& [name, bytes] : weights.tensors) {
    if (!content.tensors.contains(name)) {
      throw CheckpointError("weights " + file.string() + ": tensor '" + name + "' belongs to no part of the " +
                            content.kind + " model that config.json describes");
    }
  }
  try {
    content.updates = config.at("updates").get<int64_t>();
    nlohmann::json calibration = config.at(kCalibrationKey);
    calibration["observed"] = Calibration(content.task.channel_size()).ToJson().at("observed");
    content.calibration = Calibration::FromJson(calibration);
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError("model " + (folder / "config.json").string() + ": " + error.what());
  }
}

void WriteTrainingState(const std::filesystem::path& file, const ModelContent& content, const nlohmann::json& extra,
                        const std::function<void(torch::serialize::OutputArchive&)>& more) {
  torch::serialize::OutputArchive archive;
  for (const auto& [name, tensor] : content.tensors) archive.write(name, tensor.detach());
  if (more) more(archive);
  archive.write("updates", c10::IValue(content.updates));
  archive.write(kCalibrationKey, c10::IValue(content.calibration.ToJson().dump()));
  archive.write("extra", c10::IValue(extra.dump()));
  const std::filesystem::path temporary = file.string() + ".partial";
  archive.save_to(temporary.string());
  CommitFile(temporary, file);
}

namespace {

// Opens a checkpoint and lets `read` read it. @throws CheckpointError.
nlohmann::json ReadArchive(const std::filesystem::path& file, const torch::Device& device,
                           const std::function<void(torch::serialize::InputArchive&)>& read) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw CheckpointError("checkpoint " + file.string() + ": no such file, so there is nothing to resume");
  }
  try {
    torch::NoGradGuard no_grad;
    torch::serialize::InputArchive archive;
    archive.load_from(file.string(), device);
    if (read) read(archive);
    c10::IValue extra;
    archive.read("extra", extra);
    return nlohmann::json::parse(extra.toStringRef());
  } catch (const c10::Error& error) {
    throw CheckpointError("checkpoint " + file.string() + ": it is truncated or no checkpoint of a model (" +
                          std::string(error.what_without_backtrace()).substr(0, 120) + ")");
  }
}

}  // namespace

nlohmann::json ReadTrainingNote(const std::filesystem::path& file) { return ReadArchive(file, torch::kCPU, nullptr); }

nlohmann::json ReadTrainingState(const std::filesystem::path& file, ModelContent content, const torch::Device& device,
                                 const std::function<void(torch::serialize::InputArchive&)>& more) {
  return ReadArchive(file, device, [&](torch::serialize::InputArchive& archive) {
    for (auto& [name, tensor] : content.tensors) {
      torch::Tensor value;
      if (!archive.try_read(name, value)) {
        throw CheckpointError("checkpoint " + file.string() + ": tensor '" + name + "' is missing");
      }
      if (value.sizes() != tensor.sizes()) {
        throw CheckpointError("checkpoint " + file.string() + ": tensor '" + name + "': expected " +
                              ShapeText(tensor.sizes().vec()) + ", found " + ShapeText(value.sizes().vec()));
      }
      tensor.copy_(value);
    }
    if (more) more(archive);
    c10::IValue updates, calibration;
    archive.read("updates", updates);
    archive.read(kCalibrationKey, calibration);
    content.updates = updates.toInt();
    content.calibration = Calibration::FromJson(nlohmann::json::parse(calibration.toStringRef()));
  });
}

}  // namespace reverie
