// Changes to what is imagined, on their way to the session: between a command and the snapshot that shows it,
// controls keep what the person chose, and two changes in a row do not undo each other. Window's thread only.
#pragma once

#include <functional>
#include <optional>

#include "agent/session.h"

namespace reverie::desktop {

struct App;

class ImaginationEditor {
 public:
  /// As last chosen here, until a snapshot has it; else the snapshot's.
  ImaginationOptions Current(const App& app);
  /// Sends the options with a change. Does nothing without a session.
  void Change(App& app, const std::function<void(ImaginationOptions&)>& change);

 private:
  std::optional<ImaginationOptions> sent_;
  double sent_at_s_ = 0;
  const Session* session_ = nullptr;
};

}  // namespace reverie::desktop
