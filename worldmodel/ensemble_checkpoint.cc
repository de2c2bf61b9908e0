#include <filesystem>

#include "worldmodel/ensemble_impl.h"
#include "worldmodel/model_files.h"

namespace reverie {

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

namespace {

ModelContent ContentOf(Ensemble::Impl& impl) {
  return {*impl.task, "ensemble", impl.NamedTensors(), impl.updates, impl.calibration};
}

}  // namespace

void Ensemble::Save(const std::filesystem::path& folder, const nlohmann::ordered_json& more) const {
  WriteModel(folder, ContentOf(*impl_), impl_->options.ToJson(), more);
}

std::unique_ptr<Ensemble> Ensemble::Load(const std::filesystem::path& folder, std::shared_ptr<const CompiledTask> task,
                                         const std::string& device) {
  const nlohmann::json config = ReadModelConfig(folder);
  const std::string where = (folder / "config.json").string();
  CheckModelFits(config, *task, "ensemble", where);
  EnsembleOptions options;
  options.Update(config.value("options", nlohmann::json()), where + ", key \"options\"");
  auto model = std::make_unique<Ensemble>(std::move(task), options, device, 0);
  ReadModel(folder, config, ContentOf(*model->impl_));
  model->impl_->folded.reset();
  return model;
}

void Ensemble::SaveTrainingState(const std::filesystem::path& file, const nlohmann::json& extra) const {
  WriteTrainingState(file, ContentOf(*impl_), extra, [&](torch::serialize::OutputArchive& archive) {
    torch::serialize::OutputArchive optimizer;
    impl_->optimizer->save(optimizer);
    archive.write("optimizer", optimizer);
  });
}

nlohmann::json Ensemble::LoadTrainingState(const std::filesystem::path& file) {
  const nlohmann::json extra =
      ReadTrainingState(file, ContentOf(*impl_), impl_->device, [&](torch::serialize::InputArchive& archive) {
        torch::serialize::InputArchive optimizer;
        archive.read("optimizer", optimizer);
        impl_->optimizer->load(optimizer);
      });
  impl_->folded.reset();
  return extra;
}

}  // namespace reverie
