// A picture in memory and what films write on it: rectangles and short texts in plain pixels. No GL, no
// threads.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace reverie {

struct Colour {
  uint8_t r = 0, g = 0, b = 0;
};

struct Picture {
  int width = 0, height = 0;  // pixels
  std::vector<uint8_t> rgb;   // (height, width, 3), first row on top

  Picture(int width_px, int height_px);

  /// Fills what of a rectangle lies inside. @param opacity  0 to 1.
  void Fill(int left, int top, int across, int down, Colour colour, double opacity = 1.0);

  /// Copies what of another picture lies inside. @param pixels  (down, across, 3).
  void Paste(std::span<const uint8_t> pixels, int left, int top, int across, int down);

  /// Writes one line of ASCII in capitals, 7 * `scale` pixels high; what is not ASCII becomes question marks.
  void Write(std::string_view text, int left, int top, int scale, Colour colour);
};

/// Width of a text in pixels.
int TextWidth(std::string_view text, int scale);

/// The text, or its beginning and "...", no wider than `width` pixels; empty if not even that fits.
std::string FitText(std::string_view text, int scale, int width);

}  // namespace reverie
