#include "ui/desktop/keyboard_control.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include <GLFW/glfw3.h>

namespace reverie::desktop {
namespace {

constexpr float kDeadZone = 0.15f;  // of an axis: sticks do not rest at 0
constexpr double kGentle = 0.4;     // with shift

struct KeyPair {
  int less, more, other_less, other_more;
  const char* names;
};
constexpr KeyPair kKeys[] = {
    {GLFW_KEY_LEFT, GLFW_KEY_RIGHT, GLFW_KEY_A, GLFW_KEY_D, "Left, Right (A, D)"},
    {GLFW_KEY_DOWN, GLFW_KEY_UP, GLFW_KEY_S, GLFW_KEY_W, "Down, Up (S, W)"},
};

bool PersonActs(const App& app) {
  return app.session && app.now && app.now->task && app.now->actor == Actor::kPerson &&
         app.now->task->action_size() > 0;
}

class GlfwGamepads : public Gamepads {
 public:
  std::optional<GamepadReading> Read() override {
    for (int id = GLFW_JOYSTICK_1; id <= GLFW_JOYSTICK_LAST; ++id) {
      GLFWgamepadstate state;
      if (!glfwJoystickIsGamepad(id) || !glfwGetGamepadState(id, &state)) continue;
      const char* name = glfwGetGamepadName(id);
      const float* axes = state.axes;
      return GamepadReading{name ? name : "gamepad",
                            {axes[GLFW_GAMEPAD_AXIS_LEFT_X], -axes[GLFW_GAMEPAD_AXIS_LEFT_Y],
                             axes[GLFW_GAMEPAD_AXIS_RIGHT_X], -axes[GLFW_GAMEPAD_AXIS_RIGHT_Y]}};
    }
    return std::nullopt;
  }
};

}  // namespace

std::unique_ptr<Gamepads> MakeGlfwGamepads() { return std::make_unique<GlfwGamepads>(); }

KeyboardControl::KeyboardControl(std::unique_ptr<Gamepads> gamepads) : gamepads_(std::move(gamepads)) {}

void KeyboardControl::Update(App& app, bool focused) {
  if (!PersonActs(app)) {
    driven_ = {};
    driven_by_axis_ = {};
    app.hand.gamepad.clear();
    return;
  }
  const int nu = app.now->task->action_size();
  const ImGuiIO& io = ImGui::GetIO();
  const bool listening = focused && !io.WantTextInput && !io.KeyCtrl && !io.KeyAlt && !io.KeySuper;
  if (listening) app.hand.TakeKeys();
  for (size_t i = 0; i < driven_.size(); ++i) {
    const int u = app.hand.key_actuators[i];
    if (u < 0 || u >= nu) continue;
    const KeyPair& keys = kKeys[i];
    const auto down = [&](int key, int other) { return ImGui::IsKeyDown(key) || ImGui::IsKeyDown(other); };
    const int direction =
        listening ? down(keys.more, keys.other_more) - down(keys.less, keys.other_less) : 0;
    if (direction != 0) {
      app.hand.Hold(PersonHand::kKeys, u, direction * (io.KeyShift ? kGentle : 1.0));
    } else if (driven_[i]) {
      app.hand.Rest(u, 0);
    }
    driven_[i] = direction != 0;
  }

  const std::optional<GamepadReading> gamepad = gamepads_->Read();
  app.hand.gamepad = gamepad ? gamepad->name : "";
  for (size_t i = 0; i < driven_by_axis_.size() && static_cast<int>(i) < nu; ++i) {
    const float axis = gamepad ? gamepad->axes[i] : 0;
    const bool moved = std::abs(axis) > kDeadZone;
    if (moved) {
      const double value = std::copysign((std::abs(axis) - kDeadZone) / (1 - kDeadZone), axis);
      app.hand.Hold(PersonHand::kGamepad, static_cast<int>(i), value);
    } else if (driven_by_axis_[i]) {
      app.hand.Rest(static_cast<int>(i), 0);
    }
    driven_by_axis_[i] = moved;
  }
}

std::string KeyHelp(const App& app) {
  if (!PersonActs(app)) return "";
  const std::vector<std::string> labels = app.now->task->ActionLabels();
  std::string help;
  for (size_t i = 0; i < std::size(kKeys); ++i) {
    const int u = app.hand.key_actuators[i];
    if (u < 0 || static_cast<size_t>(u) >= labels.size()) continue;
    if (!help.empty()) help += "   ";
    help += std::string(kKeys[i].names) + ": " + labels[static_cast<size_t>(u)];
  }
  return help;
}

std::string GamepadHelp(const App& app) {
  if (!PersonActs(app)) return "";
  if (app.hand.gamepad.empty()) return "No gamepad found. Plug one in: its sticks drive the first four actuators.";
  const std::vector<std::string> labels = app.now->task->ActionLabels();
  constexpr const char* kAxes[] = {"left stick x", "left stick y", "right stick x", "right stick y"};
  std::string help = app.hand.gamepad;
  for (size_t i = 0; i < std::min(labels.size(), std::size(kAxes)); ++i) {
    help += (i == 0 ? ": " : ", ") + std::string(kAxes[i]) + " " + labels[i];
  }
  return help;
}

}  // namespace reverie::desktop
