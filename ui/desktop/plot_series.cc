#include "ui/desktop/plot_series.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <imgui_internal.h>

namespace reverie::desktop::plot {
namespace {

constexpr double kFarPx = 1e5;  // outside the plot by this much, the slope of an edge no longer shows

struct Point {
  double x = 0, y = 0;  // px
  bool operator==(const Point&) const = default;
};

bool Finite(float value) { return value - value == 0; }

/// The pixel column of an x; all that is left or right of the plot counts as one column each.
class Columns {
 public:
  explicit Columns(const Screen& screen)
      : scale_((screen.max.x - screen.min.x) / screen.x.size()), x_min_(screen.x.min),
        beyond_(screen.max.x - screen.min.x + 2) {}
  int Of(float x) const {
    const double px = (x - x_min_) * scale_ + 1;
    return px < 0 ? kLeft : px > beyond_ ? static_cast<int>(beyond_) + 1 : static_cast<int>(px);
  }
  static constexpr int kLeft = -1;
  bool IsRight(int column) const { return column > static_cast<int>(beyond_); }

 private:
  const double scale_, x_min_, beyond_;
};

/// Draws the segments of a path as far as they are within a rectangle.
class Pen {
 public:
  Pen(ImDrawList& list, const Screen& screen, ImU32 colour, float width_px)
      : list_(list), colour_(colour), width_px_(width_px), left_(screen.min.x - width_px),
        top_(screen.min.y - width_px), right_(screen.max.x + width_px), bottom_(screen.max.y + width_px),
        textured_((list.Flags & ImDrawListFlags_AntiAliasedLinesUseTex) &&
                  (list.Flags & ImDrawListFlags_AntiAliasedLines) && width_px == std::floor(width_px) &&
                  width_px < IM_DRAWLIST_TEX_LINES_WIDTH_MAX) {
    if (textured_) uv_ = list._Data->TexUvLines[static_cast<int>(width_px)];
  }

  void To(Point to) {
    if (started_ && to == at_) return;
    if (started_) Segment(at_, to);
    moved_ = moved_ || started_;
    started_ = true;
    at_ = to;
  }
  /// Ends the path; one of a single point is drawn as a dot, or nobody would see it.
  void Break() {
    if (started_ && !moved_ && at_.x >= left_ && at_.x <= right_ && at_.y >= top_ && at_.y <= bottom_) {
      list_.AddCircleFilled(ImVec2(static_cast<float>(at_.x), static_cast<float>(at_.y)), width_px_ + 0.5f, colour_, 8);
    }
    started_ = moved_ = false;
  }

 private:
  void Segment(Point a, Point b) {
    // Liang and Barsky: the part of the segment between `from` and `to` is inside.
    const double dx = b.x - a.x, dy = b.y - a.y;
    double from = 0, to = 1;
    const auto cut = [&](double direction, double room) {
      if (direction == 0) return room >= 0;
      const double t = room / direction;
      if (direction < 0) from = std::max(from, t);
      if (direction > 0) to = std::min(to, t);
      return from <= to;
    };
    if (!cut(-dx, a.x - left_) || !cut(dx, right_ - a.x) || !cut(-dy, a.y - top_) || !cut(dy, bottom_ - a.y)) return;
    const ImVec2 p(static_cast<float>(a.x + from * dx), static_cast<float>(a.y + from * dy));
    const ImVec2 q(static_cast<float>(a.x + to * dx), static_cast<float>(a.y + to * dy));
    if (!textured_) {
      list_.AddLine(p, q, colour_, width_px_);
      return;
    }
    const float ex = q.x - p.x, ey = q.y - p.y, length = std::sqrt(ex * ex + ey * ey);
    if (!(length > 0)) return;
    const float reach = (width_px_ / 2 + 1) / length, nx = ey * reach, ny = -ex * reach;
    const ImVec2 uv0(uv_.x, uv_.y), uv1(uv_.z, uv_.w);
    list_.PrimReserve(6, 4);
    list_.PrimQuadUV(ImVec2(p.x + nx, p.y + ny), ImVec2(q.x + nx, q.y + ny), ImVec2(q.x - nx, q.y - ny),
                     ImVec2(p.x - nx, p.y - ny), uv0, uv0, uv1, uv1, colour_);
  }

  ImDrawList& list_;
  const ImU32 colour_;
  const float width_px_;
  const double left_, top_, right_, bottom_;
  const bool textured_;
  ImVec4 uv_;
  bool started_ = false, moved_ = false;
  Point at_;
};

/// One upright edge of a band.
struct Edge {
  double x = 0, low = 0, high = 0;  // px; low is the lower value, so the larger y
};

Edge Between(const Edge& a, const Edge& b, double x) {
  const double share = (x - a.x) / (b.x - a.x);
  return {x, a.low + (b.low - a.low) * share, a.high + (b.high - a.high) * share};
}

void FillBetween(ImDrawList& list, const Screen& screen, Edge a, Edge b, ImU32 colour) {
  if (a.x > b.x) std::swap(a, b);
  const double left = screen.min.x, right = screen.max.x;
  if (b.x < left || a.x > right) return;
  if (a.x < left) a = Between(a, b, left);
  if (b.x > right) b = Between(a, b, right);
  const auto corner = [&](double x, double y) {
    const double near_y = std::clamp(y, screen.min.y - kFarPx, screen.max.y + kFarPx);
    return ImVec2(static_cast<float>(x), static_cast<float>(near_y));
  };
  list.PrimReserve(6, 4);
  const ImVec2 uv = list._Data->TexUvWhitePixel;
  list.PrimQuadUV(corner(a.x, a.high), corner(b.x, b.high), corner(b.x, b.low), corner(a.x, a.low), uv, uv, uv, uv,
                  colour);
}

}  // namespace

double Screen::Y(double value) const {
  const double position = log_y ? std::log10(value) : value;
  return min.y + (y.max - position) * (max.y - min.y) / y.size();
}

void DrawLine(ImDrawList& list, const Screen& screen, std::span<const float> x, std::span<const float> y,
              ImU32 colour, float width_px) {
  Pen pen(list, screen, colour, width_px);
  const Columns columns(screen);
  const float least = screen.log_y ? 0 : -std::numeric_limits<float>::infinity();
  const size_t n = std::min(x.size(), y.size());
  int column = 0;
  size_t first = 0, low = 0, high = 0, count = 0;  // samples of this column; the last is the one before the next
  const auto point = [&](size_t i) { return Point{screen.X(x[i]), screen.Y(y[i])}; };
  const auto flush = [&](size_t next) {
    if (count == 0) return;
    pen.To(point(first));
    if (count > 2) {
      pen.To(point(std::min(low, high)));
      pen.To(point(std::max(low, high)));
    }
    if (count > 1) pen.To(point(next - 1));
    count = 0;
  };
  for (size_t i = 0; i < n; ++i) {
    if (!Finite(x[i]) || !Finite(y[i]) || !(y[i] > least)) {
      flush(i);
      pen.Break();
      continue;
    }
    const int its_column = columns.Of(x[i]);
    if (count > 0 && its_column != column) flush(i);
    if (count == 0) {
      column = its_column;
      first = low = high = i;
    }
    if (y[i] < y[low]) low = i;
    if (y[i] > y[high]) high = i;
    ++count;
  }
  flush(n);
  pen.Break();
}

void DrawBand(ImDrawList& list, const Screen& screen, std::span<const float> x, std::span<const float> low,
              std::span<const float> high, ImU32 colour) {
  const Columns columns(screen);
  const size_t n = std::min({x.size(), low.size(), high.size()});
  int column = 0;
  size_t at = 0;  // sample whose x the column has
  float lowest = 0, highest = 0;
  bool has_previous = false, has_run = false;
  Edge previous;
  const auto flush = [&] {
    if (!has_run) return;
    Edge edge{screen.X(x[at]), screen.Y(lowest), screen.Y(highest)};
    if (screen.log_y && lowest <= 0) edge.low = screen.max.y + kFarPx;
    if (has_previous) FillBetween(list, screen, previous, edge, colour);
    previous = edge;
    has_previous = true;
    has_run = false;
  };
  for (size_t i = 0; i < n; ++i) {
    if (!Finite(x[i]) || !Finite(low[i]) || !Finite(high[i]) || (screen.log_y && high[i] <= 0)) {
      flush();
      has_previous = false;
      continue;
    }
    const int its_column = columns.Of(x[i]);
    if (has_run && its_column != column) flush();
    if (!has_run || its_column == Columns::kLeft) {  // left of the plot, where the band comes from is all that shows
      column = its_column;
      at = i;
      lowest = low[i];
      highest = high[i];
      has_run = true;
    } else if (!columns.IsRight(its_column)) {
      lowest = std::min(lowest, low[i]);
      highest = std::max(highest, high[i]);
    }
  }
  flush();
}

void DrawDots(ImDrawList& list, const Screen& screen, std::span<const float> x, std::span<const float> y,
              ImU32 colour, float radius_px) {
  // Dots on the same pixel are one.
  const int width = std::max(1, static_cast<int>(screen.max.x - screen.min.x) + 1);
  const int height = std::max(1, static_cast<int>(screen.max.y - screen.min.y) + 1);
  static std::vector<bool> taken;
  taken.assign(static_cast<size_t>(width) * static_cast<size_t>(height), false);
  for (size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    const double px = screen.X(x[i]), py = screen.Y(y[i]);
    if (!(px >= screen.min.x && px <= screen.max.x && py >= screen.min.y && py <= screen.max.y)) continue;
    const int column = std::min(width - 1, static_cast<int>(px - screen.min.x));
    const int row = std::min(height - 1, static_cast<int>(py - screen.min.y));
    const size_t cell = static_cast<size_t>(row) * static_cast<size_t>(width) + static_cast<size_t>(column);
    if (taken[cell]) continue;
    taken[cell] = true;
    list.AddCircleFilled(ImVec2(static_cast<float>(px), static_cast<float>(py)), radius_px, colour, 8);
  }
}

}  // namespace reverie::desktop::plot
