#include "sim/hdf5_column.h"

#include <algorithm>

#include <hdf5.h>

#include "sim/hdf5_error.h"

namespace reverie {
namespace {

constexpr int64_t kChunkBytes = int64_t{1} << 16;

hid_t FileType(Hdf5Column::Type type) {
  switch (type) {
    case Hdf5Column::Type::kFloat32: return H5T_IEEE_F32LE;
    case Hdf5Column::Type::kFloat64: return H5T_IEEE_F64LE;
    case Hdf5Column::Type::kInt32: return H5T_STD_I32LE;
    case Hdf5Column::Type::kInt64: return H5T_STD_I64LE;
    default: return H5T_STD_U8LE;
  }
}

Hdf5Column::Type TypeOf(FrameKind kind) {
  switch (kind) {
    case FrameKind::kPixels: return Hdf5Column::Type::kUint8;
    case FrameKind::kDepth: return Hdf5Column::Type::kFloat32;
    default: return Hdf5Column::Type::kInt32;
  }
}

std::vector<hsize_t> Dimensions(int64_t rows, const std::vector<int64_t>& row) {
  std::vector<hsize_t> dimensions{static_cast<hsize_t>(rows)};
  for (const int64_t size : row) dimensions.push_back(static_cast<hsize_t>(size));
  return dimensions;
}

Hdf5Id CreateArray(const Hdf5Group& group, const std::string& name, hid_t type, const std::vector<int64_t>& row,
                   int64_t chunk_rows, const Hdf5Id& creation) {
  std::vector<hsize_t> none = Dimensions(0, row), most = none, chunk = Dimensions(chunk_rows, row);
  most[0] = H5S_UNLIMITED;
  for (hsize_t& length : chunk) length = std::max<hsize_t>(1, length);
  for (size_t i = 1; i < most.size(); ++i) {
    if (most[i] == 0) most[i] = H5S_UNLIMITED;  // a chunk cannot be longer than an axis that does not grow
  }
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
  const Hdf5Id space(H5Screate_simple(static_cast<int>(none.size()), none.data(), most.data()), H5Sclose);
  Hdf5Id array(H5Dcreate2(group.id(), name.c_str(), type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
               H5Dclose);
  if (!array.valid()) ThrowHdf5(group.where() + "/" + name, "to create the array");
  return array;
}

int64_t ValuesOf(const std::vector<int64_t>& row) {
  int64_t values = 1;
  for (const int64_t length : row) values *= length;
  return values;
}

}  // namespace

Hdf5Column::Hdf5Column(Hdf5Group& group, const std::string& name, Type type, const std::vector<int64_t>& row)
    : where_(group.where() + "/" + name), row_(row), row_values_(ValuesOf(row)) {
  const int64_t row_bytes = std::max<int64_t>(1, row_values_ * static_cast<int64_t>(H5Tget_size(FileType(type))));
  array_ = CreateArray(group, name, FileType(type), row, std::max<int64_t>(1, kChunkBytes / row_bytes),
                       Hdf5Id(H5Pcreate(H5P_DATASET_CREATE), H5Pclose));
}

Hdf5Column::Hdf5Column(Hdf5Group& group, const std::string& name, const FrameStream& stream)
    : where_(group.where() + "/" + name), row_(stream.shape()), row_values_(ValuesOf(stream.shape())) {
  const Hdf5Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  if (stream.element_bytes() > 1) H5Pset_shuffle(creation.get());
  H5Pset_deflate(creation.get(), kFrameCompression);
  array_ = CreateArray(group, name, FileType(TypeOf(stream.kind)), row_, 1, creation);
}

void Hdf5Column::Append(std::span<const double> values) {
  if (row_values_ == 0 || values.empty()) return;
  const int64_t count = static_cast<int64_t>(values.size()) / row_values_;
  const std::vector<hsize_t> grown = Dimensions(rows_ + count, row_), selected = Dimensions(count, row_);
  std::vector<hsize_t> start(grown.size(), 0);
  start[0] = static_cast<hsize_t>(rows_);
  bool written = H5Dset_extent(array_.get(), grown.data()) >= 0;
  const Hdf5Id in_file(H5Dget_space(array_.get()), H5Sclose);
  H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, start.data(), nullptr, selected.data(), nullptr);
  const Hdf5Id in_memory(H5Screate_simple(static_cast<int>(selected.size()), selected.data(), nullptr), H5Sclose);
  written = written && H5Dwrite(array_.get(), H5T_NATIVE_DOUBLE, in_memory.get(), in_file.get(), H5P_DEFAULT,
                                values.data()) >= 0;
  if (!written) ThrowHdf5(where_, "to write it");
  rows_ += count;
}

void Hdf5Column::Append(const FrameSequence& frames, int64_t first, int64_t count) {
  const std::vector<hsize_t> grown = Dimensions(rows_ + count, row_);
  if (H5Dset_extent(array_.get(), grown.data()) < 0) ThrowHdf5(where_, "to write it");
  std::vector<hsize_t> offset(grown.size(), 0);
  for (int64_t i = 0; i < count; ++i) {
    offset[0] = static_cast<hsize_t>(rows_ + i);
    const std::span<const uint8_t> packed = frames[first + i];
    if (H5Dwrite_chunk(array_.get(), H5P_DEFAULT, 0, offset.data(), packed.size(), packed.data()) < 0)
      ThrowHdf5(where_, "to write it");
  }
  rows_ += count;
}

}  // namespace reverie
