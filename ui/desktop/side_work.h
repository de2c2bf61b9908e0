// Work beside the window, one piece at a time: reading folders, datasets, predicting. A newer piece cancels what
// runs and begins once that has ended; nothing here ever waits for a thread. What a piece finds out comes back as
// functions that run on the window's thread, unless a newer piece was asked for meanwhile.
// Window's thread only, but Post.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/job.h"

namespace reverie::desktop {

class SideWork {
 public:
  using Then = std::function<void()>;
  /// Hands a function to the window's thread; may be called any number of times, on the job's thread.
  using Post = std::function<void(Then)>;
  using Work = std::function<void(JobContext&, const Post&)>;

  /// @param unit  what its progress counts: "episodes".
  void Start(std::string unit, Work work) {
    ++generation_;
    if (job_) job_->Cancel();
    waiting_ = Waiting{std::move(unit), std::move(work)};
    error_.clear();
    Begin();
  }
  /// Drops what runs and what waits, and what they found out.
  void Cancel() {
    ++generation_;
    waiting_.reset();
    if (job_) job_->Cancel();
    error_.clear();
  }
  /// Runs what came back. Returns whether anything did, or the work ended.
  bool Update() {
    std::vector<std::pair<uint64_t, Then>> posted;
    {
      const std::lock_guard lock(mail_->mutex);
      posted.swap(mail_->posted);
    }
    bool news = !posted.empty();
    for (auto& [generation, then] : posted) {
      if (generation == generation_) then();
    }
    if (job_ && job_->status().finished) {
      // What was posted between the swap and the end comes first.
      const std::lock_guard lock(mail_->mutex);
      if (mail_->posted.empty()) {
        if (running_ == generation_) error_ = job_->status().error;
        job_.reset();
        news = true;
      }
    }
    Begin();
    return news;
  }
  bool busy() const { return job_ != nullptr || waiting_.has_value(); }
  /// Of what runs; empty where nothing does, or where it is no longer wanted.
  JobStatus status() const { return job_ && running_ == generation_ ? job_->status() : JobStatus{}; }
  /// What ended the last piece, one line; empty: nothing did.
  const std::string& error() const { return error_; }

 private:
  struct Waiting {
    std::string unit;
    Work work;
  };
  struct Mail {
    std::mutex mutex;
    std::vector<std::pair<uint64_t, Then>> posted;
  };

  void Begin() {
    if (!waiting_ || job_) return;
    running_ = generation_;
    const Post post = [mail = mail_, generation = generation_](Then then) {
      const std::lock_guard lock(mail->mutex);
      mail->posted.emplace_back(generation, std::move(then));
    };
    job_ = std::make_unique<Job>("", waiting_->unit,
                                 [work = std::move(waiting_->work), post](JobContext& job) { work(job, post); });
    waiting_.reset();
  }

  uint64_t generation_ = 0, running_ = 0;
  std::optional<Waiting> waiting_;
  std::string error_;
  std::shared_ptr<Mail> mail_ = std::make_shared<Mail>();
  std::unique_ptr<Job> job_;  // last: it ends before what it posts to
};

}  // namespace reverie::desktop
