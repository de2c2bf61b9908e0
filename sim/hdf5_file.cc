#include "sim/hdf5_file.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include <hdf5.h>

#include "sim/error.h"
#include "sim/hdf5_error.h"

namespace reverie {
namespace {

static_assert(sizeof(hid_t) == sizeof(int64_t));

// Entries of a chunk index node. HDF5's default of 32 costs 2.6 KB for every array, most of it empty.
constexpr unsigned kChunkIndexRank = 8;

Hdf5Id FileAccess() {
  SilenceHdf5();
  Hdf5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  // Newer formats would keep the chunk index rank in an object that records the time.
  H5Pset_libver_bounds(access.get(), H5F_LIBVER_EARLIEST, H5F_LIBVER_V18);
  H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
  // FolderLock guards writers; HDF5's own lock would refuse read-only and network mounts.
  H5Pset_file_locking(access.get(), false, true);
  return access;
}

Hdf5Id CreateFile(const std::filesystem::path& path, const Hdf5Id& access) {
  const Hdf5Id creation(H5Pcreate(H5P_FILE_CREATE), H5Pclose);
  H5Pset_obj_track_times(creation.get(), false);
  H5Pset_istore_k(creation.get(), kChunkIndexRank);
  Hdf5Id file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation.get(), access.get()), H5Fclose);
  if (!file.valid()) ThrowHdf5(path.string(), "to create the file");
  return file;
}

}  // namespace

Hdf5Id& Hdf5Id::operator=(Hdf5Id&& other) noexcept {
  if (this != &other) {
    Close();
    id_ = std::exchange(other.id_, -1);
    closer_ = other.closer_;
  }
  return *this;
}

bool Hdf5Id::Close() {
  const int64_t id = std::exchange(id_, -1);
  return id < 0 || closer_(id) >= 0;
}

Hdf5File::Hdf5File(Hdf5Id id, const std::filesystem::path& path)
    : id_(std::move(id)),
      path_(path),
      root_(Hdf5Id(H5Gopen2(id_.get(), "/", H5P_DEFAULT), H5Gclose), path.string(), true) {
  if (!root_.id_.valid()) ThrowHdf5(path.string(), "a root group");
}

Hdf5File Hdf5File::CreateInMemory(const std::filesystem::path& name) {
  const Hdf5Id access = FileAccess();
  constexpr size_t kIncrement = size_t{1} << 20;
  H5Pset_fapl_core(access.get(), kIncrement, false);
  return Hdf5File(CreateFile(name, access), name);
}

Hdf5File Hdf5File::Create(const std::filesystem::path& path, Hdf5Format format) {
  const Hdf5Id access = FileAccess();
  if (format == Hdf5Format::kNewest) H5Pset_libver_bounds(access.get(), H5F_LIBVER_LATEST, H5F_LIBVER_LATEST);
  return Hdf5File(CreateFile(path, access), path);
}

Hdf5File Hdf5File::Open(const std::filesystem::path& path) {
  const Hdf5Id access = FileAccess();
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (code) throw DatasetError(path.string() + ": expected an HDF5 file, found none: " + code.message());
  const htri_t is_hdf5 = H5Fis_hdf5(path.c_str());
  if (is_hdf5 == 0) {
    throw DatasetError(path.string() + ": expected an HDF5 file, found " + std::to_string(size) +
                       " bytes of something else (no HDF5 signature)");
  }
  Hdf5Id file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose);
  if (!file.valid()) ThrowHdf5(path.string(), "a whole HDF5 file");
  return Hdf5File(std::move(file), path);
}

std::string Hdf5File::Image() {
  if (H5Fflush(id_.get(), H5F_SCOPE_GLOBAL) < 0) ThrowHdf5(path_.string(), "to write its data");
  const ssize_t size = H5Fget_file_image(id_.get(), nullptr, 0);
  std::string image(static_cast<size_t>(std::max<ssize_t>(size, 0)), '\0');
  if (size < 0 || H5Fget_file_image(id_.get(), image.data(), image.size()) < 0) {
    ThrowHdf5(path_.string(), "the file's bytes");
  }
  return image;
}

void Hdf5File::Close() {
  root_.id_.Close();
  if (!id_.Close()) ThrowHdf5(path_.string(), "to write its data");
}

}  // namespace reverie
