#include "ui/desktop/model_list.h"

#include <algorithm>
#include <utility>

#include "ui/desktop/output_folders.h"

namespace reverie::desktop {

namespace fs = std::filesystem;

void ModelList::Refresh() {
  // A reading under way is finished first: a run that checkpoints often would never let one end.
  if (work_.busy()) {
    due_ = true;
    return;
  }
  due_ = false;
  read_ = true;
  work_.Start("models", [this, added = added_](JobContext& job, const SideWork::Post& post) {
    std::set<fs::path> folders = added;
    for (const fs::path& root : OutputRoots()) {
      for (fs::path& folder : FindModelFolders(root, job.stop())) folders.insert(std::move(folder));
    }
    std::vector<std::shared_ptr<KnownModel>> models;
    for (const fs::path& folder : folders) {
      if (job.stop().stop_requested()) return;
      models.push_back(std::make_shared<KnownModel>(ReadKnownModel(folder)));
      job.Report(static_cast<int64_t>(models.size()), static_cast<int64_t>(folders.size()), "");
    }
    NameModels(models);
    post([this, models] { models_ = models; });
  });
}

void ModelList::Add(const fs::path& folder) {
  if (folder.empty() || Find(folder) || !added_.insert(folder).second) return;
  Refresh();
}

void ModelList::Forget(const fs::path& folder) {
  added_.erase(folder);
  ticked_.erase(folder);
  Refresh();
}

bool ModelList::Update() {
  const bool news = work_.Update();
  if (due_ && !work_.busy()) Refresh();
  return news;
}

const KnownModel* ModelList::Find(const fs::path& folder) const {
  const auto found = std::find_if(models_.begin(), models_.end(), [&](const auto& model) { return model->folder == folder; });
  return found == models_.end() ? nullptr : found->get();
}

void ModelList::Tick(const fs::path& folder, bool on) {
  if (on) {
    ticked_.insert(folder);
  } else {
    ticked_.erase(folder);
  }
}

}  // namespace reverie::desktop
