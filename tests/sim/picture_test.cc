// Plain pixels: what is drawn where, and that nothing is drawn outside.
#include "sim/picture.h"

#include <string>

#include <doctest/doctest.h>

using namespace reverie;

namespace {

/// Lit pixels of a picture as text, one row a line.
std::string Rows(const Picture& picture) {
  std::string rows;
  for (int row = 0; row < picture.height; ++row) {
    for (int column = 0; column < picture.width; ++column) {
      rows += picture.rgb[static_cast<size_t>(row * picture.width + column) * 3] > 0 ? '#' : '.';
    }
    rows += '\n';
  }
  return rows;
}

}  // namespace

TEST_CASE("A rectangle covers, blends, and ends at the picture's edge") {
  Picture picture(4, 3);
  picture.Fill(-5, 1, 7, 9, {200, 100, 50});
  CHECK(Rows(picture) == "....\n##..\n##..\n");
  picture.Fill(1, 2, 1, 1, {100, 200, 250}, 0.5);
  const uint8_t* pixel = &picture.rgb[(2 * 4 + 1) * 3];
  CHECK(int(pixel[0]) == 150);
  CHECK(int(pixel[1]) == 150);
  CHECK(int(pixel[2]) == 150);
}

TEST_CASE("A pasted picture keeps its pixels where they fit") {
  Picture picture(3, 2);
  std::vector<uint8_t> two(2 * 2 * 3);
  for (size_t i = 0; i < two.size(); ++i) two[i] = static_cast<uint8_t>(i + 1);
  picture.Paste(two, 2, -1, 2, 2);
  CHECK(Rows(picture) == "..#\n...\n");
  CHECK(int(picture.rgb[6]) == 7);  // the lower left pixel of the four
  CHECK(int(picture.rgb[8]) == 9);
  picture.Paste(two, 5, 5, 2, 2);
  CHECK(Rows(picture) == "..#\n...\n");
}

TEST_CASE("Letters are read from the pixels") {
  Picture picture(11, 7);
  picture.Write("lT", 0, 0, 1, {255, 255, 255});
  CHECK(Rows(picture) ==
        "#.....#####\n"
        "#.......#..\n"
        "#.......#..\n"
        "#.......#..\n"
        "#.......#..\n"
        "#.......#..\n"
        "#####...#..\n");
  Picture twice(2, 4);
  twice.Write("L", 0, -10, 2, {255, 255, 255});
  CHECK(Rows(twice) == "##\n##\n##\n##\n");
}

TEST_CASE("A text that is too long is cut") {
  CHECK(TextWidth("abc", 1) == 17);
  CHECK(TextWidth("abc", 3) == 51);
  CHECK(TextWidth("", 3) == 0);
  CHECK(TextWidth("m\xc3\xb6t", 1) == TextWidth("m?t", 1));
  CHECK(FitText("cartpole", 1, 47) == "CARTPOLE");
  CHECK(FitText("cartpole", 1, 46) == "CART...");
  CHECK(FitText("cartpole", 1, 10).empty());
}
