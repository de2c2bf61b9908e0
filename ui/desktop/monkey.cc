#include "ui/desktop/monkey.h"

#include <GLFW/glfw3.h>
#include <imgui.h>

#include <algorithm>
#include <array>

#include "ui/desktop/app.h"

namespace reverie::desktop {
namespace {

constexpr double kActionEveryS = 0.3, kSwitchEveryS = 20, kEscapeEveryS = 3;

// Ends the run, or what a person would have to answer outside of the window.
bool Excluded(const std::string& id) { return id == "file.quit" || id == "view.full_screen"; }

constexpr std::array kKeys = {GLFW_KEY_SPACE,  GLFW_KEY_LEFT, GLFW_KEY_RIGHT, GLFW_KEY_UP,     GLFW_KEY_DOWN,
                              GLFW_KEY_ENTER,  GLFW_KEY_TAB,  GLFW_KEY_COMMA, GLFW_KEY_PERIOD, GLFW_KEY_BACKSPACE,
                              GLFW_KEY_ESCAPE, GLFW_KEY_F,    GLFW_KEY_M,     GLFW_KEY_1,      GLFW_KEY_2,
                              GLFW_KEY_3,      GLFW_KEY_4,    GLFW_KEY_MINUS, GLFW_KEY_EQUAL,  GLFW_KEY_HOME,
                              GLFW_KEY_END,    GLFW_KEY_DELETE};

}  // namespace

Monkey::Monkey(uint64_t seed, std::vector<std::string> tasks) : random_(seed), tasks_(std::move(tasks)) {}

void Monkey::MoveMouse() {
  ImGuiIO& io = ImGui::GetIO();
  if (random_.Uniform() < 0.08) {
    goal_x_ = static_cast<float>(random_.Uniform(-5, io.DisplaySize.x + 5));
    goal_y_ = static_cast<float>(random_.Uniform(-5, io.DisplaySize.y + 5));
  }
  const float share = static_cast<float>(random_.Uniform(0.1, 0.7));
  mouse_x_ += (goal_x_ - mouse_x_) * share;
  mouse_y_ += (goal_y_ - mouse_y_) * share;
  io.MousePos = {mouse_x_, mouse_y_};
  bool any = false;
  for (bool button : button_) any = any || button;
  if (any && --held_frames_ <= 0) {
    std::fill(std::begin(button_), std::end(button_), false);
  } else if (!any && random_.Uniform() < 0.25) {
    const double which = random_.Uniform();
    button_[which < 0.75 ? 0 : which < 0.92 ? 1 : 2] = true;
    held_frames_ = random_.Uniform() < 0.6 ? 1 : static_cast<int>(random_.Uniform(2, 20));
    ++inputs_;
  }
  for (int i = 0; i < 3; ++i) io.MouseDown[i] = button_[i];
  if (random_.Uniform() < 0.05) {
    io.MouseWheel += static_cast<float>(random_.Uniform(-2, 2));
    ++inputs_;
  }
}

void Monkey::PressKey() {
  ImGuiIO& io = ImGui::GetIO();
  if (key_ != 0 && --key_frames_ <= 0) {
    io.KeysDown[key_] = false;
    io.KeyCtrl = io.KeyShift = false;
    key_ = 0;
    return;
  }
  if (key_ != 0 || random_.Uniform() > 0.06) return;
  key_ = kKeys[static_cast<size_t>(random_.Uniform(0, static_cast<double>(kKeys.size()) - 1e-9))];
  key_frames_ = static_cast<int>(random_.Uniform(1, 5));
  io.KeyCtrl = random_.Uniform() < 0.1;
  io.KeyShift = random_.Uniform() < 0.1;
  io.KeysDown[key_] = true;
  if (random_.Uniform() < 0.2) io.AddInputCharacter(static_cast<unsigned>(random_.Uniform(32, 127)));
  ++inputs_;
}

void Monkey::RunAction(App& app) {
  const std::vector<Action>& all = app.actions.all();
  const Action& action = all[static_cast<size_t>(random_.Uniform(0, static_cast<double>(all.size()) - 1e-9))];
  if (Excluded(action.id)) return;
  const std::string id = action.id;  // what it does may change the list
  if (app.actions.Run(id, app)) ++actions_;
}

void Monkey::Act(App& app, double now_s) {
  if (next_switch_s_ < 0) next_switch_s_ = now_s + kSwitchEveryS;
  if (app.files.open()) {  // it may write where a person's files are: looked at, and left
    ImGuiIO& io = ImGui::GetIO();
    std::fill(std::begin(io.KeysDown), std::end(io.KeysDown), false);
    std::fill(std::begin(io.MouseDown), std::end(io.MouseDown), false);
    std::fill(std::begin(button_), std::end(button_), false);
    key_ = 0;
    escape_ = !escape_;
    io.KeysDown[GLFW_KEY_ESCAPE] = escape_;
    return;
  }
  MoveMouse();
  PressKey();
  if (now_s >= next_action_s_) {
    next_action_s_ = now_s + random_.Uniform(0.2, 1.8) * kActionEveryS;
    RunAction(app);
  }
  if (now_s >= next_escape_s_) {  // dialogs do not hold it for ever
    next_escape_s_ = now_s + kEscapeEveryS;
    ImGui::GetIO().KeysDown[GLFW_KEY_ESCAPE] = true;
  } else if (key_ != GLFW_KEY_ESCAPE) {
    ImGui::GetIO().KeysDown[GLFW_KEY_ESCAPE] = false;
  }
  if (app.session && app.now && random_.Uniform() < 0.01) {
    const auto& branches = app.now->timeline.branches;
    const BranchView& branch = branches[static_cast<size_t>(random_.Uniform(0, static_cast<double>(branches.size()) - 1e-9))];
    app.GoTo({branch.info->id, static_cast<int64_t>(random_.Uniform(static_cast<double>(branch.first_row),
                                                                    static_cast<double>(branch.rows)))});
    if (random_.Uniform() < 0.7) app.session->Play();
  }
  if (now_s >= next_switch_s_ && !app.opening) {
    next_switch_s_ = now_s + random_.Uniform(0.5, 1.5) * kSwitchEveryS;
    app.Open(tasks_[static_cast<size_t>(random_.Uniform(0, static_cast<double>(tasks_.size()) - 1e-9))]);
    ++switches_;
  }
}

}  // namespace reverie::desktop
