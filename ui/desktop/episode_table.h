// The episodes of a dataset as rows that can be sorted and filtered; thousands of them. Window's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/dataset.h"

namespace reverie::desktop {

/// "terminated", "time limit", "diverged at hinge".
std::string EndText(const EpisodeSummary& summary);

class EpisodeTable {
 public:
  enum Column { kIndex, kSteps, kReturn, kSuccess, kEnd, kSeed, kColumns };

  void Clear();
  /// Rows come in the order of the dataset.
  void Add(std::vector<EpisodeSummary> rows);
  size_t size() const { return rows_.size(); }
  const EpisodeSummary& row(size_t i) const { return rows_[i]; }

  void SortBy(Column column, bool descending);
  /// Words that a row's columns must all contain; a return that it must reach.
  void Filter(const std::string& words, std::optional<double> minimum_return);
  /// Rows as they are shown: numbers of rows, sorted and filtered.
  const std::vector<size_t>& Shown();

  /// Draws filter and table. Returns the row that was clicked in this frame.
  std::optional<size_t> Draw(std::optional<size_t> chosen, float height_px);

 private:
  bool Matches(const EpisodeSummary& row) const;

  std::vector<EpisodeSummary> rows_;
  std::vector<size_t> shown_;
  Column column_ = kIndex;
  bool descending_ = false, stale_ = false, has_success_ = false;
  std::string words_;
  std::optional<double> minimum_return_;
  bool by_return_ = false;   // of the filter's widgets
  double typed_return_ = 0;
};

}  // namespace reverie::desktop
