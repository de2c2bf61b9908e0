#include "sim/fingerprint.h"

#include <array>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <new>
#include <system_error>
#include <vector>

#include "sim/error.h"

extern "C" {
#include <libavutil/mem.h>
#include <libavutil/murmur3.h>
}

namespace reverie {
namespace {

constexpr size_t kAtOnce = size_t{1} << 20;  // bytes of a file

}  // namespace

struct Fingerprint::Impl {
  AVMurMur3* state = av_murmur3_alloc();

  ~Impl() { av_free(state); }
};

Fingerprint::Fingerprint() : impl_(std::make_unique<Impl>()) {
  if (impl_->state == nullptr) throw std::bad_alloc();
  av_murmur3_init(impl_->state);
}

Fingerprint::~Fingerprint() = default;

void Fingerprint::Add(std::span<const std::byte> bytes) {
  av_murmur3_update(impl_->state, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
}

void Fingerprint::Add(const std::string& text) { Add(std::as_bytes(std::span(text.c_str(), text.size() + 1))); }

void Fingerprint::AddFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> buffer(kAtOnce);
  while (file) {
    file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    Add(std::as_bytes(std::span(buffer.data(), static_cast<size_t>(file.gcount()))));
  }
  if (!file.eof()) throw Error(path.string() + ": cannot be read: " + std::generic_category().message(errno));
}

std::string Fingerprint::Text() {
  std::array<uint8_t, 16> digest{};
  av_murmur3_final(impl_->state, digest.data());
  std::string text;
  for (const uint8_t byte : digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return text;
}

}  // namespace reverie
