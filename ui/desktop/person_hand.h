// What a person does to the actuators, from wherever it comes: sliders, keys, gamepad. Each says in every frame
// what it holds; what is no longer said is let go. Window's thread only, within ImGui frames.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "agent/session.h"

namespace reverie::desktop {

class PersonHand {
 public:
  enum Source { kSlider, kKeys, kGamepad, kSources };

  /// Holds actuator `u` at `value` (normalised, -1 to 1) for this frame and the next.
  void Hold(Source source, int u, double value);
  /// Sets what it is when the person acts and nothing holds it.
  void Rest(int u, double value);
  /// Nothing is held any more, whoever said so. For when no frames are drawn in which it would not be said again.
  void LetGo();
  /// Tells the session what changed since the last time. Forgets everything where the session is another one.
  void Send(const std::shared_ptr<Session>& session);

  bool Held(int u) const;
  /// Last held or rested at; 0 where never.
  double Value(int u) const;

  std::string gamepad;  // in use; empty: none found
  // Which actuators keys drive: left and right, down and up. -1: none.
  std::array<int, 2> key_actuators = {0, 1};
  /// Arrow keys and A D W S belong to the actuators for this frame and the next, not to shortcuts.
  void TakeKeys();
  bool Takes(int glfw_key) const;

 private:
  struct Actuator {
    double value = 0;
    std::array<int, kSources> frames = {-9, -9, -9};  // when each source last said that it holds
  };
  Actuator& At(int u);
  std::vector<Actuator> actuators_;
  int keys_taken_frame_ = -9;
  std::vector<double> sent_action_;
  std::vector<bool> sent_held_;
  std::weak_ptr<Session> session_;
};

}  // namespace reverie::desktop
