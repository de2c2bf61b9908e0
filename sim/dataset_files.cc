#include "sim/dataset_files.h"

#include <algorithm>
#include <cstdio>
#include <system_error>

#include "sim/dataset_metadata.h"
#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// "episodes-000000-000004.hdf5" holds episodes 0 to 4.
bool ParsePartName(const std::string& name, DatasetPart& part) {
  long long first = 0, last = 0;
  int used = 0;
  if (std::sscanf(name.c_str(), "episodes-%lld-%lld.hdf5%n", &first, &last, &used) != 2) return false;
  part.first = first;
  part.last = last;
  return used == static_cast<int>(name.size()) && 0 <= first && first <= last;
}

json ReadJson(const fs::path& path) {
  return ParseJson(ReadFile(path), path.string());
}

}  // namespace

bool Exists(const fs::path& path) {
  std::error_code code;
  return fs::exists(path, code);
}

DatasetPaths::DatasetPaths(const fs::path& folder)
    : data(folder / "data"),
      main(data / "main_data.hdf5"),
      metadata(data / "metadata.json"),
      run(data / "run.json"),
      task(data / "task.json"),
      scene(data / "scene.mjb"),
      parts(data / "parts") {}

fs::path DatasetPaths::Part(int64_t first, int64_t last) const {
  char name[64];
  std::snprintf(name, sizeof name, "episodes-%06lld-%06lld.hdf5", static_cast<long long>(first),
                static_cast<long long>(last));
  return parts / name;
}

bool DatasetPaths::Finished() const {
  return Exists(main) && Exists(metadata);
}

DatasetParts FindParts(const DatasetPaths& paths) {
  std::vector<DatasetPart> found;
  std::error_code code;
  for (fs::directory_iterator entry(paths.parts, code), end; !code && entry != end; entry.increment(code)) {
    DatasetPart part{0, 0, entry->path()};
    if (ParsePartName(entry->path().filename().string(), part)) found.push_back(std::move(part));
  }
  std::sort(found.begin(), found.end(), [](const DatasetPart& a, const DatasetPart& b) {
    return a.first != b.first ? a.first < b.first : a.last > b.last;
  });
  DatasetParts parts;
  for (DatasetPart& part : found) {
    const int64_t next = parts.episodes();
    if (part.last < next) {
      parts.superseded.push_back(part.path);
    } else if (part.first == next) {
      parts.chain.push_back(std::move(part));
    } else {
      throw DatasetError(part.path.string() + ": expected a part that begins with episode " +
                         std::to_string(next) + ", found one that begins with " + std::to_string(part.first) +
                         "; put back the part in between, or delete this one and those behind it");
    }
  }
  return parts;
}

DatasetInfo LoadInfo(const DatasetPaths& paths) {
  const fs::path folder = paths.data.parent_path();
  std::error_code code;
  if (!fs::is_directory(paths.data, code)) {
    std::string what = Exists(folder) ? "found none in it" : "there is no such folder";
    if (Exists(folder / "main_data.hdf5")) what = "found main_data.hdf5 in it; give the folder above";
    throw DatasetError(folder.string() + ": expected a dataset (a folder that holds data/), " + what);
  }
  DatasetInfo info;
  try {
    if (paths.Finished()) {
      const json metadata = ReadJson(paths.metadata);
      if (!metadata.is_object() || !metadata.contains("reverie")) {
        throw DatasetError(
            paths.metadata.string() +
            ": expected the key 'reverie', found none: another tool wrote "
            "this dataset, and it lacks the scene and the simulator's states that Reverie needs");
      }
      info = InfoFromJson(metadata["reverie"], paths.metadata.string() + " 'reverie'");
    } else if (Exists(paths.run)) {
      info = InfoFromJson(ReadJson(paths.run), paths.run.string());
    } else {
      const char* lacking = Exists(paths.main) ? "metadata.json" : "main_data.hdf5";
      throw DatasetError(paths.data.string() + ": expected main_data.hdf5 and metadata.json, found no " +
                         lacking);
    }
    info.task_json = ReadFile(paths.task);
    info.scene_mjb = ReadFile(paths.scene);
  } catch (const DatasetError&) {
    throw;
  } catch (const Error& error) {
    throw DatasetError(error.what());
  }
  ParseJson(info.task_json, paths.task.string());
  return info;
}

}  // namespace reverie
