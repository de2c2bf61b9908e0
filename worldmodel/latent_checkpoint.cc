#include "worldmodel/latent_impl.h"

namespace reverie {

NamedTensors Latent::Impl::Weights() const {
  NamedTensors named;
  const auto add = [&](const Network& network, const char* name) { named.merge(network.Named(name)); };
  add(encoder, "encoder");
  if (remembers()) add(recall, "recall");
  add(dynamics, "dynamics");
  add(reward, "reward");
  add(values, "values");
  add(policy, "policy");
  add(decoder, "decoder");
  named["normalization.feature_mean"] = feature_mean;
  named["normalization.feature_scale"] = feature_scale;
  if (remembers()) named["normalization.step_scale"] = step_scale;
  named["normalization.channel_scale"] = channel_scale;
  named["normalization.change_scale"] = change_scale;
  named["normalization.scalars"] = scalars;
  return named;
}

NamedTensors Latent::Impl::TrainingTensors() const {
  NamedTensors named = {{"parameters", parameters.values},
                        {"first_moments", parameters.first_moments},
                        {"second_moments", parameters.second_moments},
                        {"target_values", target_parameters.values}};
  for (const auto& [name, tensor] : Weights()) {
    if (name.starts_with("normalization.")) named[name] = tensor;
  }
  return named;
}

void Latent::Impl::RefreshAll() {
  parameters.Refresh(0, parameters.values.numel());
  target_parameters.Refresh(0, target_parameters.values.numel());
}

namespace {

ModelContent ContentOf(Latent::Impl& impl, NamedTensors tensors) {
  return {*impl.task, "latent", std::move(tensors), impl.updates, impl.calibration};
}

}  // namespace

void Latent::Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more) const {
  WriteModel(folder, ContentOf(*impl_, impl_->Weights()), impl_->options.ToJson(), more);
}

std::unique_ptr<Latent> Latent::Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                     const std::string& device) {
  const nlohmann::json config = ReadModelConfig(folder);
  const std::string where = (folder / "config.json").string();
  CheckModelFits(config, *task, "latent", where);
  LatentOptions options;
  options.Update(config.value("options", nlohmann::json()), where + ", key \"options\"");
  auto model = std::make_unique<Latent>(std::move(task), options, device, 0);
  ReadModel(folder, config, ContentOf(*model->impl_, model->impl_->Weights()));
  model->impl_->RefreshAll();
  return model;
}

void Latent::SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const {
  WriteTrainingState(file, ContentOf(*impl_, impl_->TrainingTensors()), extra);
}

nlohmann::json Latent::LoadTrainingState(const std::filesystem::path& file) {
  const nlohmann::json extra = ReadTrainingState(file, ContentOf(*impl_, impl_->TrainingTensors()), impl_->device);
  impl_->RefreshAll();
  return extra;
}

}  // namespace reverie
