// Draws what happened along a path of the timeline: reward, surprise as heat, events as glyphs, the ruler.
// Positions are in pixels of the screen, steps are control steps of the episode. Window's thread only.
#pragma once

#include <unordered_map>
#include <vector>

#include <imgui.h>

#include "ui/desktop/timeline_digest.h"
#include "ui/desktop/timeline_path.h"

namespace reverie::desktop {

/// Control steps along x.
struct StepAxis {
  double first = 0, last = 50;
  float left = 0, width = 1;

  float X(double step) const { return left + static_cast<float>((step - first) / (last - first)) * width; }
  double Step(float x) const { return first + (x - left) / static_cast<double>(width) * (last - first); }
  double steps_per_px() const { return (last - first) / width; }
};

struct Box {
  ImVec2 low, high;
  float height() const { return high.y - low.y; }
  float width() const { return high.x - low.x; }
};

using DigestMap = std::unordered_map<int, BranchDigest>;  // by branch

/// One row, or the rows of one pixel.
struct Column {
  float x = 0;          // of the last row
  float x_before = 0;   // of the row before the first: a step fills the way between them
  RowsSummary rows;
  bool joined = true;   // to the column before
};

/// What is visible of a path, at most about one column for each pixel.
void GatherColumns(const TimelinePath& path, const DigestMap& digests, const StepAxis& axis,
                   std::vector<Column>& columns);

void DrawRuler(ImDrawList* draw, const StepAxis& axis, const Box& box, double control_step_s);
/// Scaled from low to high.
void DrawReward(ImDrawList* draw, const std::vector<Column>& columns, const Box& box, float low, float high);
/// @param full  surprise drawn at full strength; `none` and less is not drawn.
void DrawSurprise(ImDrawList* draw, const std::vector<Column>& columns, const Box& box, float none, float full);
void DrawEvents(ImDrawList* draw, const std::vector<Column>& columns, const Box& box, uint32_t shown);

ImU32 EventColour(uint32_t bit);
void DrawEventGlyph(ImDrawList* draw, uint32_t bit, ImVec2 centre, float radius);
/// Of lines for branch `id`, readable on dark and light.
ImU32 BranchColour(int id, float alpha = 1);
/// Steps between labels of an axis: 1, 2 or 5 times a power of ten, at least `least`.
int64_t NiceStep(double least);

}  // namespace reverie::desktop
