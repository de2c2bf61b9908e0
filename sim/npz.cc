#include "sim/npz.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>

#include <zip.h>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

namespace fs = std::filesystem;

// The header is written anew when the number of rows is known, so it has room for any.
constexpr size_t kHeaderBytes = 256, kPreambleBytes = 10;

const char* NumpyName(NpzWriter::Type type) {
  switch (type) {
    case NpzWriter::Type::kFloat32: return "<f4";
    case NpzWriter::Type::kBool: return "|b1";
    default: return "|u1";
  }
}

/// Version 1.0 of NumPy's format: numpy.lib.format documents it.
std::string Header(NpzWriter::Type type, int64_t rows, const std::vector<int64_t>& row) {
  std::string shape = std::to_string(rows) + ",";
  for (const int64_t size : row) shape += " " + std::to_string(size) + ",";
  std::string text = std::string("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>((kHeaderBytes - kPreambleBytes) & 0xff);
  text += static_cast<char>((kHeaderBytes - kPreambleBytes) >> 8);
  text += std::string("{'descr': '") + NumpyName(type) + "', 'fortran_order': False, 'shape': (" + shape + "), }";
  text.resize(kHeaderBytes - 1, ' ');
  return text + "\n";
}

template <class Value>
std::string_view Bytes(std::span<const Value> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

struct NpzWriter::Array {
  std::string name;
  Type type;
  std::vector<int64_t> row;
  fs::path path;
  std::optional<GrowingFile> file;
  int64_t rows = 0;

  void Append(std::string_view bytes, size_t values) {
    file->Append(bytes);
    const int64_t row_values = std::accumulate(row.begin(), row.end(), int64_t{1}, std::multiplies<>());
    rows += row_values > 0 ? static_cast<int64_t>(values) / row_values : 0;
  }
};

NpzWriter::NpzWriter(fs::path path) : path_(std::move(path)) {}

NpzWriter::~NpzWriter() {
  std::error_code ignored;
  for (const std::unique_ptr<Array>& array : arrays_) fs::remove(array->path, ignored);
  fs::remove(PartialPath(path_), ignored);
}

void NpzWriter::AddArray(const std::string& name, Type type, std::vector<int64_t> row) {
  auto array = std::make_unique<Array>();
  array->name = name;
  array->type = type;
  array->row = std::move(row);
  array->path = path_;
  array->path += "." + name + ".npy.partial";
  array->file.emplace(array->path, 0);
  array->file->Append(Header(type, 0, array->row));
  arrays_.push_back(std::move(array));
}

void NpzWriter::Append(const std::string& name, const std::vector<double>& values) {
  Array& array = **std::find_if(arrays_.begin(), arrays_.end(), [&](const auto& a) { return a->name == name; });
  if (array.type == Type::kFloat32) {
    const std::vector<float> floats(values.begin(), values.end());
    array.Append(Bytes(std::span(floats)), floats.size());
  } else {
    std::vector<uint8_t> truths;
    for (const double value : values) truths.push_back(value != 0);
    array.Append(Bytes(std::span<const uint8_t>(truths)), truths.size());
  }
}

void NpzWriter::Append(const std::string& name, const std::vector<uint8_t>& values) {
  Array& array = **std::find_if(arrays_.begin(), arrays_.end(), [&](const auto& a) { return a->name == name; });
  array.Append(Bytes(std::span<const uint8_t>(values)), values.size());
}

void NpzWriter::Finish() {
  const fs::path partial = PartialPath(path_);
  int code = 0;
  zip_t* archive = zip_open(partial.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
  if (!archive) {
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    const std::string reason = zip_error_strerror(&error);
    zip_error_fini(&error);
    throw Error(path_.string() + ": cannot be written: " + reason);
  }
  const auto fail = [&] {
    const std::string reason = zip_strerror(archive);
    zip_discard(archive);
    throw Error(path_.string() + ": cannot be written: " + reason);
  };
  for (const std::unique_ptr<Array>& array : arrays_) {
    array->file->WriteAt(0, Header(array->type, array->rows, array->row));
    array->file.reset();
    zip_source_t* source = zip_source_file(archive, array->path.c_str(), 0, -1);
    const zip_int64_t at = source ? zip_file_add(archive, (array->name + ".npy").c_str(), source, 0) : -1;
    if (at < 0) fail();
    // Stored as NumPy stores them; a fixed date, so that equal data give equal bytes.
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(at), ZIP_CM_STORE, 0);
    constexpr zip_uint16_t kFirstDay = (1 << 5) | 1;  // 1 January 1980
    zip_file_set_dostime(archive, static_cast<zip_uint64_t>(at), 0, kFirstDay, 0);
  }
  if (zip_close(archive) != 0) fail();
  CommitFile(partial, path_);
}

}  // namespace reverie
