// Turns MuJoCo's warnings and fatal errors, which by default go to a log file and end the process, into text
// and exceptions. Installed once per process by the first use; collects per thread.
#pragma once

#include <string>

namespace reverie {

/// While it lives, warnings that MuJoCo raises on this thread are collected in text() instead of being
/// dropped. A fatal MuJoCo error on any thread throws SceneError with MuJoCo's message.
class MujocoMessages {
 public:
  MujocoMessages();
  ~MujocoMessages();
  MujocoMessages(const MujocoMessages&) = delete;
  MujocoMessages& operator=(const MujocoMessages&) = delete;

  const std::string& text() const { return text_; }

 private:
  std::string text_;
  std::string* previous_;
};

/// Installs the handlers. Called by whatever loads a model.
void InstallMujocoHandlers();

}  // namespace reverie
