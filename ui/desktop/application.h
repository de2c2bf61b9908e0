// The desktop app as a whole: window, settings, panels, and the loop that keeps it going. Main thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "ui/desktop/app.h"

namespace reverie::desktop {

struct ApplicationOptions {
  std::string task;             // name or path; empty: the welcome view, or the model's task
  std::string model;            // folder; empty: the simulator
  SessionOptions session;       // seed, pace
  double scale = 0;             // 0: as remembered, else the monitor's
  int width = 0, height = 0;    // screen coordinates; 0: as remembered
  std::optional<double> run_for_s;            // then it ends by itself; empty: when a person closes it
  std::filesystem::path screenshot;           // written at the end; empty: none
  std::vector<std::string> script;            // --do, as in script.h
  std::filesystem::path save;                 // a dataset of what was played, written at the end; empty: none
  int action_repeat = 0;                      // of the tasks that are opened; 0: as their files say
  /// A hand of the program's own, for measurements: called in each frame before panels see the input.
  std::function<void(App&)> pilot;
  std::filesystem::path settings_file;        // read; written too unless script or run_for_s is given. Empty: none
  LearnedModels learned;
  std::stop_token stop;                       // SIGINT, SIGTERM
  std::vector<std::pair<std::string, std::string>> about;  // versions to add to Help > About
};

/// How it went, for measurements.
struct ApplicationReport {
  std::vector<float> frame_ms;     // work of each frame, waiting excluded
  std::vector<float> interval_ms;  // from one frame to the next while the scene played
  double realtime_factor = 0;      // at the end
  std::string gl;                  // the driver's name and OpenGL version
  bool interrupted = false;
  std::string failure;             // what could not be opened or done
  std::string unkept;              // why what was asked to be kept (save, screenshot) was not
  std::string lost;                // why it ended by itself: OpenGL is gone. Says where what was played is kept
  std::string unsaved;             // why the settings were not kept
};

/// Runs until the person closes it, `run_for_s` is over, or `stop` is requested.
/// @throws DeviceError without display or OpenGL, before anything is shown; Error for a script step that is none.
ApplicationReport RunApplication(ApplicationOptions options);

}  // namespace reverie::desktop
