#include "ui/desktop/timeline_path.h"

#include <algorithm>

namespace reverie::desktop {

const EventKind kEventKindList[kEventKinds] = {
    {kRewardEvent, "reward", "Reward", "the reward or the success began to be had"},
    {kContactEvent, "contact", "Contact", "two bodies touched that did not before"},
    {kDivergenceEvent, "divergence", "Divergence", "the simulation blew up in the step after this"},
    {kSurpriseEvent, "surprise", "Surprise", "the model thought this unlikely"},
    {kPartingEvent, "parting", "Parting", "a prediction parts from reality here"},
    {kEndEvent, "end", "End of the episode", "the episode ended"},
    {kEditEvent, "edit", "Edit", "a person changed the state"},
    {kModelEvent, "model", "Model", "from here on another model is planned in"},
};

std::string EventsInWords(uint32_t events) {
  std::string words;
  for (const EventKind& kind : kEventKindList) {
    if (!(events & kind.bit)) continue;
    if (!words.empty()) words += '\n';
    words += kind.what;
  }
  return words;
}

TimelinePath::TimelinePath(const TimelineView& timeline, int leaf) : leaf_(leaf) {
  const std::vector<const BranchView*> lineage = timeline.Lineage(leaf);
  int64_t start = 0;
  for (size_t i = 0; i < lineage.size(); ++i) {
    const BranchView& branch = *lineage[i];
    PathPiece piece = {&branch, branch.first_row, branch.rows - 1, start};
    const bool repeats = !branch.info->edited && !pieces_.empty() && i > 0 &&
                         pieces_.back().branch == lineage[i - 1] && pieces_.back().last == branch.info->parent_row;
    if (repeats) piece.first = std::max<int64_t>(piece.first, 1);
    if (i + 1 < lineage.size()) piece.last = std::min(piece.last, lineage[i + 1]->info->parent_row);
    if (piece.last < piece.first) continue;
    start += piece.last - piece.first + 1;
    pieces_.push_back(piece);
  }
}

bool TimelinePath::HasBranch(int branch) const {
  return std::any_of(pieces_.begin(), pieces_.end(),
                     [&](const PathPiece& piece) { return piece.branch->info->id == branch; });
}

std::optional<int64_t> TimelinePath::IndexOf(TimelinePlace place) const {
  const PathPiece* before = nullptr;
  for (const PathPiece& piece : pieces_) {
    if (piece.branch->info->id == place.branch) {
      if (place.row >= piece.first && place.row <= piece.last) return piece.start + place.row - piece.first;
      if (place.row == 0 && piece.first == 1 && before) return before->start + before->last - before->first;
      return std::nullopt;
    }
    before = &piece;
  }
  // The leaf itself may hold nothing but the row that its parent stands for.
  if (before && place.branch == leaf_ && place.row == 0) return before->start + before->last - before->first;
  return std::nullopt;
}

TimelinePlace TimelinePath::At(int64_t index) const {
  for (const PathPiece& piece : pieces_) {
    const int64_t row = piece.first + std::max<int64_t>(index, 0) - piece.start;
    if (row <= piece.last) return {piece.branch->info->id, row};
  }
  return {pieces_.back().branch->info->id, pieces_.back().last};
}

TimelinePlace TimelinePath::AtStep(int64_t step) const {
  // From the end, so that of two rows of one step what a person made of it is found.
  for (size_t i = pieces_.size(); i-- > 0;) {
    const PathPiece& piece = pieces_[i];
    const int64_t row = step - piece.branch->info->first_step;
    if (row >= piece.first) return {piece.branch->info->id, std::min(row, piece.last)};
  }
  return {pieces_.front().branch->info->id, pieces_.front().first};
}

int64_t TimelinePath::first_step() const { return empty() ? 0 : pieces_.front().StepOf(pieces_.front().first); }
int64_t TimelinePath::last_step() const { return empty() ? 0 : pieces_.back().StepOf(pieces_.back().last); }

std::optional<TimelinePlace> TimelinePath::FindEvent(TimelinePlace from, int direction, uint32_t events) const {
  const std::optional<int64_t> here = IndexOf(from);
  if (!here || events == 0) return std::nullopt;
  if (direction > 0) {
    for (const PathPiece& piece : pieces_) {
      for (int64_t row = std::max(piece.first, piece.first + *here + 1 - piece.start); row <= piece.last; ++row) {
        if (piece.branch->Events(row) & events) return TimelinePlace{piece.branch->info->id, row};
      }
    }
    return std::nullopt;
  }
  for (size_t i = pieces_.size(); i-- > 0;) {
    const PathPiece& piece = pieces_[i];
    for (int64_t row = std::min(piece.last, piece.first + *here - 1 - piece.start); row >= piece.first; --row) {
      if (piece.branch->Events(row) & events) return TimelinePlace{piece.branch->info->id, row};
    }
  }
  return std::nullopt;
}

}  // namespace reverie::desktop
