#include "sim/urdf.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<std::string_view, char>, 5> kEntities = {
    {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}}};

std::string FromXml(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto entity = std::find_if(kEntities.begin(), kEntities.end(), [&](const auto& known) {
      return text.substr(i).starts_with(known.first);
    });
    result += entity == kEntities.end() ? text[i] : entity->second;
    if (entity != kEntities.end()) i += entity->first.size() - 1;
  }
  return result;
}

std::string ToXml(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto entity = std::find_if(kEntities.begin(), kEntities.end(),
                                     [&](const auto& known) { return known.second == c; });
    if (entity == kEntities.end()) {
      result += c;
    } else {
      result += entity->first;
    }
  }
  return result;
}

std::string DecodePercents(const std::string& text) {
  const auto hex = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex(text[i + 1]) && hex(text[i + 2])) {
      result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      result += text[i];
    }
  }
  return result;
}

// Comments become blanks: they may hold references that nobody wants resolved, and line numbers must stay.
std::string WithoutComments(std::string text) {
  for (size_t at = text.find("<!--"); at != std::string::npos; at = text.find("<!--", at)) {
    const size_t end = std::min(
        text.size(), text.find("-->", at) == std::string::npos ? text.size() : text.find("-->", at) + 3);
    std::replace_if(
        text.begin() + static_cast<std::ptrdiff_t>(at), text.begin() + static_cast<std::ptrdiff_t>(end),
        [](char c) { return c != '\n'; }, ' ');
  }
  return text;
}

/// The folders that references of a file start from: its own, and that of the file a link points at.
std::vector<fs::path> BaseFolders(const fs::path& file) {
  std::vector<fs::path> folders = {fs::absolute(file).parent_path()};
  std::error_code code;
  const fs::path target = fs::canonical(file, code);
  if (!code && target.parent_path() != folders[0]) folders.push_back(target.parent_path());
  return folders;
}

void AddPackageCandidates(const fs::path& file, const std::string& path, std::vector<fs::path>& candidates) {
  const size_t slash = path.find('/');
  const std::string package = path.substr(0, slash);
  const std::string rest = slash == std::string::npos ? "" : path.substr(slash + 1);
  for (fs::path folder : BaseFolders(file)) {
    for (;; folder = folder.parent_path()) {
      if (folder.filename() == package) candidates.push_back(folder / rest);
      candidates.push_back(folder / package / rest);
      if (folder == folder.root_path()) break;
    }
  }
  if (const char* variable = std::getenv("ROS_PACKAGE_PATH")) {
    std::stringstream folders(variable);
    for (std::string folder; std::getline(folders, folder, ':');) {
      if (folder.empty()) continue;
      if (fs::path(folder).filename() == package) candidates.push_back(fs::path(folder) / rest);
      candidates.push_back(fs::path(folder) / package / rest);
    }
  }
}

fs::path ResolveMesh(const fs::path& file, const std::string& reference, const std::string& mesh_folder) {
  std::vector<fs::path> candidates;
  const bool in_package = reference.starts_with("package://");
  const bool is_address = in_package || reference.starts_with("file://");
  std::vector<std::string> spellings = {is_address ? reference.substr(reference.find("://") + 3) : reference};
  if (is_address) spellings.push_back(DecodePercents(spellings[0]));
  for (const std::string& spelling : spellings) {
    if (in_package) {
      AddPackageCandidates(file, spelling, candidates);
      continue;
    }
    for (const fs::path& base : BaseFolders(file)) {
      for (const fs::path& folder : {base / mesh_folder, base}) {
        candidates.push_back(folder / spelling);
        candidates.push_back(folder / fs::path(spelling).filename());
      }
    }
  }
  std::error_code ignored;
  std::vector<std::string> searched;
  for (const fs::path& candidate : candidates) {
    if (fs::is_regular_file(candidate, ignored)) return fs::absolute(candidate).lexically_normal();
    const std::string place = candidate.lexically_normal().string();
    if (std::find(searched.begin(), searched.end(), place) == searched.end()) searched.push_back(place);
  }
  const std::string advice = "; set ROS_PACKAGE_PATH to the folder that holds the package";
  throw SceneError("mesh " + reference + " is not found; looked at " + Join(searched, 6) +
                   (in_package ? advice : std::string()));
}

/// MuJoCo names a mesh after its file and takes two files of one name for the same mesh. So each reference is
/// replaced by a name of its own, "arm.stl" or "arm_2.stl". Returns what each name stands for.
std::map<std::string, std::string> NameMeshes(std::string& text) {
  std::map<std::string, std::string> name_of, reference_of;
  std::set<std::string> stems;
  for (size_t at = text.find("<mesh"); at != std::string::npos; at = text.find("<mesh", at + 1)) {
    const size_t attribute = text.find("filename", at);
    if (attribute == std::string::npos || attribute > text.find('>', at)) continue;
    const size_t open = text.find_first_of("\"'", attribute);
    const size_t close = open == std::string::npos ? open : text.find(text[open], open + 1);
    if (close == std::string::npos) continue;
    const std::string reference = FromXml(std::string_view(text).substr(open + 1, close - open - 1));
    std::string& name = name_of[reference];
    if (name.empty()) {
      const fs::path path(reference);
      std::string stem = path.stem().string();
      for (int i = 2; !stems.insert(stem).second; ++i) stem = path.stem().string() + "_" + std::to_string(i);
      name = stem + path.extension().string();
      reference_of[name] = reference;
    }
    text.replace(open + 1, close - open - 1, ToXml(name));
  }
  return reference_of;
}

/// MuJoCo leaves out what is only to be seen, which of a robot without collisions is all there is to see. Returns
/// whether the text changed.
bool AskForVisuals(std::string& text) {
  if (text.find("<collision") != std::string::npos || text.find("<visual") == std::string::npos ||
      text.find("discardvisual") != std::string::npos) {
    return false;
  }
  const std::string wish = " discardvisual=\"false\"";
  for (const auto& [element, before, after] :
       {std::array<std::string, 3>{"<compiler", "", ""}, {"<mujoco>", "<compiler", "/>"},
        {"<robot", "<mujoco><compiler", "/></mujoco>"}}) {
    size_t at = text.find(element);
    if (at == std::string::npos) continue;
    at = element == "<robot" ? text.find('>', at) + 1 : at + element.size();
    text.insert(at, before + wish + after);
    return true;
  }
  return false;
}

mjModel* Compile(const fs::path& file, std::string text, char* error, size_t error_size) {
  const std::map<std::string, std::string> reference_of = NameMeshes(text);
  const auto destroy = [](mjSpec* spec) { mj_deleteSpec(spec); };
  const std::unique_ptr<mjSpec, decltype(destroy)> spec(
      mj_parseXMLString(text.c_str(), nullptr, error, static_cast<int>(error_size)), destroy);
  if (!spec) return nullptr;
  mjs_setString(spec->modelfiledir, (fs::absolute(file).parent_path().string() + "/").c_str());
  spec->strippath = 0;
  const std::string mesh_folder = mjs_getString(spec->compiler.meshdir);
  // Only what the parser kept: it leaves out visual meshes unless told otherwise.
  for (mjsElement* element = mjs_firstElement(spec.get(), mjOBJ_MESH); element;
       element = mjs_nextElement(spec.get(), element)) {
    const mjsMesh* mesh = mjs_asMesh(element);
    const auto reference = reference_of.find(mjs_getString(mesh->file));
    if (reference == reference_of.end()) continue;
    mjs_setString(mesh->file, ResolveMesh(file, reference->second, mesh_folder).c_str());
  }
  mjModel* model = mj_compile(spec.get(), nullptr);
  if (!model) {
    std::strncpy(error, mjs_getError(spec.get()), error_size - 1);
    error[error_size - 1] = '\0';
  }
  return model;
}

}  // namespace

bool IsUrdf(const fs::path& file) {
  const std::string text = WithoutComments(ReadFile(file));
  for (size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    if (text[at + 1] == '?' || text[at + 1] == '!') continue;
    const char next = text.size() > at + 6 ? text[at + 6] : '\0';
    return text.compare(at, 6, "<robot") == 0 && !std::isalnum(static_cast<unsigned char>(next));
  }
  return false;
}

mjModel* LoadUrdf(const fs::path& file, char* error, size_t error_size) {
  const std::string text = WithoutComments(ReadFile(file));
  if (std::string seen = text; AskForVisuals(seen)) {
    try {
      if (mjModel* model = Compile(file, seen, error, error_size)) return model;
    } catch (const SceneError&) {
      // A mesh that is only to be seen is missing: its physics is whole without.
    }
  }
  return Compile(file, text, error, error_size);
}

}  // namespace reverie
