// The weights of a published model as the transformers library stores them: model.safetensors, or shards of it under
// model.safetensors.index.json. Reads one tensor at a time, so that memory holds the weights once. No threads.
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "worldmodel/safetensors.h"

namespace reverie {

class WeightFiles {
 public:
  /// Opens the folder's files and reads their headers.
  /// @throws CheckpointError: no weights, a damaged file, an index that names what is not there.
  explicit WeightFiles(const std::filesystem::path& folder);

  /// "DIR/model.safetensors" or the index, for messages.
  std::string text() const;
  const std::map<std::string, TensorType>& tensors() const { return tensors_; }
  /// Those that hold tensors, and the index where there is one; in order.
  std::vector<std::filesystem::path> files() const;
  bool HasPrefix(const std::string& prefix) const;

  /// Checks that the tensors are those of `expected`, of floating-point numbers of one of Torch's kinds.
  /// @param expected  shapes by name
  /// @param ignored   prefixes of names that may be there too
  /// @throws CheckpointError that names each tensor that is missing, not expected, of another shape or type.
  void Check(const std::map<std::string, std::vector<int64_t>>& expected,
             const std::vector<std::string>& ignored) const;

  /// @param bytes  as many as tensors().at(name).bytes()
  void Read(const std::string& name, std::span<std::byte> bytes) const;

 private:
  std::filesystem::path path_;
  std::vector<SafetensorsReader> files_;
  std::map<std::string, TensorType> tensors_;
  std::map<std::string, size_t> file_of_;
};

}  // namespace reverie
