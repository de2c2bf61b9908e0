// The processors that all who work beside each other share out: planning, learning, collecting. Everyone gets one;
// beyond that, no more is handed out than there is. Any thread.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <utility>

namespace reverie {

class ThreadBudget : public std::enable_shared_from_this<ThreadBudget> {
 public:
  /// One of the processors is kept back for what must never wait: window, physics and the scene's pictures.
  /// @param processors  that there are; 0: as many as this process may use.
  static std::shared_ptr<ThreadBudget> Of(int processors = 0);

  /// Threads that somebody has; given back when it ends.
  class Share {
   public:
    Share() = default;
    Share(Share&& other) noexcept { *this = std::move(other); }
    Share& operator=(Share&& other) noexcept {
      std::swap(budget_, other.budget_);
      std::swap(threads_, other.threads_);
      std::swap(loan_, other.loan_);
      return *this;
    }
    ~Share() {
      if (budget_) budget_->GiveBack(*this);
    }
    int threads() const { return threads_; }

   private:
    friend class ThreadBudget;
    std::shared_ptr<ThreadBudget> budget_;
    int threads_ = 0;
    uint64_t loan_ = 0;  // 0: taken
  };

  /// For a job, as long as it goes on: what is free of `wanted` with one left for planning, at least 1. Waits for the
  /// loans that are out, no longer than a plan takes, or until `stop`.
  Share Take(int wanted, std::stop_token stop = {});
  /// For as long as a plan takes: what is free of `wanted`, at least 1. Never waits.
  Share Borrow(int wanted);

  /// To be shared out, those handed out included.
  int total() const { return total_; }
  int handed_out() const;

 private:
  explicit ThreadBudget(int processors);
  void GiveBack(const Share& share);

  const int total_;
  mutable std::mutex mutex_;
  std::condition_variable_any given_back_;
  int taken_ = 0, waiting_ = 0;    // guarded by mutex_, as the next two; those that Take waits with are in both
  std::map<uint64_t, int> loans_;  // threads of each
  uint64_t last_loan_ = 0;
};

}  // namespace reverie
