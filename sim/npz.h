// NumPy archives (.npz) written in a stream: arrays that grow row by row, each in a file beside the archive until all
// go into it. libzip packs them, since NumPy's format is a zip of .npy files. Not thread-safe.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace reverie {

class NpzWriter {
 public:
  enum class Type { kFloat32, kBool, kUint8 };

  /// The archive appears at `path` with Finish, whole; until then its arrays lie beside it.
  explicit NpzWriter(std::filesystem::path path);
  ~NpzWriter();  // leaves nothing where it was not finished
  NpzWriter(const NpzWriter&) = delete;
  NpzWriter& operator=(const NpzWriter&) = delete;

  /// Begins an array of no rows. @param row  shape of a row; empty: a number.
  void AddArray(const std::string& name, Type type, std::vector<int64_t> row);
  /// @param values  whole rows, as doubles for kFloat32 (rounded to it) and kBool (true where not 0).
  /// @throws Error (a full disk).
  void Append(const std::string& name, const std::vector<double>& values);
  /// Whole rows of kUint8.
  void Append(const std::string& name, const std::vector<uint8_t>& values);

  /// @throws Error (a full disk).
  void Finish();

 private:
  struct Array;
  std::filesystem::path path_;
  std::vector<std::unique_ptr<Array>> arrays_;
};

}  // namespace reverie
