// Pictures and films of what the scene view shows. Requests are made on the window's thread, drawn and written
// in a job. Pixels; films count simulated time.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/job.h"
#include "ui/desktop/app.h"
#include "ui/desktop/scene_overlays.h"
#include "ui/desktop/scene_renderer.h"

namespace reverie::desktop {

/// What the view would draw for a snapshot now: state, camera, flags, overlays as they are switched on.
/// @param paths  for the paths on other branches; null: without.
SceneRequest RequestOf(const App& app, const SessionSnapshot& snapshot, int width_px, int height_px,
                       BranchPaths* paths = nullptr);

/// Draws one picture in a job: the scene alone, without panels. Null where nothing is open.
std::shared_ptr<Job> SavePicture(App& app, const std::filesystem::path& file, int width_px, int height_px);

/// Films the timeline as it grows, from now until the job is cancelled or the session is closed (the file is
/// finished then): one frame for each 1/fps of simulated time, whatever the window does meanwhile. Camera and
/// flags stay as they are now. Null where nothing is open.
/// @param from  with it, films what led from there to now instead, and ends.
std::shared_ptr<Job> RecordFilm(App& app, const std::filesystem::path& file, int width_px, int height_px, double fps,
                                std::optional<TimelinePlace> from = {});

/// Frames per second that show every control step, or every n-th, at real time.
double FilmRate(double control_step_s);

/// A name for a new file, "reverie-TASK-0001.png", in the current folder or, where that cannot be written to,
/// in ~/Pictures or the home folder. Names that exist or are in `taken` are passed over.
std::filesystem::path FreshFile(const std::string& task, const std::string& extension,
                                const std::vector<std::filesystem::path>& taken);

}  // namespace reverie::desktop
