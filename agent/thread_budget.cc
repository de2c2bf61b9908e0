#include "agent/thread_budget.h"

#include <algorithm>

#include "worldmodel/simulator_model.h"

namespace reverie {
namespace {

int Sum(const std::map<uint64_t, int>& loans) {
  int sum = 0;
  for (const auto& [loan, threads] : loans) sum += threads;
  return sum;
}

}  // namespace

ThreadBudget::ThreadBudget(int processors) : total_(std::max(1, processors - 1)) {}

std::shared_ptr<ThreadBudget> ThreadBudget::Of(int processors) {
  return std::shared_ptr<ThreadBudget>(new ThreadBudget(processors > 0 ? processors : AvailableThreads()));
}

ThreadBudget::Share ThreadBudget::Take(int wanted, std::stop_token stop) {
  Share share;
  std::unique_lock lock(mutex_);
  share.threads_ = std::max(1, std::min(wanted, total_ - taken_ - 1));
  share.budget_ = shared_from_this();
  taken_ += share.threads_;  // whoever borrows from now on leaves them alone
  waiting_ += share.threads_;
  const uint64_t before = last_loan_;
  given_back_.wait(lock, stop, [&] { return loans_.empty() || loans_.begin()->first > before; });
  waiting_ -= share.threads_;
  return share;
}

ThreadBudget::Share ThreadBudget::Borrow(int wanted) {
  Share share;
  const std::lock_guard lock(mutex_);
  share.threads_ = std::max(1, std::min(wanted, total_ - taken_ - Sum(loans_)));
  share.budget_ = shared_from_this();
  share.loan_ = ++last_loan_;
  loans_[share.loan_] = share.threads_;
  return share;
}

void ThreadBudget::GiveBack(const Share& share) {
  {
    const std::lock_guard lock(mutex_);
    if (share.loan_ == 0) {
      taken_ -= share.threads_;
    } else {
      loans_.erase(share.loan_);
    }
  }
  given_back_.notify_all();
}

int ThreadBudget::handed_out() const {
  const std::lock_guard lock(mutex_);
  return taken_ - waiting_ + Sum(loans_);
}

}  // namespace reverie
