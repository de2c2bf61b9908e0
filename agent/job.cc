#include "agent/job.h"

#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

namespace reverie {
namespace {

using Clock = std::chrono::steady_clock;

std::string FirstLine(std::string_view text) {
  text = text.substr(0, text.find_first_of("\r\n"));
  return text.empty() ? "failed without saying why" : std::string(text);
}

}  // namespace

struct Job::Shared : JobContext {
  mutable std::mutex mutex;
  std::condition_variable_any resumed;
  JobStatus status;
  std::stop_token token;  // the job's thread alone
  Clock::time_point began = Clock::now();

  double Elapsed() const { return std::chrono::duration<double>(Clock::now() - began).count(); }

  std::stop_token stop() const override { return token; }
  void Report(int64_t done, int64_t total, const std::string& note) override {
    const std::lock_guard lock(mutex);
    status.done = done;
    status.total = total;
    status.note = note;
  }
  bool GoOn() override {
    std::unique_lock lock(mutex);
    resumed.wait(lock, token, [&] { return !status.paused; });
    return !token.stop_requested();
  }
};

Job::Job(std::string title, std::string unit, std::function<void(JobContext&)> work, int nice)
    : shared_(std::make_unique<Shared>()) {
  shared_->status.title = std::move(title);
  shared_->status.unit = std::move(unit);
  thread_ = std::jthread([&shared = *shared_, work = std::move(work), nice](std::stop_token stop) mutable {
    LowerThreadPriority(nice);
    shared.token = stop;
    std::string error;
    try {
      const std::function<void(JobContext&)> own = std::exchange(work, nullptr);  // freed with what it holds
      own(shared);
    } catch (const std::exception& thrown) {
      error = FirstLine(thrown.what());
    } catch (...) {
      error = FirstLine("");
    }
    // The allocator keeps what a thread freed for that thread, and this one ends.
    malloc_trim(0);
    const std::lock_guard lock(shared.mutex);
    shared.status.error = error;
    shared.status.cancelled = stop.stop_requested();
    shared.status.paused = false;
    shared.status.wall_s = shared.Elapsed();
    shared.status.finished = true;
  });
}

Job::~Job() {
  Cancel();
  thread_.join();
}

JobStatus Job::status() const {
  const std::lock_guard lock(shared_->mutex);
  JobStatus status = shared_->status;
  if (!status.finished) status.wall_s = shared_->Elapsed();
  return status;
}

void Job::Pause(bool paused) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->status.finished) return;
    shared_->status.paused = paused;
  }
  shared_->resumed.notify_all();
}

void Job::Cancel() { thread_.request_stop(); }

void LowerThreadPriority(int nice) {
  // On Linux this is a property of each thread, whatever POSIX says; new threads inherit it.
  const id_t thread = static_cast<id_t>(gettid());
  const int now = getpriority(PRIO_PROCESS, thread);
  if (nice > 0) setpriority(PRIO_PROCESS, thread, std::min(19, now + nice));
}

}  // namespace reverie
