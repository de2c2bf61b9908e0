// A person's hands on keyboard and gamepad: arrow keys and A D W S drive two actuators, a gamepad's axes the
// first ones, while the person is who acts. Window's thread only.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "ui/desktop/app.h"

namespace reverie::desktop {

struct GamepadReading {
  std::string name;
  std::array<float, 4> axes{};  // left stick x, y, right stick x, y; -1 to 1, up and right positive
};

/// Where gamepads come from; the null kind has none.
class Gamepads {
 public:
  virtual ~Gamepads() = default;
  virtual std::optional<GamepadReading> Read() { return std::nullopt; }
};

/// The first gamepad that GLFW knows the layout of.
std::unique_ptr<Gamepads> MakeGlfwGamepads();

/// Which keys drive what, short: "Left, Right (A, D): slider". Empty where the person does not act.
std::string KeyHelp(const App& app);
/// What the gamepad drives, or what to do to have one. Empty where the person does not act.
std::string GamepadHelp(const App& app);

class KeyboardControl {
 public:
  explicit KeyboardControl(std::unique_ptr<Gamepads> gamepads);

  /// Reads keys (where the view has the focus) and gamepad into app.hand.
  void Update(App& app, bool focused);
 private:
  std::unique_ptr<Gamepads> gamepads_;
  std::array<bool, 2> driven_{};           // by keys, in the frame before
  std::array<bool, 4> driven_by_axis_{};
};

}  // namespace reverie::desktop
