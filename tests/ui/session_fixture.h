// A panel at work: the app with a real session, frames without a window, and the order in which the window does
// things. A frame shows what the session has done by then.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "agent/session.h"
#include "tests/ui/imgui_fixture.h"
#include "tests/worldmodel/task_fixture.h"
#include "ui/desktop/app.h"
#include "ui/desktop/panel.h"

namespace reverie::desktop::testing {

/// A pendulum on a motor, 0.02 s a control step, rewarded for height.
inline std::shared_ptr<const CompiledTask> Pendulum() {
  return reverie::testing::MakeTask(
      reverie::testing::kPendulum,
      R"keys("observation": {"angle": "qpos(hinge)", "speed": "qvel(hinge)"}, "reward": "1 + cos(angle[0])")keys");
}

/// Repeatable, and quick to plan.
inline SessionOptions QuickOptions(Actor actor) {
  SessionOptions options;
  options.actor = actor;
  options.pace = Pace::kLockStep;
  options.at_end = AtEnd::kGoOn;
  options.imagination.enabled = false;
  options.threads = 2;
  PlannerOptions planner;
  planner.horizon = 6;
  planner.sequences = 12;
  planner.iterations = 2;
  planner.elites = 3;
  options.planner = planner;
  return options;
}

template <class PanelUnderTest>
struct Desk {
  ImGuiFixture ui;
  NullTextures textures;
  App app{Settings{}, LearnedModels{}, textures};
  PanelUnderTest panel;
  std::function<void(App&)> before_panels;  // may replace app.now

  explicit Desk(ImVec2 size = {800, 300}) : ui(size.x, size.y) {
    panel.AddActions(app);
    Frames(0, size);
  }
  void Open(std::shared_ptr<const CompiledTask> task, SessionOptions options) {
    app.session = std::make_shared<Session>(std::move(task), std::move(options));
    Settle();
  }
  void Frames(int frames, ImVec2 size) {
    ui.RunInWindow(frames, size, [this] {
      app.Update();
      if (before_panels) before_panels(app);
      panel.Update(app);
      app.actions.HandleShortcuts(app);
      panel.Draw(app);
    });
  }
  /// Waits until the session has done what it was told, and looks.
  void Settle() {
    if (app.session) app.session->Wait();
    ui.Run(2);
  }
  /// Draws frames until it is so; gives up after a minute.
  bool Until(const std::function<bool()>& so) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!so()) {
      if (std::chrono::steady_clock::now() > until) return false;
      ui.Run();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    ui.Run(2);
    return true;
  }
  void Press(int key, bool ctrl = false, bool shift = false) {
    ui.Press(key, ctrl, shift);
    Settle();
  }
  std::shared_ptr<const SessionSnapshot> Now() { return app.session->Snapshot(); }
};

}  // namespace reverie::desktop::testing
