#include "ui/desktop/openable.h"

#include <algorithm>
#include <array>
#include <system_error>

#include "sim/dataset.h"
#include "sim/dataset_files.h"
#include "sim/error.h"
#include "ui/desktop/file_dialog.h"
#include "worldmodel/model_config.h"

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;

constexpr char kWhatOpens[] =
    "what opens is a task (.json), a scene (.xml, .urdf, .mjb), or the folder of a model or a dataset";

std::string LowerExtension(const fs::path& path) {
  std::string extension = path.extension().string();
  for (char& c : extension) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return extension;
}

Openable Nothing(const fs::path& path, const std::string& why) {
  return {.path = path, .problem = ShownPath(path) + ": " + why};
}

Openable OfModel(const fs::path& folder) {
  Openable found{.kind = Openable::Kind::kModel, .path = folder};
  const nlohmann::json config = ReadModelConfig(folder);
  if (!config.is_object() || !config.contains("model")) {
    return Nothing(folder, "its config.json is not a model's (expected the key \"model\")");
  }
  if (config.contains("task") && config["task"].is_string()) found.task = config["task"];
  return found;
}

Openable OfDataset(const fs::path& folder) {
  Openable found{.kind = Openable::Kind::kDataset, .path = folder};
  try {
    found.task = LoadInfo(DatasetPaths(folder)).task_name;
  } catch (const Error&) {
    // One that is damaged, or that a running process writes to, is for whoever browses it to tell about.
  }
  return found;
}

}  // namespace

Openable LookAt(const fs::path& path) {
  std::error_code error;
  const fs::path whole = fs::absolute(path, error).lexically_normal();
  // "folder/" names the folder.
  const fs::path at = whole.has_filename() ? whole : whole.parent_path();
  const fs::file_status status = fs::status(at, error);
  if (!fs::exists(status)) {
    return Nothing(at, status.type() == fs::file_type::not_found ? "there is no such file or folder" : error.message());
  }
  try {
    if (fs::is_directory(status)) {
      if (fs::exists(at / "config.json", error)) return OfModel(at);
      if (fs::exists(at / kDatasetMarker, error)) return OfDataset(at);
      return Nothing(at, "neither a model's nor a dataset's folder (expected config.json or data/task.json in it); " +
                             std::string(kWhatOpens));
    }
    const std::string name = at.filename().string();
    if (name == "config.json" && fs::exists(at.parent_path() / "weights.safetensors", error)) {
      return OfModel(at.parent_path());
    }
    if (name == "weights.safetensors" && fs::exists(at.parent_path() / "config.json", error)) {
      return OfModel(at.parent_path());
    }
    if (name == "main_data.hdf5" && fs::exists(at.parent_path() / "task.json", error)) {
      return OfDataset(at.parent_path().parent_path());
    }
  } catch (const Error& problem) {
    return {.path = at, .problem = problem.what()};
  }
  static constexpr std::array kExtensions = {".xml", ".urdf", ".mjb", ".json"};
  const std::string extension = LowerExtension(at);
  if (std::find(kExtensions.begin(), kExtensions.end(), extension) == kExtensions.end()) {
    return Nothing(at, kWhatOpens);
  }
  return {.kind = Openable::Kind::kTask, .path = at};
}

}  // namespace reverie::desktop
