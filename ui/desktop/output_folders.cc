#include "ui/desktop/output_folders.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie::desktop {

namespace {

namespace fs = std::filesystem;

fs::path DataHome() {
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/') return fs::path(data) / "reverie";
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr && *home != '\0' ? home : "/tmp") / ".local/share/reverie";
}

fs::path TryFresh(const fs::path& root, const std::string& kind, const std::string& stem, std::error_code& error) {
  const fs::path parent = root / kind;
  fs::create_directories(parent, error);
  if (error) return {};
  for (int i = 1;; ++i) {
    char number[24];
    std::snprintf(number, sizeof number, "-%04d", i);
    const fs::path folder = parent / (stem + number);
    if (fs::create_directory(folder, error)) return folder;
    // A file of that name is passed over like a folder.
    if (error && !fs::exists(folder)) return {};
  }
}

}  // namespace

std::vector<fs::path> OutputRoots() {
  std::vector<fs::path> roots;
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (!error) {
    const fs::path out = here / "out";
    const bool usable = access((fs::exists(out, error) ? out : here).c_str(), W_OK) == 0;
    roots.push_back(out);
    roots.insert(usable ? roots.end() : roots.begin(), DataHome());
  } else {
    roots.push_back(DataHome());
  }
  return roots;
}

fs::path MakeFreshFolder(const std::string& kind, const std::string& task) {
  std::error_code error;
  const std::vector<fs::path> roots = OutputRoots();
  for (const fs::path& root : roots) {
    const fs::path folder = TryFresh(root, kind, FileStem(task), error);
    if (!folder.empty()) return folder;
  }
  throw Error((roots.front() / kind).string() + ": no folder can be made there: " + error.message() +
              "; choose another folder");
}

void PrepareChosenFolder(const fs::path& folder, std::string_view marker) {
  try {
    PrepareOutputFolder(folder, false, marker);
  } catch (const Error& error) {
    // Its advice is for the command line.
    std::string text = error.what();
    const size_t advice = text.find("give another --out");
    if (advice != std::string::npos) text = text.substr(0, advice) + "choose another folder";
    throw Error(text);
  }
}

std::string FileStem(const std::string& task) {
  std::string stem = task;
  for (const char* extension : {".xml", ".urdf", ".mjb", ".json"}) {
    if (stem.ends_with(extension)) stem.resize(stem.size() - std::string_view(extension).size());
  }
  std::replace(stem.begin(), stem.end(), '/', '-');
  while (stem.starts_with('.')) stem.erase(0, 1);
  return stem.empty() ? "scene" : stem;
}

}  // namespace reverie::desktop
