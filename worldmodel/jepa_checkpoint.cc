#include "sim/error.h"
#include "worldmodel/jepa_impl.h"

namespace reverie {
namespace {

constexpr const char *kFramesKey = "frames", *kEncoderKey = "encoder";

ModelContent ContentOf(Jepa::Impl& impl, NamedTensors tensors) {
  return {*impl.task, "jepa", std::move(tensors), impl.updates, impl.calibration};
}

FrameSettings FramesFrom(const nlohmann::json& config, const std::string& where) {
  try {
    const nlohmann::json& json = config.at(kFramesKey);
    FrameSettings frames;
    frames.width = json.at("width");
    frames.height = json.at("height");
    frames.cameras = {json.at("camera").get<std::string>()};
    frames.quality = json.at("quality");
    frames.hide = json.at("hide").get<std::vector<std::string>>();
    if (frames.width < 1 || frames.height < 1) throw CheckpointError("a size below 1");
    return frames;
  } catch (const std::exception& error) {
    throw CheckpointError("model " + where + ", key \"" + kFramesKey + "\": expected the pictures that it sees, found " +
                          error.what());
  }
}

}  // namespace

NamedTensors Jepa::Impl::Weights() const {
  NamedTensors named = network->Named();
  named["normalization.action_scale"] = action_scale;
  if (sizes.proprioception > 0) {
    named["normalization.proprioception_mean"] = proprioception_mean;
    named["normalization.proprioception_scale"] = proprioception_scale;
  }
  named["memory.latents"] = remembered;
  named["memory.scalars"] = memory;
  return named;
}

NamedTensors Jepa::Impl::TrainingTensors() const {
  NamedTensors named = {{"parameters", network->values},
                        {"first_moments", network->first_moments},
                        {"second_moments", network->second_moments},
                        {"action_scale", action_scale},
                        {"proprioception_mean", proprioception_mean},
                        {"proprioception_scale", proprioception_scale},
                        {"remembered", remembered},
                        {"memory", memory}};
  for (const auto& item : network->named_buffers()) named[item.key()] = item.value();
  return named;
}

void Jepa::Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more) const {
  nlohmann::ordered_json all = {{kFramesKey,
                                 {{"width", impl_->frames.width},
                                  {"height", impl_->frames.height},
                                  {"camera", impl_->frames.cameras.front()},
                                  {"quality", impl_->frames.quality},
                                  {"hide", impl_->frames.hide}}}};
  if (impl_->encoder) all[kEncoderKey] = impl_->encoder->identity().ToJson();
  if (!more.is_null()) all.update(more);
  WriteModel(folder, ContentOf(*impl_, impl_->Weights()), impl_->options.ToJson(), all);
}

std::unique_ptr<Jepa> Jepa::Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                 const std::string& device, const std::filesystem::path& encoder) {
  const nlohmann::json config = ReadModelConfig(folder);
  const std::string where = (folder / "config.json").string();
  CheckModelFits(config, *task, "jepa", where);
  JepaOptions options;
  options.Update(config.value("options", nlohmann::json()), where + ", key \"options\"");
  std::optional<EncoderIdentity> identity;
  if (!options.encoder.empty()) {
    identity = EncoderIdentity::FromJson(config.value(kEncoderKey, nlohmann::json()), where);
    if (!encoder.empty()) identity->folder = std::filesystem::absolute(encoder).lexically_normal();
    identity = EncoderIdentity::Check(*identity, where);
  } else if (!encoder.empty()) {
    throw CheckpointError("model " + where + ": has an encoder of its own, and no use for --encoder " + encoder.string());
  }
  std::unique_ptr<Jepa> model(new Jepa(
      std::make_unique<Impl>(std::move(task), options, FramesFrom(config, where), device, 0, std::move(identity))));
  ReadModel(folder, config, ContentOf(*model->impl_, model->impl_->Weights()));
  return model;
}

void Jepa::SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const {
  WriteTrainingState(file, ContentOf(*impl_, impl_->TrainingTensors()), extra);
}

nlohmann::json Jepa::LoadTrainingState(const std::filesystem::path& file) {
  return ReadTrainingState(file, ContentOf(*impl_, impl_->TrainingTensors()), impl_->device);
}

}  // namespace reverie
