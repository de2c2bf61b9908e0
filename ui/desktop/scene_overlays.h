// What is drawn over the real scene: the plan as ghosts, rollouts and ensemble members as traces, the prediction
// beside reality, and where the traced body went on other branches. No ImGui; any one thread.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "agent/session.h"
#include "sim/scene.h"
#include "ui/desktop/scene_renderer.h"

namespace reverie::desktop {

struct Overlays;

/// Control steps from one place to another that grew out of it, with no change by a person between; nothing
/// where it did not.
std::optional<int64_t> StepsBetween(const TimelineView& timeline, TimelinePlace from, TimelinePlace to);

/// Adds the ghosts and traces of `snapshot` as they are at `now`, in the colours of colours.h. What was imagined
/// for another present is left out.
void AddImagined(const SessionSnapshot& snapshot, TimelinePlace now, const Overlays& overlays, SceneRequest& request);

/// Where a body was, is and will be on the branches that grew from the same reset. Remembers what it computed.
class BranchPaths {
 public:
  /// Adds a trace for each branch near `now` in time.
  /// @param most  rows to compute at once; the rest follow in the next calls.
  /// @return      false if there was more to compute.
  bool Add(const SessionSnapshot& snapshot, TimelinePlace now, SceneRequest& request, int most);
  /// What the last Add returned.
  bool complete() const { return complete_; }

 private:
  using Point = std::array<float, 3>;
  void Follow(const SessionSnapshot& snapshot, int body);
  const Point* Find(const BranchView& branch, int64_t row, int& budget);

  std::shared_ptr<const CompiledTask> task_;
  int body_ = 0;
  ModelPtr own_model_;  // only where resets draw into the model
  std::vector<double> parameters_;
  DataPtr data_;
  std::map<int, std::map<int64_t, Point>> points_;  // by branch and row
  bool complete_ = true;
};

}  // namespace reverie::desktop
