// How unlikely the model thought what has just happened, as a gauge against the threshold of its running
// calibration, and the history of it. Window's thread only.
#pragma once

#include <string>

#include "ui/desktop/series.h"

namespace reverie::desktop {

/// The last surprise that was judged up to a time; NaN: none.
float SurpriseAt(LineageSeries& series, double time_s);
/// "Surprise 5.2: more than is usual (4.1)".
std::string DescribeSurprise(float surprise, double threshold);

/// Gauge and, where there is room, history between two times; a click in it goes there.
void DrawSurpriseMeter(App& app, LineageSeries& series, int branch, double from_s, double to_s, double now_s);

}  // namespace reverie::desktop
