#include "ui/desktop/person_hand.h"

#include <algorithm>

#include <GLFW/glfw3.h>
#include <imgui.h>

namespace reverie::desktop {
namespace {

/// More than any model has; a wrong index must not fill the memory.
constexpr int kMost = 100000;

}  // namespace

PersonHand::Actuator& PersonHand::At(int u) {
  const auto index = static_cast<size_t>(std::clamp(u, 0, kMost));
  if (index >= actuators_.size()) actuators_.resize(index + 1);
  return actuators_[index];
}

void PersonHand::Hold(Source source, int u, double value) {
  Actuator& actuator = At(u);
  actuator.value = std::clamp(value, -1.0, 1.0);
  actuator.frames[source] = ImGui::GetFrameCount();
}

void PersonHand::Rest(int u, double value) { At(u).value = std::clamp(value, -1.0, 1.0); }

void PersonHand::LetGo() {
  for (Actuator& actuator : actuators_) actuator.frames.fill(-9);
}

bool PersonHand::Held(int u) const {
  if (u < 0 || static_cast<size_t>(u) >= actuators_.size()) return false;
  const int newest = std::ranges::max(actuators_[static_cast<size_t>(u)].frames);
  return newest >= ImGui::GetFrameCount() - 1;
}

double PersonHand::Value(int u) const {
  return u < 0 || static_cast<size_t>(u) >= actuators_.size() ? 0 : actuators_[static_cast<size_t>(u)].value;
}

void PersonHand::TakeKeys() { keys_taken_frame_ = ImGui::GetFrameCount(); }

bool PersonHand::Takes(int glfw_key) const {
  constexpr int kDriving[] = {GLFW_KEY_LEFT, GLFW_KEY_RIGHT, GLFW_KEY_UP, GLFW_KEY_DOWN,
                              GLFW_KEY_A,    GLFW_KEY_D,     GLFW_KEY_W,  GLFW_KEY_S};
  return keys_taken_frame_ >= ImGui::GetFrameCount() - 1 && std::ranges::find(kDriving, glfw_key) != std::end(kDriving);
}

void PersonHand::Send(const std::shared_ptr<Session>& session) {
  if (session != session_.lock()) {
    session_ = session;
    actuators_.clear();
    sent_action_.clear();
    sent_held_.clear();
  }
  if (!session || actuators_.empty()) return;
  const int nu = session->task().action_size();
  std::vector<double> action(static_cast<size_t>(nu));
  std::vector<bool> held(static_cast<size_t>(nu));
  for (int u = 0; u < nu; ++u) {
    action[static_cast<size_t>(u)] = Value(u);
    held[static_cast<size_t>(u)] = Held(u);
  }
  if (action == sent_action_ && held == sent_held_) return;
  sent_action_ = action;
  sent_held_ = held;
  session->SetPersonAction(std::move(action), std::move(held));
}

}  // namespace reverie::desktop
