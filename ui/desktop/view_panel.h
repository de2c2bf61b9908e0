// The scene itself: its latest picture filling the panel, the mouse and keys that move the camera, select and
// push bodies, and what is written over it. Window's thread only.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "ui/desktop/film.h"
#include "ui/desktop/keyboard_control.h"
#include "ui/desktop/panel.h"
#include "ui/desktop/scene_overlays.h"
#include "ui/desktop/scene_renderer.h"
#include "ui/desktop/view_resolution.h"
#include "ui/desktop/view_text.h"

namespace reverie::desktop {

class ViewPanel : public Panel {
 public:
  explicit ViewPanel(std::unique_ptr<Gamepads> gamepads = MakeGlfwGamepads());
  ~ViewPanel() override;

  const char* title() const override { return "View"; }
  void Update(App& app) override;
  void Draw(App& app) override;
  void AddActions(App& app) override;

  // Actions.
  void TakePicture(App& app);
  /// Starts a film, or ends the one that is recorded.
  void ToggleFilm(App& app);
  bool filming() const;

 private:
  void HandleMouse(App& app, const ViewArea& area, bool hovered, bool activated, bool active);
  void HandleDoubleClicks(App& app, const ViewArea& area);
  void LetGo(App& app);
  void Submit(App& app, const ViewArea& area);
  void DrawPicture(App& app, const ViewArea& area);
  void DrawWords(App& app, const ViewArea& area);
  void FilmPast(App& app);
  std::filesystem::path NameFile(const App& app, const std::string& extension);

  SceneRenderer renderer_;
  ViewResolution resolution_;
  BranchPaths paths_;
  KeyboardControl keyboard_;
  std::shared_ptr<const SceneFrame> frame_;  // in the texture
  ImTextureID texture_ = nullptr;
  int64_t losses_ = 0;                       // of textures, when it was uploaded
  uint64_t submitted_ = 0, seen_serial_ = 0;
  double submitted_s_ = 0, changed_s_ = 0;
  bool ghosts_ = false, traces_ = false;     // in the last request
  int width_px_ = 640, height_px_ = 480;     // of the panel when last drawn

  bool pushing_ = false, dragging_ = false;
  std::weak_ptr<Session> pushed_;
  bool show_text_ = true, show_legend_ = true;
  std::weak_ptr<Job> film_;
  std::vector<std::filesystem::path> named_;
};

}  // namespace reverie::desktop
