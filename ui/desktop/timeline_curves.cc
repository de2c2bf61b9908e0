#include "ui/desktop/timeline_curves.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "ui/desktop/colours.h"

namespace reverie::desktop {
namespace {

// In the order of kEventKindList.
const ImVec4 kEventColours[kEventKinds] = {
    {0.27f, 0.67f, 0.37f, 1}, {0.55f, 0.55f, 0.60f, 1}, colours::kError,          colours::kSurprise,
    colours::kPredicted,      {0.47f, 0.51f, 0.57f, 1}, {0.35f, 0.55f, 0.95f, 1}, {0.16f, 0.67f, 0.71f, 1},
};

}  // namespace

ImU32 EventColour(uint32_t bit) {
  for (int i = 0; i < kEventKinds; ++i) {
    if (kEventKindList[i].bit == bit) return ImGui::ColorConvertFloat4ToU32(kEventColours[i]);
  }
  return ImGui::ColorConvertFloat4ToU32(kEventColours[0]);
}

ImU32 BranchColour(int id, float alpha) {
  // Hues as far apart as may be, whatever the number of branches: steps of the golden angle.
  const float hue = std::fmod(static_cast<float>(id) * 0.381966f + 0.58f, 1.0f);
  return ImColor::HSV(hue, 0.55f, 0.78f, alpha);
}

int64_t NiceStep(double least) {
  int64_t power = 1;
  while (power * 10 < least && power < int64_t{1000000000000}) power *= 10;
  for (const int64_t factor : {1, 2, 5}) {
    if (static_cast<double>(power * factor) >= least) return power * factor;
  }
  return power * 10;
}

void GatherColumns(const TimelinePath& path, const DigestMap& digests, const StepAxis& axis,
                   std::vector<Column>& columns) {
  columns.clear();
  const double per_px = axis.steps_per_px();
  // Rows of one column; whole buckets where there are many, so that none is read twice.
  int64_t stride = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(per_px)));
  if (stride > 2 * BranchDigest::kRows) stride = (stride + BranchDigest::kRows - 1) / BranchDigest::kRows * BranchDigest::kRows;
  bool joined = false;
  for (const PathPiece& piece : path.pieces()) {
    const auto digest = digests.find(piece.branch->info->id);
    if (digest == digests.end()) continue;
    const int64_t offset = piece.branch->info->first_step;
    const auto from = std::max(piece.first, static_cast<int64_t>(std::floor(axis.first)) - offset - stride);
    const auto to = std::min(piece.last, static_cast<int64_t>(std::ceil(axis.last)) - offset + stride);
    for (int64_t row = from; row <= to;) {
      const int64_t end = std::min(to + 1, (row / stride + 1) * stride);
      Column column;
      column.x = axis.X(static_cast<double>(offset + end - 1));
      column.x_before = axis.X(static_cast<double>(offset + row - 1));
      column.rows = digest->second.Of(*piece.branch, row, end - 1);
      column.joined = joined;
      joined = true;
      columns.push_back(column);
      row = end;
    }
  }
}

void DrawRuler(ImDrawList* draw, const StepAxis& axis, const Box& box, double control_step_s) {
  const float font = ImGui::GetFontSize();
  const ImU32 line = ImGui::GetColorU32(ImGuiCol_TextDisabled, 0.6f);
  const ImU32 text = ImGui::GetColorU32(ImGuiCol_TextDisabled);
  const bool times = axis.width > 20 * font && control_step_s > 0;
  const int64_t step = NiceStep(axis.steps_per_px() * font * (times ? 8 : 5));
  const int64_t begin = static_cast<int64_t>(std::ceil(axis.first / static_cast<double>(step))) * step;
  for (int64_t at = std::max<int64_t>(begin, 0); static_cast<double>(at) <= axis.last; at += step) {
    const float x = axis.X(static_cast<double>(at));
    draw->AddLine({x, box.low.y}, {x, box.high.y}, line);
    char label[64];
    const double time_s = static_cast<double>(at) * control_step_s;
    if (times) {
      std::snprintf(label, sizeof label, "%lld  (%.4g s)", static_cast<long long>(at), time_s);
    } else {
      std::snprintf(label, sizeof label, "%lld", static_cast<long long>(at));
    }
    draw->AddText({x + 0.25f * font, box.low.y}, text, label);
  }
  if (step >= 10 && step % 10 == 0) {
    for (int64_t at = std::max<int64_t>(begin - step, 0); static_cast<double>(at) <= axis.last; at += step / 10) {
      const float x = axis.X(static_cast<double>(at));
      draw->AddLine({x, box.high.y - 0.25f * font}, {x, box.high.y}, line);
    }
  }
}

void DrawReward(ImDrawList* draw, const std::vector<Column>& columns, const Box& box, float low, float high) {
  if (!(high > low) || box.height() < 2) return;
  const auto y = [&](float reward) { return box.high.y - (reward - low) / (high - low) * box.height(); };
  const ImU32 colour = ImGui::ColorConvertFloat4ToU32(colours::kReal);
  const float thickness = std::max(1.0f, ImGui::GetFontSize() / 12);
  static thread_local std::vector<ImVec2> points;
  points.clear();
  const auto flush = [&] {
    if (points.size() == 1) draw->AddCircleFilled(points[0], thickness, colour, 6);
    if (points.size() > 1) draw->AddPolyline(points.data(), static_cast<int>(points.size()), colour, 0, thickness);
    points.clear();
  };
  for (const Column& column : columns) {
    if (!column.rows.has_reward() || !column.joined) flush();
    if (!column.rows.has_reward()) continue;
    ImVec2 first = {column.x, y(column.rows.reward_low)}, second = {column.x, y(column.rows.reward_high)};
    if (!points.empty() && std::abs(points.back().y - first.y) > std::abs(points.back().y - second.y)) {
      std::swap(first, second);
    }
    points.push_back(first);
    if (std::abs(first.y - second.y) > 0.5f) points.push_back(second);
    if (points.size() > 4000) {  // an index of a draw list has 16 bits
      const ImVec2 last = points.back();
      flush();
      points.push_back(last);
    }
  }
  flush();
}

void DrawSurprise(ImDrawList* draw, const std::vector<Column>& columns, const Box& box, float none, float full) {
  if (!(full > none) || box.height() < 1) return;
  constexpr int kShades = 16;
  float from = 0, to = 0;
  int shade = 0;
  const auto flush = [&] {
    if (shade > 0) {
      const float strength = static_cast<float>(shade) / kShades;
      const ImU32 colour = ImGui::ColorConvertFloat4ToU32(colours::WithAlpha(colours::kSurprise, strength));
      draw->AddRectFilled({from, box.low.y}, {std::max(to, from + 1), box.high.y}, colour);
    }
    shade = 0;
  };
  for (const Column& column : columns) {
    int now = 0;
    if (column.rows.has_surprise()) {
      const float strength = std::clamp((column.rows.surprise - none) / (full - none), 0.0f, 1.0f);
      now = static_cast<int>(strength * kShades);
    }
    if (now != shade) {
      flush();
      from = column.x_before;
    }
    shade = now;
    to = column.x;
  }
  flush();
}

void DrawEventGlyph(ImDrawList* draw, uint32_t bit, ImVec2 centre, float radius) {
  const ImU32 colour = EventColour(bit);
  const float x = centre.x, y = centre.y, r = radius;
  const float thickness = std::max(1.0f, radius / 2.5f);
  switch (bit) {
    case kRewardEvent:
      draw->AddQuadFilled({x, y - r}, {x + r, y}, {x, y + r}, {x - r, y}, colour);
      break;
    case kContactEvent:
      draw->AddLine({x, y}, {x, y + r}, colour, thickness);
      break;
    case kDivergenceEvent:
      draw->AddLine({x - r, y - r}, {x + r, y + r}, colour, thickness);
      draw->AddLine({x - r, y + r}, {x + r, y - r}, colour, thickness);
      break;
    case kSurpriseEvent:
      draw->AddTriangleFilled({x, y - r}, {x + r, y + r}, {x - r, y + r}, colour);
      break;
    case kPartingEvent:
      draw->AddLine({x, y + r}, {x, y}, colour, thickness);
      draw->AddLine({x, y}, {x - r, y - r}, colour, thickness);
      draw->AddLine({x, y}, {x + r, y - r}, colour, thickness);
      break;
    case kEndEvent:
      draw->AddRectFilled({x - r / 2, y - r}, {x + r / 2, y + r}, colour);
      break;
    case kEditEvent:
      draw->AddRectFilled({x - r * 0.8f, y - r * 0.8f}, {x + r * 0.8f, y + r * 0.8f}, colour);
      break;
    default:
      draw->AddCircleFilled(centre, r, colour, 12);
      break;
  }
}

void DrawEvents(ImDrawList* draw, const std::vector<Column>& columns, const Box& box, uint32_t shown) {
  const float radius = std::min(0.32f * ImGui::GetFontSize(), box.height() / 2);
  if (radius < 1) return;
  const float y = (box.low.y + box.high.y) / 2;
  // Rarest on top: contacts first, then the others, divergence last.
  constexpr uint32_t kOrder[] = {kContactEvent, kEndEvent,     kModelEvent,   kRewardEvent,
                                 kEditEvent,    kSurpriseEvent, kPartingEvent, kDivergenceEvent};
  for (const uint32_t bit : kOrder) {
    if (!(bit & shown)) continue;
    const float apart = bit == kContactEvent ? 2 : radius;  // closer ones would only paint over each other
    float last = -1e9f;
    for (const Column& column : columns) {
      if (!(column.rows.events & bit) || column.x - last < apart) continue;
      DrawEventGlyph(draw, bit, {column.x, y}, radius);
      last = column.x;
    }
  }
}

}  // namespace reverie::desktop
