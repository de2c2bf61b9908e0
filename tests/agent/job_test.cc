#include "agent/job.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace reverie {
namespace {

using namespace std::chrono_literals;

// Waits for what must come; the test's own time limit ends a wait in vain.
template <class Condition>
void Until(Condition&& condition) {
  while (!condition()) std::this_thread::sleep_for(1ms);
}

void Finish(const Job& job) {
  Until([&] { return job.status().finished; });
}

TEST_CASE("a job says how far it is and ends by itself") {
  std::atomic<bool> reported = false, seen = false;
  Job job("Collecting cheetah-run", "episodes", [&](JobContext& context) {
    context.Report(3, 12, "return 41");
    reported = true;
    Until([&] { return seen.load(); });
    context.Report(12, 12, "");
  });
  Until([&] { return reported.load(); });
  const JobStatus half = job.status();
  CHECK(half.title == "Collecting cheetah-run");
  CHECK(half.unit == "episodes");
  CHECK(half.done == 3);
  CHECK(half.total == 12);
  CHECK(half.note == "return 41");
  CHECK_FALSE(half.finished);
  CHECK(half.wall_s >= 0.0);
  seen = true;
  Finish(job);
  const JobStatus end = job.status();
  CHECK(end.done == 12);
  CHECK(end.note.empty());
  CHECK_FALSE(end.cancelled);
  CHECK_FALSE(end.paused);
  CHECK(end.error.empty());
  CHECK(end.wall_s >= half.wall_s);
  std::this_thread::sleep_for(2ms);
  CHECK(job.status().wall_s == end.wall_s);
}

TEST_CASE("a paused job stands still until it goes on") {
  std::atomic<int64_t> rounds = 0;
  Job job("Learning", "env steps", [&](JobContext& context) {
    while (context.GoOn()) ++rounds;
  });
  Until([&] { return rounds > 100; });
  job.Pause(true);
  CHECK(job.status().paused);
  // What was under way may still end; after that nothing moves.
  int64_t still = -1;
  Until([&] {
    const int64_t before = rounds;
    std::this_thread::sleep_for(20ms);
    still = rounds;
    return before == still;
  });
  std::this_thread::sleep_for(50ms);
  CHECK(rounds == still);
  CHECK_FALSE(job.status().finished);
  job.Pause(false);
  CHECK_FALSE(job.status().paused);
  Until([&] { return rounds > still; });
}

TEST_CASE("cancelling ends a job, paused or not") {
  for (const bool paused : {false, true}) {
    std::atomic<bool> told_false = false;
    Job job("Filming", "frames", [&](JobContext& context) {
      while (context.GoOn()) {
      }
      told_false = true;
      CHECK(context.stop().stop_requested());
      CHECK_FALSE(context.GoOn());
    });
    job.Pause(paused);
    job.Cancel();
    Finish(job);
    CHECK(told_false);
    CHECK(job.status().cancelled);
    CHECK_FALSE(job.status().paused);
    CHECK(job.status().error.empty());
    job.Pause(true);  // too late to mean anything
    CHECK_FALSE(job.status().paused);
  }
}

TEST_CASE("a job that ended before it was cancelled was not cancelled") {
  Job job("Opening", "", [](JobContext&) {});
  Finish(job);
  job.Cancel();
  CHECK_FALSE(job.status().cancelled);
}

TEST_CASE("destroying a job cancels it and waits for its end") {
  std::atomic<bool> ended = false;
  {
    std::atomic<bool> started = false;
    Job job("Learning", "env steps", [&](JobContext& context) {
      started = true;
      while (context.GoOn()) {
      }
      std::this_thread::sleep_for(5ms);
      ended = true;
    });
    job.Pause(true);
    Until([&] { return started.load(); });
  }
  CHECK(ended);
}

TEST_CASE("what ended a job is kept, in one line") {
  Job several("Saving", "", [](JobContext&) {
    throw std::runtime_error("dataset out/a: no space left\nframe #0: somewhere\n");
  });
  Job silent("Saving", "", [](JobContext&) { throw std::runtime_error(""); });
  Job odd("Saving", "", [](JobContext&) { throw 7; });
  Finish(several);
  Finish(silent);
  Finish(odd);
  CHECK(several.status().error == "dataset out/a: no space left");
  CHECK_FALSE(several.status().cancelled);
  CHECK_FALSE(silent.status().error.empty());
  CHECK_FALSE(odd.status().error.empty());
}

TEST_CASE("any number of threads may watch, pause and cancel a job") {
  Job job("Learning", "env steps", [](JobContext& context) {
    for (int64_t i = 0; context.GoOn(); ++i) context.Report(i, 0, "step " + std::to_string(i));
  });
  std::atomic<bool> torn = false;
  {
    std::vector<std::jthread> watchers;
    for (int w = 0; w < 3; ++w) {
      watchers.emplace_back([&, w] {
        for (int i = 0; i < 500; ++i) {
          const JobStatus status = job.status();
          if (!status.note.empty() && status.note != "step " + std::to_string(status.done)) torn = true;
          if (w == 0) job.Pause(i % 2 == 0);
        }
        if (w == 1) job.Cancel();
      });
    }
  }
  Finish(job);
  CHECK_FALSE(torn);
  CHECK(job.status().cancelled);
}

TEST_CASE("a job's thread is less urgent than the one that started it") {
  const int ours = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid()));
  std::atomic<int> theirs = -100;
  Job job("Learning", "", [&](JobContext&) { theirs = getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())); }, 5);
  Finish(job);
  CHECK(theirs == std::min(19, ours + 5));
  CHECK(getpriority(PRIO_PROCESS, static_cast<id_t>(gettid())) == ours);
}

}  // namespace
}  // namespace reverie
