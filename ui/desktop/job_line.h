// A job as its own panel shows it: how far, how fast, how long still. Window's thread only.
#pragma once

#include <cstdint>
#include <string>

#include "agent/job.h"

namespace reverie::desktop {

/// "41 s", "3 min 05 s", "2 h 10 min"; "unknown" where it is negative or not finite.
std::string DurationText(double seconds);

/// A line in the colour of errors, wrapped, never read as a format.
void ProblemLine(const std::string& text);

/// How fast a job goes, in the mean since it began, pauses left out.
class JobRate {
 public:
  /// Each frame. @param first_done  what was done before it began, by a run that it goes on with.
  /// @param total  where the job itself does not say.
  void Update(const JobStatus& status, int64_t first_done, int64_t total);
  double per_s() const { return per_s_; }              // 0: not known yet
  double remaining_s() const { return remaining_s_; }  // negative: not known yet

 private:
  double active_s_ = 0, at_s_ = -1, per_s_ = 0, remaining_s_ = -1;
};

/// A bar "1200 of 12000 env steps" and under it rate, time left and the job's note.
void JobLines(const JobStatus& status, const JobRate& rate, int64_t total);

}  // namespace reverie::desktop
