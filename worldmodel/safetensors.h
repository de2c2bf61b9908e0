// Safetensors files: 8 bytes little-endian header length, a JSON header, the tensors' bytes without holes.
// What Python's safetensors reads and writes; float32, float64 and int64 here. No threads.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace reverie {

struct TensorBytes {
  std::string dtype;           // "F32", "F64", "I64"
  std::vector<int64_t> shape;
  std::string bytes;           // row-major, little-endian
};

struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorBytes> tensors;
};

void WriteSafetensors(const std::filesystem::path& path, const Safetensors& content);

/// @throws CheckpointError: the file, what was expected of its header or of which tensor, what was found.
Safetensors ReadSafetensors(const std::filesystem::path& path);

}  // namespace reverie
