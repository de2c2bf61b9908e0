#include "sim/filmstrip.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "sim/error.h"
#include "sim/video.h"

namespace reverie {
namespace {

constexpr int kStripSide = 96, kFilmSide = 256;  // pixels, at least, of each picture as it is shown
constexpr int64_t kMostColumns = 12;
constexpr double kShortest = 3.0, kHold = 1.0;   // s
constexpr double kFramesPerSecond = 30.0;        // as players take it best
constexpr int kGap = 2, kText = 7;
constexpr Colour kPaper{250, 250, 250}, kInk{40, 44, 52}, kShade{20, 24, 30}, kLight{240, 240, 240};
constexpr const char* kRows[] = {"real", "imagined", "difference"};

void Check(const ImaginedPictures& pictures) {
  const auto bytes = static_cast<size_t>(pictures.count * pictures.width * pictures.height * 3);
  if (pictures.count > 0 && pictures.real.size() == bytes && pictures.drawn.size() == bytes) return;
  throw ShapeError("imagined pictures: expected " + std::to_string(bytes) + " bytes of each kind, found " +
                   std::to_string(pictures.real.size()) + " and " + std::to_string(pictures.drawn.size()));
}

/// Real, drawn or their difference (`row` 0, 1, 2), each pixel `scale` times as wide and as high.
std::vector<uint8_t> Enlarged(const ImaginedPictures& pictures, int64_t at, int row, int scale) {
  const auto bytes = static_cast<size_t>(pictures.width * pictures.height * 3);
  const auto real = pictures.real.subspan(static_cast<size_t>(at) * bytes, bytes);
  const auto drawn = pictures.drawn.subspan(static_cast<size_t>(at) * bytes, bytes);
  std::vector<uint8_t> shown;
  shown.reserve(bytes * static_cast<size_t>(scale * scale));
  for (int y = 0; y < pictures.height * scale; ++y) {
    for (int x = 0; x < pictures.width * scale; ++x) {
      for (int c = 0; c < 3; ++c) {
        const size_t i = (static_cast<size_t>(y / scale * pictures.width) + static_cast<size_t>(x / scale)) * 3 + static_cast<size_t>(c);
        shown.push_back(row == 0 ? real[i] : row == 1 ? drawn[i] : static_cast<uint8_t>(std::abs(int{real[i]} - int{drawn[i]})));
      }
    }
  }
  return shown;
}

int ScaleFor(const ImaginedPictures& pictures, int side) {
  return std::max(1, (side + pictures.width - 1) / pictures.width);
}

std::string Seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f s", value);
  return text;
}

}  // namespace

Picture MakeFilmstrip(const ImaginedPictures& pictures) {
  Check(pictures);
  const int scale = ScaleFor(pictures, kStripSide), across = pictures.width * scale, down = pictures.height * scale;
  const int64_t columns = std::min(pictures.count, kMostColumns);
  const int margin = TextWidth(kRows[2], 1) + 2 * kGap, top = 2 * (kText + 2 * kGap);
  Picture strip(margin + static_cast<int>(columns) * (across + kGap), top + 3 * (down + kGap));
  strip.Fill(0, 0, strip.width, strip.height, kPaper);
  strip.Write(FitText(pictures.label, 1, strip.width - 2 * kGap), kGap, kGap, 1, kInk);
  for (int row = 0; row < 3; ++row) strip.Write(kRows[row], kGap, top + row * (down + kGap) + down / 2, 1, kInk);
  for (int64_t column = 0; column < columns; ++column) {
    const int64_t at = columns == 1 ? 0 : column * (pictures.count - 1) / (columns - 1);
    const int left = margin + static_cast<int>(column) * (across + kGap);
    strip.Write(Seconds(static_cast<double>(at) * pictures.step_s), left, top - kText - kGap, 1, kInk);
    for (int row = 0; row < 3; ++row) {
      strip.Paste(Enlarged(pictures, at, row, scale), left, top + row * (down + kGap), across, down);
    }
  }
  return strip;
}

bool WriteImaginedFilm(const std::filesystem::path& path, const ImaginedPictures& pictures, std::stop_token stop) {
  Check(pictures);
  const int scale = ScaleFor(pictures, kFilmSide), across = pictures.width * scale, down = pictures.height * scale;
  const int line = 2 * (kText + 2 * kGap);
  Picture picture(3 * across + (3 * across) % 2, down + 2 * line + down % 2);
  VideoWriter video(path, picture.width, picture.height, kFramesPerSecond);
  const double shown_s = std::max(pictures.step_s, kShortest / static_cast<double>(pictures.count));
  const auto repeat = std::max<int64_t>(1, std::llround(shown_s * kFramesPerSecond));
  for (int64_t at = 0; at < pictures.count; ++at) {
    if (stop.stop_requested()) return false;
    picture.Fill(0, 0, picture.width, picture.height, kShade);
    for (int row = 0; row < 3; ++row) {
      picture.Paste(Enlarged(pictures, at, row, scale), row * across, line, across, down);
      picture.Write(kRows[row], row * across + 2 * kGap, 2 * kGap, 2, kLight);
    }
    const std::string clock = Seconds(static_cast<double>(at) * pictures.step_s);
    const int clock_left = picture.width - TextWidth(clock, 2) - 2 * kGap;
    picture.Write(clock, clock_left, line + down + 2 * kGap, 2, kLight);
    picture.Write(FitText(pictures.label, 2, clock_left - 4 * kGap), 2 * kGap, line + down + 2 * kGap, 2, kLight);
    const int64_t hold = at + 1 == pictures.count ? std::llround(kHold * kFramesPerSecond) : 0;
    for (int64_t i = 0; i < repeat + hold; ++i) video.Add(picture.rgb);
  }
  video.Finish();
  return true;
}

}  // namespace reverie
