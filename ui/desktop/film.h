// Pictures and films of what the scene view shows.
#pragma once

#include <filesystem>
#include <memory>

#include "agent/job.h"
#include "ui/desktop/app.h"
#include "ui/desktop/scene_renderer.h"

namespace reverie::desktop {

/// What the view would draw for a snapshot now: state, camera, flags, overlays as they are switched on.
SceneRequest RequestOf(const App& app, const SessionSnapshot& snapshot, int width_px, int height_px);

/// Draws one picture in a job: the scene alone, without panels.
std::shared_ptr<Job> SavePicture(App& app, const std::filesystem::path& file, int width_px, int height_px);

/// Films the timeline as it grows, from now until the job is cancelled (the file is finished then), or until
/// row `to` of a branch: one frame for each 1/fps of simulated time, whatever the window does meanwhile.
std::shared_ptr<Job> RecordFilm(App& app, const std::filesystem::path& file, int width_px, int height_px, double fps);

}  // namespace reverie::desktop
