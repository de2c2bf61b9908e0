// What the middle of the window shows while nothing is open: the tasks there are, what was open before, how to
// start. Window's thread; tasks are read on a job's.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/job.h"
#include "agent/latest.h"

namespace reverie::desktop {

struct App;

class Welcome {
 public:
  void Draw(App& app);

  struct Task {
    std::string name, description;
  };
  /// Those found so far; asks for them the first time. Null: they are being read.
  std::shared_ptr<const std::vector<Task>> Tasks(App& app);

 private:
  void DrawTasks(App& app);
  void DrawStart(App& app);

  std::shared_ptr<Latest<std::vector<Task>>> tasks_;
  std::shared_ptr<Job> job_;
  std::string filter_;
};

}  // namespace reverie::desktop
