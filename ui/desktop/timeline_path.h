// The way through the timeline's branches from a reset to the end of one of them, as one line of rows, and how to
// walk along it. It points into the TimelineView that it was made from, which must outlive it. Any one thread.
//
// Where a branch goes on from its parent unchanged, both hold the same row: the parent's stands for it. Where a
// person changed something, the row before and the row after are two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/timeline.h"

namespace reverie::desktop {

/// Rows `first` to `last` of a branch.
struct PathPiece {
  const BranchView* branch = nullptr;
  int64_t first = 0, last = 0;
  int64_t start = 0;  // index along the path of `first`

  int64_t StepOf(int64_t row) const { return branch->info->first_step + row; }
};

class TimelinePath {
 public:
  TimelinePath() = default;
  /// To the end of branch `leaf`; empty where there is no such branch.
  TimelinePath(const TimelineView& timeline, int leaf);

  int leaf() const { return leaf_; }
  bool empty() const { return pieces_.empty(); }
  int64_t size() const { return empty() ? 0 : pieces_.back().start + pieces_.back().last - pieces_.back().first + 1; }
  const std::vector<PathPiece>& pieces() const { return pieces_; }
  bool HasBranch(int branch) const;

  /// Rows before this one along the path; nothing where the place is not on it.
  std::optional<int64_t> IndexOf(TimelinePlace place) const;
  /// The place at an index, clamped to the path. Of a path that is not empty.
  TimelinePlace At(int64_t index) const;
  /// The place at a control step of the episode, clamped to the path. Of a path that is not empty.
  TimelinePlace AtStep(int64_t step) const;
  int64_t first_step() const;
  int64_t last_step() const;

  /// The nearest place before (direction < 0) or after `from` that has one of the events.
  std::optional<TimelinePlace> FindEvent(TimelinePlace from, int direction, uint32_t events) const;

 private:
  int leaf_ = -1;
  std::vector<PathPiece> pieces_;
};

/// A kind of event: how people call it.
struct EventKind {
  uint32_t bit;
  const char* id;    // "reward", of actions
  const char* name;  // "Reward"
  const char* what;  // "the reward began to be had"
};
inline constexpr int kEventKinds = 8;
extern const EventKind kEventKindList[kEventKinds];

/// "reward; contact", in words; empty for none.
std::string EventsInWords(uint32_t events);

}  // namespace reverie::desktop
