// Sharing out processors: whoever comes gets one, and beyond that never more than there are.
#include "agent/thread_budget.h"

#include <sched.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "sim/random.h"

using namespace reverie;

TEST_CASE("thread budget: one processor is kept back, a job leaves one for planning, a plan takes the rest") {
  const auto budget = ThreadBudget::Of(8);
  CHECK(budget->total() == 7);
  CHECK(budget->Borrow(100).threads() == 7);
  CHECK(budget->handed_out() == 0);
  ThreadBudget::Share learning = budget->Take(2);
  CHECK(learning.threads() == 2);
  CHECK(budget->Borrow(100).threads() == 5);
  const ThreadBudget::Share collecting = budget->Take(100);
  CHECK(collecting.threads() == 4);
  const ThreadBudget::Share plan = budget->Borrow(100);
  CHECK(plan.threads() == 1);
  CHECK(budget->handed_out() == 7);
  learning = {};
  CHECK(budget->handed_out() == 5);
  CHECK(budget->Borrow(2).threads() == 2);
}

TEST_CASE("thread budget: on a single processor everyone still gets one") {
  const auto budget = ThreadBudget::Of(1);
  CHECK(budget->total() == 1);
  const ThreadBudget::Share learning = budget->Take(4), collecting = budget->Take(4), plan = budget->Borrow(4);
  CHECK(learning.threads() == 1);
  CHECK(collecting.threads() == 1);
  CHECK(plan.threads() == 1);
}

TEST_CASE("thread budget: a job waits for the plan under way, whose threads are its own, and for no later one") {
  const auto budget = ThreadBudget::Of(6);
  auto plan = std::make_unique<ThreadBudget::Share>(budget->Borrow(3));
  REQUIRE(plan->threads() == 3);
  std::atomic<int> got = 0;
  std::jthread job([&] { got = budget->Take(3).threads(); });
  // What the job will have is no longer lent, while it is not handed out yet.
  while (budget->Borrow(4).threads() != 1) std::this_thread::yield();
  CHECK(got == 0);
  CHECK(budget->handed_out() == 3);
  const ThreadBudget::Share later = budget->Borrow(4);
  plan.reset();
  job.join();
  CHECK(got == 3);
}

TEST_CASE("thread budget: a job that is cancelled waits no longer") {
  const auto budget = ThreadBudget::Of(4);
  const ThreadBudget::Share plan = budget->Borrow(3);
  std::stop_source stop;
  std::jthread job([&] { budget->Take(2, stop.get_token()); });
  stop.request_stop();
  job.join();
  CHECK(budget->handed_out() == 3);
}

TEST_CASE("thread budget: whoever comes and goes, no more is handed out than there is beyond one for each") {
  constexpr int kUsers = 6;
  const auto budget = ThreadBudget::Of(9);
  std::atomic<int> beyond_one = 0, most = 0;
  std::vector<std::jthread> users;
  for (int user = 0; user < kUsers; ++user) {
    users.emplace_back([&, user] {
      for (uint64_t round = 0; round < 2000; ++round) {
        const int wanted = 1 + static_cast<int>(HashSeed(static_cast<uint64_t>(user), round) % 10);
        const ThreadBudget::Share share = user % 2 == 0 ? budget->Borrow(wanted) : budget->Take(wanted);
        CHECK(share.threads() >= 1);
        CHECK(share.threads() <= wanted);
        const int now = beyond_one += share.threads() - 1;
        int before = most;
        while (now > before && !most.compare_exchange_weak(before, now)) {}
        beyond_one -= share.threads() - 1;
      }
    });
  }
  users.clear();
  CHECK(budget->handed_out() == 0);
  CHECK(most <= budget->total() - 1);
  CHECK(most > 0);
}

TEST_CASE("thread budget: a process kept to one processor shares out one") {
  int total = 0, lent = 0;
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof(one), &one) != 0) return;
    total = ThreadBudget::Of()->total();
    lent = ThreadBudget::Of()->Borrow(100).threads();
  }).join();
  CHECK(total == 1);
  CHECK(lent == 1);
}
