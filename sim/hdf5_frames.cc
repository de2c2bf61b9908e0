// Arrays of frames in an HDF5 file: a chunk for each, placed and fetched as the compressed bytes that it is.
#include <algorithm>
#include <vector>

#include <hdf5.h>

#include "sim/error.h"
#include "sim/hdf5_error.h"
#include "sim/hdf5_file.h"

namespace reverie {
namespace {

hid_t FileType(FrameKind kind) {
  switch (kind) {
    case FrameKind::kPixels: return H5T_STD_U8LE;
    case FrameKind::kDepth: return H5T_IEEE_F32LE;
    case FrameKind::kSegmentation: break;
  }
  return H5T_STD_I32LE;
}

std::vector<hsize_t> Dimensions(const FrameStream& stream, int64_t rows) {
  std::vector<hsize_t> dimensions{static_cast<hsize_t>(rows)};
  for (const int64_t length : stream.shape()) dimensions.push_back(static_cast<hsize_t>(length));
  return dimensions;
}

std::string Text(const std::vector<hsize_t>& dimensions) {
  std::string text = "(";
  for (size_t i = 0; i < dimensions.size(); ++i) text += (i ? ", " : "") + std::to_string(dimensions[i]);
  return text + ")";
}

// Says that the name is UTF-8: without it, some readers take it for ASCII.
Hdf5Id Utf8Link() {
  Hdf5Id link(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
  H5Pset_char_encoding(link.get(), H5T_CSET_UTF8);
  return link;
}

}  // namespace

void Hdf5Group::WriteFrames(const FrameStream& stream, const FrameSequence& frames) {
  const std::string name = stream.name();
  const std::vector<hsize_t> dimensions = Dimensions(stream, frames.size());
  std::vector<hsize_t> chunk = dimensions, most = dimensions;
  chunk[0] = 1;
  most[0] = H5S_UNLIMITED;
  const Hdf5Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
  if (stream.element_bytes() > 1) H5Pset_shuffle(creation.get());
  H5Pset_deflate(creation.get(), kFrameCompression);
  const Hdf5Id space(H5Screate_simple(static_cast<int>(dimensions.size()), dimensions.data(), most.data()), H5Sclose);
  const Hdf5Id link = Utf8Link();
  const Hdf5Id array(H5Dcreate2(id_.get(), name.c_str(), FileType(stream.kind), space.get(), link.get(),
                                creation.get(), H5P_DEFAULT),
                     H5Dclose);
  if (!array.valid()) ThrowHdf5(Where(name), "to create the array");
  std::vector<hsize_t> offset(dimensions.size(), 0);
  for (int64_t i = 0; i < frames.size(); ++i) {
    offset[0] = static_cast<hsize_t>(i);
    const std::span<const uint8_t> packed = frames[i];
    if (H5Dwrite_chunk(array.get(), H5P_DEFAULT, 0, offset.data(), packed.size(), packed.data()) < 0)
      ThrowHdf5(Where(name), "to write it");
  }
}

Hdf5Id Hdf5Group::OpenFrames(const FrameStream& stream, int64_t rows) const {
  const std::string name = stream.name();
  if (!Has(name)) throw DatasetError(Where(name) + ": expected an array, found nothing of that name");
  Hdf5Id array(H5Dopen2(id_.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!array.valid()) ThrowHdf5(Where(name), "an array");
  const Hdf5Id type(H5Dget_type(array.get()), H5Tclose);
  if (H5Tequal(type.get(), FileType(stream.kind)) <= 0)
    throw DatasetError(Where(name) + ": expected an array of " + stream.type() + ", found " + TypeOf(name));
  const std::vector<hsize_t> expected = Dimensions(stream, rows);
  const Hdf5Id space(H5Dget_space(array.get()), H5Sclose);
  std::vector<hsize_t> found(static_cast<size_t>(std::max(0, H5Sget_simple_extent_ndims(space.get()))));
  if (!found.empty()) H5Sget_simple_extent_dims(space.get(), found.data(), nullptr);
  if (found != expected)
    throw DatasetError(Where(name) + ": expected an array of " + Text(expected) + ", found " + Text(found));
  return array;
}

FrameSequence Hdf5Group::ReadFrames(const FrameStream& stream, int64_t rows) const {
  const std::string where = Where(stream.name());
  const Hdf5Id array = OpenFrames(stream, rows);
  const Hdf5Id creation(H5Dget_create_plist(array.get()), H5Pclose);
  // Bytes are taken over as they are, so they must be what this program makes of a frame.
  std::vector<hsize_t> chunk = Dimensions(stream, 1), found(chunk.size());
  const bool chunked = H5Pget_layout(creation.get()) == H5D_CHUNKED &&
                       H5Pget_chunk(creation.get(), static_cast<int>(found.size()), found.data()) ==
                           static_cast<int>(found.size()) &&
                       found == chunk;
  std::vector<H5Z_filter_t> filters, expected;
  for (int i = 0; i < std::max(0, H5Pget_nfilters(creation.get())); ++i) {
    unsigned flags = 0, config = 0;
    size_t values = 0;
    filters.push_back(H5Pget_filter2(creation.get(), static_cast<unsigned>(i), &flags, &values, nullptr, 0, nullptr, &config));
  }
  if (stream.element_bytes() > 1) expected.push_back(H5Z_FILTER_SHUFFLE);
  expected.push_back(H5Z_FILTER_DEFLATE);
  if (!chunked || filters != expected)
    throw DatasetError(where + ": expected a chunk for each frame, deflated as Reverie does it, found another layout");

  FrameSequence frames;
  std::vector<hsize_t> offset(chunk.size(), 0);
  std::vector<uint8_t> packed;
  for (int64_t i = 0; i < rows; ++i) {
    offset[0] = static_cast<hsize_t>(i);
    hsize_t size = 0;
    uint32_t left_out = 0;  // filters that were not applied to this chunk
    if (H5Dget_chunk_storage_size(array.get(), offset.data(), &size) < 0) ThrowHdf5(where, "frames");
    packed.resize(size);
    if (H5Dread_chunk(array.get(), H5P_DEFAULT, offset.data(), &left_out, packed.data()) < 0 || left_out != 0)
      ThrowHdf5(where, "frames");
    frames.Add(packed);
  }
  return frames;
}

void Hdf5Group::ReadFrameRows(const FrameStream& stream, int64_t rows, int64_t first, int64_t count,
                              std::span<uint8_t> values) const {
  const std::string where = Where(stream.name());
  if (static_cast<int64_t>(values.size()) != count * stream.frame_bytes()) {
    throw ShapeError(where + ": expected room for " + std::to_string(count * stream.frame_bytes()) + " bytes, found " +
                     std::to_string(values.size()));
  }
  const Hdf5Id array = OpenFrames(stream, rows);
  if (count == 0) return;
  std::vector<hsize_t> start(Dimensions(stream, 1).size(), 0), selected = Dimensions(stream, count);
  start[0] = static_cast<hsize_t>(first);
  const Hdf5Id in_file(H5Dget_space(array.get()), H5Sclose);
  H5Sselect_hyperslab(in_file.get(), H5S_SELECT_SET, start.data(), nullptr, selected.data(), nullptr);
  const Hdf5Id in_memory(H5Screate_simple(static_cast<int>(selected.size()), selected.data(), nullptr), H5Sclose);
  const hid_t type = stream.kind == FrameKind::kPixels  ? H5T_NATIVE_UINT8
                     : stream.kind == FrameKind::kDepth ? H5T_NATIVE_FLOAT
                                                        : H5T_NATIVE_INT32;
  if (H5Dread(array.get(), type, in_memory.get(), in_file.get(), H5P_DEFAULT, values.data()) < 0)
    ThrowHdf5(where, "frames that can be inflated");
}

}  // namespace reverie
