// Steps that are carried out one after the other without a hand, as --do gives them. Window's thread.
#pragma once

#include <string>
#include <vector>

#include "agent/timeline.h"

namespace reverie::desktop {

struct App;

class Script {
 public:
  /// @throws Error naming the first step that is none, with near ones; `app` has its actions.
  Script(const App& app, const std::vector<std::string>& steps);

  /// Goes on as far as it can now. @param now_s  a clock's time.
  void Advance(App& app, double now_s);
  bool finished() const { return next_ >= steps_.size(); }
  /// What could not be done, one line; the rest is then left undone. Empty: all well.
  const std::string& failure() const { return failure_; }
  /// Whether it waits for time to pass or steps to be made.
  bool waiting() const { return since_s_ >= 0; }

  /// One line for each form that a step can have.
  static const char* Help();

 private:
  bool Do(App& app, const std::string& step, double now_s);  // false: not yet
  std::vector<std::string> steps_;
  size_t next_ = 0;
  double since_s_ = -1;  // when the step under way began to wait
  TimelinePlace waited_at_;
  double waited_s_ = -1;  // when it came to that place
  std::string failure_;
};

}  // namespace reverie::desktop
