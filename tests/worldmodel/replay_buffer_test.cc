// What is learned from stays in the order in which it was played, run by run, and within bounds.
#include "worldmodel/replay_buffer.h"

#include <cmath>

#include <doctest/doctest.h>

using namespace reverie;

namespace {

// Observations count up from `first`.
Episode Counting(int64_t steps, double first) {
  Episode episode;
  episode.steps = steps;
  for (int64_t t = 0; t <= steps; ++t) {
    episode.observations.push_back(first + static_cast<double>(t));
    if (t == steps) break;
    episode.actions.push_back(0.1 * static_cast<double>(t));
    episode.rewards.push_back(static_cast<double>(t));
  }
  return episode;
}

}  // namespace

TEST_CASE("replay buffer: the oldest runs are forgotten whole, and not before there is a tenth too much") {
  ReplayBuffer buffer(1, 1);
  for (int k = 0; k < 3; ++k) {
    buffer.Add(Counting(40, 100.0 * k));
    buffer.Forget(110);
  }
  CHECK(buffer.transitions() == 120);  // a tenth more is let be
  buffer.Add(Counting(10, 300.0));
  buffer.Forget(110);
  // Of 130 the first run goes, though 20 would do: sequences lie within runs.
  CHECK(buffer.transitions() == 90);
  CHECK(buffer.runs() == std::vector<int64_t>{0, 40, 80});
  CHECK(buffer.channels().front() == 100.0);
  CHECK(buffer.next_channels().front() == 101.0);
  CHECK(buffer.next_channels().back() == 310.0);
  CHECK(buffer.rewards()[80] == 0.0);
  CHECK(buffer.actions().size() == 90);
  CHECK(buffer.terminal().size() == 90);
}

TEST_CASE("replay buffer: the newest run stays however little is to be kept, and a gap parts runs") {
  ReplayBuffer buffer(1, 1);
  Episode gap = Counting(10, 0.0);
  gap.observations[4] = std::nan("");
  buffer.Add(gap);  // transitions 3 and 4 are left out
  CHECK(buffer.left_out() == 2);
  CHECK(buffer.runs() == std::vector<int64_t>{0, 3});
  buffer.Forget(1);
  CHECK(buffer.transitions() == 5);
  CHECK(buffer.channels().front() == 5.0);
  CHECK(buffer.runs() == std::vector<int64_t>{0});
  ReplayBuffer empty(1, 1);
  empty.Forget(1);
  CHECK(empty.transitions() == 0);
}
