// A panel: one part of the window, drawn each frame on the window's thread. It keeps only what it shows.
#pragma once

namespace reverie::desktop {

struct App;

class Panel {
 public:
  virtual ~Panel() = default;
  /// Its tab's title, unique and stable: layouts are remembered by it.
  virtual const char* title() const = 0;
  /// Draws into the current ImGui window or child, whose size may be anything from 1 pixel up.
  virtual void Draw(App& app) = 0;
  /// Called each frame even when the panel is hidden, before any is drawn.
  virtual void Update(App&) {}
  /// Registers its commands, once.
  virtual void AddActions(App&) {}
};

}  // namespace reverie::desktop
