// Small parts that panels of plots share: names and numbers as people read them, explanations, plots that cost
// nothing out of sight. Window's thread only; no state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/session.h"
#include "ui/desktop/plot.h"

namespace reverie::desktop {

/// One label for each of `count` channels: the task's, and "channel 7" where it has none.
std::vector<std::string> ChannelLabels(const CompiledTask* task, int count);
/// Likewise for actuators: "actuator 2".
std::vector<std::string> ActionLabels(const CompiledTask* task, int count);

/// Three digits, more where they stand before the point: "0.0123", "41.2", "1234"; "unknown" if not finite.
std::string Number(double value);
/// "1 step", "14 steps".
std::string Steps(int64_t count);
/// Whether each word of `search` occurs in `text`, whatever the case; an empty search finds all.
bool Finds(std::string_view search, std::string_view text);


/// Starts a plot of some lines of text in height over the whole width; false, with the room kept, where it is
/// scrolled out of sight, and where there is no room.
bool BeginPlot(const char* id, float height_lines, plot::Options options);
/// The next control leaves room for its label, and is no wider than is good.
void SetControlWidth();
/// A line of explanation, wrapped, never read as a format.
void Paragraph(const std::string& text);

/// How an error is counted in deviations of a channel: the difference, around the circle for an angle, over
/// `scale`. NaN where the channel never changes (scale 0), for its error counts in no mean.
double InDeviations(double predicted, double real, double scale, bool angle);

}  // namespace reverie::desktop
