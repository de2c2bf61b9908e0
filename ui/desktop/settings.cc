#include "ui/desktop/settings.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <system_error>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr size_t kRecent = 12;

// A key that is missing, or holds something else than it should, leaves the default.
void Read(const json& from, const char* key, bool& value) {
  if (from.contains(key) && from[key].is_boolean()) value = from[key];
}
void Read(const json& from, const char* key, int& value, int low, int high) {
  if (!from.contains(key) || !from[key].is_number()) return;
  const double number = from[key];
  if (std::isfinite(number)) value = static_cast<int>(std::clamp<double>(number, low, high));
}
void Read(const json& from, const char* key, double& value, double low, double high) {
  if (!from.contains(key) || !from[key].is_number()) return;
  const double number = from[key];
  if (std::isfinite(number)) value = std::clamp(number, low, high);
}
template <class T, class Accept>
void Read(const json& from, const char* key, std::map<std::string, T>& values, Accept&& accept) {
  if (!from.contains(key) || !from[key].is_object()) return;
  for (const auto& [name, value] : from[key].items()) {
    if (accept(value)) values[name] = value.template get<T>();
  }
}

bool IsShare(const json& value) {
  return value.is_number() && value.get<double>() >= 0 && value.get<double>() <= 1;
}

}  // namespace

void Settings::AddRecent(const std::string& path) {
  std::erase(recent, path);
  recent.insert(recent.begin(), path);
  if (recent.size() > kRecent) recent.resize(kRecent);
}

fs::path Settings::DefaultFile() {
  const auto variable = [](const char* name) -> fs::path {
    const char* value = std::getenv(name);
    return value != nullptr ? value : "";
  };
  const fs::path config = variable("XDG_CONFIG_HOME"), home = variable("HOME");
  // The specification tells to ignore a relative one.
  if (config.is_absolute()) return config / "reverie" / "settings.json";
  if (home.is_absolute()) return home / ".config" / "reverie" / "settings.json";
  return {};
}

Settings Settings::Load(const fs::path& file, std::string& problem) {
  problem.clear();
  Settings settings;
  std::error_code error;
  if (file.empty() || !fs::exists(file, error)) return settings;
  const auto put_aside = [&](const std::string& why) {
    fs::path aside = file;
    aside += ".broken";
    fs::rename(file, aside, error);
    problem = "settings " + file.string() + ": " + why + "; the defaults are used" +
              (error ? "" : ", and the file is kept as " + aside.filename().string());
  };
  std::string text;
  try {
    text = ReadFile(file);
  } catch (const Error& unreadable) {
    problem = std::string(unreadable.what()) + "; the default settings are used";
    return settings;
  }
  const json from = json::parse(text, nullptr, false);
  if (!from.is_object()) {
    put_aside("not a JSON object");
    return settings;
  }
  Read(from, "window_width", settings.window_width, 0, 32768);
  Read(from, "window_height", settings.window_height, 0, 32768);
  Read(from, "maximized", settings.maximized);
  Read(from, "dark", settings.dark);
  Read(from, "scale", settings.scale, 0, 8);
  Read(from, "splits", settings.splits, IsShare);
  Read(from, "hidden", settings.hidden, [](const json& value) { return value.is_boolean(); });
  const auto is_text = [](const json& value) { return value.is_string(); };
  Read(from, "docks", settings.docks, is_text);
  Read(from, "tabs", settings.tabs, is_text);
  Read(from, "reload_on_change", settings.reload_on_change);
  if (from.contains("recent") && from["recent"].is_array()) {
    for (const json& path : from["recent"]) {
      if (path.is_string() && settings.recent.size() < kRecent) settings.recent.push_back(path);
    }
  }
  return settings;
}

void Settings::Save(const fs::path& file) const {
  if (file.empty()) return;
  json to = {{"window_width", window_width},
             {"window_height", window_height},
             {"maximized", maximized},
             {"dark", dark},
             {"scale", scale},
             {"splits", splits},
             {"hidden", hidden},
             {"docks", docks},
             {"tabs", tabs},
             {"reload_on_change", reload_on_change}};
  to["recent"] = json::array();
  for (const std::string& path : recent) {
    const json entry = path;
    // JSON is UTF-8; a name that is not could not be found again by what would be kept of it.
    try {
      (void)entry.dump();
    } catch (const json::exception&) {
      continue;
    }
    to["recent"].push_back(entry);
  }
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) throw Error("settings " + file.string() + ": cannot make its folder: " + error.message());
  WriteFileAtomically(file, to.dump(2) + "\n");
}

}  // namespace reverie::desktop
