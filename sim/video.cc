#include "sim/video.h"

#include <cmath>
#include <cstring>
#include <string>
#include <system_error>

#include <png.h>

#include "sim/error.h"
#include "sim/files.h"
#include "sim/libav.h"

namespace reverie {
namespace {

using namespace libav;

std::string SizeText(int width, int height) {
  return std::to_string(width) + " x " + std::to_string(height);
}

void CheckPicture(const std::filesystem::path& path, int width, int height, size_t bytes) {
  const size_t needed = static_cast<size_t>(width) * static_cast<size_t>(height) * 3;
  if (bytes != needed) {
    throw ShapeError("picture for '" + path.string() + "' has " + std::to_string(bytes) + " bytes; " +
                     SizeText(width, height) + " pixels of 3 bytes are " + std::to_string(needed));
  }
}

struct MuxerDeleter {
  void operator()(AVFormatContext* muxer) const {
    if (muxer->pb != nullptr) avio_closep(&muxer->pb);
    avformat_free_context(muxer);
  }
};

/// An open encoder: H.264 where libavcodec has x264, else MPEG-4 part 2, which it always has.
Codec OpenEncoder(int width, int height, AVRational frame_rate) {
  std::string tried;
  for (const char* name : {"libx264", "mpeg4"}) {
    const AVCodec* encoder = avcodec_find_encoder_by_name(name);
    if (encoder == nullptr) {
      tried += std::string(tried.empty() ? "" : ", ") + name + ": not built in";
      continue;
    }
    Codec codec(avcodec_alloc_context3(encoder));
    codec->width = width;
    codec->height = height;
    codec->pix_fmt = AV_PIX_FMT_YUV420P;
    codec->time_base = av_inv_q(frame_rate);
    codec->framerate = frame_rate;
    codec->color_range = AVCOL_RANGE_MPEG;
    codec->colorspace = AVCOL_SPC_BT709;
    codec->color_primaries = AVCOL_PRI_BT709;
    codec->color_trc = AVCOL_TRC_BT709;
    codec->flags |= AV_CODEC_FLAG_GLOBAL_HEADER | AV_CODEC_FLAG_BITEXACT;
    // x264's choices depend on its number of threads, which would otherwise follow the machine's cores.
    codec->thread_count = 1;
    if (encoder->id == AV_CODEC_ID_H264) {
      av_opt_set(codec->priv_data, "preset", "veryfast", 0);
      av_opt_set(codec->priv_data, "crf", "18", 0);
    } else {
      codec->flags |= AV_CODEC_FLAG_QSCALE;
      codec->global_quality = 3 * FF_QP2LAMBDA;
    }
    const int code = avcodec_open2(codec.get(), encoder, nullptr);
    if (code >= 0) return codec;
    tried += std::string(tried.empty() ? "" : ", ") + name + ": " + Reason(code);
  }
  throw DeviceError("no video encoder for " + SizeText(width, height) + " pixels (" + tried +
                    "); on Debian, install libavcodec59");
}

/// Turns RGB into the limited-range BT.709 the stream says it has.
SwsContext* MakeScaler(int width, int height) {
  SwsContext* scaler = sws_getContext(width, height, AV_PIX_FMT_RGB24, width, height, AV_PIX_FMT_YUV420P,
                                      SWS_BICUBIC | SWS_FULL_CHR_H_INP | SWS_ACCURATE_RND | SWS_BITEXACT,
                                      nullptr, nullptr, nullptr);
  if (scaler != nullptr) {
    const int* coefficients = sws_getCoefficients(SWS_CS_ITU709);
    sws_setColorspaceDetails(scaler, coefficients, 1, coefficients, 0, 0, 1 << 16, 1 << 16);
  }
  return scaler;
}

}  // namespace

struct VideoWriter::Impl {
  [[noreturn]] void Fail(int code) const {
    throw Error("cannot write video '" + path.string() + "': " + Reason(code));
  }
  void Encode(const AVFrame* picture);  // nullptr: what the encoder still holds

  std::filesystem::path path;
  std::filesystem::path temporary;
  int width = 0;
  int height = 0;
  int64_t frames = 0;
  bool finished = false;
  Codec codec;
  Scaler scaler;
  Frame frame;
  Packet packet;
  std::unique_ptr<AVFormatContext, MuxerDeleter> muxer;
  AVStream* stream = nullptr;
};

void VideoWriter::Impl::Encode(const AVFrame* picture) {
  int code = avcodec_send_frame(codec.get(), picture);
  if (code < 0) Fail(code);
  while ((code = avcodec_receive_packet(codec.get(), packet.get())) >= 0) {
    packet->duration = 1;
    packet->stream_index = stream->index;
    av_packet_rescale_ts(packet.get(), codec->time_base, stream->time_base);
    code = av_interleaved_write_frame(muxer.get(), packet.get());
    if (code < 0) Fail(code);
    if (muxer->pb->error < 0) Fail(muxer->pb->error);
  }
  if (code != AVERROR(EAGAIN) && code != AVERROR_EOF) Fail(code);
}

VideoWriter::VideoWriter(std::filesystem::path path, int width, int height, double frames_per_second)
    : impl_(std::make_unique<Impl>()) {
  Quiet();
  Impl& self = *impl_;
  self.path = std::move(path);
  if (width < 2 || height < 2 || width % 2 != 0 || height % 2 != 0) {
    throw ShapeError("video '" + self.path.string() + "' of " + SizeText(width, height) +
                     " pixels: width and height must be even, 2 or more");
  }
  if (!(frames_per_second >= 0.01 && frames_per_second <= 1000)) {
    throw ShapeError("video '" + self.path.string() + "' at " + std::to_string(frames_per_second) +
                     " frames per second: expected 0.01 to 1000");
  }
  self.width = width;
  self.height = height;
  // MPEG-4 stores the rate in 16 bits, so the fraction nearest the rate that fits is the rate.
  self.codec = OpenEncoder(width, height, av_d2q(frames_per_second, 65535));
  self.scaler.reset(MakeScaler(width, height));
  self.frame.reset(av_frame_alloc());
  self.packet.reset(av_packet_alloc());
  self.frame->format = AV_PIX_FMT_YUV420P;
  self.frame->width = width;
  self.frame->height = height;
  const int allocated = av_frame_get_buffer(self.frame.get(), 0);
  if (!self.scaler || allocated < 0) self.Fail(AVERROR(ENOMEM));

  self.temporary = self.path;
  self.temporary += ".partial";
  // Without "file:", a name with a colon in it would be taken for a network address.
  const std::string url = "file:" + self.temporary.string();
  AVFormatContext* muxer = nullptr;
  int code = avformat_alloc_output_context2(&muxer, nullptr, "mp4", url.c_str());
  if (code < 0) {
    throw DeviceError("cannot write video '" + self.path.string() +
                      "': libavformat has no MP4 writer; on Debian, install libavformat59");
  }
  self.muxer.reset(muxer);
  muxer->flags |= AVFMT_FLAG_BITEXACT;
  self.stream = avformat_new_stream(muxer, nullptr);
  self.stream->time_base = self.codec->time_base;
  self.stream->avg_frame_rate = self.codec->framerate;
  code = avcodec_parameters_from_context(self.stream->codecpar, self.codec.get());
  if (code >= 0) code = avio_open(&muxer->pb, url.c_str(), AVIO_FLAG_WRITE);
  if (code < 0) self.Fail(code);
  AVDictionary* options = nullptr;
  av_dict_set(&options, "movflags", "+faststart", 0);
  code = avformat_write_header(muxer, &options);
  av_dict_free(&options);
  if (code < 0) self.Fail(code);
}

VideoWriter::~VideoWriter() {
  if (impl_->finished) return;
  impl_->muxer.reset();
  std::error_code ignored;
  std::filesystem::remove(impl_->temporary, ignored);
}

void VideoWriter::Add(std::span<const uint8_t> rgb) {
  Impl& self = *impl_;
  if (self.finished) throw Error("video '" + self.path.string() + "' is finished; no frame can be added");
  CheckPicture(self.path, self.width, self.height, rgb.size());
  const int code = av_frame_make_writable(self.frame.get());
  if (code < 0) self.Fail(code);
  const uint8_t* planes[] = {rgb.data()};
  const int strides[] = {self.width * 3};
  sws_scale(self.scaler.get(), planes, strides, 0, self.height, self.frame->data, self.frame->linesize);
  self.frame->pts = self.frames++;
  if (self.codec->codec_id != AV_CODEC_ID_H264) self.frame->quality = self.codec->global_quality;
  self.Encode(self.frame.get());
}

void VideoWriter::Finish() {
  Impl& self = *impl_;
  if (self.finished) return;
  if (self.frames == 0)
    throw Error("video '" + self.path.string() + "' has no frames, so it was not written");
  self.Encode(nullptr);
  int code = av_write_trailer(self.muxer.get());
  if (code >= 0) code = self.muxer->pb->error;
  const int closed = avio_closep(&self.muxer->pb);
  if (code < 0 || closed < 0) self.Fail(code < 0 ? code : closed);
  CommitFile(self.temporary, self.path);
  self.finished = true;
}

void WritePng(const std::filesystem::path& path, int width, int height, std::span<const uint8_t> rgb) {
  if (width < 1 || height < 1) {
    throw ShapeError("picture '" + path.string() + "' of " + SizeText(width, height) +
                     " pixels: expected at least 1 x 1");
  }
  CheckPicture(path, width, height, rgb.size());
  png_image image;
  std::memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(width);
  image.height = static_cast<png_uint_32>(height);
  image.format = PNG_FORMAT_RGB;
  std::string bytes(PNG_IMAGE_PNG_SIZE_MAX(image), '\0');
  png_alloc_size_t used = bytes.size();
  const int written = png_image_write_to_memory(&image, bytes.data(), &used, 0, rgb.data(), 0, nullptr);
  if (written == 0) throw Error("cannot write picture '" + path.string() + "': " + image.message);
  bytes.resize(used);
  WriteFileAtomically(path, bytes);
}

}  // namespace reverie
