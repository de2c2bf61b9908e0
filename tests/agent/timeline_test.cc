#include "agent/timeline.h"

#include <cmath>
#include <thread>

#include <doctest/doctest.h>

using namespace reverie;

namespace {

constexpr TimelineSizes kSizes = {.state = 3, .channels = 2, .action = 1, .reward_terms = 1};

// Row k of a branch holds numbers that say which row of which branch they are.
void AppendRows(Timeline& timeline, int branch, int64_t from, int64_t to) {
  for (int64_t k = from; k < to; ++k) {
    const double value = 1000.0 * branch + static_cast<double>(k);
    const double state[] = {value, value + 0.25, value + 0.5}, channels[] = {value, -value}, action[] = {0.5},
                 terms[] = {2 * value};
    CHECK(timeline.Append(branch, {.state = state, .channels = channels, .action = action, .reward_terms = terms,
                                   .reward = value, .events = 0, .actor = 2}) == k);
  }
}

int BeginBranch(Timeline& timeline, int parent, int64_t parent_row, int64_t first_step) {
  const double state[] = {0, 0, 0}, channels[] = {0, 0};
  BranchInfo info;
  info.parent = parent;
  info.parent_row = parent_row;
  info.first_step = first_step;
  return timeline.Begin(info, state, channels);
}

}  // namespace

TEST_CASE("every row of a timeline reads back as it was written") {
  Timeline timeline(kSizes, 0.02, int64_t{1} << 30);
  const int branch = BeginBranch(timeline, -1, 0, 0);
  AppendRows(timeline, branch, 1, 1000);
  const TimelineView view = timeline.view();
  const BranchView& rows = *view.Find(branch);
  REQUIRE(rows.rows == 1000);
  for (int64_t k = 1; k < 1000; ++k) {
    CHECK(rows.State(k)[2] == static_cast<double>(k) + 0.5);
    CHECK(rows.Channels(k)[1] == -static_cast<double>(k));
    CHECK(rows.Reward(k) == static_cast<double>(k));
    CHECK(rows.RewardTerms(k)[0] == 2.0 * static_cast<double>(k));
    CHECK(rows.ActorOf(k) == 2);
    CHECK(std::isnan(rows.Get(Judged::kSurprise, k)));
  }
}

TEST_CASE("a view taken earlier does not grow, and shares what is judged later") {
  Timeline timeline(kSizes, 0.02, int64_t{1} << 30);
  const int branch = BeginBranch(timeline, -1, 0, 0);
  AppendRows(timeline, branch, 1, 10);
  const TimelineView before = timeline.view();
  AppendRows(timeline, branch, 10, 700);
  CHECK(before.Find(branch)->rows == 10);
  CHECK_FALSE(before.Find(branch)->Has(10));
  timeline.view().Find(branch)->Set(Judged::kSurprise, 4, 1.5f);
  timeline.view().Find(branch)->AddEvent(4, kContactEvent);
  timeline.view().Find(branch)->AddEvent(4, kRewardEvent);
  CHECK(before.Find(branch)->Get(Judged::kSurprise, 4) == 1.5f);
  CHECK(before.Find(branch)->Events(4) == (kContactEvent | kRewardEvent));
}

TEST_CASE("steps since the reset are found along the way to a branch's end") {
  Timeline timeline(kSizes, 0.02, int64_t{1} << 30);
  const int root = BeginBranch(timeline, -1, 0, 0);
  AppendRows(timeline, root, 1, 301);
  const int child = BeginBranch(timeline, root, 100, 100);
  AppendRows(timeline, child, 1, 51);
  const TimelineView& view = timeline.view();
  CHECK(view.AtStep(child, 99) == TimelinePlace{root, 99});
  CHECK(view.AtStep(child, 100) == TimelinePlace{child, 0});
  CHECK(view.AtStep(child, 150) == TimelinePlace{child, 50});
  CHECK(view.AtStep(child, 151) == TimelinePlace{-1, -1});
  CHECK(view.AtStep(root, 151) == TimelinePlace{root, 151});
  CHECK(view.StepOf({child, 50}) == 150);
  REQUIRE(view.Lineage(child).size() == 2);
  CHECK(view.Lineage(child)[0]->info->id == root);
}

TEST_CASE("memory stays bounded: other branches go first, then the oldest rows, never the newest") {
  const int64_t block = TimelineChunk(kSizes).bytes();
  Timeline timeline(kSizes, 0.02, 4 * block);
  const int old = BeginBranch(timeline, -1, 0, 0);
  AppendRows(timeline, old, 1, 256);
  const int current = BeginBranch(timeline, -1, 0, 0);
  AppendRows(timeline, current, 1, 700);
  CHECK(timeline.view().Find(old) != nullptr);  // four blocks
  AppendRows(timeline, current, 700, 2000);
  CHECK(timeline.view().Find(old) == nullptr);
  CHECK(timeline.view().bytes <= 4 * block);
  const BranchView& view = *timeline.view().Find(current);
  CHECK(view.first_row == 4 * 256);  // 2000 rows are eight blocks, of which the last four are kept
  CHECK(view.State(1999)[0] == 1000.0 * current + 1999);
  CHECK(view.State(1024)[0] == 1000.0 * current + 1024);
  CHECK(timeline.view().dropped_rows == 256 + 1024);
}

TEST_CASE("a branch is removed with those that grew from it, but not the present one's ancestors") {
  Timeline timeline(kSizes, 0.02, int64_t{1} << 30);
  const int root = BeginBranch(timeline, -1, 0, 0);
  AppendRows(timeline, root, 1, 10);
  const int child = BeginBranch(timeline, root, 5, 5), grandchild = BeginBranch(timeline, child, 0, 5);
  const int sibling = BeginBranch(timeline, root, 7, 7);
  CHECK_FALSE(timeline.Remove(root, sibling));
  CHECK(timeline.Remove(child, sibling));
  CHECK(timeline.view().Find(grandchild) == nullptr);
  CHECK(timeline.view().Find(sibling) != nullptr);
  CHECK(timeline.view().bytes == 2 * TimelineChunk(kSizes).bytes());
}
