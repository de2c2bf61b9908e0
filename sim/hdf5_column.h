// Arrays of an HDF5 file that grow row by row, as formats have them that lay all episodes one behind the other.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "sim/frames.h"
#include "sim/hdf5_file.h"

namespace reverie {

class Hdf5Column {
 public:
  enum class Type { kFloat32, kFloat64, kInt32, kInt64, kUint8 };

  /// Creates an array of no rows. @param row  shape of a row; empty: a number. @throws DatasetError.
  Hdf5Column(Hdf5Group& group, const std::string& name, Type type, const std::vector<int64_t>& row);
  /// One for frames: uint8, float32 or int32 by the stream's kind, a chunk for each.
  Hdf5Column(Hdf5Group& group, const std::string& name, const FrameStream& stream);

  /// Appends whole rows, which become the array's type.
  void Append(std::span<const double> values);
  /// Appends frames [first, first + count), compressed as they are.
  void Append(const FrameSequence& frames, int64_t first, int64_t count);

  int64_t rows() const { return rows_; }

 private:
  std::string where_;
  Hdf5Id array_;
  std::vector<int64_t> row_;
  int64_t rows_ = 0, row_values_ = 1;
};

}  // namespace reverie
