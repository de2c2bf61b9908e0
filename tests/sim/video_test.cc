// Films are decoded again with libavcodec and compared with the colours that the BT.709 equations give;
// pictures are read back with libpng.
#include "sim/video.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <png.h>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
}

#include "sim/error.h"

namespace fs = std::filesystem;
using namespace reverie;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "reverie_video_").string() + std::string(6, 'X');
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(path_)) names.push_back(entry.path().filename().string());
    return names;
  }

 private:
  fs::path path_;
};

std::string Bytes(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Colour {
  double r, g, b;
};

/// A picture whose upper half has one colour and whose lower half another.
std::vector<uint8_t> Halves(int width, int height, const Colour& upper, const Colour& lower) {
  std::vector<uint8_t> rgb;
  for (int row = 0; row < height; ++row) {
    const Colour& c = row < height / 2 ? upper : lower;
    for (int column = 0; column < width; ++column) {
      rgb.insert(rgb.end(), {uint8_t(c.r), uint8_t(c.g), uint8_t(c.b)});
    }
  }
  return rgb;
}

/// Luma and chroma in 8 bits of limited range, from the equations of ITU-R BT.709.
Colour ToYuv(const Colour& c) {
  const double r = c.r / 255, g = c.g / 255, b = c.b / 255;
  const double y = 0.2126 * r + 0.7152 * g + 0.0722 * b;
  return {16 + 219 * y, 128 + 224 * (b - y) / 1.8556, 128 + 224 * (r - y) / 1.5748};
}

struct Film {
  std::string codec;
  int width = 0, height = 0;
  AVRational rate{};
  double duration_s = 0;
  AVColorSpace space{};
  AVColorRange range{};
  std::vector<std::vector<Colour>> frames;  // per frame: a patch of the upper half, one of the lower half
};

Colour Patch(const AVFrame* frame, int row) {
  Colour sum{0, 0, 0};
  for (int dy = 0; dy < 4; ++dy) {
    for (int dx = 0; dx < 4; ++dx) {
      const int y = row + dy, x = frame->width / 2 + dx;
      sum.r += frame->data[0][y * frame->linesize[0] + x] / 16.0;
      sum.g += frame->data[1][y / 2 * frame->linesize[1] + x / 2] / 16.0;
      sum.b += frame->data[2][y / 2 * frame->linesize[2] + x / 2] / 16.0;
    }
  }
  return sum;
}

Film Decode(const fs::path& path) {
  Film film;
  AVFormatContext* input = nullptr;
  REQUIRE(avformat_open_input(&input, ("file:" + path.string()).c_str(), nullptr, nullptr) == 0);
  REQUIRE(avformat_find_stream_info(input, nullptr) >= 0);
  REQUIRE(input->nb_streams == 1);
  const AVStream* stream = input->streams[0];
  const AVCodec* decoder = avcodec_find_decoder(stream->codecpar->codec_id);
  AVCodecContext* codec = avcodec_alloc_context3(decoder);
  REQUIRE(avcodec_parameters_to_context(codec, stream->codecpar) >= 0);
  REQUIRE(avcodec_open2(codec, decoder, nullptr) == 0);
  film.codec = decoder->name;
  film.width = codec->width;
  film.height = codec->height;
  film.rate = stream->avg_frame_rate;
  film.duration_s = static_cast<double>(stream->duration) * av_q2d(stream->time_base);
  film.space = codec->colorspace;
  film.range = codec->color_range;
  AVPacket* packet = av_packet_alloc();
  AVFrame* frame = av_frame_alloc();
  const auto take = [&] {
    while (avcodec_receive_frame(codec, frame) == 0) {
      CHECK(frame->format == AV_PIX_FMT_YUV420P);
      film.frames.push_back({Patch(frame, frame->height / 4), Patch(frame, frame->height * 3 / 4)});
    }
  };
  while (av_read_frame(input, packet) == 0) {
    CHECK(avcodec_send_packet(codec, packet) == 0);
    av_packet_unref(packet);
    take();
  }
  avcodec_send_packet(codec, nullptr);
  take();
  av_frame_free(&frame);
  av_packet_free(&packet);
  avcodec_free_context(&codec);
  avformat_close_input(&input);
  return film;
}

void CheckNear(const Colour& seen, const Colour& wanted) {
  CHECK(std::abs(seen.r - wanted.r) <= 2.5);
  CHECK(std::abs(seen.g - wanted.g) <= 2.5);
  CHECK(std::abs(seen.b - wanted.b) <= 2.5);
}

const Colour kShades[] = {{255, 0, 0},  {0, 255, 0},    {0, 0, 255}, {255, 255, 255},
                          {20, 20, 20}, {200, 120, 40}, {0, 0, 0}};

void WriteShades(const fs::path& path, int frames, double rate = 25) {
  VideoWriter writer(path, 96, 64, rate);
  for (int i = 0; i < frames; ++i) writer.Add(Halves(96, 64, kShades[i % 7], kShades[(i + 1) % 7]));
  writer.Finish();
}

template <typename Call>
std::string MessageOf(Call call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a film has the frames, size, rate and colours that went in") {
  const Folder folder;
  WriteShades(folder / "film.mp4", 30);
  CHECK(folder.Names() == std::vector<std::string>{"film.mp4"});
  const Film film = Decode(folder / "film.mp4");
  CHECK(film.codec == "h264");
  CHECK(film.width == 96);
  CHECK(film.height == 64);
  CHECK(av_q2d(film.rate) == doctest::Approx(25));
  CHECK(film.duration_s == doctest::Approx(30 / 25.0).epsilon(1e-3));
  CHECK(film.space == AVCOL_SPC_BT709);
  CHECK(film.range == AVCOL_RANGE_MPEG);
  REQUIRE(film.frames.size() == 30);
  for (size_t i = 0; i < 30; ++i) {
    CAPTURE(i);
    CheckNear(film.frames[i][0], ToYuv(kShades[i % 7]));
    CheckNear(film.frames[i][1], ToYuv(kShades[(i + 1) % 7]));
  }
}

TEST_CASE("frame rates that are no whole number, a single frame, and the smallest film") {
  const Folder folder;
  WriteShades(folder / "slow.mp4", 8, 1 / 0.04 / 3);
  const Film slow = Decode(folder / "slow.mp4");
  CHECK(slow.frames.size() == 8);
  CHECK(slow.duration_s == doctest::Approx(8 * 0.12).epsilon(1e-3));
  WriteShades(folder / "one.mp4", 1, 29.97);
  CHECK(Decode(folder / "one.mp4").frames.size() == 1);
  VideoWriter tiny(folder / "tiny.mp4", 2, 2, 10);
  tiny.Add(std::vector<uint8_t>(12, 128));
  tiny.Finish();
  CHECK(fs::file_size(folder / "tiny.mp4") > 100);
}

TEST_CASE("a film can start playing before it is loaded, and is the same bytes every time") {
  const Folder folder;
  WriteShades(folder / "a.mp4", 40);
  WriteShades(folder / "b.mp4", 40);
  const std::string bytes = Bytes(folder / "a.mp4");
  CHECK(bytes == Bytes(folder / "b.mp4"));
  const size_t index = bytes.find("moov"), pictures = bytes.find("mdat");
  CHECK(index < pictures);
  CHECK(pictures != std::string::npos);
}

TEST_CASE("a film appears when it is finished, over an older one, and not at all otherwise") {
  const Folder folder;
  const fs::path path = folder / "film.mp4";
  std::ofstream(path) << "older";
  {
    VideoWriter writer(path, 96, 64, 25);
    writer.Add(Halves(96, 64, kShades[0], kShades[1]));
    CHECK(Bytes(path) == "older");
  }
  CHECK(Bytes(path) == "older");
  CHECK(folder.Names() == std::vector<std::string>{"film.mp4"});
  WriteShades(path, 5);
  CHECK(Decode(path).frames.size() == 5);
  CHECK(folder.Names() == std::vector<std::string>{"film.mp4"});
}

TEST_CASE("odd names are only names") {
  const Folder folder;
  for (const char* name : {"http:film %d.mp4", "film without ending", "sch\xc3\xb6n.mov"}) {
    WriteShades(folder / name, 3);
    CHECK(Decode(folder / name).frames.size() == 3);
  }
}

TEST_CASE("wrong calls of a film are refused in one line") {
  const Folder folder;
  const fs::path path = folder / "film.mp4";
  const std::string name = path.string();
  CHECK(MessageOf([&] { VideoWriter(path, 95, 64, 25); }) ==
        "video '" + name + "' of 95 x 64 pixels: width and height must be even, 2 or more");
  CHECK_THROWS_AS(VideoWriter(path, 96, 0, 25), ShapeError);
  CHECK_THROWS_AS(VideoWriter(path, 96, 64, 0), ShapeError);
  CHECK_THROWS_AS(VideoWriter(path, 96, 64, std::nan("")), ShapeError);
  const fs::path nowhere = folder / "no" / "film.mp4";
  CHECK(MessageOf([&] { VideoWriter(nowhere, 96, 64, 25); }) ==
        "cannot write video '" + nowhere.string() + "': No such file or directory");
  {
    VideoWriter writer(path, 4, 2, 25);
    CHECK(MessageOf([&] { writer.Add(std::vector<uint8_t>(23)); }) ==
          "picture for '" + name + "' has 23 bytes; 4 x 2 pixels of 3 bytes are 24");
    CHECK(MessageOf([&] { writer.Finish(); }) == "video '" + name + "' has no frames, so it was not written");
  }
  CHECK(folder.Names().empty());
  VideoWriter done(path, 4, 2, 25);
  done.Add(std::vector<uint8_t>(24));
  done.Finish();
  done.Finish();
  CHECK_THROWS_AS(done.Add(std::vector<uint8_t>(24)), Error);
}

TEST_CASE("a full disk is an error and leaves nothing behind") {
  const Folder folder;
  const fs::path path = folder / "film.mp4";
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit small = before;
  small.rlim_cur = 20000;
  REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
  const std::string message = MessageOf([&] {
    VideoWriter writer(path, 128, 128, 25);
    std::vector<uint8_t> noise(128 * 128 * 3);
    unsigned state = 1;
    for (int frame = 0; frame < 60; ++frame) {
      for (uint8_t& value : noise)
        value = static_cast<uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
      writer.Add(noise);
    }
    writer.Finish();
  });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  CHECK(message == "cannot write video '" + path.string() + "': File too large");
  CHECK(folder.Names().empty());
}

TEST_CASE("a PNG holds every byte, first row on top") {
  const Folder folder;
  const int width = 7, height = 5;
  std::vector<uint8_t> rgb;
  for (int i = 0; i < width * height * 3; ++i) rgb.push_back(static_cast<uint8_t>(i * 37 + 11));
  WritePng(folder / "a.png", width, height, rgb);
  WritePng(folder / "b.png", width, height, rgb);
  CHECK(Bytes(folder / "a.png") == Bytes(folder / "b.png"));
  CHECK(folder.Names().size() == 2);

  FILE* file = std::fopen((folder / "a.png").c_str(), "rb");
  REQUIRE(file != nullptr);
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_init_io(png, file);
  png_read_png(png, info, PNG_TRANSFORM_IDENTITY, nullptr);
  CHECK(png_get_image_width(png, info) == 7);
  CHECK(png_get_image_height(png, info) == 5);
  CHECK(png_get_color_type(png, info) == PNG_COLOR_TYPE_RGB);
  CHECK(png_get_bit_depth(png, info) == 8);
  png_bytepp rows = png_get_rows(png, info);
  for (int row = 0; row < height; ++row) CHECK(std::memcmp(rows[row], &rgb[row * width * 3], width * 3) == 0);
  png_destroy_read_struct(&png, &info, nullptr);
  std::fclose(file);
}

TEST_CASE("wrong calls of a PNG are refused") {
  const Folder folder;
  const std::vector<uint8_t> rgb(12);
  CHECK_THROWS_AS(WritePng(folder / "a.png", 2, 3, rgb), ShapeError);
  CHECK_THROWS_AS(WritePng(folder / "a.png", 0, 3, {}), ShapeError);
  CHECK_THROWS_AS(WritePng(folder / "no" / "a.png", 2, 2, rgb), Error);
  CHECK(folder.Names().empty());
}
