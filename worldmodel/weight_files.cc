#include "worldmodel/weight_files.h"

#include <algorithm>
#include <set>

#include <nlohmann/json.hpp>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

constexpr char kWhole[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

std::string ShapeText(const std::vector<int64_t>& shape) {
  const std::string text = TensorType{"", shape}.text();
  return text.substr(1);
}

/// Tensor to file name, as the index says.
std::map<std::string, std::string> ReadIndex(const fs::path& path) {
  const std::string where = "weights " + path.string() + ": ";
  std::map<std::string, std::string> files;
  try {
    files = nlohmann::json::parse(ReadFile(path)).at("weight_map").get<std::map<std::string, std::string>>();
  } catch (const nlohmann::json::exception&) {
    throw CheckpointError(where + "expected JSON with a 'weight_map' of tensor names to file names");
  }
  for (const auto& [name, file] : files) {
    if (file.empty() || fs::path(file).filename() != file) {
      throw CheckpointError(where + "tensor '" + name + "': expected the name of a file beside it, found '" + file +
                            "'");
    }
  }
  return files;
}

}  // namespace

WeightFiles::WeightFiles(const fs::path& folder) {
  if (fs::exists(folder / kWhole)) {
    path_ = folder / kWhole;
    files_.emplace_back(path_);
    tensors_ = files_.front().tensors();
    for (const auto& [name, type] : tensors_) file_of_[name] = 0;
    return;
  }
  path_ = folder / kIndex;
  if (!fs::exists(path_)) {
    throw CheckpointError("weights " + folder.string() + ": expected " + kWhole + " or " + kIndex +
                          " in it, found neither");
  }
  const std::map<std::string, std::string> index = ReadIndex(path_);
  std::set<std::string> names;
  for (const auto& [name, file] : index) names.insert(file);
  for (const std::string& file : names) {
    if (!fs::exists(folder / file)) {
      throw CheckpointError("weights " + text() + ": names the file '" + file + "', which is not there");
    }
    files_.emplace_back(folder / file);
    for (const auto& [name, type] : files_.back().tensors()) {
      if (!tensors_.emplace(name, type).second) {
        throw CheckpointError("weights " + text() + ": tensor '" + name + "' is in two of its files");
      }
      file_of_[name] = files_.size() - 1;
    }
  }
  for (const auto& [name, file] : index) {
    const auto found = file_of_.find(name);
    if (found == file_of_.end() || files_[found->second].path().filename() != file) {
      throw CheckpointError("weights " + text() + ": tensor '" + name + "' should be in '" + file +
                            "', which lacks it");
    }
  }
}

std::string WeightFiles::text() const { return path_.string(); }

std::vector<fs::path> WeightFiles::files() const {
  std::vector<fs::path> all;
  if (path_.filename() == kIndex) all.push_back(path_);
  for (const SafetensorsReader& file : files_) all.push_back(file.path());
  return all;
}

bool WeightFiles::HasPrefix(const std::string& prefix) const {
  const auto first = tensors_.lower_bound(prefix);
  return first != tensors_.end() && first->first.starts_with(prefix);
}

void WeightFiles::Check(const std::map<std::string, std::vector<int64_t>>& expected,
                        const std::vector<std::string>& ignored) const {
  std::vector<std::string> missing, extra, shapes, types;
  for (const auto& [name, shape] : expected) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      missing.push_back(name);
    } else if (found->second.shape != shape) {
      shapes.push_back(name + " (expected " + ShapeText(shape) + ", found " + ShapeText(found->second.shape) + ")");
    } else if (const std::string& type = found->second.dtype; type != "F32" && type != "F16" && type != "BF16") {
      types.push_back(name + " (expected F32, F16 or BF16, found " + type + ")");
    }
  }
  for (const auto& [name, type] : tensors_) {
    const bool allowed = std::any_of(ignored.begin(), ignored.end(),
                                     [&, &key = name](const std::string& prefix) { return key.starts_with(prefix); });
    if (!allowed && !expected.contains(name)) extra.push_back(name);
  }
  std::string message;
  const auto add = [&](const std::string& what, const std::vector<std::string>& names) {
    if (!names.empty()) message += (message.empty() ? "" : "; ") + what + " " + Join(names, 24);
  };
  add("missing", missing);
  add("not of this model:", extra);
  add("of another shape:", shapes);
  add("of another type:", types);
  if (!message.empty()) throw CheckpointError("weights " + text() + ": tensors do not fit config.json: " + message);
}

void WeightFiles::Read(const std::string& name, std::span<std::byte> bytes) const {
  const auto found = file_of_.find(name);
  if (found == file_of_.end()) throw CheckpointError("weights " + text() + ": tensor '" + name + "' is missing");
  files_[found->second].Read(name, 0, bytes);
}

}  // namespace reverie
