// What the app remembers between runs: window, layout, theme, recent files. One JSON file, written whole.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace reverie::desktop {

struct Settings {
  int window_width = 0, window_height = 0;  // screen coordinates; 0: 1280 x 800 at the monitor's scale
  bool maximized = false;
  bool dark = true;
  double scale = 0;                       // of fonts and layout; 0: the monitor's
  std::map<std::string, double> splits;   // layout: splitter name to share, 0 to 1
  std::map<std::string, bool> hidden;     // panels that are closed, by title
  std::map<std::string, std::string> docks;  // where panels stand that were moved, by title: "left", "right"
  std::map<std::string, std::string> tabs;   // the panel in front, by dock
  std::vector<std::string> recent;        // newest first, at most 12
  bool reload_on_change = true;

  void AddRecent(const std::string& path);

  /// $XDG_CONFIG_HOME/reverie/settings.json, else ~/.config/...
  static std::filesystem::path DefaultFile();
  /// Defaults where there is no file; a broken one is put aside as <file>.broken and `problem` says so.
  static Settings Load(const std::filesystem::path& file, std::string& problem);
  /// @throws Error.
  void Save(const std::filesystem::path& file) const;
  bool operator==(const Settings&) const = default;
};

}  // namespace reverie::desktop
