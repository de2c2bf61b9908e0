#include "ui/desktop/settings.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "sim/error.h"
#include "tests/sim/task_fixture.h"

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;

using Folder = task_fixture::TemporaryFolder;

using task_fixture::Write;

std::string Read(const fs::path& file) {
  std::ifstream stream(file);
  return {std::istreambuf_iterator<char>(stream), {}};
}

TEST_CASE("Settings come back as they were saved, into a folder that is made for them") {
  Folder folder;
  const fs::path file = folder / "deep" / "er" / "settings.json";
  Settings settings;
  settings.window_width = 1711;
  settings.window_height = 933;
  settings.maximized = true;
  settings.dark = false;
  settings.scale = 1.5;
  settings.splits["left"] = 0.31;
  settings.hidden["Predicted and real"] = true;
  settings.docks["Log"] = "bottom";
  settings.tabs["right"] = "Reward";
  settings.reload_on_change = false;
  settings.AddRecent("/tmp/100 % Größe + 日本語/a.xml");
  settings.AddRecent("cartpole-swingup");
  settings.Save(file);
  std::string problem;
  CHECK(Settings::Load(file, problem) == settings);
  CHECK(problem == "");
}

TEST_CASE("Without a file there are defaults and no complaint") {
  std::string problem = "old";
  CHECK(Settings::Load("/nowhere/at/all.json", problem) == Settings());
  CHECK(problem == "");
}

TEST_CASE("A broken settings file is put aside and said") {
  Folder folder;
  const fs::path file = folder / "settings.json";
  Write(file, "{\"dark\": fal");
  std::string problem;
  CHECK(Settings::Load(file, problem) == Settings());
  CHECK(problem.find(file.string()) != std::string::npos);
  CHECK(problem.find("settings.json.broken") != std::string::npos);
  CHECK_FALSE(fs::exists(file));
  CHECK(Read(folder / "settings.json.broken") == "{\"dark\": fal");
  CHECK(Settings::Load(file, problem) == Settings());
  CHECK(problem == "");
}

TEST_CASE("Values of the wrong kind or out of range leave the rest as it was meant") {
  Folder folder;
  const fs::path file = folder / "settings.json";
  Write(file, R"({"window_width": "wide", "window_height": 640, "scale": 1e9, "dark": 3, "maximized": null,
                  "splits": {"left": 0.4, "right": 7, "bottom": "x"}, "hidden": {"Log": 1, "Data": true},
                  "tabs": [], "recent": ["a", 5, "b"], "from a newer version": {}})");
  std::string problem;
  const Settings settings = Settings::Load(file, problem);
  CHECK(problem == "");
  CHECK(settings.window_width == Settings().window_width);
  CHECK(settings.window_height == 640);
  CHECK(settings.scale == 8);
  CHECK(settings.dark);
  CHECK(settings.splits == std::map<std::string, double>{{"left", 0.4}});
  CHECK(settings.hidden == std::map<std::string, bool>{{"Data", true}});
  CHECK(settings.recent == std::vector<std::string>{"a", "b"});
}

TEST_CASE("Recent files are the newest twelve, each once") {
  Settings settings;
  for (int i = 0; i < 20; ++i) settings.AddRecent("task " + std::to_string(i));
  settings.AddRecent("task 15");
  REQUIRE(settings.recent.size() == 12);
  CHECK(settings.recent[0] == "task 15");
  CHECK(settings.recent[1] == "task 19");
  CHECK(settings.recent.back() == "task 8");
}

TEST_CASE("A name that is not UTF-8 is left out of the file and spoils nothing else") {
  Folder folder;
  const fs::path file = folder / "settings.json";
  Settings settings;
  settings.AddRecent("good");
  settings.AddRecent("bad \xff name");
  settings.Save(file);
  std::string problem;
  CHECK(Settings::Load(file, problem).recent == std::vector<std::string>{"good"});
  CHECK(problem == "");
}

TEST_CASE("Settings that cannot be written are an error that names the file") {
  const Settings settings;
  std::string message;
  try {
    settings.Save("/proc/reverie/settings.json");
  } catch (const Error& error) {
    message = error.what();
  }
  CHECK(message.find("/proc/reverie") != std::string::npos);
}

TEST_CASE("The settings file lies where XDG says, else in the home folder") {
  const auto set = [](const char* name, const char* value) { setenv(name, value, 1); };
  const char* const home = std::getenv("HOME");
  const std::string home_before = home != nullptr ? home : "/";
  set("HOME", "/people/somebody");
  set("XDG_CONFIG_HOME", "/etc/somewhere");
  CHECK(Settings::DefaultFile() == fs::path("/etc/somewhere/reverie/settings.json"));
  set("XDG_CONFIG_HOME", "relative");
  CHECK(Settings::DefaultFile() == fs::path("/people/somebody/.config/reverie/settings.json"));
  unsetenv("XDG_CONFIG_HOME");
  CHECK(Settings::DefaultFile() == fs::path("/people/somebody/.config/reverie/settings.json"));
  set("HOME", home_before.c_str());
}

}  // namespace
}  // namespace reverie::desktop
