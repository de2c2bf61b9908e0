#include "sim/picture.h"

#include <algorithm>
#include <cmath>

namespace reverie {
namespace {

constexpr int kGlyphWidth = 5, kGlyphHeight = 7, kAdvance = 6;  // pixels, before scaling

// ASCII from space to underscore: 35 bits each, rows of five, the top left pixel first.
constexpr uint64_t kGlyphs[] = {
    0x000000000, 0x108421004, 0x294000000, 0x295f57d4a, 0x11f4717c4, 0x672222273, 0x32544564d, 0x108000000,
    0x088842082, 0x208210888, 0x02aefbaa0, 0x0084f9080, 0x000003088, 0x000070000, 0x00000018c, 0x042222210,
    0x3a33ae62e, 0x11942109f, 0x3a211111f, 0x3a213062e, 0x08ca97c42, 0x7e1e0862e, 0x3a10f462e, 0x7c2211084,
    0x3a317462e, 0x3a317842e, 0x018c03180, 0x018c03088, 0x088882082, 0x001f07c00, 0x208208888, 0x3a2111004,
    0x3a37ada0e, 0x3a31fc631, 0x7a31f463e, 0x3a308422e, 0x7a318c63e, 0x7e10f421f, 0x7e10f4210, 0x3a30bc62e,
    0x4631fc631, 0x38842108e, 0x1c4210a4c, 0x4654c5251, 0x42108421f, 0x4775ac631, 0x4739ace71, 0x3a318c62e,
    0x7a31f4210, 0x3a318d64d, 0x7a31f5251, 0x3a307062e, 0x7c8421084, 0x46318c62e, 0x46318a944, 0x4631ad771,
    0x462a22a31, 0x462a21084, 0x7c222221f, 0x39084210e, 0x420820821, 0x38421084e, 0x115100000, 0x00000001f,
};

/// One letter for each character: capitals, a question mark for what the table lacks.
std::string Letters(std::string_view text) {
  std::string letters;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xc0) == 0x80) continue;  // the rest of a character of several bytes
    const char capital = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    letters += byte < 0x80 && capital >= ' ' && capital <= '_' ? capital : '?';
  }
  return letters;
}

}  // namespace

Picture::Picture(int width_px, int height_px)
    : width(width_px),
      height(height_px),
      rgb(static_cast<size_t>(width_px) * static_cast<size_t>(height_px) * 3) {}

void Picture::Fill(int left, int top, int across, int down, Colour colour, double opacity) {
  const double channels[] = {static_cast<double>(colour.r), static_cast<double>(colour.g),
                             static_cast<double>(colour.b)};
  for (int row = std::max(0, top); row < std::min(height, top + down); ++row) {
    for (int column = std::max(0, left); column < std::min(width, left + across); ++column) {
      uint8_t* pixel =
          &rgb[(static_cast<size_t>(row) * static_cast<size_t>(width) + static_cast<size_t>(column)) * 3];
      for (int i = 0; i < 3; ++i) {
        pixel[i] = static_cast<uint8_t>(std::lround(opacity * channels[i] + (1 - opacity) * pixel[i]));
      }
    }
  }
}

void Picture::Paste(std::span<const uint8_t> pixels, int left, int top, int across, int down) {
  const int first = std::max(0, -left), last = std::min(across, width - left);
  if (first >= last) return;
  for (int row = std::max(0, -top); row < std::min(down, height - top); ++row) {
    const auto from = pixels.begin() + (static_cast<std::ptrdiff_t>(row) * across + first) * 3;
    std::copy(from, from + static_cast<std::ptrdiff_t>(last - first) * 3,
              rgb.begin() + (static_cast<std::ptrdiff_t>(row + top) * width + left + first) * 3);
  }
}

void Picture::Write(std::string_view text, int left, int top, int scale, Colour colour) {
  for (const char letter : Letters(text)) {
    const uint64_t glyph = kGlyphs[letter - ' '];
    for (int bit = 0; bit < kGlyphWidth * kGlyphHeight; ++bit) {
      if ((glyph >> (kGlyphWidth * kGlyphHeight - 1 - bit) & 1) == 0) continue;
      Fill(left + bit % kGlyphWidth * scale, top + bit / kGlyphWidth * scale, scale, scale, colour);
    }
    left += kAdvance * scale;
  }
}

int TextWidth(std::string_view text, int scale) {
  const int letters = static_cast<int>(Letters(text).size());
  return letters == 0 ? 0 : (letters * kAdvance - 1) * scale;
}

std::string FitText(std::string_view text, int scale, int width) {
  std::string letters = Letters(text);
  if (TextWidth(letters, scale) <= width) return letters;
  while (!letters.empty() && TextWidth(letters + "...", scale) > width) letters.pop_back();
  return letters.empty() ? "" : letters + "...";
}

}  // namespace reverie
