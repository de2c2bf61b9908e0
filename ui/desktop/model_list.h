// The models that are known: this run's, those under the output folders, those opened by hand. Read in the
// background; which of them are ticked for comparison. Window's thread only.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ui/desktop/learning_log.h"
#include "ui/desktop/side_work.h"

namespace reverie::desktop {

class ModelList {
 public:
  /// Reads the folders again.
  void Refresh();
  /// Adds one from elsewhere; cheap for one that is known.
  void Add(const std::filesystem::path& folder);
  void Forget(const std::filesystem::path& folder);
  /// Each frame. Returns whether the list is another.
  bool Update();
  bool busy() const { return work_.busy(); }
  /// Whether it was ever read.
  bool read() const { return read_; }

  const std::vector<std::shared_ptr<KnownModel>>& models() const { return models_; }
  const KnownModel* Find(const std::filesystem::path& folder) const;
  bool IsTicked(const std::filesystem::path& folder) const { return ticked_.contains(folder); }
  void Tick(const std::filesystem::path& folder, bool on);
  bool AddedByHand(const std::filesystem::path& folder) const { return added_.contains(folder); }

 private:
  std::vector<std::shared_ptr<KnownModel>> models_;
  std::set<std::filesystem::path> added_, ticked_;
  SideWork work_;
  bool read_ = false, due_ = false;
};

}  // namespace reverie::desktop
