// Strips and films of pictures whose colours are known.
#include "sim/filmstrip.h"

#include <doctest/doctest.h>

#include "sim/error.h"
#include "sim/video_reader.h"
#include "tests/sim/dataset_fixture.h"

using namespace reverie;
using dataset_fixture::TemporaryFolder;

namespace {

constexpr int kSide = 48;

struct Pictures {
  std::vector<uint8_t> real, drawn;
  ImaginedPictures view;

  /// Real (200, 10, 0), drawn (60, 10, 90): a difference of (140, 0, 90).
  explicit Pictures(int64_t count) {
    for (int64_t i = 0; i < count * kSide * kSide; ++i) {
      real.insert(real.end(), {200, 10, 0});
      drawn.insert(drawn.end(), {60, 10, 90});
    }
    view = {count, kSide, kSide, real, drawn, 0.15, "rooms"};
  }
};

int64_t Count(const Picture& picture, uint8_t r, uint8_t g, uint8_t b) {
  int64_t count = 0;
  for (size_t i = 0; i < picture.rgb.size(); i += 3) {
    count += picture.rgb[i] == r && picture.rgb[i + 1] == g && picture.rgb[i + 2] == b;
  }
  return count;
}

}  // namespace

TEST_CASE("a filmstrip shows real, drawn and difference, and of many pictures a dozen") {
  for (const auto& [pictures, columns] : {std::pair<int64_t, int64_t>{4, 4}, {30, 12}}) {
    const Picture strip = MakeFilmstrip(Pictures(pictures).view);
    const int64_t each = 96 * 96 * columns;  // enlarged to twice the side
    CHECK(Count(strip, 200, 10, 0) == each);
    CHECK(Count(strip, 60, 10, 90) == each);
    CHECK(Count(strip, 140, 0, 90) == each);
  }
  Pictures odd(3);
  odd.view.count = 4;
  CHECK_THROWS_AS(MakeFilmstrip(odd.view), ShapeError);
}

TEST_CASE("a film of imagined pictures lasts three seconds and one more, and is not left half-made") {
  const TemporaryFolder folder;
  const Pictures pictures(5);
  try {
    REQUIRE(WriteImaginedFilm(folder / "film.mp4", pictures.view));
  } catch (const DeviceError& error) {
    MESSAGE("no encoder: " << error.what());
    return;
  }
  VideoReader reader(folder / "film.mp4");
  CHECK(reader.width() >= 3 * 256);
  int frames = 0;
  while (reader.Skip()) ++frames;
  CHECK(frames == 120);
  std::stop_source stop;
  stop.request_stop();
  CHECK_FALSE(WriteImaginedFilm(folder / "stopped.mp4", pictures.view, stop.get_token()));
  CHECK_FALSE(std::filesystem::exists(folder / "stopped.mp4"));
}
