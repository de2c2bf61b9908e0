#include "sim/frames.h"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

#include "sim/error.h"

namespace reverie {
namespace {

void Shuffle(std::span<const uint8_t> from, size_t element, std::vector<uint8_t>& to) {
  to.resize(from.size());
  const size_t count = from.size() / element;
  for (size_t byte = 0; byte < element; ++byte) {
    uint8_t* out = to.data() + byte * count;
    for (size_t i = 0; i < count; ++i) out[i] = from[i * element + byte];
  }
}

void Unshuffle(std::span<const uint8_t> from, size_t element, std::span<uint8_t> to) {
  const size_t count = to.size() / element;
  for (size_t byte = 0; byte < element; ++byte) {
    for (size_t i = 0; i < count; ++i) to[i * element + byte] = from[byte * count + i];
  }
}

}  // namespace

const char* FrameStream::group() const {
  switch (kind) {
    case FrameKind::kPixels: return "pixels";
    case FrameKind::kDepth: return "depth";
    case FrameKind::kSegmentation: break;
  }
  return "segmentation";
}

std::string FrameStream::name() const {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string escaped;
  for (const char c : camera) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '/' || c == '%' || byte < 0x20 || byte == 0x7f || camera == ".") {
      escaped += '%';
      escaped += kHex[byte >> 4];
      escaped += kHex[byte & 15];
    } else {
      escaped += c;
    }
  }
  return escaped;
}

const char* FrameStream::type() const {
  switch (kind) {
    case FrameKind::kPixels: return "uint8";
    case FrameKind::kDepth: return "float32";
    case FrameKind::kSegmentation: break;
  }
  return "int32";
}

int64_t FrameStream::element_bytes() const { return kind == FrameKind::kPixels ? 1 : 4; }

std::vector<int64_t> FrameStream::shape() const {
  std::vector<int64_t> shape = {height, width};
  if (kind == FrameKind::kPixels) shape.push_back(3);
  if (kind == FrameKind::kSegmentation) shape.push_back(2);
  return shape;
}

int64_t FrameStream::frame_bytes() const {
  int64_t bytes = element_bytes();
  for (const int64_t length : shape()) bytes *= length;
  return bytes;
}

std::vector<FrameStream> StreamsOf(const FrameSettings& settings) {
  std::vector<FrameStream> streams;
  const auto add = [&](FrameKind kind) {
    for (const std::string& camera : settings.cameras) streams.push_back({kind, camera, settings.width, settings.height});
  };
  add(FrameKind::kPixels);
  if (settings.depth) add(FrameKind::kDepth);
  if (settings.segmentation) add(FrameKind::kSegmentation);
  return streams;
}

void FrameSequence::Add(std::span<const uint8_t> packed) {
  data_.insert(data_.end(), packed.begin(), packed.end());
  ends_.push_back(data_.size());
}

std::span<const uint8_t> FrameSequence::operator[](int64_t frame) const {
  const auto at = static_cast<size_t>(frame);
  const size_t begin = at == 0 ? 0 : ends_[at - 1];
  return std::span(data_).subspan(begin, ends_[at] - begin);
}

void FrameSequence::Keep(int64_t count) {
  if (count >= size()) return;
  ends_.resize(static_cast<size_t>(count));
  data_.resize(ends_.empty() ? 0 : ends_.back());
}

void FrameSequence::Reserve(int64_t frames, size_t bytes) {
  ends_.reserve(static_cast<size_t>(frames));
  data_.reserve(bytes);
}

struct FramePacker::Stream : z_stream {};

FramePacker::FramePacker() : stream_(new Stream{}) {
  if (deflateInit(stream_, kFrameCompression) != Z_OK) {
    delete stream_;
    throw Error("not enough memory to compress frames");
  }
}

FramePacker::~FramePacker() {
  deflateEnd(stream_);
  delete stream_;
}

std::span<const uint8_t> FramePacker::Pack(std::span<const uint8_t> frame, int64_t element_bytes) {
  if (element_bytes > 1) {
    Shuffle(frame, static_cast<size_t>(element_bytes), shuffled_);
    frame = shuffled_;
  }
  deflateReset(stream_);
  packed_.resize(std::max<size_t>(packed_.size(), deflateBound(stream_, frame.size())));
  stream_->next_in = const_cast<uint8_t*>(frame.data());
  stream_->avail_in = static_cast<uInt>(frame.size());
  stream_->next_out = packed_.data();
  stream_->avail_out = static_cast<uInt>(packed_.size());
  if (deflate(stream_, Z_FINISH) != Z_STREAM_END) throw Error("a frame cannot be compressed");
  return std::span(packed_).first(stream_->total_out);
}

void UnpackFrame(std::span<const uint8_t> packed, int64_t element_bytes, std::span<uint8_t> frame,
                 const std::string& origin) {
  thread_local std::vector<uint8_t> shuffled;
  std::span<uint8_t> raw = frame;
  if (element_bytes > 1) {
    shuffled.resize(frame.size());
    raw = shuffled;
  }
  auto size = static_cast<uLongf>(raw.size());
  const int status = uncompress(raw.data(), &size, packed.data(), static_cast<uLong>(packed.size()));
  if (status != Z_OK || size != raw.size()) {
    throw DatasetError(origin + ": expected a deflated frame of " + std::to_string(raw.size()) + " bytes, found " +
                       (status == Z_OK ? "one of " + std::to_string(size) : std::string("damaged data")));
  }
  if (element_bytes > 1) Unshuffle(shuffled, static_cast<size_t>(element_bytes), frame);
}

}  // namespace reverie
