// Time: play, pause, steps, speed, resets, and the strip of everything that has happened. Window's thread only.
//
// In the past, a step walks along what is recorded; only playing, or a step that is asked to, goes on from there
// and makes a branch.
#pragma once

#include <optional>
#include <string>

#include "ui/desktop/panel.h"
#include "ui/desktop/timeline_strip.h"
#include "ui/desktop/transport_widgets.h"

namespace reverie::desktop {

class TimelinePanel : public Panel {
 public:
  const char* title() const override { return "Timeline"; }
  void Draw(App& app) override;
  void Update(App& app) override;
  void AddActions(App& app) override;

  TimelineStrip& strip() { return strip_; }

 private:
  void DrawTransport(App& app);
  void DrawEpisodeFields(App& app, WrappingRow& row);
  void DrawReadOut(const App& app, WrappingRow& row);
  void DrawEventMenu(App& app);
  void AddPlayActions(App& app);
  void AddEventActions(App& app);

  void TogglePlay(App& app);
  void Step(App& app, int64_t steps);
  void JumpToEvent(App& app, int direction, uint32_t events);
  void GoToEnd(App& app, bool last);
  void GoTo(App& app, TimelinePlace place);
  void Reset(App& app, bool next_episode);
  void Freeze(App& app, bool freeze);
  void Replay(App& app);
  void GoOnReplaying(App& app);
  /// Whether there is a recorded future: stepping walks along it.
  bool InThePast(const App& app) const;
  /// Where the session is, or is going to be after what was asked for.
  TimelinePlace Here(const App& app) const;

  TimelineStrip strip_;
  std::optional<TimelinePlace> asked_;  // not yet in a snapshot
  double asked_s_ = 0;
  bool replaying_ = false;
  double replayed_ = 0;                 // index along the path, with parts of one
  std::string episode_text_, seed_text_;
  bool typing_episode_ = false, typing_seed_ = false;
};

/// "1/4x", "as fast as it goes".
std::string SpeedText(double speed);
/// The next of the speeds that are offered, faster or slower.
double NextSpeed(double speed, bool faster);

}  // namespace reverie::desktop
