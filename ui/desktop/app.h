// What the panels share: the session, what it looks like in this frame, and what the person has chosen to see.
// The window's thread only. Panels read `now`, send commands to `session`, and keep their own state.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/job.h"
#include "agent/learning_loop.h"
#include "agent/session.h"
#include "ui/desktop/actions.h"
#include "ui/desktop/file_dialog.h"
#include "ui/desktop/messages.h"
#include "ui/desktop/person_hand.h"
#include "ui/desktop/picture_texture.h"
#include "ui/desktop/scene_view.h"
#include "ui/desktop/settings.h"

namespace reverie::desktop {

/// What needs LibTorch, given by the executable; functions are empty in a build without it.
struct LearnedModels {
  ModelOpener open;
  /// Options that suit a model in a folder when planning a task.
  std::function<PlannerOptions(const TaskSpec& task, const std::string& model)> planner_options;
  struct LearnRequest {
    std::shared_ptr<const CompiledTask> task;
    std::filesystem::path folder;
    std::string kind = "ensemble";  // of model; a resumed run has its own
    int64_t env_steps = 12000;
    uint64_t seed = 0;
    bool resume = false;
    int threads = 0;               // to learn with; 0: a share of those there are
  };
  std::vector<std::string> kinds;  // of models that can be learned
  /// Learns until done or cancelled; on a job's thread. `report` after each episode, on that thread.
  std::function<void(const LearnRequest&, JobContext&, const std::function<void(const EpisodeReport&)>& report)> learn;
};

/// What of the imagination is drawn in the scene.
struct Overlays {
  bool plan_ghosts = true, candidates = true, members = true, compared_ghost = true, branches = true;
  int ghosts = 6;  // how many poses of the plan
};

/// A recorded state that the scene shows in place of the session's.
struct ShownState {
  std::vector<double> state, parameters;
  std::string label;  // for people: "episode 3, step 20"
};

struct App {
  explicit App(Settings settings, LearnedModels learned, PictureTextures& textures);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  Settings settings;
  LearnedModels learned;
  PictureTextures& textures;
  ActionList actions;
  Messages messages;
  FileDialog files;                            // asks for a file or folder: app.files.Ask({...}, then)
  SceneView scene;
  Overlays overlays;
  PersonHand hand;

  std::shared_ptr<Session> session;            // null: nothing is open
  std::shared_ptr<const SessionSnapshot> now;  // of this frame; null exactly where session is
  std::shared_ptr<ThreadBudget> threads = ThreadBudget::Of();  // sessions and jobs share them out
  SessionOptions defaults;                     // what Open starts sessions with: seed, pace, who acts
  int action_repeat = 0;                       // of the tasks that Open opens; 0: as their files say
  std::string open_name;                       // the task's name or file
  bool opening = false;
  /// Called with a session that is about to give way to another one, or to none; may be null.
  std::function<void(const std::shared_ptr<Session>&)> before_retiring;
  std::optional<ShownState> shown_state;       // fits the session's task; set each frame by whoever shows it
  std::filesystem::path dataset_to_browse;     // set by OpenAnything; the Data panel takes and clears it
  bool quit = false;
  double monitor_scale = 1;                    // that the monitor asks for
  double frame_ms = 0;                         // of the last frames, smoothed

  std::vector<std::shared_ptr<Job>> jobs;      // finished ones stay until dismissed
  std::vector<EpisodeReport> learning_curve;   // of the last learning run, kept current by Update
  std::shared_ptr<Job> learning;               // null: none since the start
  std::filesystem::path learning_folder;
  /// For LearnRequest's `report`: what it is called with, on any thread, is in learning_curve after the next
  /// Update. Empties learning_curve; what came from here before falls silent. May outlive the app.
  std::function<void(const EpisodeReport&)> NewLearningCurve();

  /// Opens a task (a name, a task file, MJCF, URDF, MJB, or a dataset's folder for the task that it was recorded
  /// in) on a thread; what is open stays until the new one stands, and for good if it fails: then a message says
  /// why.
  void Open(const std::string& task, const std::string& model = "");
  /// Opens it again, keeping who acts, planner, model, pace, speed and episode.
  void Reload();
  /// Leaves the session for the welcome view.
  void Close();
  /// Plans in "simulator" or a model's folder from now on, with the planner options that suit it.
  void UseModel(const std::string& model);
  /// A file dropped or chosen: a task, a scene, a model's folder, a dataset's folder. Looked at on a thread.
  /// @param model  to plan in a task that is opened for it; empty: as Open().
  void OpenAnything(const std::filesystem::path& path, const std::string& model = "");
  /// Seek, and pause first.
  void GoTo(TimelinePlace place);

  /// Once a frame, before panels: takes the snapshot, ends jobs, notices and file changes.
  void Update();

  /// Frames are drawn only where something changes. A panel that moves by itself asks for more of them.
  void KeepDrawing(double seconds);
  bool WantsFrame() const;
  /// Whether progress is to be shown now and then.
  bool JobsRun() const;
  /// Wakes the window from any thread; may be empty.
  std::function<void()> wake;

  /// Cancels jobs and lets go of the session, without waiting: that is for a thread of the app.
  void BeginClosing();
  /// Whether all that is over.
  bool Closed() const;

  struct Impl;
  std::unique_ptr<Impl> impl;
};

}  // namespace reverie::desktop
