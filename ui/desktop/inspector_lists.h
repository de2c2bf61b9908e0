// The inspector's lists: keyframes, sensors, cameras, and facts about the model. Window's thread.
#pragma once

#include "ui/desktop/inspector_section.h"

namespace reverie::desktop {

void DrawKeyframes(const Inspected& in);
void DrawSensors(const Inspected& in);
void DrawCameras(const Inspected& in);
void DrawModelFacts(const Inspected& in);

/// What is drawn of the model, and how.
void DrawVisualisation(const Inspected& in);

}  // namespace reverie::desktop
