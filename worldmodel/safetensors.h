// Safetensors files: 8 bytes little-endian header length, a JSON header, the tensors' bytes without holes.
// What Python's safetensors reads and writes; whole in memory, or tensor by tensor where they are large. No threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
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

/// A tensor without its values.
struct TensorType {
  std::string dtype;           // "F32", "F16", "BF16", "I64", ...
  std::vector<int64_t> shape;

  int64_t elements() const;
  uint64_t bytes() const;      // 0 for a type that is not known
  std::string text() const;    // "F32 (16, 3)"
};

/// Reads tensors of a file, whole or in pieces; none is kept.
class SafetensorsReader {
 public:
  /// Reads the header. @throws CheckpointError as ReadSafetensors does.
  explicit SafetensorsReader(std::filesystem::path path);
  ~SafetensorsReader();
  SafetensorsReader(SafetensorsReader&&) noexcept;

  const std::filesystem::path& path() const;
  const std::map<std::string, std::string>& metadata() const;
  const std::map<std::string, TensorType>& tensors() const;

  /// Reads the bytes of a tensor from `begin` on into `bytes`.
  /// @throws CheckpointError if there is no such tensor, or the file has become shorter.
  void Read(const std::string& name, uint64_t begin, std::span<std::byte> bytes) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Writes tensors whose shapes are known beforehand, piece by piece. The file appears when it is whole.
class SafetensorsWriter {
 public:
  /// @throws Error if the file cannot be made.
  SafetensorsWriter(const std::filesystem::path& path, const std::map<std::string, std::string>& metadata,
                    const std::map<std::string, TensorType>& tensors);
  ~SafetensorsWriter();  // without Finish, removes what was written
  SafetensorsWriter(const SafetensorsWriter&) = delete;
  SafetensorsWriter& operator=(const SafetensorsWriter&) = delete;

  /// Writes the next bytes of a tensor. @throws Error with the system's reason (a full disk).
  void Append(const std::string& name, std::span<const std::byte> bytes);
  /// @throws Error if a tensor is not complete, or the file cannot be flushed or renamed.
  void Finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
