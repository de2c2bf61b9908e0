// Everything a person can do, once: the menu, the shortcuts and the command palette (ctrl-P) all come from this
// list, and `--do ID` runs an action from the command line. Window's thread only.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace reverie::desktop {

struct App;

struct Shortcut {
  int key = 0;  // GLFW_KEY_*; 0: none
  bool ctrl = false, shift = false, alt = false;
  std::string Text() const;  // "Ctrl+P"
};

struct Action {
  std::string id;    // "time.play", stable
  std::string menu;  // "Time"; submenus with '/'
  std::string title; // "Play"
  Shortcut shortcut = {};
  std::function<void(App&)> run = {};
  std::function<bool(const App&)> enabled = {};  // empty: always
  std::function<bool(const App&)> checked = {};  // empty: not a switch
};

class ActionList {
 public:
  /// Order of adding is the order in menus. A second action of the same id or shortcut is a defect: asserted.
  void Add(Action action);
  const Action* Find(const std::string& id) const;
  const std::vector<Action>& all() const { return actions_; }
  /// Runs it if it is enabled. Returns false if there is none, or it is not.
  bool Run(const std::string& id, App& app) const;

  void DrawMenuBar(App& app);
  /// Runs the actions whose keys went down in this frame, unless text is being typed.
  void HandleShortcuts(App& app);
  void OpenPalette();
  void DrawPalette(App& app);

 private:
  std::vector<Action> actions_;
  bool palette_opening_ = false, palette_open_ = false;
  std::string palette_text_;
  int palette_chosen_ = 0;
};

}  // namespace reverie::desktop
