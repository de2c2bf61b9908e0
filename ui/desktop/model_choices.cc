#include "ui/desktop/model_choices.h"

#include <algorithm>

#include "sim/error.h"
#include "worldmodel/model_config.h"

namespace reverie::desktop {

std::vector<ModelChoice> FindModels(const std::vector<std::filesystem::path>& folders,
                                    const std::vector<std::filesystem::path>& parents, const CompiledTask& task) {
  std::vector<std::filesystem::path> all = folders;
  for (const std::filesystem::path& parent : parents) {
    std::error_code ignored;
    std::vector<std::filesystem::path> within;
    for (std::filesystem::directory_iterator it(parent, ignored), end; !ignored && it != end; it.increment(ignored)) {
      if (it->is_directory(ignored)) within.push_back(it->path());
    }
    std::sort(within.begin(), within.end());
    all.insert(all.end(), within.begin(), within.end());
  }

  std::vector<ModelChoice> choices;
  for (const std::filesystem::path& folder : all) {
    if (folder.empty()) continue;
    ModelChoice choice;
    choice.folder = folder.string();
    const auto known = [&](const ModelChoice& other) { return other.folder == choice.folder; };
    if (std::any_of(choices.begin(), choices.end(), known)) continue;
    try {
      const nlohmann::json config = ReadModelConfig(folder);
      if (!config.is_object() || !config.contains("model") || !config.at("model").is_string()) continue;
      choice.kind = config.at("model").get<std::string>();
      try {
        CheckModelFits(config, task, choice.kind, choice.folder);
      } catch (const Error& error) {
        choice.refusal = error.what();
      }
    } catch (const std::exception&) {
      continue;  // no model, as most of what was opened lately
    }
    choices.push_back(std::move(choice));
  }
  return choices;
}

void ModelChoices::Look(std::vector<std::filesystem::path> folders, std::vector<std::filesystem::path> parents,
                        std::shared_ptr<const CompiledTask> task) {
  if (looking() || !task) return;
  job_ = std::make_unique<Job>("Look for models", "", [=, found = found_](JobContext&) {
    found->Set(std::make_shared<const std::vector<ModelChoice>>(FindModels(folders, parents, *task)));
  });
}

}  // namespace reverie::desktop
