#include "worldmodel/safetensors.h"

#include <cstring>
#include <functional>
#include <limits>
#include <numeric>

#include <nlohmann/json.hpp>

#include "sim/error.h"
#include "sim/files.h"

namespace reverie {
namespace {

size_t ElementSize(const std::string& dtype) {
  static const std::map<std::string, size_t> kSizes = {{"F64", 8}, {"I64", 8}, {"F32", 4}, {"I32", 4}, {"F16", 2},
                                                       {"BF16", 2}, {"I16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
  const auto found = kSizes.find(dtype);
  return found == kSizes.end() ? 0 : found->second;
}

}  // namespace

void WriteSafetensors(const std::filesystem::path& path, const Safetensors& content) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!content.metadata.empty()) header["__metadata__"] = content.metadata;
  size_t offset = 0;
  for (const auto& [name, tensor] : content.tensors) {
    header[name] = {{"dtype", tensor.dtype}, {"shape", tensor.shape},
                    {"data_offsets", {offset, offset + tensor.bytes.size()}}};
    offset += tensor.bytes.size();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  uint64_t length = text.size();
  std::string file(reinterpret_cast<const char*>(&length), sizeof(length));
  file += text;
  for (const auto& [name, tensor] : content.tensors) file += tensor.bytes;
  WriteFileAtomically(path, file);
}

Safetensors ReadSafetensors(const std::filesystem::path& path) {
  const std::string file = ReadFile(path);
  const auto fail = [&](const std::string& message) -> CheckpointError {
    return CheckpointError("weights " + path.string() + ": " + message);
  };
  uint64_t length = 0;
  if (file.size() < sizeof(length)) throw fail("expected a safetensors file, found " + std::to_string(file.size()) + " bytes");
  std::memcpy(&length, file.data(), sizeof(length));
  if (length > file.size() - sizeof(length)) {
    throw fail("its header should take " + std::to_string(length) + " bytes, the file has " +
               std::to_string(file.size()) + "; it is truncated or no safetensors file");
  }
  nlohmann::json header;
  try {
    header = nlohmann::json::parse(file.substr(sizeof(length), length));
  } catch (const nlohmann::json::exception&) {
    throw fail("its header is no JSON; it is damaged or no safetensors file");
  }
  if (!header.is_object()) throw fail("its header is no JSON object");
  const size_t data = sizeof(length) + length;
  Safetensors content;
  try {
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        content.metadata = entry.get<std::map<std::string, std::string>>();
        continue;
      }
      TensorBytes tensor;
      tensor.dtype = entry.at("dtype").get<std::string>();
      tensor.shape = entry.at("shape").get<std::vector<int64_t>>();
      const size_t begin = entry.at("data_offsets").at(0).get<size_t>();
      const size_t end = entry.at("data_offsets").at(1).get<size_t>();
      if (ElementSize(tensor.dtype) == 0) throw fail("tensor '" + name + "' has the unknown type " + tensor.dtype);
      size_t bytes = ElementSize(tensor.dtype);
      for (int64_t extent : tensor.shape) {
        if (extent < 0 || (extent > 0 && bytes > std::numeric_limits<size_t>::max() / static_cast<size_t>(extent))) {
          throw fail("tensor '" + name + "' has an impossible shape");
        }
        bytes *= static_cast<size_t>(extent);
      }
      if (end < begin || end - begin != bytes || end > file.size() - data) {
        throw fail("tensor '" + name + "' needs " + std::to_string(bytes) + " bytes from " + std::to_string(begin) +
                   ", the file holds " + std::to_string(file.size() - data) + "; it is truncated or damaged");
      }
      tensor.bytes = file.substr(data + begin, bytes);
      content.tensors.emplace(name, std::move(tensor));
    }
  } catch (const nlohmann::json::exception& error) {
    throw fail(std::string("its header is malformed: ") + error.what());
  }
  return content;
}

}  // namespace reverie
