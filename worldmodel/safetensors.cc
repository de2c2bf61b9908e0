#include "worldmodel/safetensors.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>

#include <nlohmann/json.hpp>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

// As in the format's reference implementation.
constexpr uint64_t kMostHeaderBytes = 100'000'000;

size_t ElementSize(const std::string& dtype) {
  static const std::map<std::string, size_t> kSizes = {
      {"F64", 8}, {"I64", 8}, {"U64", 8}, {"F32", 4}, {"I32", 4}, {"U32", 4},  {"F16", 2},
      {"BF16", 2}, {"I16", 2}, {"U16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  const auto found = kSizes.find(dtype);
  return found == kSizes.end() ? 0 : found->second;
}

/// Length, header and padding, for tensors that follow one another in the order of their names.
std::string Header(const std::map<std::string, std::string>& metadata,
                   const std::map<std::string, TensorType>& tensors) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header["__metadata__"] = metadata;
  uint64_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const uint64_t end = offset + tensor.bytes();
    header[name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  return std::string(reinterpret_cast<const char*>(&length), sizeof(length)) + text;
}

std::string SystemReason(int code) { return std::generic_category().message(code); }

}  // namespace

int64_t TensorType::elements() const {
  int64_t count = 1;
  for (int64_t extent : shape) count *= extent;
  return count;
}

uint64_t TensorType::bytes() const { return static_cast<uint64_t>(elements()) * ElementSize(dtype); }

std::string TensorType::text() const {
  std::string list;
  for (int64_t extent : shape) list += (list.empty() ? "" : ", ") + std::to_string(extent);
  return dtype + " (" + list + ")";
}

void WriteSafetensors(const std::filesystem::path& path, const Safetensors& content) {
  std::map<std::string, TensorType> types;
  for (const auto& [name, tensor] : content.tensors) types[name] = {tensor.dtype, tensor.shape};
  std::string file = Header(content.metadata, types);
  for (const auto& [name, tensor] : content.tensors) file += tensor.bytes;
  WriteFileAtomically(path, file);
}

Safetensors ReadSafetensors(const std::filesystem::path& path) {
  const SafetensorsReader reader(path);
  Safetensors content;
  content.metadata = reader.metadata();
  for (const auto& [name, type] : reader.tensors()) {
    TensorBytes& tensor = content.tensors[name];
    tensor.dtype = type.dtype;
    tensor.shape = type.shape;
    tensor.bytes.resize(type.bytes());
    reader.Read(name, 0, std::as_writable_bytes(std::span(tensor.bytes)));
  }
  return content;
}

struct SafetensorsReader::Impl {
  std::filesystem::path path;
  int descriptor = -1;
  std::map<std::string, std::string> metadata;
  std::map<std::string, TensorType> tensors;
  std::map<std::string, uint64_t> offsets;  // from the start of the file

  ~Impl() {
    if (descriptor >= 0) ::close(descriptor);
  }
  CheckpointError Fail(const std::string& message) const {
    return CheckpointError(path.string() + ": " + message);
  }
  void ReadAt(uint64_t offset, std::span<std::byte> bytes) const;
  void ParseHeader(const std::string& text, uint64_t data, uint64_t data_size);
};

void SafetensorsReader::Impl::ReadAt(uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Fail("cannot be read: " + SystemReason(errno));
    if (got == 0) throw Fail("it became shorter while it was read");
    bytes = bytes.subspan(static_cast<size_t>(got));
    offset += static_cast<uint64_t>(got);
  }
}

void SafetensorsReader::Impl::ParseHeader(const std::string& text, uint64_t data, uint64_t data_size) {
  nlohmann::json header;
  try {
    header = nlohmann::json::parse(text);
  } catch (const nlohmann::json::exception&) {
    throw Fail("its header is no JSON; it is damaged or no safetensors file");
  }
  if (!header.is_object()) throw Fail("its header is no JSON object");
  uint64_t used = 0;
  try {
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      TensorType tensor{entry.at("dtype").get<std::string>(), entry.at("shape").get<std::vector<int64_t>>()};
      const uint64_t begin = entry.at("data_offsets").at(0).get<uint64_t>();
      const uint64_t end = entry.at("data_offsets").at(1).get<uint64_t>();
      uint64_t bytes = ElementSize(tensor.dtype);
      if (bytes == 0) throw Fail("tensor '" + name + "' has the unknown type " + tensor.dtype);
      for (int64_t extent : tensor.shape) {
        if (extent < 0 || (extent > 0 && bytes > std::numeric_limits<uint64_t>::max() / static_cast<uint64_t>(extent))) {
          throw Fail("tensor '" + name + "' has an impossible shape");
        }
        bytes *= static_cast<uint64_t>(extent);
      }
      if (end < begin || end - begin != bytes || end > data_size) {
        throw Fail("tensor '" + name + "' needs " + std::to_string(bytes) + " bytes from " + std::to_string(begin) +
                   ", the file holds " + std::to_string(data_size) + "; it is truncated or damaged");
      }
      used += bytes;
      offsets[name] = data + begin;
      tensors[name] = std::move(tensor);
    }
  } catch (const nlohmann::json::exception& error) {
    throw Fail(std::string("its header is malformed: ") + error.what());
  }
  if (used != data_size) {
    throw Fail("its tensors take " + std::to_string(used) + " bytes, the file holds " + std::to_string(data_size) +
               "; it is damaged");
  }
}

SafetensorsReader::SafetensorsReader(std::filesystem::path path) : impl_(std::make_unique<Impl>()) {
  Impl& self = *impl_;
  self.path = std::move(path);
  self.descriptor = ::open(self.path.c_str(), O_RDONLY | O_CLOEXEC);
  struct stat status {};
  if (self.descriptor < 0 || ::fstat(self.descriptor, &status) != 0) {
    throw Error(self.path.string() + ": cannot be read: " + SystemReason(errno));
  }
  if (!S_ISREG(status.st_mode)) throw self.Fail("expected a safetensors file, found a folder or a device");
  const auto size = static_cast<uint64_t>(status.st_size);
  uint64_t length = 0;
  if (size < sizeof(length)) {
    throw self.Fail("expected a safetensors file, found " + std::to_string(size) + " bytes");
  }
  self.ReadAt(0, std::as_writable_bytes(std::span(&length, 1)));
  if (length > size - sizeof(length) || length > kMostHeaderBytes) {
    throw self.Fail("its header should take " + std::to_string(length) + " bytes, the file has " +
                    std::to_string(size) + "; it is truncated or no safetensors file");
  }
  std::string text(length, '\0');
  self.ReadAt(sizeof(length), std::as_writable_bytes(std::span(text)));
  self.ParseHeader(text, sizeof(length) + length, size - sizeof(length) - length);
}

SafetensorsReader::~SafetensorsReader() = default;
SafetensorsReader::SafetensorsReader(SafetensorsReader&&) noexcept = default;

const std::filesystem::path& SafetensorsReader::path() const { return impl_->path; }
const std::map<std::string, std::string>& SafetensorsReader::metadata() const { return impl_->metadata; }
const std::map<std::string, TensorType>& SafetensorsReader::tensors() const { return impl_->tensors; }

void SafetensorsReader::Read(const std::string& name, uint64_t begin, std::span<std::byte> bytes) const {
  const auto found = impl_->tensors.find(name);
  if (found == impl_->tensors.end()) throw impl_->Fail("tensor '" + name + "' is missing");
  if (begin + bytes.size() > found->second.bytes()) {
    throw ShapeError("tensor '" + name + "' has " + std::to_string(found->second.bytes()) + " bytes, asked for " +
                     std::to_string(begin + bytes.size()));
  }
  impl_->ReadAt(impl_->offsets.at(name) + begin, bytes);
}

struct SafetensorsWriter::Impl {
  struct Place {
    uint64_t next, end;  // in the file
  };
  std::filesystem::path path, target, partial;
  int descriptor = -1;
  bool finished = false;
  std::map<std::string, Place> places;

  [[noreturn]] void Fail(int code) const { throw Error(path.string() + ": cannot be written: " + SystemReason(code)); }
  void WriteAt(uint64_t offset, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset));
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) Fail(errno);
      bytes = bytes.subspan(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
  }
  ~Impl() {
    if (descriptor >= 0) ::close(descriptor);
    if (!finished && !partial.empty()) ::unlink(partial.c_str());
  }
};

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& path,
                                     const std::map<std::string, std::string>& metadata,
                                     const std::map<std::string, TensorType>& tensors)
    : impl_(std::make_unique<Impl>()) {
  Impl& self = *impl_;
  self.path = path;
  std::error_code ignored;
  // Through a link, it is the file behind it that is replaced.
  self.target = std::filesystem::is_symlink(path, ignored) ? std::filesystem::canonical(path, ignored) : path;
  if (self.target.empty()) self.target = path;
  if (std::filesystem::is_directory(self.target, ignored)) {
    throw Error(path.string() + ": cannot be written: it is a folder");
  }
  const std::string header = Header(metadata, tensors);
  uint64_t offset = header.size();
  for (const auto& [name, tensor] : tensors) {
    self.places[name] = {offset, offset + tensor.bytes()};
    offset += tensor.bytes();
  }
  const std::filesystem::path partial = PartialPath(self.target);
  self.descriptor = ::open(partial.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (self.descriptor < 0) self.Fail(errno);
  self.partial = partial;
  self.WriteAt(0, std::as_bytes(std::span(header)));
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::Append(const std::string& name, std::span<const std::byte> bytes) {
  Impl::Place& place = impl_->places.at(name);
  if (bytes.size() > place.end - place.next) {
    throw ShapeError(impl_->path.string() + ": more values for tensor '" + name + "' than its shape holds");
  }
  impl_->WriteAt(place.next, bytes);
  place.next += bytes.size();
}

void SafetensorsWriter::Finish() {
  Impl& self = *impl_;
  for (const auto& [name, place] : self.places) {
    if (place.next != place.end) {
      throw ShapeError(self.path.string() + ": tensor '" + name + "' lacks " + std::to_string(place.end - place.next) +
                       " bytes");
    }
  }
  const int descriptor = self.descriptor;
  self.descriptor = -1;
  if (::close(descriptor) != 0) self.Fail(errno);
  CommitFile(self.partial, self.target);
  self.finished = true;
}

}  // namespace reverie
