// Curves out of a timeline: what happened along a lineage, as (x, y) series of floats that a plot takes. Rows
// are read once and kept, so that a frame costs what is new; what is judged later is read again until it is in.
// x is in seconds since the reset. Window's thread only.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "agent/timeline.h"

namespace reverie::desktop {

struct App;

/// Equally long; y is NaN where nothing is known.
struct Curve {
  std::span<const float> x, y;
};

/// The lineage of one branch as series. Where a branch grew from another the step is shared: what led to it is
/// taken from the parent, the state from the child, which a person may have edited.
class LineageSeries {
 public:
  enum class What { kReward, kReturn, kRewardTerm, kChannel, kAction, kJudged };

  /// Follows a branch; cheap where it only grew, and what is common with the lineage before is kept. `view` must
  /// live until the next call, or the last use.
  void Follow(const TimelineView& view, int branch);
  /// Steps since the reset that are kept: from first_step to end_step, exclusive.
  int64_t first_step() const { return first_kept_; }
  int64_t end_step() const { return end_; }
  bool empty() const { return first_kept_ >= end_; }
  /// Whether the lineage is kept from its reset on, so that returns are whole.
  bool complete() const { return complete_; }
  double step_s() const { return step_s_; }

  /// All that is kept. Curves are valid until the next Follow.
  /// @param index  of the channel, action, term; static_cast<int>(Judged) for kJudged.
  Curve All(What what, int index = 0);
  /// Between two times in s, ends included. Of very many points only the least and the greatest of each few are
  /// given, which look the same.
  Curve Between(double from_s, double to_s, What what, int index = 0);
  Curve Get(Judged what) { return All(What::kJudged, static_cast<int>(what)); }

 private:
  struct Segment {
    std::shared_ptr<const BranchInfo> info;
    int64_t zero_step = 0;   // of the branch's row 0
    int64_t begin_step = 0;  // steps that are this branch's, the shared one included
    int64_t end_step = 0;
    const BranchView* view = nullptr;
  };
  struct Values {
    std::vector<float> y;
    double sum = 0;          // of what a return is summed from, over the first `summed` elements
    size_t summed = 0;
    uint64_t used = 0;       // the call of Follow in which it was last asked for
    uint64_t refreshed = 0;
    int64_t sweep = 0;
    uint64_t version = 0;    // grows when any value changes
    std::vector<float> thin_x, thin_y;
    uint64_t thin_version = 0;
    size_t thin_begin = 0, thin_count = 0;
  };
  void Truncate(int64_t step);
  void DropFront();
  Values& Fill(What what, int index);
  void Refresh(Values& values, int judged);
  Curve Thinned(Values& values, Curve curve, size_t begin);
  float ValueAt(size_t segment, int64_t step, What what, int index) const;

  const TimelineView* view_ = nullptr;
  std::vector<Segment> segments_;
  double step_s_ = 0;
  int64_t base_ = 0, first_kept_ = 0, end_ = 0;  // base_: the step of element 0
  bool complete_ = false;
  uint64_t calls_ = 0;
  std::vector<float> x_;
  std::map<std::pair<What, int>, Values> values_;
};

/// Seconds since the reset of a place; NaN where its branch is gone.
double TimeOf(const TimelineView& view, TimelinePlace place);
/// The kept place nearest to a time along the lineage of `branch`; branch -1 where there is none.
TimelinePlace PlaceAtTime(const TimelineView& view, int branch, double time_s);
/// Whether a place lies on the way from the reset to the end of `branch`.
bool OnLineage(const TimelineView& view, int branch, TimelinePlace place);
/// Goes to where a plot was clicked, if it was.
void GoToTime(App& app, int branch, std::optional<float> clicked_s);

}  // namespace reverie::desktop
