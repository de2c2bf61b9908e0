#include "ui/desktop/imagined_strip.h"

#include <doctest/doctest.h>

using namespace reverie;
using namespace reverie::desktop;

TEST_CASE("A strip has what was seen above what was imagined, and leaves pictures out evenly, never the first or last") {
  ImaginedFilm film;
  film.width = film.height = 1;
  film.pictures = 5;
  for (uint8_t i = 0; i < 5; ++i) {
    film.drawn.insert(film.drawn.end(), {static_cast<uint8_t>(10 + i), 0, 0});
    film.real.insert(film.real.end(), {static_cast<uint8_t>(100 + i), 0, 0});
  }
  std::vector<int> columns;
  int width = 0, height = 0;
  std::vector<uint8_t> strip = ComposeStrip(film, 3, columns, width, height);
  CHECK(columns == std::vector<int>{0, 2, 4});
  CHECK(width == 7);  // gaps of two pixels
  CHECK(height == 4);
  REQUIRE(strip.size() == 7u * 4 * 3);
  const auto red = [&](int x, int y) { return static_cast<int>(strip[static_cast<size_t>((y * width + x) * 3)]); };
  CHECK(red(0, 0) == 100);
  CHECK(red(3, 0) == 102);
  CHECK(red(6, 0) == 104);
  CHECK(red(6, 3) == 14);
  CHECK(red(1, 0) == 0);

  film.real.clear();
  strip = ComposeStrip(film, 100, columns, width, height);
  CHECK(columns.size() == 5);
  CHECK(height == 1);
  CHECK(red(12, 0) == 14);
}
