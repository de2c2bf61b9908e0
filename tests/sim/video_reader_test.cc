// Films that VideoWriter wrote (checked against libavcodec and the BT.709 equations in video_test.cc) are read back.
#include "sim/video_reader.h"

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/video.h"

namespace fs = std::filesystem;
using namespace reverie;

namespace {

constexpr int kWidth = 64, kHeight = 48;

class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "reverie_film_").string() + std::string(6, 'X');
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  fs::path operator/(const std::string& name) const { return path_ / name; }

 private:
  fs::path path_;
};

/// One colour a frame, red above and the same in blue below.
std::vector<uint8_t> Frame(int i) {
  std::vector<uint8_t> rgb;
  const auto shade = static_cast<uint8_t>(30 + 20 * i);
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool upper = y < kHeight / 2;
      rgb.insert(rgb.end(), {upper ? shade : uint8_t(40), uint8_t(60), upper ? uint8_t(40) : shade});
    }
  }
  return rgb;
}

void WriteFilm(const fs::path& path, int frames) {
  VideoWriter writer(path, kWidth, kHeight, 25);
  for (int i = 0; i < frames; ++i) writer.Add(Frame(i));
  writer.Finish();
}

std::string MessageOf(const fs::path& path) {
  try {
    VideoReader reader(path);
    while (reader.Skip()) {
    }
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a film's frames come back in order, first row on top, in the colours that were written") {
  const Folder folder;
  for (const char* name : {"film.mp4", "http:film %d.mp4"}) {
    WriteFilm(folder / name, 9);
    VideoReader reader(folder / name);
    REQUIRE(reader.width() == kWidth);
    REQUIRE(reader.height() == kHeight);
    std::vector<uint8_t> rgb(kWidth * kHeight * 3);
    for (int i = 0; i < 9; ++i) {
      CAPTURE(i);
      REQUIRE(reader.Read(rgb));
      const std::vector<uint8_t> expected = Frame(i);
      for (const int y : {8, 40}) {
        for (int c = 0; c < 3; ++c) {
          const auto at = static_cast<size_t>((y * kWidth + kWidth / 2) * 3 + c);
          CHECK(std::abs(rgb[at] - expected[at]) <= 4);
        }
      }
    }
    CHECK_FALSE(reader.Read(rgb));
    CHECK_FALSE(reader.Read(rgb));
  }
}

TEST_CASE("frames can be skipped") {
  const Folder folder;
  WriteFilm(folder / "film.mp4", 6);
  VideoReader reader(folder / "film.mp4");
  std::vector<uint8_t> rgb(kWidth * kHeight * 3);
  for (int i = 0; i < 4; ++i) REQUIRE(reader.Skip());
  REQUIRE(reader.Read(rgb));
  CHECK(std::abs(rgb[static_cast<size_t>(8 * kWidth) * 3] - (30 + 20 * 4)) <= 4);
  CHECK(reader.Skip());
  CHECK_FALSE(reader.Skip());
}

TEST_CASE("what is no film is refused in one line that names it") {
  const Folder folder;
  const fs::path text = folder / "text.mp4", film = folder / "film.mp4";
  std::ofstream(text) << "not a film at all";
  CHECK(MessageOf(folder / "missing.mp4").find("missing.mp4': cannot be read as a film: No such file") !=
        std::string::npos);
  CHECK(MessageOf(text).find("text.mp4': ") != std::string::npos);
  WriteFilm(film, 3);
  VideoReader reader(film);
  std::vector<uint8_t> small(12);
  CHECK_THROWS_AS(reader.Read(small), ShapeError);
}
