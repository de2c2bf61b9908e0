#include "ui/desktop/timeline_panel.h"

#include <GLFW/glfw3.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "ui/desktop/colours.h"
#include "ui/desktop/panels.h"
#include "ui/desktop/theme.h"
#include "ui/desktop/transport_widgets.h"

namespace reverie::desktop {
namespace {

constexpr double kPatience_s = 0.5;  // how long a place asked for is believed in without a snapshot of it
constexpr double kSpeeds[] = {1.0 / 16, 1.0 / 8, 1.0 / 4, 1.0 / 2, 1, 2, 4, 8, 16, 0};
constexpr double kFastReplay = 32;   // where the speed is "as fast as it goes"

struct NamedAtEnd {
  AtEnd at_end;
  const char *id, *name, *what;
};
constexpr NamedAtEnd kAtEnds[] = {
    {AtEnd::kNextEpisode, "next_episode", "next episode", "After an episode the next one begins."},
    {AtEnd::kPause, "pause", "pause", "Stops where an episode ends."},
    {AtEnd::kGoOn, "go_on", "go on", "Goes on past the end of an episode, as if nothing had ended."},
};

bool IsOpen(const App& app) { return app.session && app.now; }

/// Sets `number` from a text that is nothing but a whole number.
template <class Number>
bool Parse(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end && !text.empty();
}

/// A field of digits that shows `shown` unless the person types. True when a text was entered.
bool DigitsField(const char* id, const std::string& shown, std::string& text, bool& typing) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%s", typing ? text.c_str() : shown.c_str());
  const bool entered = ImGui::InputText(id, buffer, sizeof buffer,
                                        ImGuiInputTextFlags_CharsDecimal | ImGuiInputTextFlags_EnterReturnsTrue |
                                            ImGuiInputTextFlags_AutoSelectAll);
  typing = ImGui::IsItemActive();
  text = buffer;
  return entered;
}

double Megabytes(int64_t bytes) { return static_cast<double>(bytes) / (1 << 20); }

}  // namespace

std::string SpeedText(double speed) {
  if (speed <= 0) return "as fast as it goes";
  char text[32];
  if (speed < 1) std::snprintf(text, sizeof text, "1/%.3gx", 1 / speed);
  else std::snprintf(text, sizeof text, "%.3gx", speed);
  return text;
}

double NextSpeed(double speed, bool faster) {
  const double limit = 1e9, now = speed > 0 ? speed : limit;
  if (faster) {
    for (const double other : kSpeeds) {
      if (other == 0 || other > now * 1.001) return other;
    }
    return 0;
  }
  double slower = kSpeeds[0];
  for (const double other : kSpeeds) {
    if (other > 0 && other < now * 0.999) slower = other;
  }
  return slower;
}

void TimelinePanel::Update(App& app) {
  strip_.Update(app);
  if (!IsOpen(app)) {
    asked_.reset();
    replaying_ = false;
    return;
  }
  if (asked_ && (*asked_ == app.now->now || ImGui::GetTime() - asked_s_ > kPatience_s)) asked_.reset();
  if (replaying_) GoOnReplaying(app);

  // Keys that mean the same as those that the menu names.
  const ImGuiIO& io = ImGui::GetIO();
  if (io.WantTextInput || io.KeyCtrl || io.KeyAlt || ImGui::IsPopupOpen(nullptr, ImGuiPopupFlags_AnyPopup)) return;
  if ((io.KeyShift && ImGui::IsKeyPressed(GLFW_KEY_EQUAL)) || ImGui::IsKeyPressed(GLFW_KEY_KP_ADD)) {
    app.actions.Run("time.speed.up", app);
  }
  if (ImGui::IsKeyPressed(GLFW_KEY_KP_SUBTRACT)) app.actions.Run("time.speed.down", app);
}

TimelinePlace TimelinePanel::Here(const App& app) const { return asked_ ? *asked_ : app.now->now; }

bool TimelinePanel::InThePast(const App& app) const {
  if (!IsOpen(app)) return false;
  const std::optional<int64_t> index = strip_.path().IndexOf(Here(app));
  return index && *index + 1 < strip_.path().size();
}

void TimelinePanel::GoTo(App& app, TimelinePlace place) {
  app.GoTo(place);
  asked_ = place;
  asked_s_ = ImGui::GetTime();
}

void TimelinePanel::TogglePlay(App& app) {
  if (replaying_) {
    replaying_ = false;
  } else if (app.now->playing) {
    app.session->Pause();
  } else {
    app.session->Play();
  }
  asked_.reset();
}

void TimelinePanel::Step(App& app, int64_t steps) {
  replaying_ = false;
  const std::optional<int64_t> index = strip_.path().IndexOf(Here(app));
  if (steps > 0 && !(index && *index + 1 < strip_.path().size())) {
    // Each press counts, however long a plan takes; held down it asks so often that no more than one may wait.
    if (ImGui::GetIO().KeysDownDuration[GLFW_KEY_RIGHT] > 0) app.session->Pause();
    app.session->StepControl(static_cast<int>(steps));
    asked_.reset();
    return;
  }
  if (!index) return;
  if (steps == -1 && !asked_ && app.now->simulation_step > 0) {  // to where the control step under way began
    GoTo(app, app.now->now);
    return;
  }
  GoTo(app, strip_.path().At(std::clamp<int64_t>(*index + steps, 0, strip_.path().size() - 1)));
}

void TimelinePanel::JumpToEvent(App& app, int direction, uint32_t events) {
  replaying_ = false;
  if (const std::optional<TimelinePlace> place = strip_.path().FindEvent(Here(app), direction, events)) {
    GoTo(app, *place);
  } else {
    app.messages.Say(direction > 0 ? "No later event of these kinds on this branch."
                                   : "No earlier event of these kinds on this branch.");
  }
}

void TimelinePanel::GoToEnd(App& app, bool last) {
  replaying_ = false;
  if (!strip_.path().empty()) GoTo(app, strip_.path().At(last ? strip_.path().size() - 1 : 0));
}

void TimelinePanel::Reset(App& app, bool next_episode) {
  replaying_ = false;
  asked_.reset();
  int64_t episode = app.now->episode;
  if (!next_episode && episode < 0) {
    app.session->ResetToSeed(app.now->seed);
    return;
  }
  if (next_episode && episode < 0) {
    for (const BranchView& branch : app.now->timeline.branches) episode = std::max(episode, branch.info->episode);
  }
  app.session->ResetToEpisode(next_episode ? episode + 1 : episode);
}

void TimelinePanel::Freeze(App& app, bool freeze) {
  ImaginationOptions options = app.now->imagination;
  options.frozen.reset();
  if (freeze) options.frozen = Here(app);
  if (freeze) options.compare = true;
  app.session->SetImagination(options);
}

void TimelinePanel::Replay(App& app) {
  replaying_ = !replaying_ && InThePast(app);
  if (!replaying_) return;
  app.session->Pause();
  replayed_ = static_cast<double>(*strip_.path().IndexOf(Here(app)));
}

void TimelinePanel::GoOnReplaying(App& app) {
  const TimelinePath& path = strip_.path();
  const double step_s = app.now->timeline.control_step_s;
  const std::optional<int64_t> index = path.IndexOf(app.now->now);
  // Whoever plays or goes elsewhere meanwhile has the last word.
  const double slack = 10 + kPatience_s * kFastReplay / std::max(step_s, 1e-3);
  if (!index || app.now->playing || step_s <= 0 || std::abs(static_cast<double>(*index) - replayed_) > slack) {
    replaying_ = false;
    return;
  }
  const double speed = app.now->speed > 0 ? app.now->speed : kFastReplay;
  const double before = std::floor(replayed_);
  replayed_ += std::min(ImGui::GetIO().DeltaTime, 0.25f) * speed / step_s;
  const double end = static_cast<double>(path.size() - 1);
  if (replayed_ >= end) replaying_ = false;
  replayed_ = std::min(replayed_, end);
  app.KeepDrawing(0.3);
  if (std::floor(replayed_) != before) GoTo(app, path.At(static_cast<int64_t>(replayed_)));
}

void TimelinePanel::Draw(App& app) {
  const ImVec2 room = ImGui::GetContentRegionAvail();
  if (!IsOpen(app)) {
    if (room.x > 4 && room.y > 4) ImGui::TextDisabled("Nothing is open: File, Open, or drop a file on the window.");
    return;
  }
  DrawTransport(app);
  if (strip_.Draw(app)) {
    replaying_ = false;
    asked_.reset();
  }
}

void TimelinePanel::DrawTransport(App& app) {
  const SessionSnapshot& now = *app.now;
  Session& session = *app.session;
  const float font = ImGui::GetFontSize();
  const bool past = InThePast(app), branches = !now.at_end_of_branch;
  WrappingRow row;

  if (IconButton(row, "reset", Icon::kReset, "Reset: the same episode from its beginning (Backspace)")) {
    Reset(app, false);
  }
  if (IconButton(row, "start", Icon::kToStart, "Go to the beginning (Home)")) GoToEnd(app, false);
  if (IconButton(row, "back", Icon::kStepBack, "One control step back (Left, ten with Shift)")) Step(app, -1);
  const char* play = now.playing ? "Pause (Space)"
                     : branches  ? "Play from here: makes a branch, the old future is kept (Space)"
                                 : "Play (Space)";
  if (IconButton(row, "play", now.playing || replaying_ ? Icon::kPause : Icon::kPlay, play)) TogglePlay(app);
  if (IconButton(row, "simulation step", Icon::kSimulationStep,
                 "One simulation step, a part of a control step (Alt+Right)")) {
    replaying_ = false;
    session.StepSimulation();
  }
  if (IconButton(row, "step", Icon::kStep,
                 past ? "One control step along what is recorded (Right, ten with Shift). Ctrl+Right goes on from "
                        "here instead and makes a branch."
                      : "One control step (Right, ten with Shift)")) {
    Step(app, 1);
  }
  if (IconButton(row, "end", Icon::kToEnd, "Go to the end of this branch (End)", past)) GoToEnd(app, true);
  if (IconButton(row, "replay", Icon::kReplay, "Show again what is recorded from here; changes nothing (Shift+Space)",
                 past || replaying_, replaying_)) {
    Replay(app);
  }
  const bool frozen = now.imagination.frozen.has_value();
  if (IconButton(row, "freeze", Icon::kFreeze,
                 frozen ? "A prediction is frozen: click to let it go (Shift+F)"
                        : "Freeze a prediction here, and watch reality walk away from it (F)",
                 true, frozen)) {
    Freeze(app, !frozen);
  }

  row.Next(9 * font);
  ImGui::SetNextItemWidth(9 * font);
  if (ImGui::BeginCombo("##speed", SpeedText(now.speed).c_str())) {
    for (const double speed : kSpeeds) {
      if (ImGui::Selectable(SpeedText(speed).c_str(), speed == now.speed)) session.SetSpeed(speed);
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("Speed, times real time (- and +)");

  row.Next(10 * font);
  ImGui::SetNextItemWidth(10 * font);
  const auto pace_name = [](Pace pace) { return pace == Pace::kLockStep ? "lock-step" : "real time"; };
  if (ImGui::BeginCombo("##pace", pace_name(now.pace))) {
    for (const Pace pace : {Pace::kLockStep, Pace::kRealTime}) {
      if (ImGui::Selectable(pace_name(pace), pace == now.pace)) session.SetPace(pace);
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("Lock-step: each control step waits for its plan, and the same commands give the same states. "
                "Real time: the physics keeps the pace and acts on the newest plan.");

  DrawEpisodeFields(app, row);

  const char* ends = "##ends";
  row.Next(9.5f * font);
  ImGui::SetNextItemWidth(9.5f * font);
  const auto& at_end = *std::find_if(std::begin(kAtEnds), std::end(kAtEnds),
                                     [&](const NamedAtEnd& named) { return named.at_end == now.at_end; });
  if (ImGui::BeginCombo(ends, (std::string("end: ") + at_end.name).c_str())) {
    for (const NamedAtEnd& named : kAtEnds) {
      if (ImGui::Selectable(named.name, named.at_end == now.at_end)) session.SetAtEnd(named.at_end);
      theme::Tooltip(named.what);
    }
    ImGui::EndCombo();
  }
  theme::Tooltip("What happens where an episode ends");

  if (TextButton(row, "Events", "Which events are shown and jumped to (, and . jump)")) ImGui::OpenPopup("events");
  DrawEventMenu(app);
  if (TextButton(row, "Fit", "Show the whole timeline. The wheel zooms, dragging with the right button moves.")) {
    strip_.Fit();
  }
  DrawReadOut(app, row);

  if (now.divergence) {
    ImGui::PushStyleColor(ImGuiCol_Text, theme::Colours().bad);
    ImGui::TextUnformatted(("The simulation diverged at " + now.divergence->dof + ".").c_str());
    ImGui::PopStyleColor();
    WrappingRow after;
    after.Next(0);
    if (TextButton(after, "Go back before it", "A quarter of a second; going on from there makes a branch")) {
      GoTo(app, now.divergence->back);
    }
  }
}

void TimelinePanel::DrawEpisodeFields(App& app, WrappingRow& row) {
  const SessionSnapshot& now = *app.now;
  const float font = ImGui::GetFontSize();
  row.Next(8.5f * font);
  ImGui::BeginGroup();
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted("episode");
  ImGui::SameLine();
  ImGui::SetNextItemWidth(4 * font);
  if (DigitsField("##episode", now.episode < 0 ? "" : std::to_string(now.episode), episode_text_, typing_episode_)) {
    int64_t episode = 0;
    if (Parse(episode_text_, episode) && episode >= 0) {
      app.session->ResetToEpisode(episode);
    } else {
      app.messages.Error("Episode: expected a whole number from 0, found '" + episode_text_ + "'.");
    }
  }
  theme::Tooltip("Which of the run's episodes this is. Enter resets to the one typed; Shift+Backspace to the next. "
                "Empty: begun from a seed given by hand, or from a state from elsewhere.");
  ImGui::EndGroup();
  row.Next(14 * font);
  ImGui::BeginGroup();
  ImGui::AlignTextToFramePadding();
  ImGui::TextUnformatted("seed");
  ImGui::SameLine();
  ImGui::SetNextItemWidth(11.5f * font);
  if (DigitsField("##seed", std::to_string(now.seed), seed_text_, typing_seed_)) {
    uint64_t seed = 0;
    if (Parse(seed_text_, seed)) {
      app.session->ResetToSeed(seed);
    } else {
      app.messages.Error("Seed: expected a whole number from 0 to 18446744073709551615, found '" + seed_text_ + "'.");
    }
  }
  theme::Tooltip("The episode's seed: the same seed begins the same way. Enter resets to the one typed.");
  ImGui::EndGroup();
}

void TimelinePanel::DrawReadOut(const App& app, WrappingRow& row) {
  const SessionSnapshot& now = *app.now;
  row.Next(18 * ImGui::GetFontSize());
  ImGui::AlignTextToFramePadding();
  char text[160];
  int length = std::snprintf(text, sizeof text, "step %lld", static_cast<long long>(now.control_step));
  const auto add = [&](const char* format, auto... values) {
    if (length < static_cast<int>(sizeof text)) {
      length += std::snprintf(text + length, sizeof text - static_cast<size_t>(length), format, values...);
    }
  };
  if (now.simulation_step > 0) add(" + %d/%d", now.simulation_step, now.simulation_steps);
  add(",  %.3f s", now.time_s);
  if (now.task && !now.task->reward().empty()) add(",  return %.4g", now.episode_return);
  ImGui::TextUnformatted(text);
  theme::Tooltip("Control steps and simulated time of the episode, and the sum of its rewards");
  if (now.playing) {
    std::snprintf(text, sizeof text, "%.2fx real time", now.realtime_factor);
    const bool late = now.speed > 0 && now.realtime_factor < 0.95 * now.speed;
    row.Next(ImGui::CalcTextSize(text).x);
    if (late) ImGui::PushStyleColor(ImGuiCol_Text, theme::Colours().warn);
    ImGui::TextUnformatted(text);
    if (late) ImGui::PopStyleColor();
    theme::Tooltip(late ? "Slower than asked for. The Agent panel says what takes the time."
                       : "Simulated time for each second that passes");
  }
  std::snprintf(text, sizeof text, "%.1f of %.0f MiB", Megabytes(now.timeline.bytes), Megabytes(now.timeline.bytes_limit));
  row.Next(ImGui::CalcTextSize(text).x);
  ImGui::TextUnformatted(text);
  if (now.timeline.dropped_rows > 0) {
    std::snprintf(text, sizeof text, "Memory of the timeline. %lld of the oldest steps were dropped to stay within it.",
                  static_cast<long long>(now.timeline.dropped_rows));
  } else {
    std::snprintf(text, sizeof text, "Memory of the timeline. When it is full, the oldest steps are dropped.");
  }
  theme::Tooltip(text);
  const char* notice = replaying_                ? "showing again what is recorded"
                       : !now.playing && !now.at_end_of_branch ? "in the past: playing makes a branch"
                                                               : nullptr;
  if (!notice) return;
  row.Next(ImGui::CalcTextSize(notice).x);
  ImGui::PushStyleColor(ImGuiCol_Text, colours::kOtherBranch);
  ImGui::TextUnformatted(notice);
  ImGui::PopStyleColor();
}

void TimelinePanel::DrawEventMenu(App& app) {
  if (!ImGui::BeginPopup("events")) return;
  const float font = ImGui::GetFontSize();
  for (const EventKind& kind : kEventKindList) {
    const ImVec2 at = ImGui::GetCursorScreenPos();
    ImGui::Dummy({font, font});
    DrawEventGlyph(ImGui::GetWindowDrawList(), kind.bit, {at.x + 0.5f * font, at.y + 0.6f * font}, 0.32f * font);
    ImGui::SameLine();
    bool shown = (strip_.shown_events & kind.bit) != 0;
    if (ImGui::Checkbox(kind.name, &shown)) strip_.shown_events ^= kind.bit;
    theme::Tooltip(kind.what);
    ImGui::SameLine(13 * font);
    ImGui::PushID(kind.id);
    if (ImGui::SmallButton("previous")) JumpToEvent(app, -1, kind.bit);
    ImGui::SameLine();
    if (ImGui::SmallButton("next")) JumpToEvent(app, 1, kind.bit);
    ImGui::PopID();
  }
  ImGui::EndPopup();
}

void TimelinePanel::AddActions(App& app) {
  AddPlayActions(app);
  AddEventActions(app);
}

void TimelinePanel::AddPlayActions(App& app) {
  const auto add = [&](const char* id, const char* title, Shortcut keys, auto run,
                       std::function<bool(const App&)> enabled = IsOpen, bool repeats = false) {
    Action action;
    action.id = id;
    action.menu = "Time";
    action.title = title;
    action.shortcut = keys;
    action.run = run;
    action.enabled = std::move(enabled);
    action.repeats = repeats;
    app.actions.Add(std::move(action));
  };
  const auto past = [this](const App& a) { return InThePast(a); };
  add("time.toggle", "Play or pause", {GLFW_KEY_SPACE}, [this](App& a) { TogglePlay(a); });
  add("time.play", "Play", {}, [this](App& a) {
    replaying_ = false;
    a.session->Play();
  }, [](const App& a) { return IsOpen(a) && !a.now->playing; });
  add("time.pause", "Pause", {}, [this](App& a) {
    replaying_ = false;
    a.session->Pause();
  }, [this](const App& a) { return IsOpen(a) && (a.now->playing || replaying_); });
  add("time.step", "One control step", {GLFW_KEY_RIGHT}, [this](App& a) { Step(a, 1); }, IsOpen, true);
  add("time.step_10", "Ten control steps", {.key = GLFW_KEY_RIGHT, .shift = true}, [this](App& a) { Step(a, 10); },
      IsOpen, true);
  add("time.step_back", "One control step back", {GLFW_KEY_LEFT}, [this](App& a) { Step(a, -1); }, IsOpen, true);
  add("time.step_back_10", "Ten control steps back", {.key = GLFW_KEY_LEFT, .shift = true},
      [this](App& a) { Step(a, -10); }, IsOpen, true);
  add("time.step_simulation", "One simulation step", {.key = GLFW_KEY_RIGHT, .alt = true}, [this](App& a) {
    replaying_ = false;
    a.session->StepSimulation();
  });
  add("time.step_branch", "One control step from here, as a branch", {.key = GLFW_KEY_RIGHT, .ctrl = true},
      [this](App& a) {
        replaying_ = false;
        asked_.reset();
        a.session->StepControl();
      });
  add("time.replay", "Show again what is recorded", {.key = GLFW_KEY_SPACE, .shift = true},
      [this](App& a) { Replay(a); }, [this](const App& a) { return replaying_ || InThePast(a); });
  add("time.to_start", "To the beginning", {GLFW_KEY_HOME}, [this](App& a) { GoToEnd(a, false); });
  add("time.to_end", "To the end of this branch", {GLFW_KEY_END}, [this](App& a) { GoToEnd(a, true); }, past);
  add("time.reset", "Reset to the same seed", {GLFW_KEY_BACKSPACE}, [this](App& a) { Reset(a, false); });
  add("time.next_episode", "Reset to the next episode", {.key = GLFW_KEY_BACKSPACE, .shift = true},
      [this](App& a) { Reset(a, true); });
  add("time.speed.up", "Faster", {GLFW_KEY_EQUAL},
      [](App& a) { a.session->SetSpeed(NextSpeed(a.now->speed, true)); });
  add("time.speed.down", "Slower", {GLFW_KEY_MINUS},
      [](App& a) { a.session->SetSpeed(NextSpeed(a.now->speed, false)); });
  add("time.speed.real", "Real-time speed", {}, [](App& a) { a.session->SetSpeed(1); });
  for (const NamedAtEnd& named : kAtEnds) {
    Action action;
    action.id = std::string("time.at_end.") + named.id;
    action.menu = "Time/Where an episode ends";
    action.title = std::string(1, static_cast<char>(named.name[0] - 'a' + 'A')) + (named.name + 1);
    action.run = [at_end = named.at_end](App& a) { a.session->SetAtEnd(at_end); };
    action.enabled = IsOpen;
    action.checked = [at_end = named.at_end](const App& a) { return IsOpen(a) && a.now->at_end == at_end; };
    app.actions.Add(std::move(action));
  }
  add("time.freeze", "Freeze a prediction here", {GLFW_KEY_F}, [this](App& a) { Freeze(a, true); });
  add("time.unfreeze", "Let the frozen prediction go", {.key = GLFW_KEY_F, .shift = true},
      [this](App& a) { Freeze(a, false); },
      [](const App& a) { return IsOpen(a) && a.now->imagination.frozen.has_value(); });
  add("time.fit", "Show the whole timeline", {}, [this](App&) { strip_.Fit(); });
}

void TimelinePanel::AddEventActions(App& app) {
  const auto add = [&](const std::string& id, const char* menu, const std::string& title, Shortcut keys, auto run) {
    Action action;
    action.id = id;
    action.menu = menu;
    action.title = title;
    action.shortcut = keys;
    action.run = run;
    action.enabled = IsOpen;
    app.actions.Add(std::move(action));
  };
  add("time.next_event", "Time/Next event", "Any that is shown", {GLFW_KEY_PERIOD},
      [this](App& a) { JumpToEvent(a, 1, strip_.shown_events); });
  for (const EventKind& kind : kEventKindList) {
    add(std::string("time.next_event.") + kind.id, "Time/Next event", kind.name, {},
        [this, bit = kind.bit](App& a) { JumpToEvent(a, 1, bit); });
  }
  add("time.previous_event", "Time/Previous event", "Any that is shown", {GLFW_KEY_COMMA},
      [this](App& a) { JumpToEvent(a, -1, strip_.shown_events); });
  for (const EventKind& kind : kEventKindList) {
    add(std::string("time.previous_event.") + kind.id, "Time/Previous event", kind.name, {},
        [this, bit = kind.bit](App& a) { JumpToEvent(a, -1, bit); });
  }
  for (const EventKind& kind : kEventKindList) {
    Action action;
    action.id = std::string("time.events.") + kind.id;
    action.menu = "Time/Events shown";
    action.title = kind.name;
    action.run = [this, bit = kind.bit](App&) { strip_.shown_events ^= bit; };
    action.checked = [this, bit = kind.bit](const App&) { return (strip_.shown_events & bit) != 0; };
    app.actions.Add(std::move(action));
  }
}

std::unique_ptr<Panel> MakeTimelinePanel() { return std::make_unique<TimelinePanel>(); }

}  // namespace reverie::desktop
