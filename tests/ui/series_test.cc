// Series along a lineage: what is drawn must be what happened on the way to the branch that is shown.
#include "ui/desktop/series.h"

#include <algorithm>

#include <doctest/doctest.h>

#include "tests/ui/snapshot_fixture.h"

using namespace reverie;
using namespace reverie::desktop;
using namespace reverie::desktop::snapshot_fixture;
using What = LineageSeries::What;

TEST_CASE("Series begin at the reset, where no step was made yet") {
  Story story;
  const int branch = story.Begin();
  story.Append(branch, 3);
  LineageSeries series;
  series.Follow(story.timeline.view(), branch);

  const Curve reward = series.All(What::kReward);
  REQUIRE(reward.x.size() == 4);
  CHECK(reward.x[3] == doctest::Approx(0.12));
  CHECK(std::isnan(reward.y[0]));
  CHECK(reward.y[1] == 1);
  CHECK(reward.y[3] == 3);
  const Curve so_far = series.All(What::kReturn);
  CHECK(so_far.y[0] == 0);
  CHECK(so_far.y[3] == 6);
  CHECK(series.All(What::kChannel, 2).y[0] == doctest::Approx(ChannelAt(0, 2)));
  CHECK(series.All(What::kRewardTerm, 1).y[2] == -2);
  CHECK(series.All(What::kAction).y[1] == doctest::Approx(0.5));
  CHECK(series.complete());
}

TEST_CASE("Across a fork the reward that led there is the parent's and the state the child's") {
  Story story;
  const int parent = story.Begin();
  story.Append(parent, 10);
  const int child = story.Begin(parent, 4, 100, true);  // edited: channels 100 higher from row 0 on
  story.Append(child, 3);

  LineageSeries series;
  series.Follow(story.timeline.view(), child);
  const Curve reward = series.All(What::kReward);
  REQUIRE(reward.y.size() == 8);
  CHECK(reward.y[4] == 4);  // the parent's step to the fork
  CHECK(reward.y[5] == 105);
  const Curve channel = series.All(What::kChannel, 0);
  CHECK(channel.y[3] == doctest::Approx(ChannelAt(3, 0)));
  CHECK(channel.y[4] == doctest::Approx(ChannelAt(4, 0, 100)));
  CHECK(series.All(What::kReturn).y[7] == 1 + 2 + 3 + 4 + 105 + 106 + 107);

  // Back to the parent and there again: what is not shared is read anew.
  series.Follow(story.timeline.view(), parent);
  CHECK(series.All(What::kReward).y.size() == 11);
  CHECK(series.All(What::kReward).y[5] == 5);
  CHECK(series.All(What::kReturn).y[10] == 55);
  CHECK(series.All(What::kChannel, 0).y[4] == doctest::Approx(ChannelAt(4, 0)));
  series.Follow(story.timeline.view(), child);
  CHECK(series.All(What::kReward).y[7] == 107);
  CHECK(series.All(What::kReturn).y[7] == 1 + 2 + 3 + 4 + 105 + 106 + 107);
}

TEST_CASE("What is judged late arrives in series that were read before") {
  Story story;
  const int branch = story.Begin();
  story.Append(branch, 3000);
  LineageSeries series;
  const auto follow = [&] {
    series.Follow(story.timeline.view(), branch);
    return series.Get(Judged::kSurprise);
  };
  CHECK(std::isnan(follow().y[2990]));
  story.timeline.view().branches[0].Set(Judged::kSurprise, 2990, 2.5f);
  story.timeline.view().branches[0].Set(Judged::kSurprise, 7, 1.5f);
  CHECK(follow().y[2990] == 2.5f);
  for (int i = 0; i < 5; ++i) follow();
  CHECK(follow().y[7] == 1.5f);
}

TEST_CASE("A plan's return at a fork is that of the plan made there, a surprise that of the step that led there") {
  Story story;
  const int parent = story.Begin();
  story.Append(parent, 5);
  const int child = story.Begin(parent, 5);
  story.Append(child, 1);
  const TimelineView& view = story.timeline.view();
  view.Find(parent)->Set(Judged::kSurprise, 5, 1);
  view.Find(parent)->Set(Judged::kPlannedReturn, 5, 10);
  view.Find(child)->Set(Judged::kPlannedReturn, 0, 20);
  LineageSeries series;
  series.Follow(view, child);
  CHECK(series.Get(Judged::kSurprise).y[5] == 1);
  CHECK(series.Get(Judged::kPlannedReturn).y[5] == 20);
}

TEST_CASE("Of very many points the extremes are kept, and what is judged late still comes through") {
  Story story;
  const int branch = story.Begin();
  story.Append(branch, 100'000);
  LineageSeries series;
  const auto surprise = [&] {
    series.Follow(story.timeline.view(), branch);
    return series.Between(0, 1e9, What::kJudged, static_cast<int>(Judged::kSurprise));
  };
  for (int64_t row = 1; row <= 100'000; ++row) story.timeline.view().branches[0].Set(Judged::kSurprise, row, 0);
  story.timeline.view().branches[0].Set(Judged::kSurprise, 12'345, 9);
  const Curve curve = surprise();
  CHECK(curve.x.size() <= 5000);
  const auto highest = std::max_element(curve.y.begin(), curve.y.end());
  CHECK(*highest == 9);
  CHECK(curve.x[static_cast<size_t>(highest - curve.y.begin())] == doctest::Approx(12'345 * 0.04));
  story.timeline.view().branches[0].Set(Judged::kSurprise, 99'999, -4);
  const Curve later = surprise();
  CHECK(*std::min_element(later.y.begin(), later.y.end()) == -4);
}

TEST_CASE("Rows that were dropped are not drawn, and returns are known to be incomplete") {
  Story story({}, 0.04, 200'000);  // some thousands of rows
  const int branch = story.Begin();
  LineageSeries series;
  for (int i = 0; i < 40; ++i) {
    story.Append(branch, 500);
    series.Follow(story.timeline.view(), branch);
    const Curve reward = series.All(What::kReward);
    const BranchView& view = story.timeline.view().branches[0];
    REQUIRE(static_cast<int64_t>(reward.y.size()) == view.rows - view.first_row);
    CHECK(reward.y.back() == static_cast<float>(view.rows - 1));
    CHECK(reward.x.front() == doctest::Approx(0.04 * static_cast<double>(view.first_row)));
  }
  REQUIRE(story.timeline.view().branches[0].first_row > 0);
  CHECK_FALSE(series.complete());
  LineageSeries late;
  late.Follow(story.timeline.view(), branch);
  CHECK(late.All(What::kReward).y.size() == series.All(What::kReward).y.size());
}

TEST_CASE("Another timeline with the same branch numbers is not mistaken for the last one") {
  Story first, second;
  const int a = first.Begin();
  first.Append(a, 20);
  const int b = second.Begin(-1, 0, 7);
  second.Append(b, 30);
  REQUIRE(a == b);
  LineageSeries series;
  series.Follow(first.timeline.view(), a);
  CHECK(series.All(What::kReward).y[5] == 5);
  series.Follow(second.timeline.view(), b);
  CHECK(series.All(What::kReward).y[5] == 12);
}

TEST_CASE("Series of nothing are empty, of unknown channels unknown") {
  LineageSeries series;
  CHECK(series.All(What::kReward).x.empty());
  series.Follow(TimelineView{}, 0);
  CHECK(series.empty());
  CHECK(series.All(What::kChannel, 3).x.empty());
  Story story;
  const int branch = story.Begin();
  story.Append(branch, 2);
  series.Follow(story.timeline.view(), branch);
  CHECK(std::isnan(series.All(What::kChannel, 99).y[1]));
  CHECK(std::isnan(series.All(What::kChannel, -1).y[1]));
  CHECK(series.Between(0.04, 0.08, What::kReward).y.size() == 2);
  CHECK(series.Between(5, 6, What::kReward).y.empty());
}

TEST_CASE("A time along a lineage is found at the nearest step, on the branch that has it") {
  Story story;
  const int parent = story.Begin();
  story.Append(parent, 10);
  const int child = story.Begin(parent, 4);
  story.Append(child, 6);
  const TimelineView& view = story.timeline.view();
  CHECK(PlaceAtTime(view, child, 0.12) == TimelinePlace{parent, 3});
  CHECK(PlaceAtTime(view, child, 0.319) == TimelinePlace{child, 4});  // step 8
  CHECK(PlaceAtTime(view, parent, 0.319) == TimelinePlace{parent, 8});
  CHECK(PlaceAtTime(view, child, -3) == TimelinePlace{parent, 0});
  CHECK(PlaceAtTime(view, child, 1e30) == TimelinePlace{child, 6});
  CHECK(PlaceAtTime(view, child, kNaN).branch == -1);
  CHECK(PlaceAtTime(view, 17, 0.1).branch == -1);

  CHECK(OnLineage(view, child, {parent, 4}));
  CHECK_FALSE(OnLineage(view, child, {parent, 5}));
  CHECK(OnLineage(view, child, {child, 6}));
  CHECK_FALSE(OnLineage(view, parent, {child, 1}));
  CHECK(TimeOf(view, {child, 2}) == doctest::Approx(0.24));
  CHECK(std::isnan(TimeOf(view, {17, 2})));
}
