#include "sim/scene_files.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostFiles = 1000;            // beyond it, who waits would only look at times
constexpr uintmax_t kLargestXml = 16u << 20;   // bytes

bool IsXml(const fs::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".xml" || extension == ".urdf" || extension == ".mjcf";
}

}  // namespace

// MuJoCo tells of includes nothing once it has parsed them; attributes named file are what both formats have.
std::vector<fs::path> SceneFiles(const fs::path& scene_file) {
  static const std::regex named("(?:file|filename)\\s*=\\s*[\"']([^\"']+)[\"']");
  static const std::regex folder("(?:meshdir|texturedir|assetdir)\\s*=\\s*[\"']([^\"']+)[\"']");
  std::vector<fs::path> files{scene_file}, folders{scene_file.parent_path()};
  for (size_t i = 0; i < files.size() && files.size() < kMostFiles; ++i) {
    std::error_code error;
    if (!IsXml(files[i]) || fs::file_size(files[i], error) > kLargestXml || error) continue;
    std::ifstream stream(files[i], std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(stream), {}};
    for (std::sregex_iterator at(text.begin(), text.end(), folder), end; at != end; ++at) {
      folders.push_back(scene_file.parent_path() / (*at)[1].str());
    }
    for (std::sregex_iterator at(text.begin(), text.end(), named), end; at != end; ++at) {
      for (const fs::path& base : folders) {
        const fs::path file = (base / (*at)[1].str()).lexically_normal();
        if (!fs::is_regular_file(file, error)) continue;
        if (std::ranges::find(files, file) == files.end()) files.push_back(file);
        break;
      }
    }
  }
  return files;
}

}  // namespace reverie
