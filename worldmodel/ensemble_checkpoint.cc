#include <filesystem>

#include "sim/error.h"
#include "sim/files.h"
#include "worldmodel/ensemble_impl.h"
#include "worldmodel/model_config.h"
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

std::map<std::string, torch::Tensor> Ensemble::Impl::NamedTensors() const {
  std::map<std::string, torch::Tensor> named;
  for (size_t i = 0; i < weights.size(); ++i) {
    named["layers." + std::to_string(i) + ".weight"] = weights[i];
    named["layers." + std::to_string(i) + ".bias"] = biases[i];
  }
  named["normalization.feature_mean"] = feature_mean;
  named["normalization.feature_scale"] = feature_scale;
  named["normalization.change_mean"] = change_mean;
  named["normalization.change_scale"] = change_scale;
  named["normalization.channel_scale"] = channel_scale;
  return named;
}

void Ensemble::Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more) const {
  std::error_code ignored;
  std::filesystem::create_directories(folder, ignored);
  Safetensors content;
  content.metadata = {{"format", "pt"}, {"model", "ensemble"}, {"task", impl_->task->spec().name}};
  for (const auto& [name, tensor] : impl_->NamedTensors()) content.tensors[name] = ToBytes(tensor);
  nlohmann::ordered_json config = DescribeModel(*impl_->task, "ensemble");
  config["options"] = impl_->options.ToJson();
  config["updates"] = impl_->updates;
  nlohmann::json calibration = impl_->calibration.ToJson();
  calibration.erase("observed");
  config[kCalibrationKey] = calibration;
  if (!more.is_null()) config.update(more);
  WriteSafetensors(folder / "weights.safetensors", content);
  WriteFileAtomically(folder / "config.json", config.dump(2) + "\n");
}

std::unique_ptr<Ensemble> Ensemble::Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                         const std::string& device) {
  const nlohmann::json config = ReadModelConfig(folder);
  const std::string where = (folder / "config.json").string();
  CheckModelFits(config, *task, "ensemble", where);
  EnsembleOptions options;
  options.Update(config.value("options", nlohmann::json()), where + ", key \"options\"");
  auto model = std::make_unique<Ensemble>(std::move(task), options, device, 0);
  Impl& impl = *model->impl_;
  const std::filesystem::path file = folder / "weights.safetensors";
  const Safetensors content = ReadSafetensors(file);
  torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : impl.NamedTensors()) {
    const auto found = content.tensors.find(name);
    if (found == content.tensors.end()) {
      std::vector<std::string> present;
      for (const auto& [other, unused] : content.tensors) present.push_back(other);
      throw CheckpointError("weights " + file.string() + ": tensor '" + name + "' is missing" +
                            DidYouMean(name, present));
    }
    const TensorBytes& bytes = found->second;
    if (bytes.dtype != "F32" || bytes.shape != tensor.sizes().vec()) {
      throw CheckpointError("weights " + file.string() + ": tensor '" + name + "': expected F32 " +
                            ShapeText(tensor.sizes().vec()) + ", found " + bytes.dtype + " " + ShapeText(bytes.shape));
    }
    torch::Tensor target = tensor;
    target.copy_(torch::from_blob(const_cast<char*>(bytes.bytes.data()), bytes.shape, torch::kFloat32));
  }
  const std::map<std::string, torch::Tensor> named = impl.NamedTensors();
  for (const auto& [name, bytes] : content.tensors) {
    if (!named.contains(name)) {
      throw CheckpointError("weights " + file.string() + ": tensor '" + name + "' belongs to no part of an ensemble of " +
                            std::to_string(options.layers) + " layers");
    }
  }
  try {
    impl.updates = config.at("updates").get<int64_t>();
    nlohmann::json calibration = config.at(kCalibrationKey);
    calibration["observed"] = Calibration(impl.channels).ToJson().at("observed");
    impl.calibration = Calibration::FromJson(calibration);
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError("model " + where + ": " + error.what());
  }
  impl.folded.reset();
  return model;
}

void Ensemble::SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const {
  torch::serialize::OutputArchive archive;
  for (const auto& [name, tensor] : impl_->NamedTensors()) archive.write(name, tensor.detach());
  torch::serialize::OutputArchive optimizer;
  impl_->optimizer->save(optimizer);
  archive.write("optimizer", optimizer);
  archive.write("updates", c10::IValue(impl_->updates));
  archive.write(kCalibrationKey, c10::IValue(impl_->calibration.ToJson().dump()));
  archive.write("extra", c10::IValue(extra.dump()));
  const std::filesystem::path temporary = file.string() + ".partial";
  archive.save_to(temporary.string());
  CommitFile(temporary, file);
}

nlohmann::json Ensemble::LoadTrainingState(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw CheckpointError("checkpoint " + file.string() + ": no such file, so there is nothing to resume");
  }
  try {
    torch::NoGradGuard no_grad;
    torch::serialize::InputArchive archive;
    archive.load_from(file.string(), impl_->device);
    for (auto& [name, tensor] : impl_->NamedTensors()) {
      torch::Tensor value;
      if (!archive.try_read(name, value)) {
        throw CheckpointError("checkpoint " + file.string() + ": tensor '" + name + "' is missing");
      }
      if (value.sizes() != tensor.sizes()) {
        throw CheckpointError("checkpoint " + file.string() + ": tensor '" + name + "': expected " +
                              ShapeText(tensor.sizes().vec()) + ", found " + ShapeText(value.sizes().vec()));
      }
      torch::Tensor target = tensor;
      target.copy_(value);
    }
    torch::serialize::InputArchive optimizer;
    archive.read("optimizer", optimizer);
    impl_->optimizer->load(optimizer);
    c10::IValue updates, calibration, extra;
    archive.read("updates", updates);
    archive.read(kCalibrationKey, calibration);
    archive.read("extra", extra);
    impl_->updates = updates.toInt();
    impl_->calibration = Calibration::FromJson(nlohmann::json::parse(calibration.toStringRef()));
    impl_->folded.reset();
    return nlohmann::json::parse(extra.toStringRef());
  } catch (const c10::Error& error) {
    throw CheckpointError("checkpoint " + file.string() + ": it is truncated or no checkpoint of an ensemble (" +
                          std::string(error.what_without_backtrace()).substr(0, 120) + ")");
  }
}

}  // namespace reverie
