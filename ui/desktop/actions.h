// Everything a person can do, once: the menu, the shortcuts and the command palette (ctrl-P) all come from this
// list, and `--do ID` runs an action from the command line. Window's thread only.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
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
  std::string menu = {};  // "Time"; submenus with '/'; empty: only in the palette and by its keys
  std::string title; // "Play"
  Shortcut shortcut = {};
  std::function<void(App&)> run = {};
  std::function<bool(const App&)> enabled = {};  // empty: always
  std::function<bool(const App&)> checked = {};  // empty: not a switch
  std::string help = {};                         // a sentence for the tooltip; empty: the title says it all
  bool repeats = false;                          // again and again while its keys are held
  bool divider = false;                          // a line above it in its menu
  std::function<void(App&)> items = {};          // instead of `run`: draws what changes, such as recent files
};

class ActionList {
 public:
  /// Order of adding is the order in menus. A second action of an id is dropped, a second one with the keys of
  /// another loses them; both are defects, listed in conflicts() for a test to find.
  void Add(Action action);
  const Action* Find(const std::string& id) const;
  const std::vector<Action>& all() const { return actions_; }
  const std::vector<std::string>& conflicts() const { return conflicts_; }
  /// Runs it if it is enabled. Returns false if there is none, or it is not.
  bool Run(const std::string& id, App& app) const;

  /// The entries of the menu bar, between BeginMainMenuBar and EndMainMenuBar.
  void DrawMenus(App& app);
  /// Runs the actions whose keys went down in this frame, unless text is being typed.
  void HandleShortcuts(App& app);
  void OpenPalette();
  void DrawPalette(App& app);

 private:
  std::vector<Action> actions_;
  std::vector<std::string> conflicts_;
  bool palette_opening_ = false;
  std::string palette_text_;
  int palette_chosen_ = 0;
};

/// How well `pattern`'s letters, in their order, are found in `text`, case aside; higher is better, words' first
/// letters and neighbours count most. Empty: not all are there. An empty pattern fits everything equally.
std::optional<int> FuzzyScore(std::string_view pattern, std::string_view text);

}  // namespace reverie::desktop
