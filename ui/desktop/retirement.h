// Destroys, on a thread of its own, what takes long to end: sessions that wait for a plan under way, jobs that
// wait for a step of learning. So the window never does.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

namespace reverie::desktop {

class Retirement {
 public:
  Retirement() : thread_([this](std::stop_token stop) { Run(std::move(stop)); }) {}
  /// Waits for all that was taken.
  ~Retirement() {
    thread_.request_stop();
    thread_.join();
  }
  Retirement(const Retirement&) = delete;
  Retirement& operator=(const Retirement&) = delete;

  /// Any thread. Null is nothing.
  void Take(std::shared_ptr<void> what) {
    if (what == nullptr) return;
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(what));
    }
    wake_.notify_all();
  }
  bool Idle() const {
    const std::lock_guard lock(mutex_);
    return waiting_.empty() && !busy_;
  }

 private:
  void Run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, stop, [&] { return !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::vector<std::shared_ptr<void>> ending;
      ending.swap(waiting_);
      busy_ = true;
      lock.unlock();
      ending.clear();
      lock.lock();
      busy_ = false;
    }
  }

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::vector<std::shared_ptr<void>> waiting_;
  bool busy_ = false;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace reverie::desktop
