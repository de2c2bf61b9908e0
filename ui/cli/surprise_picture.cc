#include "ui/cli/surprise_picture.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "sim/picture_file.h"

namespace reverie::cli {
namespace {

constexpr int kColumns = 12, kFrame = 96, kGap = 4, kMargin = 12, kTitle = 24, kCurve = 72;  // pixels but for the columns
constexpr int kWidth = 2 * kMargin + kColumns * kFrame + (kColumns - 1) * kGap;
constexpr Colour kPaper{255, 255, 255}, kInk{40, 44, 52}, kFaint{225, 228, 232};
constexpr Colour kPossible{64, 160, 190}, kImpossible{237, 69, 107};

int FrameHeight(const TwinFilm& film) { return std::max(1, kFrame * film.height / film.width); }
int StripHeight(const TwinFilm& film) { return kTitle + 2 * FrameHeight(film) + 2 * kGap + kCurve + kMargin; }

/// Frames of a film that are shown: evenly spaced, the moment's own among them.
std::vector<int> Shown(const TwinFilm& film, int count) {
  const int before = film.moment - film.first;
  const int step = std::max(1, (count + kColumns - 1) / kColumns);
  std::vector<int> shown;
  for (int i = before % step; i < count && static_cast<int>(shown.size()) < kColumns; i += step) shown.push_back(i);
  return shown;
}

void PasteFrame(Picture& picture, const TwinFilm& film, const std::vector<uint8_t>& pixels, int left, int top) {
  Picture frame(film.width, film.height);
  frame.rgb = pixels;
  const Picture fitted = Resized(frame, kFrame, FrameHeight(film));
  picture.Paste(fitted.rgb, left, top, fitted.width, fitted.height);
}

void DrawCurve(Picture& picture, const std::vector<float>& scores, const std::vector<int>& at, double most, int top, Colour colour) {
  const auto height_of = [&](double score) {
    return top + kCurve - 4 - static_cast<int>(std::lround((kCurve - 8) * std::clamp(score / most, 0.0, 1.0)));
  };
  for (size_t i = 1; i < scores.size(); ++i) {
    if (!std::isfinite(scores[i - 1]) || !std::isfinite(scores[i])) continue;
    const int from = at[i - 1], to = at[i];
    int last = height_of(scores[i - 1]);
    for (int x = from; x <= to; ++x) {
      const double share = to > from ? static_cast<double>(x - from) / (to - from) : 1.0;
      const int y = height_of(scores[i - 1] + share * (scores[i] - scores[i - 1]));
      picture.Fill(x, std::min(y, last) - 1, 2, std::abs(y - last) + 3, colour);
      last = y;
    }
  }
}

void DrawStrip(Picture& picture, const TwinFilm& film, int top) {
  const auto count = static_cast<int>(std::min(film.possible.size(), film.impossible.size()));
  const std::vector<int> shown = Shown(film, count);
  const auto left_of = [&](size_t column) { return kMargin + static_cast<int>(column) * (kFrame + kGap); };
  picture.Write(film.violation + (film.control ? " (control)" : ""), kMargin, top + 4, 2, kInk);
  const std::string possible = "possible", impossible = film.control ? "changed" : "impossible";
  const int right = kWidth - kMargin;
  picture.Write(impossible, right - TextWidth(impossible, 2), top + 4, 2, kImpossible);
  picture.Write(possible, right - TextWidth(impossible, 2) - 20 - TextWidth(possible, 2), top + 4, 2, kPossible);
  const int frames = top + kTitle, second = frames + FrameHeight(film) + kGap, curve = second + FrameHeight(film) + kGap;
  for (size_t i = 0; i < shown.size(); ++i) {
    const auto frame = static_cast<size_t>(shown[i]);
    PasteFrame(picture, film, film.possible[frame], left_of(i), frames);
    PasteFrame(picture, film, film.impossible[frame], left_of(i), second);
  }
  picture.Fill(kMargin, curve, kWidth - 2 * kMargin, kCurve, kFaint, 0.5);
  if (shown.empty()) return;
  // Every frame stands under the middle of its picture, or between two.
  const double step = shown.size() > 1 ? static_cast<double>(shown[1] - shown[0]) : 1.0;
  std::vector<int> at;
  for (int i = 0; i < count; ++i) {
    at.push_back(kMargin + kFrame / 2 + static_cast<int>(std::lround((i - shown[0]) / step * (kFrame + kGap))));
  }
  double most = 0.0;
  for (const std::vector<float>* scores : {&film.possible_surprise, &film.impossible_surprise}) {
    for (const float score : *scores) most = std::isfinite(score) ? std::max(most, static_cast<double>(score)) : most;
  }
  if (most <= 0.0) return;
  picture.Fill(at[static_cast<size_t>(film.moment - film.first)] - 1, curve, 2, kCurve, kInk, 0.5);
  const auto cut = [&](const std::vector<float>& scores) {
    return std::vector<float>(scores.begin(), scores.begin() + std::min<std::ptrdiff_t>(count, std::ssize(scores)));
  };
  DrawCurve(picture, cut(film.possible_surprise), at, most, curve, kPossible);
  DrawCurve(picture, cut(film.impossible_surprise), at, most, curve, kImpossible);
}

}  // namespace

Picture DrawTwins(const std::vector<TwinFilm>& films) {
  int height = kMargin;
  for (const TwinFilm& film : films) height += StripHeight(film);
  Picture picture(kWidth, height);
  picture.Fill(0, 0, picture.width, picture.height, kPaper);
  int top = kMargin;
  for (const TwinFilm& film : films) {
    DrawStrip(picture, film, top);
    top += StripHeight(film);
  }
  return picture;
}

}  // namespace reverie::cli
