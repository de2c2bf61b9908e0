#include "agent/timeline.h"

#include <algorithm>
#include <limits>

namespace reverie {
namespace {

constexpr int64_t kRows = TimelineChunk::kRows;

size_t Within(int64_t row) { return static_cast<size_t>(row % kRows); }

std::span<const double> RowOf(const std::vector<double>& values, int64_t row) {
  const size_t size = values.size() / static_cast<size_t>(kRows);
  return std::span(values).subspan(Within(row) * size, size);
}

void Write(std::vector<double>& values, int64_t row, std::span<const double> from) {
  const size_t size = values.size() / static_cast<size_t>(kRows);
  double* to = values.data() + Within(row) * size;
  const size_t given = std::min(size, from.size());
  std::copy_n(from.begin(), given, to);
  std::fill(to + given, to + size, 0.0);
}

}  // namespace

TimelineChunk::TimelineChunk(const TimelineSizes& sizes)
    : states(static_cast<size_t>(kRows * sizes.state)),
      channels(static_cast<size_t>(kRows * sizes.channels)),
      actions(static_cast<size_t>(kRows * sizes.action)),
      rewards(static_cast<size_t>(kRows)),
      reward_terms(static_cast<size_t>(kRows * sizes.reward_terms)) {
  for (std::atomic<float>& value : judged) {
    value.store(std::numeric_limits<float>::quiet_NaN(), std::memory_order_relaxed);
  }
  for (std::atomic<uint32_t>& value : events) value.store(0, std::memory_order_relaxed);
  actors.fill(0);
}

int64_t TimelineChunk::bytes() const {
  const size_t doubles = states.size() + channels.size() + actions.size() + rewards.size() + reward_terms.size();
  return static_cast<int64_t>(sizeof(TimelineChunk) + doubles * sizeof(double));
}

std::span<const double> BranchView::State(int64_t row) const {
  return RowOf(chunks[static_cast<size_t>(row / kRows)]->states, row);
}
std::span<const double> BranchView::Channels(int64_t row) const {
  return RowOf(chunks[static_cast<size_t>(row / kRows)]->channels, row);
}
std::span<const double> BranchView::Action(int64_t row) const {
  return RowOf(chunks[static_cast<size_t>(row / kRows)]->actions, row);
}
std::span<const double> BranchView::RewardTerms(int64_t row) const {
  return RowOf(chunks[static_cast<size_t>(row / kRows)]->reward_terms, row);
}
double BranchView::Reward(int64_t row) const { return chunks[static_cast<size_t>(row / kRows)]->rewards[Within(row)]; }
uint8_t BranchView::ActorOf(int64_t row) const {
  return chunks[static_cast<size_t>(row / kRows)]->actors[Within(row)];
}
float BranchView::Get(Judged what, int64_t row) const {
  const size_t at = Within(row) * kJudgedCount + static_cast<size_t>(what);
  return chunks[static_cast<size_t>(row / kRows)]->judged[at].load(std::memory_order_relaxed);
}
uint32_t BranchView::Events(int64_t row) const {
  return chunks[static_cast<size_t>(row / kRows)]->events[Within(row)].load(std::memory_order_relaxed);
}
void BranchView::Set(Judged what, int64_t row, float value) const {
  const size_t at = Within(row) * kJudgedCount + static_cast<size_t>(what);
  chunks[static_cast<size_t>(row / kRows)]->judged[at].store(value, std::memory_order_relaxed);
}
void BranchView::AddEvent(int64_t row, uint32_t event) const {
  chunks[static_cast<size_t>(row / kRows)]->events[Within(row)].fetch_or(event, std::memory_order_relaxed);
}

void BranchView::RemoveEvent(int64_t row, uint32_t event) const {
  chunks[static_cast<size_t>(row / kRows)]->events[Within(row)].fetch_and(~event, std::memory_order_relaxed);
}

const BranchView* TimelineView::Find(int branch) const {
  const auto found = std::lower_bound(branches.begin(), branches.end(), branch,
                                      [](const BranchView& view, int id) { return view.info->id < id; });
  return found != branches.end() && found->info->id == branch ? &*found : nullptr;
}

std::vector<const BranchView*> TimelineView::Lineage(int branch) const {
  std::vector<const BranchView*> lineage;
  for (const BranchView* view = Find(branch); view; view = Find(view->info->parent)) lineage.push_back(view);
  std::reverse(lineage.begin(), lineage.end());
  return lineage;
}

TimelinePlace TimelineView::AtStep(int branch, int64_t step) const {
  for (const BranchView* view = Find(branch); view; view = Find(view->info->parent)) {
    const int64_t row = step - view->info->first_step;
    // A branch's row 0 is where its parent was left: it stands for both.
    if (row < 0) continue;
    if (!view->Has(row)) break;
    return {view->info->id, row};
  }
  return {-1, -1};
}

TimelinePlace TimelineView::Origin(TimelinePlace place) const {
  while (place.row == 0) {
    const BranchView* branch = Find(place.branch);
    const BranchView* parent = branch && !branch->info->edited ? Find(branch->info->parent) : nullptr;
    if (!parent || !parent->Has(branch->info->parent_row)) break;
    place = {branch->info->parent, branch->info->parent_row};
  }
  return place;
}

std::vector<std::pair<const BranchView*, int64_t>> TimelineView::RowsBefore(TimelinePlace place, int steps) const {
  std::vector<std::pair<const BranchView*, int64_t>> rows;
  while (static_cast<int>(rows.size()) < steps) {
    place = Origin(place);
    const BranchView* branch = Find(place.branch);
    if (!branch || place.row == 0 || !branch->Has(place.row) || !branch->Has(place.row - 1)) break;
    rows.emplace_back(branch, place.row);
    --place.row;
  }
  std::reverse(rows.begin(), rows.end());
  return rows;
}

std::vector<double> TimelineView::Past(TimelinePlace place, int steps) const {
  std::vector<double> past;
  for (const auto& [branch, row] : RowsBefore(place, steps)) {
    const std::span<const double> channels = branch->Channels(row - 1), action = branch->Action(row);
    past.insert(past.end(), channels.begin(), channels.end());
    past.insert(past.end(), action.begin(), action.end());
  }
  return past;
}

std::vector<double> TimelineView::PastStates(TimelinePlace place, int steps) const {
  std::vector<double> states;
  for (const auto& [branch, row] : RowsBefore(place, steps)) {
    const std::span<const double> state = branch->State(row - 1);
    states.insert(states.end(), state.begin(), state.end());
  }
  return states;
}

int64_t TimelineView::StepOf(TimelinePlace place) const {
  const BranchView* view = Find(place.branch);
  return view ? view->info->first_step + place.row : -1;
}

Timeline::Timeline(TimelineSizes sizes, double control_step_s, int64_t bytes_limit) {
  view_.sizes = sizes;
  view_.control_step_s = control_step_s;
  view_.bytes_limit = bytes_limit;
}

int Timeline::Begin(BranchInfo info, std::span<const double> state, std::span<const double> channels) {
  info.id = next_id_++;
  const int id = info.id;
  BranchView branch;
  branch.info = std::make_shared<const BranchInfo>(std::move(info));
  view_.branches.push_back(std::move(branch));
  Append(id, {.state = state, .channels = channels, .action = {}, .reward_terms = {}});
  return id;
}

int64_t Timeline::Append(int branch, const Row& row) {
  BranchView* view = const_cast<BranchView*>(view_.Find(branch));
  const int64_t at = view->rows;
  if (at % kRows == 0) {
    view->chunks.push_back(std::make_shared<TimelineChunk>(view_.sizes));
    view_.bytes += view->chunks.back()->bytes();
    if (view_.bytes > view_.bytes_limit) {
      MakeRoom(branch);
      view = const_cast<BranchView*>(view_.Find(branch));
    }
  }
  TimelineChunk& chunk = *view->chunks.back();
  Write(chunk.states, at, row.state);
  Write(chunk.channels, at, row.channels);
  Write(chunk.actions, at, row.action);
  Write(chunk.reward_terms, at, row.reward_terms);
  chunk.rewards[Within(at)] = row.reward;
  chunk.actors[Within(at)] = row.actor;
  chunk.events[Within(at)].store(row.events, std::memory_order_relaxed);
  view->rows = at + 1;
  return at;
}

void Timeline::AddEvent(TimelinePlace place, uint32_t event) {
  const BranchView* view = view_.Find(place.branch);
  if (view && view->Has(place.row)) view->AddEvent(place.row, event);
}

void Timeline::End(int branch, bool diverged) {
  if (BranchView* view = const_cast<BranchView*>(view_.Find(branch))) {
    view->ended = true;
    view->diverged = view->diverged || diverged;
  }
}

bool Timeline::Remove(int branch, int keep) {
  std::vector<int> gone = {branch};
  for (const BranchView& view : view_.branches) {  // parents come before their children
    if (std::find(gone.begin(), gone.end(), view.info->parent) != gone.end()) gone.push_back(view.info->id);
  }
  if (std::find(gone.begin(), gone.end(), keep) != gone.end()) return false;
  std::erase_if(view_.branches, [&](const BranchView& view) {
    if (std::find(gone.begin(), gone.end(), view.info->id) == gone.end()) return false;
    for (const auto& chunk : view.chunks) {
      if (chunk) view_.bytes -= chunk->bytes();
    }
    return true;
  });
  return true;
}

void Timeline::Clear() {
  view_.branches.clear();
  view_.bytes = 0;
  view_.dropped_rows = 0;
}

// What is farthest from the present goes first: whole branches that the present did not come from, the oldest
// first, then the beginning of what it did come from.
void Timeline::MakeRoom(int current) {
  std::vector<int> lineage;
  for (const BranchView* view : view_.Lineage(current)) lineage.push_back(view->info->id);
  const auto of_the_present = [&](int id) { return std::find(lineage.begin(), lineage.end(), id) != lineage.end(); };
  while (view_.bytes > view_.bytes_limit) {
    const auto other = std::find_if(view_.branches.begin(), view_.branches.end(),
                                    [&](const BranchView& view) { return !of_the_present(view.info->id); });
    if (other == view_.branches.end()) break;
    // Its children are not of the present either, or it would be.
    view_.dropped_rows += other->rows - other->first_row;
    Remove(other->info->id, current);
  }
  for (const int id : lineage) {
    BranchView& view = *const_cast<BranchView*>(view_.Find(id));
    for (size_t i = 0; i < view.chunks.size() && view_.bytes > view_.bytes_limit; ++i) {
      if (!view.chunks[i]) continue;
      if (id == current && i + 1 == view.chunks.size()) return;  // the block that is being written
      view_.bytes -= view.chunks[i]->bytes();
      view.chunks[i].reset();
      const int64_t first = std::min(view.rows, static_cast<int64_t>(i + 1) * kRows);
      view_.dropped_rows += first - view.first_row;
      view.first_row = first;
    }
  }
}

}  // namespace reverie
