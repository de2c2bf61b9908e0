#include "sim/mujoco_messages.h"

#include <mutex>

#include <mujoco/mujoco.h>

#include "sim/error.h"

namespace reverie {
namespace {

thread_local std::string* collector = nullptr;

void OnWarning(const char* message) {
  if (!collector) return;
  if (!collector->empty()) *collector += "; ";
  *collector += message;
}

// MuJoCo expects this not to return; unwinding through its C frames loses nothing but the arena of the mjData
// at hand, which its owner resets.
void OnError(const char* message) {
  throw SceneError(std::string("MuJoCo: ") + message);
}

}  // namespace

void InstallMujocoHandlers() {
  static std::once_flag once;
  std::call_once(once, [] {
    mju_user_warning = OnWarning;
    mju_user_error = OnError;
  });
}

MujocoMessages::MujocoMessages() : previous_(collector) {
  InstallMujocoHandlers();
  collector = &text_;
}

MujocoMessages::~MujocoMessages() {
  collector = previous_;
}

}  // namespace reverie
