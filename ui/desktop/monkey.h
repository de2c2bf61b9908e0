// A hand that does anything a person could, at random but by its seed: clicks, drags, keys, text, commands, other
// tasks, going back in time. What a soak test runs. Window's thread only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/random.h"

namespace reverie::desktop {

struct App;

class Monkey {
 public:
  /// @param tasks  to switch between; at least one.
  Monkey(uint64_t seed, std::vector<std::string> tasks);

  /// Gives Dear ImGui its next input. To be called in each frame between the backend's new frame and ImGui's.
  void Act(App& app, double now_s);

  int64_t inputs() const { return inputs_; }
  int64_t actions() const { return actions_; }
  int64_t switches() const { return switches_; }

 private:
  void MoveMouse();
  void RunAction(App& app);
  void PressKey();

  Random random_;
  std::vector<std::string> tasks_;
  double next_switch_s_ = -1, next_action_s_ = 0, next_escape_s_ = 0;
  float mouse_x_ = 0, mouse_y_ = 0, goal_x_ = 0, goal_y_ = 0;
  bool button_[3] = {}, escape_ = false;
  int held_frames_ = 0, key_ = 0, key_frames_ = 0;
  int64_t inputs_ = 0, actions_ = 0, switches_ = 0;
};

}  // namespace reverie::desktop
