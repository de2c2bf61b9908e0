// HDF5 files and groups that close themselves. Every failure is one DatasetError line that names the file and
// the object; HDF5's own printing is silenced. Equal content gives equal bytes: nothing records a time.
// Files keep to HDF5's oldest format, which every reader knows. One thread per file; hdf5.h stays out of this
// header.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "sim/frames.h"

namespace reverie {

/// Owns an HDF5 identifier (hid_t, a 64-bit integer).
class Hdf5Id {
 public:
  using Closer = int (*)(int64_t);
  Hdf5Id() = default;
  Hdf5Id(int64_t id, Closer closer) : id_(id), closer_(closer) {}
  ~Hdf5Id() { Close(); }
  Hdf5Id(Hdf5Id&& other) noexcept : id_(other.id_), closer_(other.closer_) { other.id_ = -1; }
  Hdf5Id& operator=(Hdf5Id&& other) noexcept;
  /// Returns false if HDF5 could not close it (buffered data that did not fit on the disk).
  bool Close();
  int64_t get() const { return id_; }
  bool valid() const { return id_ >= 0; }

 private:
  int64_t id_ = -1;
  Closer closer_ = nullptr;
};

/// (rows), or (rows, columns).
struct Hdf5Shape {
  int64_t rows = 0;
  int64_t columns = -1;  // -1: one axis
};

class Hdf5Group {
 public:
  Hdf5Group CreateGroup(const std::string& name);
  Hdf5Group OpenGroup(const std::string& name) const;
  bool Has(const std::string& name) const;
  /// How many groups and arrays it holds.
  int64_t size() const;
  /// Names of the groups and arrays in it, sorted.
  std::vector<std::string> Names() const;
  /// What has that name: "group", or an array's type by NumPy's name ("float64", "int8", "bool" as h5py writes
  /// it, "text"); "something else" where it is none of these.
  std::string TypeOf(const std::string& name) const;
  /// Length of each axis of an array. @throws DatasetError if there is none of that name.
  std::vector<int64_t> ShapeOf(const std::string& name) const;
  /// "file.hdf5: episode_3/infos".
  const std::string& where() const { return where_; }
  /// HDF5's identifier of it.
  int64_t id() const { return id_.get(); }

  /// Writes doubles that may grow along the first axis. Runs of columns that are all +0.0 take no room.
  void WriteDoubles(const std::string& name, Hdf5Shape shape, std::span<const double> values);
  /// @throws DatasetError if it is missing, has another shape, or cannot be read whole.
  std::vector<double> ReadDoubles(const std::string& name, Hdf5Shape shape) const;
  /// As h5py writes numpy.bool_: an int8 enumeration FALSE, TRUE.
  void WriteBools(const std::string& name, std::span<const int8_t> values);
  std::vector<int8_t> ReadBools(const std::string& name, int64_t rows) const;
  /// Whole numbers from -128 to 127.
  void WriteIndices(const std::string& name, std::span<const int8_t> values);
  std::vector<int8_t> ReadIndices(const std::string& name, int64_t rows) const;

  /// Writes an array of `stream.name()` with a chunk for each frame, already compressed: (frames, height, width, ...).
  void WriteFrames(const FrameStream& stream, const FrameSequence& frames);
  /// The compressed frames, as WriteFrames took them. @throws DatasetError if the array is missing, has another shape,
  /// type or kind of compression.
  FrameSequence ReadFrames(const FrameStream& stream, int64_t rows) const;
  /// Some of them as they were drawn, reading no others.
  /// @param rows    frames that there must be; `first` to `first` + `count` lie among them.
  /// @param values  (count, frame_bytes()).
  void ReadFrameRows(const FrameStream& stream, int64_t rows, int64_t first, int64_t count,
                     std::span<uint8_t> values) const;

  void SetInteger(const std::string& attribute, int64_t value);
  void SetUnsigned(const std::string& attribute, uint64_t value);
  void SetBool(const std::string& attribute, bool value);
  void SetString(const std::string& attribute, const std::string& value);
  void SetDoubles(const std::string& attribute, std::span<const double> values);
  bool HasAttribute(const std::string& attribute) const;
  /// As TypeOf; an attribute that is not there is of type "nothing".
  std::string AttributeType(const std::string& attribute) const;
  int64_t Integer(const std::string& attribute) const;
  uint64_t Unsigned(const std::string& attribute) const;
  bool Bool(const std::string& attribute) const;
  std::string String(const std::string& attribute) const;
  std::vector<double> Doubles(const std::string& attribute, int64_t size) const;

 private:
  friend class Hdf5File;
  Hdf5Group(Hdf5Id id, std::string where, bool is_root = false)
      : id_(std::move(id)), where_(std::move(where)), is_root_(is_root) {}
  std::string Where(const std::string& name) const;
  Hdf5Id OpenArray(const std::string& name, Hdf5Shape shape) const;
  Hdf5Id OpenFrames(const FrameStream& stream, int64_t rows) const;
  void WriteBytes(const std::string& name, int64_t type, std::span<const int8_t> values);
  std::vector<int8_t> ReadBytes(const std::string& name, int64_t type, int64_t rows, const char* expected) const;
  void CreateAttribute(const std::string& name, int64_t type, int64_t memory_type, int64_t size,
                       const void* values);
  Hdf5Id OpenAttribute(const std::string& name, int64_t size) const;

  Hdf5Id id_;
  std::string where_;
  bool is_root_;
};

enum class Hdf5Format { kOldest, kNewest };

class Hdf5File {
 public:
  /// A file in memory; `name` stands for it in messages.
  static Hdf5File CreateInMemory(const std::filesystem::path& name);
  static Hdf5File Create(const std::filesystem::path& path, Hdf5Format format = Hdf5Format::kOldest);
  /// For reading. @throws DatasetError: missing, truncated, no HDF5.
  static Hdf5File Open(const std::filesystem::path& path);

  Hdf5Group& root() { return root_; }
  const Hdf5Group& root() const { return root_; }
  /// The bytes of a file in memory as they would be on disk; it can be written to afterwards.
  std::string Image();
  /// Writes all out and closes. @throws DatasetError with the system's reason (a full disk).
  void Close();

 private:
  Hdf5File(Hdf5Id id, const std::filesystem::path& path);
  Hdf5Id id_;
  std::filesystem::path path_;
  Hdf5Group root_;
};

}  // namespace reverie
