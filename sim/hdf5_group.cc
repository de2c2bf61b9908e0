// Groups of an HDF5 file: their arrays and attributes.
#include <algorithm>
#include <bit>
#include <utility>

#include <hdf5.h>

#include "sim/error.h"
#include "sim/hdf5_error.h"
#include "sim/hdf5_file.h"

namespace reverie {
namespace {

constexpr hsize_t kMaxChunkBytes = hsize_t{1} << 20;
constexpr int64_t kWideColumns = 16;  // from here on, columns are kept in blocks
constexpr int64_t kBlockColumns = 8;

std::string ShapeText(const std::vector<hsize_t>& dimensions) {
  std::string text = "(";
  for (size_t i = 0; i < dimensions.size(); ++i) text += (i ? ", " : "") + std::to_string(dimensions[i]);
  return text + ")";
}

std::vector<hsize_t> Dimensions(Hdf5Shape shape) {
  std::vector<hsize_t> dimensions{static_cast<hsize_t>(shape.rows)};
  if (shape.columns >= 0) dimensions.push_back(static_cast<hsize_t>(shape.columns));
  return dimensions;
}

int64_t ChunkColumns(Hdf5Shape shape) {
  const int64_t columns = std::max<int64_t>(shape.columns, 1);
  return columns > kWideColumns ? kBlockColumns : columns;
}

// Few and even chunks, so that no episode pays for the rows of a longer one.
int64_t ChunkRows(int64_t rows, hsize_t row_bytes) {
  const int64_t most = std::max<int64_t>(1, static_cast<int64_t>(kMaxChunkBytes / row_bytes));
  const int64_t chunks = std::max<int64_t>(1, (rows + most - 1) / most);
  return std::max<int64_t>(1, (rows + chunks - 1) / chunks);
}

Hdf5Id CreateArray(int64_t parent, const std::string& name, int64_t type, Hdf5Shape shape) {
  std::vector<hsize_t> dimensions = Dimensions(shape), chunk = dimensions;
  std::vector<hsize_t> most(dimensions.size(), H5S_UNLIMITED);
  // An axis of no columns has no chunk of its size, so it is left free to grow.
  if (shape.columns > 0) most[1] = dimensions[1];
  const int64_t chunk_columns = ChunkColumns(shape);
  if (shape.columns >= 0) chunk[1] = static_cast<hsize_t>(chunk_columns);
  chunk[0] =
      static_cast<hsize_t>(ChunkRows(shape.rows, static_cast<hsize_t>(chunk_columns) * H5Tget_size(type)));

  const Hdf5Id creation(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_chunk(creation.get(), static_cast<int>(chunk.size()), chunk.data());
  H5Pset_fletcher32(creation.get());
  const Hdf5Id space(H5Screate_simple(static_cast<int>(dimensions.size()), dimensions.data(), most.data()),
                     H5Sclose);
  return Hdf5Id(H5Dcreate2(parent, name.c_str(), type, space.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                H5Dclose);
}

// Whether columns [begin, end) are +0.0 throughout: that is what HDF5 reads where nothing was written.
bool AllZero(std::span<const double> values, int64_t columns, int64_t begin, int64_t end) {
  for (size_t row = 0; row < values.size(); row += static_cast<size_t>(columns)) {
    for (int64_t i = begin; i < end; ++i) {
      if (std::bit_cast<uint64_t>(values[row + static_cast<size_t>(i)]) != 0) return false;
    }
  }
  return true;
}

bool WriteColumns(const Hdf5Id& array, Hdf5Shape shape, int64_t begin, int64_t end, const double* values) {
  const std::vector<hsize_t> dimensions = Dimensions(shape);
  std::vector<hsize_t> start(dimensions.size(), 0), count = dimensions;
  if (dimensions.size() == 2) {
    start[1] = static_cast<hsize_t>(begin);
    count[1] = static_cast<hsize_t>(end - begin);
  }
  const Hdf5Id space(H5Screate_simple(static_cast<int>(dimensions.size()), dimensions.data(), nullptr),
                     H5Sclose);
  H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr);
  return H5Dwrite(array.get(), H5T_NATIVE_DOUBLE, space.get(), space.get(), H5P_DEFAULT, values) >= 0;
}

Hdf5Id BoolType() {
  Hdf5Id type(H5Tenum_create(H5T_STD_I8LE), H5Tclose);
  int8_t value = 0;
  H5Tenum_insert(type.get(), "FALSE", &value);
  value = 1;
  H5Tenum_insert(type.get(), "TRUE", &value);
  return type;
}

Hdf5Id StringType() {
  Hdf5Id type(H5Tcopy(H5T_C_S1), H5Tclose);
  H5Tset_size(type.get(), H5T_VARIABLE);
  H5Tset_cset(type.get(), H5T_CSET_UTF8);
  return type;
}

bool IsBool(const Hdf5Id& type) {
  if (H5Tget_size(type.get()) != 1 || H5Tget_nmembers(type.get()) != 2) return false;
  int8_t no = -1, yes = -1;
  return H5Tenum_valueof(type.get(), "FALSE", &no) >= 0 && H5Tenum_valueof(type.get(), "TRUE", &yes) >= 0 &&
         no == 0 && yes == 1;
}

std::string TypeName(const Hdf5Id& type) {
  const std::string bits = std::to_string(8 * H5Tget_size(type.get()));
  switch (H5Tget_class(type.get())) {
    case H5T_FLOAT: return "float" + bits;
    case H5T_INTEGER: return (H5Tget_sign(type.get()) == H5T_SGN_NONE ? "uint" : "int") + bits;
    case H5T_ENUM: return IsBool(type) ? "bool" : "an enumeration";
    case H5T_STRING: return "text";
    default: return "something else";
  }
}

}  // namespace

std::string Hdf5Group::Where(const std::string& name) const {
  return where_ + (is_root_ ? ": " : "/") + name;
}

Hdf5Group Hdf5Group::CreateGroup(const std::string& name) {
  SilenceHdf5();
  const Hdf5Id creation(H5Pcreate(H5P_GROUP_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  Hdf5Id group(H5Gcreate2(id_.get(), name.c_str(), H5P_DEFAULT, creation.get(), H5P_DEFAULT), H5Gclose);
  if (!group.valid()) ThrowHdf5(Where(name), "to create the group");
  return Hdf5Group(std::move(group), Where(name));
}

Hdf5Group Hdf5Group::OpenGroup(const std::string& name) const {
  SilenceHdf5();
  if (!Has(name)) throw DatasetError(Where(name) + ": expected a group, found nothing of that name");
  Hdf5Id group(H5Gopen2(id_.get(), name.c_str(), H5P_DEFAULT), H5Gclose);
  if (!group.valid()) ThrowHdf5(Where(name), "a group");
  return Hdf5Group(std::move(group), Where(name));
}

bool Hdf5Group::Has(const std::string& name) const {
  return H5Lexists(id_.get(), name.c_str(), H5P_DEFAULT) > 0;
}

int64_t Hdf5Group::size() const {
  H5G_info_t info{};
  if (H5Gget_info(id_.get(), &info) < 0) ThrowHdf5(where_, "a list of what it holds");
  return static_cast<int64_t>(info.nlinks);
}

std::vector<std::string> Hdf5Group::Names() const {
  std::vector<std::string> names;
  const auto add = [](hid_t, const char* name, const H5L_info_t*, void* list) -> herr_t {
    static_cast<std::vector<std::string>*>(list)->emplace_back(name);
    return 0;
  };
  if (H5Literate(id_.get(), H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, add, &names) < 0)
    ThrowHdf5(where_, "a list of what it holds");
  std::sort(names.begin(), names.end());
  return names;
}

std::string Hdf5Group::TypeOf(const std::string& name) const {
  if (!Has(name)) return "nothing";
  const Hdf5Id object(H5Oopen(id_.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
  if (!object.valid()) return "something else";
  const H5I_type_t kind = H5Iget_type(object.get());
  if (kind == H5I_GROUP) return "group";
  if (kind != H5I_DATASET) return "something else";
  return TypeName(Hdf5Id(H5Dget_type(object.get()), H5Tclose));
}

std::vector<int64_t> Hdf5Group::ShapeOf(const std::string& name) const {
  const Hdf5Id array(Has(name) ? H5Dopen2(id_.get(), name.c_str(), H5P_DEFAULT) : -1, H5Dclose);
  if (!array.valid()) throw DatasetError(Where(name) + ": expected an array, found " + TypeOf(name));
  const Hdf5Id space(H5Dget_space(array.get()), H5Sclose);
  std::vector<hsize_t> shape(static_cast<size_t>(std::max(0, H5Sget_simple_extent_ndims(space.get()))));
  if (!shape.empty()) H5Sget_simple_extent_dims(space.get(), shape.data(), nullptr);
  return {shape.begin(), shape.end()};
}

void Hdf5Group::WriteDoubles(const std::string& name, Hdf5Shape shape, std::span<const double> values) {
  const Hdf5Id array = CreateArray(id_.get(), name, H5T_IEEE_F64LE, shape);
  if (!array.valid()) ThrowHdf5(Where(name), "to create the array");
  if (values.empty()) return;
  const int64_t columns = std::max<int64_t>(shape.columns, 1), block = ChunkColumns(shape);
  for (int64_t begin = 0; begin < columns;) {
    int64_t end = begin;
    while (end < columns && !AllZero(values, columns, end, std::min(end + block, columns))) {
      end = std::min(end + block, columns);
    }
    if (end > begin && !WriteColumns(array, shape, begin, end, values.data()))
      ThrowHdf5(Where(name), "to write it");
    begin = std::min(end + block, columns);
  }
}

Hdf5Id Hdf5Group::OpenArray(const std::string& name, Hdf5Shape shape) const {
  if (!Has(name)) throw DatasetError(Where(name) + ": expected an array, found nothing of that name");
  Hdf5Id array(H5Dopen2(id_.get(), name.c_str(), H5P_DEFAULT), H5Dclose);
  if (!array.valid()) ThrowHdf5(Where(name), "an array");
  const Hdf5Id space(H5Dget_space(array.get()), H5Sclose);
  std::vector<hsize_t> found(static_cast<size_t>(std::max(0, H5Sget_simple_extent_ndims(space.get()))));
  if (!found.empty()) H5Sget_simple_extent_dims(space.get(), found.data(), nullptr);
  if (found != Dimensions(shape)) {
    throw DatasetError(Where(name) + ": expected an array of " + ShapeText(Dimensions(shape)) + ", found " +
                       ShapeText(found));
  }
  return array;
}

std::vector<double> Hdf5Group::ReadDoubles(const std::string& name, Hdf5Shape shape) const {
  const Hdf5Id array = OpenArray(name, shape);
  const int64_t columns = shape.columns < 0 ? 1 : shape.columns;
  std::vector<double> values(static_cast<size_t>(shape.rows * columns));
  if (!values.empty() &&
      H5Dread(array.get(), H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    ThrowHdf5(Where(name), "numbers");
  }
  return values;
}

void Hdf5Group::WriteBytes(const std::string& name, int64_t type, std::span<const int8_t> values) {
  const Hdf5Id array = CreateArray(id_.get(), name, type, {static_cast<int64_t>(values.size())});
  if (!array.valid()) ThrowHdf5(Where(name), "to create the array");
  if (values.empty()) return;
  if (H5Dwrite(array.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    ThrowHdf5(Where(name), "to write it");
  }
}

std::vector<int8_t> Hdf5Group::ReadBytes(const std::string& name, int64_t type, int64_t rows,
                                         const char* expected) const {
  const Hdf5Id array = OpenArray(name, {rows});
  std::vector<int8_t> values(static_cast<size_t>(rows));
  if (!values.empty() && H5Dread(array.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()) < 0) {
    ThrowHdf5(Where(name), expected);
  }
  return values;
}

void Hdf5Group::WriteBools(const std::string& name, std::span<const int8_t> values) {
  WriteBytes(name, BoolType().get(), values);
}

std::vector<int8_t> Hdf5Group::ReadBools(const std::string& name, int64_t rows) const {
  return ReadBytes(name, BoolType().get(), rows, "truth values");
}

void Hdf5Group::WriteIndices(const std::string& name, std::span<const int8_t> values) {
  WriteBytes(name, H5T_STD_I8LE, values);
}

std::vector<int8_t> Hdf5Group::ReadIndices(const std::string& name, int64_t rows) const {
  return ReadBytes(name, H5T_NATIVE_INT8, rows, "whole numbers from -128 to 127");
}

void Hdf5Group::CreateAttribute(const std::string& name, int64_t type, int64_t memory_type, int64_t size,
                                const void* values) {
  const hsize_t dimension = static_cast<hsize_t>(std::max<int64_t>(size, 0));
  const Hdf5Id space(size < 0 ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dimension, nullptr), H5Sclose);
  const Hdf5Id attribute(H5Acreate2(id_.get(), name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                         H5Aclose);
  if (!attribute.valid() || H5Awrite(attribute.get(), memory_type, values) < 0) {
    ThrowHdf5(where_ + " attribute '" + name + "'", "to write it");
  }
}

void Hdf5Group::SetInteger(const std::string& attribute, int64_t value) {
  CreateAttribute(attribute, H5T_STD_I64LE, H5T_NATIVE_INT64, -1, &value);
}

void Hdf5Group::SetUnsigned(const std::string& attribute, uint64_t value) {
  CreateAttribute(attribute, H5T_STD_U64LE, H5T_NATIVE_UINT64, -1, &value);
}

void Hdf5Group::SetBool(const std::string& attribute, bool value) {
  const Hdf5Id type = BoolType();
  const int8_t stored = value;
  CreateAttribute(attribute, type.get(), type.get(), -1, &stored);
}

void Hdf5Group::SetString(const std::string& attribute, const std::string& value) {
  const Hdf5Id type = StringType();
  const char* text = value.c_str();
  CreateAttribute(attribute, type.get(), type.get(), -1, &text);
}

void Hdf5Group::SetDoubles(const std::string& attribute, std::span<const double> values) {
  CreateAttribute(attribute, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, static_cast<int64_t>(values.size()),
                  values.data());
}

bool Hdf5Group::HasAttribute(const std::string& attribute) const {
  return H5Aexists(id_.get(), attribute.c_str()) > 0;
}

std::string Hdf5Group::AttributeType(const std::string& attribute) const {
  if (!HasAttribute(attribute)) return "nothing";
  const Hdf5Id opened(H5Aopen(id_.get(), attribute.c_str(), H5P_DEFAULT), H5Aclose);
  return opened.valid() ? TypeName(Hdf5Id(H5Aget_type(opened.get()), H5Tclose)) : "something else";
}

Hdf5Id Hdf5Group::OpenAttribute(const std::string& name, int64_t size) const {
  const std::string where = where_ + " attribute '" + name + "'";
  if (!HasAttribute(name)) throw DatasetError(where + ": expected it, found none");
  Hdf5Id attribute(H5Aopen(id_.get(), name.c_str(), H5P_DEFAULT), H5Aclose);
  if (!attribute.valid()) ThrowHdf5(where, "an attribute");
  const Hdf5Id space(H5Aget_space(attribute.get()), H5Sclose);
  const int64_t found = H5Sget_simple_extent_npoints(space.get());
  if (found != size) {
    throw DatasetError(where + ": expected " + std::to_string(size) + " values, found " +
                       std::to_string(found));
  }
  return attribute;
}

int64_t Hdf5Group::Integer(const std::string& attribute) const {
  int64_t value = 0;
  if (H5Aread(OpenAttribute(attribute, 1).get(), H5T_NATIVE_INT64, &value) < 0) {
    ThrowHdf5(where_ + " attribute '" + attribute + "'", "an integer");
  }
  return value;
}

uint64_t Hdf5Group::Unsigned(const std::string& attribute) const {
  uint64_t value = 0;
  if (H5Aread(OpenAttribute(attribute, 1).get(), H5T_NATIVE_UINT64, &value) < 0) {
    ThrowHdf5(where_ + " attribute '" + attribute + "'", "an unsigned integer");
  }
  return value;
}

bool Hdf5Group::Bool(const std::string& attribute) const {
  int8_t value = 0;
  if (H5Aread(OpenAttribute(attribute, 1).get(), BoolType().get(), &value) < 0) {
    ThrowHdf5(where_ + " attribute '" + attribute + "'", "a truth value");
  }
  return value != 0;
}

std::string Hdf5Group::String(const std::string& attribute) const {
  const Hdf5Id type = StringType();
  char* text = nullptr;
  if (H5Aread(OpenAttribute(attribute, 1).get(), type.get(), &text) < 0) {
    ThrowHdf5(where_ + " attribute '" + attribute + "'", "text");
  }
  std::string value = text ? text : "";
  H5free_memory(text);
  return value;
}

std::vector<double> Hdf5Group::Doubles(const std::string& attribute, int64_t size) const {
  std::vector<double> values(static_cast<size_t>(size));
  if (H5Aread(OpenAttribute(attribute, size).get(), H5T_NATIVE_DOUBLE, values.data()) < 0) {
    ThrowHdf5(where_ + " attribute '" + attribute + "'", "numbers");
  }
  return values;
}

}  // namespace reverie
