#include "sim/urdf.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

std::string Decode(const std::string& text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        std::isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

fs::path ResolvePackage(const fs::path& file, const std::string& reference) {
  const std::string path = Decode(reference.substr(std::strlen("package://")));
  const size_t slash = path.find('/');
  const std::string package = path.substr(0, slash);
  const std::string rest = slash == std::string::npos ? "" : path.substr(slash + 1);
  std::vector<fs::path> candidates;
  for (fs::path folder = fs::absolute(file).parent_path();; folder = folder.parent_path()) {
    if (folder.filename() == package) candidates.push_back(folder / rest);
    candidates.push_back(folder / package / rest);
    if (folder == folder.root_path()) break;
  }
  if (const char* variable = std::getenv("ROS_PACKAGE_PATH")) {
    std::stringstream folders(variable);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (!folder.empty()) candidates.push_back(fs::path(folder) / package / rest);
    }
  }
  std::error_code ignored;
  std::vector<std::string> searched;
  for (const fs::path& candidate : candidates) {
    if (fs::exists(candidate, ignored)) return candidate;
    searched.push_back(candidate.string());
  }
  throw SceneError("scene " + file.string() + ": " + reference + " is not found; looked at " + Join(searched, 6) +
                   "; set ROS_PACKAGE_PATH to the folder that holds '" + package + "'");
}

}  // namespace

bool IsUrdf(const fs::path& file) {
  const std::string text = ReadFile(file);
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    if (text.compare(at, 4, "<!--") == 0) {
      at = text.find("-->", at);
      if (at == std::string::npos) return false;
    } else if (text[at + 1] != '?' && text[at + 1] != '!') {
      return text.compare(at, 6, "<robot") == 0;
    }
  }
  return false;
}

mjModel* LoadUrdf(const fs::path& file, char* error, size_t error_size) {
  std::string text = ReadFile(file);
  for (size_t at = text.find("package://"); at != std::string::npos; at = text.find("package://", at + 1)) {
    const char quote = at > 0 ? text[at - 1] : '"';
    const size_t end = text.find(quote, at);
    if ((quote != '"' && quote != '\'') || end == std::string::npos) continue;
    text.replace(at, end - at, ResolvePackage(file, text.substr(at, end - at)).string());
  }
  // MuJoCo strips folders from a URDF's mesh names unless the file's own <mujoco> extension says otherwise.
  if (text.find("strippath") == std::string::npos) {
    const std::string keep_folders = "<mujoco><compiler strippath=\"false\"/></mujoco>";
    const size_t compiler = text.find("<compiler");
    const size_t robot = text.find('>', text.find("<robot"));
    if (compiler != std::string::npos) {
      text.insert(compiler + std::strlen("<compiler"), " strippath=\"false\"");
    } else if (robot != std::string::npos) {
      text.insert(robot + 1, keep_folders);
    }
  }
  mjSpec* spec = mj_parseXMLString(text.c_str(), nullptr, error, static_cast<int>(error_size));
  if (!spec) return nullptr;
  mjs_setString(spec->modelfiledir, (fs::absolute(file).parent_path().string() + "/").c_str());
  mjModel* model = mj_compile(spec, nullptr);
  if (!model) std::strncpy(error, mjs_getError(spec), error_size - 1);
  mj_deleteSpec(spec);
  return model;
}

}  // namespace reverie
