// Work that goes on beside the session: learning, collecting, filming, opening a file. Each job has a thread,
// says how far it is, can be paused and cancelled, and keeps the message of the error that ended it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

namespace reverie {

struct JobStatus {
  std::string title;
  int64_t done = 0, total = 0;  // total 0: unknown
  std::string unit;             // "episodes", "env steps"
  std::string note;             // short, for people
  bool paused = false, finished = false, cancelled = false;
  std::string error;            // what ended it; empty: nothing did
  double wall_s = 0;
};

/// What a job's function sees of it; used on the job's thread alone.
class JobContext {
 public:
  virtual ~JobContext() = default;
  virtual std::stop_token stop() const = 0;
  virtual void Report(int64_t done, int64_t total, const std::string& note) = 0;
  /// Blocks while the job is paused. Returns false once it is cancelled.
  virtual bool GoOn() = 0;
};

class Job {
 public:
  /// Starts `work` on a thread of its own, `nice` steps less urgent than the window's. What `work` throws
  /// becomes the status' error.
  Job(std::string title, std::string unit, std::function<void(JobContext&)> work, int nice = 10);
  /// Cancels and waits for the end.
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  JobStatus status() const;
  void Pause(bool paused);
  /// Asks it to end; does not wait.
  void Cancel();

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
  std::jthread thread_;
};

/// Makes the calling thread less urgent, so that the window and the physics never wait for it.
void LowerThreadPriority(int nice);

}  // namespace reverie
