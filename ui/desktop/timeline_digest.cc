#include "ui/desktop/timeline_digest.h"

#include <algorithm>
#include <cmath>

namespace reverie::desktop {
namespace {

// Buckets at the end of a branch whose judgement may still be under way.
constexpr size_t kFresh = 16;

}  // namespace

void RowsSummary::Add(const RowsSummary& other) {
  reward_low = std::min(reward_low, other.reward_low);
  reward_high = std::max(reward_high, other.reward_high);
  surprise = std::max(surprise, other.surprise);
  events |= other.events;
}

RowsSummary BranchDigest::Read(const BranchView& branch, int64_t row) {
  RowsSummary summary;
  summary.events = branch.Events(row);
  const float surprise = branch.Get(Judged::kSurprise, row);
  if (std::isfinite(surprise)) summary.surprise = surprise;
  // Row 0 is where the branch began: no step led to it.
  const float reward = row > 0 ? static_cast<float>(branch.Reward(row)) : std::nanf("");
  if (std::isfinite(reward)) summary.reward_low = summary.reward_high = reward;
  return summary;
}

void BranchDigest::ReadBucket(const BranchView& branch, size_t bucket) {
  RowsSummary summary;
  const int64_t first = std::max(static_cast<int64_t>(bucket) * kRows, branch.first_row);
  const int64_t end = std::min((static_cast<int64_t>(bucket) + 1) * kRows, branch.rows);
  for (int64_t row = first; row < end; ++row) summary.Add(Read(branch, row));
  buckets_[bucket] = summary;
  all_.Add(summary);
}

void BranchDigest::Update(const BranchView& branch, int sweep) {
  if (info_ != branch.info) {
    *this = BranchDigest();
    info_ = branch.info;
  }
  const size_t count = static_cast<size_t>((branch.rows + kRows - 1) / kRows);
  const size_t known = static_cast<size_t>(rows_ / kRows);  // whole ones
  buckets_.resize(count);
  const size_t fresh = std::min(known, count > kFresh ? count - kFresh : 0);
  for (size_t bucket = fresh; bucket < count; ++bucket) ReadBucket(branch, bucket);
  const size_t again = std::min(static_cast<size_t>(sweep), fresh);
  for (size_t i = 0; i < again; ++i) {
    swept_ = swept_ + 1 < fresh ? swept_ + 1 : 0;
    ReadBucket(branch, swept_);
  }
  rows_ = branch.rows;
}

RowsSummary BranchDigest::Of(const BranchView& branch, int64_t first, int64_t last) const {
  RowsSummary summary;
  first = std::max(first, branch.first_row);
  last = std::min(last, branch.rows - 1);
  for (int64_t row = first; row <= last;) {
    const size_t bucket = static_cast<size_t>(row / kRows);
    if (row % kRows == 0 && row + kRows - 1 <= last && bucket < buckets_.size()) {
      summary.Add(buckets_[bucket]);
      row += kRows;
    } else {
      summary.Add(Read(branch, row++));
    }
  }
  return summary;
}

}  // namespace reverie::desktop
