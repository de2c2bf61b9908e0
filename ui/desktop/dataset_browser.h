// Browsing a dataset: its episodes in a table, read in the background; the chosen one shown, played and predicted
// on. Window's thread only; every file is read in jobs.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "ui/desktop/app.h"
#include "ui/desktop/episode_table.h"
#include "ui/desktop/episode_view.h"
#include "ui/desktop/recorded_episode.h"
#include "ui/desktop/side_work.h"

namespace reverie::desktop {

class DatasetBrowser {
 public:
  /// Reads the dataset in a folder; the one before is forgotten.
  void Open(const std::filesystem::path& folder);
  /// Asks for a folder to open.
  void Ask(App& app);
  void Update(App& app);
  void Draw(App& app);

  const BrowsedDataset* dataset() const { return dataset_.get(); }
  EpisodeTable& table() { return table_; }
  EpisodeView& view() { return view_; }
  /// Reads and shows an episode by its number in the dataset.
  void Choose(size_t number);
  /// The next of those that the table shows, in its order; the previous one: -1. The first where none is chosen.
  void ChooseNext(int direction);
  bool loading() const { return loading_.busy(); }
  /// What is wrong with the dataset, one line; empty: nothing.
  const std::string& problem() const { return loading_.error(); }

 private:
  void DrawDataset(App& app);

  std::filesystem::path folder_;   // asked for
  std::string typed_;
  SideWork loading_, reading_;
  std::shared_ptr<const BrowsedDataset> dataset_;
  EpisodeTable table_;
  std::optional<size_t> chosen_;
  EpisodeView view_;
};

}  // namespace reverie::desktop
