// What the strip draws of a branch, gathered once for each few rows, so that a timeline of 100,000 rows costs no
// more to draw than the pixels it covers. Rewards never change; what is judged later and events are swept again
// and again, some hundred rows in each frame. Window's thread only.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "agent/timeline.h"

namespace reverie::desktop {

/// Of one row, or of several.
struct RowsSummary {
  float reward_low = std::numeric_limits<float>::infinity(), reward_high = -std::numeric_limits<float>::infinity();
  float surprise = -std::numeric_limits<float>::infinity();  // the greatest; -infinity: none judged
  uint32_t events = 0;

  bool has_reward() const { return reward_low <= reward_high; }
  bool has_surprise() const { return surprise > -std::numeric_limits<float>::infinity(); }
  void Add(const RowsSummary& other);
};

class BranchDigest {
 public:
  static constexpr int64_t kRows = 16;  // in a bucket
  /// Takes in what is new. `sweep` buckets of old ones are read again.
  void Update(const BranchView& branch, int sweep);
  /// Rows first to last, from buckets where they lie wholly within.
  RowsSummary Of(const BranchView& branch, int64_t first, int64_t last) const;
  const RowsSummary& all() const { return all_; }

  static RowsSummary Read(const BranchView& branch, int64_t row);

 private:
  void ReadBucket(const BranchView& branch, size_t bucket);

  std::shared_ptr<const BranchInfo> info_;  // whose digest this is; another's number may be the same
  std::vector<RowsSummary> buckets_;
  int64_t rows_ = 0;
  size_t swept_ = 0;
  RowsSummary all_;  // widest that it ever was, so that scales stay still
};

}  // namespace reverie::desktop
