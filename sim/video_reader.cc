#include "sim/video_reader.h"

#include <string>

#include "sim/error.h"
#include "sim/libav.h"

namespace reverie {
namespace {

using namespace libav;

struct DemuxerDeleter {
  void operator()(AVFormatContext* demuxer) const { avformat_close_input(&demuxer); }
};

}  // namespace

struct VideoReader::Impl {
  Error Fail(const std::string& what) const { return Error("video '" + path.string() + "': " + what); }
  bool Next();
  void Convert(std::span<uint8_t> rgb);

  std::filesystem::path path;
  std::unique_ptr<AVFormatContext, DemuxerDeleter> demuxer;
  int stream = -1;
  Codec codec;
  Packet packet{av_packet_alloc()};
  Frame frame{av_frame_alloc()};
  Scaler scaler;
  int64_t frames = 0;
  bool drained = false;  // the decoder knows that nothing follows
};

VideoReader::VideoReader(std::filesystem::path path) : impl_(std::make_unique<Impl>()) {
  Quiet();
  Impl& self = *impl_;
  self.path = std::move(path);
  // Without "file:", a name with a colon in it would be taken for a network address.
  const std::string url = "file:" + self.path.string();
  AVFormatContext* demuxer = nullptr;
  int code = avformat_open_input(&demuxer, url.c_str(), nullptr, nullptr);
  if (code < 0) throw self.Fail("cannot be read as a film: " + Reason(code));
  self.demuxer.reset(demuxer);
  code = avformat_find_stream_info(demuxer, nullptr);
  if (code < 0) throw self.Fail("cannot be read as a film: " + Reason(code));
  const AVCodec* decoder = nullptr;
  self.stream = av_find_best_stream(demuxer, AVMEDIA_TYPE_VIDEO, -1, -1, &decoder, 0);
  if (self.stream == AVERROR_DECODER_NOT_FOUND) throw self.Fail("no decoder for it in this libavcodec");
  if (self.stream < 0) throw self.Fail("expected a film, found no pictures in it");
  self.codec.reset(avcodec_alloc_context3(decoder));
  code = avcodec_parameters_to_context(self.codec.get(), demuxer->streams[self.stream]->codecpar);
  self.codec->thread_count = 0;  // as many as the machine has; what comes out does not depend on it
  if (code >= 0) code = avcodec_open2(self.codec.get(), decoder, nullptr);
  if (code < 0) throw self.Fail("cannot be decoded: " + Reason(code));
  if (self.codec->width < 1 || self.codec->height < 1) throw self.Fail("its pictures have no size; it is damaged");
}

VideoReader::~VideoReader() = default;
VideoReader::VideoReader(VideoReader&&) noexcept = default;

int VideoReader::width() const { return impl_->codec->width; }
int VideoReader::height() const { return impl_->codec->height; }

bool VideoReader::Impl::Next() {
  for (;;) {
    int code = avcodec_receive_frame(codec.get(), frame.get());
    if (code >= 0) {
      ++frames;
      return true;
    }
    if (code == AVERROR_EOF) return false;
    const auto check = [&](int result) {
      if (result < 0) throw Fail("cannot be decoded after frame " + std::to_string(frames) + ": " + Reason(result));
    };
    if (code != AVERROR(EAGAIN)) check(code);
    code = drained ? AVERROR_EOF : av_read_frame(demuxer.get(), packet.get());
    if (code == AVERROR_EOF) {
      if (!drained) check(avcodec_send_packet(codec.get(), nullptr));
      drained = true;
      continue;
    }
    check(code);
    const bool ours = packet->stream_index == stream;
    code = ours ? avcodec_send_packet(codec.get(), packet.get()) : 0;
    av_packet_unref(packet.get());
    check(code);
  }
}

void VideoReader::Impl::Convert(std::span<uint8_t> rgb) {
  const int width = codec->width, height = codec->height;
  if (rgb.size() != static_cast<size_t>(width) * static_cast<size_t>(height) * 3) {
    throw ShapeError("a frame of video '" + path.string() + "' has " + std::to_string(width) + " x " +
                     std::to_string(height) + " pixels, not " + std::to_string(rgb.size()) + " bytes");
  }
  if (frame->width != width || frame->height != height) {
    throw Fail("frame " + std::to_string(frames) + " has " + std::to_string(frame->width) + " x " +
               std::to_string(frame->height) + " pixels, the frames before it have others");
  }
  SwsContext* cached =
      sws_getCachedContext(scaler.release(), width, height, static_cast<AVPixelFormat>(frame->format), width, height,
                           AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_FULL_CHR_H_INT | SWS_ACCURATE_RND | SWS_BITEXACT,
                           nullptr, nullptr, nullptr);
  scaler.reset(cached);
  if (!scaler) throw Fail("its pictures cannot be turned into RGB");
  // What the film says of its colours; BT.601 in limited range where it says nothing.
  const int* coefficients = sws_getCoefficients(
      frame->colorspace == AVCOL_SPC_UNSPECIFIED ? static_cast<int>(SWS_CS_ITU601) : static_cast<int>(frame->colorspace));
  const bool full_range = frame->color_range == AVCOL_RANGE_JPEG;
  sws_setColorspaceDetails(scaler.get(), coefficients, full_range, coefficients, 1, 0, 1 << 16, 1 << 16);
  uint8_t* planes[] = {rgb.data()};
  const int strides[] = {width * 3};
  sws_scale(scaler.get(), frame->data, frame->linesize, 0, height, planes, strides);
}

bool VideoReader::Read(std::span<uint8_t> rgb) {
  if (!impl_->Next()) return false;
  impl_->Convert(rgb);
  return true;
}

bool VideoReader::Skip() { return impl_->Next(); }

}  // namespace reverie
