// What a dataset says of itself in JSON: DatasetInfo as run.json and metadata.json keep it, and the keys that
// Minari asks for. Plain functions, no files.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "sim/dataset.h"

namespace reverie {

/// The Minari version whose layout is written.
inline constexpr char kMinariVersion[] = "0.5.4";

/// All of DatasetInfo but the task and the scene, which are files of their own.
nlohmann::ordered_json InfoToJson(const DatasetInfo& info);

/// The opposite. @throws DatasetError naming `origin`, the key, what was expected and found.
DatasetInfo InfoFromJson(const nlohmann::json& json, const std::string& origin);

/// Parses JSON. @throws DatasetError naming `origin`.
nlohmann::json ParseJson(const std::string& text, const std::string& origin);

/// The id under which Minari lists a dataset that lies in `folder`: the folder's name, with "-v0" behind it
/// where it has no version and "_" for what Minari does not allow. Minari finds a dataset by its folder's
/// name below MINARI_DATASETS_PATH, and lists it only if that name and the id are equal.
std::string MinariId(const std::filesystem::path& folder);

/// metadata.json. @param bytes  size of the dataset's files.
std::string MetadataText(const DatasetInfo& info, const std::string& dataset_id, int64_t episodes,
                         int64_t steps, uint64_t bytes);

/// Throws DatasetError naming the first field in which two runs differ, seed and policy included, and both
/// values. `advice` ends the message.
void CheckSameRun(const DatasetInfo& a, const std::string& a_name, const DatasetInfo& b,
                  const std::string& b_name, const std::string& advice);

}  // namespace reverie
