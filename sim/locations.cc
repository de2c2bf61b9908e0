#include "sim/locations.h"

#include <algorithm>
#include <cstdlib>
#include <system_error>

#include "sim/error.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// "3.11" of "python3.11"; 3.9 sorts before 3.11.
int MinorVersion(const fs::path& folder) {
  const std::string name = folder.filename().string();
  const size_t dot = name.find('.');
  return dot == std::string::npos ? 0 : std::atoi(name.c_str() + dot + 1);
}

// site-packages of every Python below `prefix`, newest first.
void AddSitePackages(const fs::path& prefix, const char* name, std::vector<fs::path>& folders) {
  std::vector<fs::path> versions;
  std::error_code code;
  for (fs::directory_iterator entry(prefix / "lib", code), end; !code && entry != end;
       entry.increment(code)) {
    if (entry->path().filename().string().starts_with("python3")) versions.push_back(entry->path());
  }
  std::sort(versions.begin(), versions.end(), [](const fs::path& a, const fs::path& b) {
    return MinorVersion(a) != MinorVersion(b) ? MinorVersion(a) > MinorVersion(b) : a < b;
  });
  if (versions.empty()) versions.push_back(prefix / "lib" / "python3");
  for (const fs::path& version : versions) folders.push_back(version / name);
}

// A virtual environment's python is a link to another Python's: the prefix is where the link lies.
fs::path PrefixOf(const fs::path& python) {
  return python.parent_path().parent_path();
}

}  // namespace

fs::path ScenesFolder() {
  const std::string given = Variable("REVERIE_SCENES");
  return given.empty() ? fs::path(REVERIE_SOURCE_DIR) / "scenes" : fs::path(given);
}

fs::path ScriptsFolder() {
  return fs::path(REVERIE_SOURCE_DIR) / "scripts";
}

fs::path PythonExecutable() {
  const std::string given = Variable("REVERIE_PYTHON");
  if (!given.empty()) return given;
  const std::string environment = Variable("VIRTUAL_ENV");
  if (!environment.empty()) return fs::path(environment) / "bin" / "python3";
  return REVERIE_BUILD_PYTHON;
}

fs::path PythonPackageFolder(const std::string& package) {
  std::vector<fs::path> folders;
  const std::string given = Variable("REVERIE_SITE_PACKAGES");
  for (size_t begin = 0; begin < given.size();) {
    const size_t end = std::min(given.find(':', begin), given.size());
    if (end > begin) folders.emplace_back(given.substr(begin, end - begin));
    begin = end + 1;
  }
  const fs::path python = Variable("REVERIE_PYTHON");
  if (python.has_parent_path()) AddSitePackages(PrefixOf(python), "site-packages", folders);
  if (!Variable("VIRTUAL_ENV").empty()) AddSitePackages(Variable("VIRTUAL_ENV"), "site-packages", folders);
  AddSitePackages(PrefixOf(REVERIE_BUILD_PYTHON), "site-packages", folders);
  if (!Variable("HOME").empty())
    AddSitePackages(fs::path(Variable("HOME")) / ".local", "site-packages", folders);
  AddSitePackages("/usr/local", "dist-packages", folders);
  folders.emplace_back("/usr/lib/python3/dist-packages");

  std::vector<std::string> searched;
  for (const fs::path& folder : folders) {
    std::error_code code;
    if (fs::is_directory(folder / package, code)) return folder / package;
    if (std::find(searched.begin(), searched.end(), folder.string()) == searched.end()) {
      searched.push_back(folder.string());
    }
  }
  throw SceneError("Python package '" + package + "' not found: looked in " + Join(searched, 20) +
                   "; install it there (pip install " + package +
                   ") or set REVERIE_SITE_PACKAGES to the folder that holds it");
}

}  // namespace reverie
