#include "ui/desktop/film.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <thread>
#include <utility>

#include "sim/error.h"
#include "sim/video.h"

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kWait(15);  // until the timeline is looked at again
constexpr int kPathRows = 1 << 20;              // a film waits for paths, the window does not
constexpr int kSmallest = 16;                   // px a side of a film

/// How the scene is looked at, apart from what it is.
SceneRequest LooksOf(const App& app) {
  SceneRequest looks;
  const SceneView& scene = app.scene;
  looks.camera = scene.camera;
  looks.option = scene.option;
  std::ranges::copy(scene.render_flags, looks.render_flags);
  looks.perturbation = scene.perturbation;
  looks.perturbation.select = scene.show_selection || scene.perturbation.active ? scene.selected_body : 0;
  return looks;
}

SceneRequest RequestAt(SceneRequest looks, const Overlays& overlays, const SessionSnapshot& snapshot,
                       TimelinePlace place, BranchPaths* paths, int most_rows) {
  looks.task = snapshot.task;
  AddImagined(snapshot, place, overlays, looks);
  if (paths && overlays.branches) paths->Add(snapshot, place, looks, most_rows);
  return looks;
}

/// Draws rows of the timeline into a film, each for as long as it lasted.
class Film {
 public:
  Film(fs::path file, SceneRequest looks, Overlays overlays, double fps)
      : video_(std::move(file), looks.width, looks.height, fps), looks_(std::move(looks)), overlays_(overlays),
        fps_(fps) {}

  void Add(const SessionSnapshot& snapshot, TimelinePlace place) {
    const BranchView* branch = snapshot.timeline.Find(place.branch);
    if (!branch || !branch->Has(place.row)) {
      ++lost_;
      return;
    }
    const auto due = std::llround(std::floor(time_s_ * fps_ + 1e-6)) + 1;
    time_s_ += snapshot.timeline.control_step_s;
    if (due <= frames_) return;
    SceneRequest request = RequestAt(looks_, overlays_, snapshot, place, &paths_, kPathRows);
    const auto state = branch->State(place.row);
    request.state.assign(state.begin(), state.end());
    request.parameters = branch->info->parameters;
    drawer_.Draw(request, frame_);
    for (; frames_ < due; ++frames_) video_.Add(frame_.rgb);
  }
  void Finish() { video_.Finish(); }

  int64_t frames() const { return frames_; }
  std::string Note() const {
    char text[96];
    std::snprintf(text, sizeof text, "%.1f s of simulated time", time_s_);
    return lost_ == 0 ? text : text + std::string(", ") + std::to_string(lost_) + " steps no longer kept";
  }

 private:
  VideoWriter video_;
  SceneDrawer drawer_{RenderQuality::kFull};
  SceneFrame frame_;
  SceneRequest looks_;
  Overlays overlays_;
  BranchPaths paths_;
  double fps_, time_s_ = 0;
  int64_t frames_ = 0, lost_ = 0;
};

/// What led from one place to another, then the end.
void FilmPast(Film& film, const SessionSnapshot& snapshot, TimelinePlace from, TimelinePlace to, JobContext& job) {
  const TimelineView& timeline = snapshot.timeline;
  const int64_t first = timeline.StepOf(from), last = timeline.StepOf(to);
  for (int64_t step = first; step <= last && job.GoOn(); ++step) {
    film.Add(snapshot, timeline.AtStep(to.branch, step));
    job.Report(step - first + 1, last - first + 1, film.Note());
  }
}

/// Everything that is played from now on, in the order in which branches began.
void FilmFuture(Film& film, std::weak_ptr<Session> session, std::shared_ptr<const SessionSnapshot> snapshot,
                JobContext& job) {
  std::map<int, int64_t> filmed;  // rows by branch
  int newest = -1;
  for (const BranchView& branch : snapshot->timeline.branches) {
    filmed[branch.info->id] = branch.rows;
    newest = branch.info->id;
  }
  film.Add(*snapshot, snapshot->now);
  while (job.GoOn()) {
    if (const std::shared_ptr<Session> open = session.lock()) {
      snapshot = open->Snapshot();
    } else {
      return;
    }
    for (const BranchView& branch : snapshot->timeline.branches) {
      const int id = branch.info->id;
      // Row 0 is the row that the branch was left at, unless it is another beginning.
      const bool seen = branch.info->parent >= 0 && !branch.info->edited;
      const auto known = filmed.try_emplace(id, id > newest && !seen ? 0 : 1).first;
      for (; known->second < branch.rows; ++known->second) {
        if (job.stop().stop_requested()) return;
        film.Add(*snapshot, {id, known->second});
        job.Report(film.frames(), 0, film.Note());
      }
    }
    std::this_thread::sleep_for(kWait);
  }
}

}  // namespace

SceneRequest RequestOf(const App& app, const SessionSnapshot& snapshot, int width_px, int height_px,
                       BranchPaths* paths) {
  constexpr int kRowsAtOnce = 60;
  SceneRequest request;
  if (app.shown_state) {  // what is imagined and the branches are about another state
    request = LooksOf(app);
    request.task = snapshot.task;
    request.state = app.shown_state->state;
    request.parameters = app.shown_state->parameters;
  } else {
    request = RequestAt(LooksOf(app), app.overlays, snapshot, snapshot.now, paths, kRowsAtOnce);
    request.state = snapshot.state;
    request.parameters = snapshot.parameters;
  }
  request.width = std::max(1, width_px);
  request.height = std::max(1, height_px);
  return request;
}

std::shared_ptr<Job> SavePicture(App& app, const fs::path& file, int width_px, int height_px) {
  if (!app.now || !app.now->task) return nullptr;
  auto job = std::make_shared<Job>(
      "Picture " + file.filename().string(), "", [snapshot = app.now, file,
                                                  with_paths = app.overlays.branches && !app.shown_state,
                                                  looks = RequestOf(app, *app.now, width_px, height_px)](JobContext&) {
        SceneRequest request = looks;
        BranchPaths paths;
        if (with_paths) paths.Add(*snapshot, snapshot->now, request, kPathRows);
        SceneDrawer drawer(RenderQuality::kFull);
        SceneFrame frame;
        drawer.Draw(request, frame);
        WritePng(file, frame.width, frame.height, frame.rgb);
      });
  app.jobs.push_back(job);
  return job;
}

std::shared_ptr<Job> RecordFilm(App& app, const fs::path& file, int width_px, int height_px, double fps,
                                std::optional<TimelinePlace> from) {
  if (!app.now || !app.now->task) return nullptr;
  SceneRequest looks = LooksOf(app);
  looks.width = std::max(kSmallest, width_px / 2 * 2);
  looks.height = std::max(kSmallest, height_px / 2 * 2);
  // A film outlives neither its session nor keeps it alive: switching the task ends it, whole.
  auto job = std::make_shared<Job>(
      "Film " + file.filename().string(), from ? "steps" : "frames",
      [file, looks, overlays = app.overlays, fps, from, snapshot = app.now,
       session = std::weak_ptr(app.session)](JobContext& context) mutable {
        Film film(file, looks, overlays, fps);
        if (from) {
          FilmPast(film, *snapshot, *from, snapshot->now, context);
        } else {
          FilmFuture(film, session, std::exchange(snapshot, nullptr), context);
        }
        film.Finish();
      });
  app.jobs.push_back(job);
  return job;
}

double FilmRate(double control_step_s) {
  constexpr double kSmoothest = 60, kPlayable = 24;  // some players stumble over fewer
  if (!(control_step_s > 0)) return kPlayable;
  const double rate = 1 / control_step_s;
  if (rate > kSmoothest) return rate / std::ceil(rate / kSmoothest - 1e-9);
  return rate * std::ceil(kPlayable / rate - 1e-9);
}

fs::path FreshFile(const std::string& task, const std::string& extension, const std::vector<fs::path>& taken) {
  std::string stem = fs::path(task).filename().replace_extension().string();
  if (task.find('/') != std::string::npos && !fs::path(task).is_absolute()) {
    stem = task;  // "dm_control/cup-catch": the suite is part of the name
    std::ranges::replace(stem, '/', '-');
  }
  if (stem.empty()) stem = "scene";
  std::error_code ignored;
  fs::path folder = fs::current_path(ignored);
  if (folder.empty() || access(folder.c_str(), W_OK) != 0) {
    const char* home = std::getenv("HOME");
    const fs::path pictures = fs::path(home ? home : "/tmp") / "Pictures";
    folder = fs::is_directory(pictures, ignored) ? pictures : pictures.parent_path();
  }
  for (int i = 1;; ++i) {
    char number[24];
    std::snprintf(number, sizeof number, "-%04d", i);
    const fs::path file = folder / ("reverie-" + stem + number + extension);
    if (!fs::exists(file, ignored) && std::ranges::find(taken, file) == taken.end()) return file;
  }
}

}  // namespace reverie::desktop
