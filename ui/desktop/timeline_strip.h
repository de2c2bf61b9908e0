// The strip of the timeline panel: what has happened since the reset along x, other branches as lanes below,
// the playhead to scrub with. Remembers zoom and which branch is followed. Window's thread only; x in control steps.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <imgui.h>

#include "ui/desktop/app.h"
#include "ui/desktop/timeline_curves.h"
#include "ui/desktop/timeline_path.h"

namespace reverie::desktop {

class TimelineStrip {
 public:
  uint32_t shown_events = ~static_cast<uint32_t>(kContactEvent);  // drawn and jumped to; walkers touch all the time

  /// Follows the session: which path is shown. Before anything else in a frame.
  void Update(const App& app);
  /// Fills what is left of the current window. Returns whether the person's hand moved the playhead.
  bool Draw(App& app);

  /// The path to the end of the branch that is followed; of the snapshot of the last Update.
  const TimelinePath& path() const { return path_; }
  /// All of it, and from then on whatever is added.
  void Fit() { fit_ = true; }
  /// These control steps, until Fit.
  void Show(double first, double last);
  const StepAxis& axis() const { return axis_; }

  /// Where a row was drawn, px of the screen; nothing where it was not.
  std::optional<ImVec2> PointOf(TimelinePlace place) const;

 private:
  /// A part of a branch that is not on the path.
  struct Lane {
    const BranchView* branch = nullptr;
    int64_t first = 0, last = 0;   // rows
    double fork_step = 0;          // where it hangs on its parent
    int parent = -1;               // branch
  };
  void FindLanes();
  void PlaceAxis();
  /// The playhead, in control steps with parts of one.
  double PlayheadStep() const;
  bool DrawMain(App& app, const Box& box);
  void DrawContents(const Box& ruler, const Box& curve, const Box& heat, const Box& events);
  void DrawMarks(const Box& box) const;
  void DrawPlayhead(const Box& box) const;
  bool DrawLanes(App& app, ImVec2 size);
  bool DrawMenu(App& app);
  /// Zooms by the wheel and pans by the middle or the right button, on the item drawn last.
  void HandleView(bool wheel_zooms);
  void OpenMenu(TimelinePlace place);
  bool GoTo(App& app, TimelinePlace place);
  void Describe(TimelinePlace place) const;
  const Lane* LaneOf(TimelinePlace place) const;

  std::shared_ptr<const SessionSnapshot> now_;  // what path_ and lanes_ point into
  TimelinePath path_;
  std::vector<Lane> lanes_;
  DigestMap digests_;
  std::vector<Column> columns_;

  StepAxis axis_;
  bool fit_ = true;
  double followed_step_ = -1;
  Box main_{}, curve_{};
  float lanes_top_ = 0, lane_height_ = 0;  // px of the screen; height 0: lanes are not drawn
  bool scrubbing_ = false, panned_ = false;
  std::optional<TimelinePlace> asked_;     // the last place asked for, until the snapshot is there
  double asked_s_ = 0;
  TimelinePlace menu_place_;
};

}  // namespace reverie::desktop
