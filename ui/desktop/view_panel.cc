#include "ui/desktop/view_panel.h"

#include <GLFW/glfw3.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "ui/desktop/colours.h"
#include "ui/desktop/panels.h"

namespace reverie::desktop {
namespace {

constexpr int kButtons[] = {ImGuiMouseButton_Left, ImGuiMouseButton_Right, ImGuiMouseButton_Middle};
constexpr double kWaitForPicture_s = 0.6;  // longer, and it is not coming
constexpr double kDragZoom = 25;           // notches of the wheel in a drag over the whole height

bool SceneOpen(const App& app) { return app.now && app.now->task; }

ViewArea Below(const ViewArea& area, float height) {
  return {{area.min.x, area.min.y + height}, {area.size.x, std::max(0.0f, area.size.y - height)}};
}

}  // namespace

std::unique_ptr<Panel> MakeViewPanel() { return std::make_unique<ViewPanel>(MakeGlfwGamepads()); }

ViewPanel::ViewPanel(std::unique_ptr<Gamepads> gamepads) : keyboard_(std::move(gamepads)) {}

ViewPanel::~ViewPanel() = default;

void ViewPanel::Update(App& app) {
  // The button may come up where no view is drawn, or the scene be another.
  const ImGuiIO& io = ImGui::GetIO();
  const bool held = io.MouseDown[ImGuiMouseButton_Left] || io.MouseDown[ImGuiMouseButton_Right];
  if (pushing_ && (!held || pushed_.lock() != app.session)) LetGo(app);
  app.hand.Send(app.session);
}

void ViewPanel::LetGo(App& app) {
  app.scene.EndPerturbation();
  pushing_ = false;
  if (const std::shared_ptr<Session> session = pushed_.lock()) session->SetPerturbation(app.scene.perturbation);
  pushed_.reset();
}

void ViewPanel::Draw(App& app) {
  const ImVec2 space = ImGui::GetContentRegionAvail();
  const ViewArea area{ImGui::GetCursorScreenPos(), {std::max(1.0f, space.x), std::max(1.0f, space.y)}};
  width_px_ = static_cast<int>(area.size.x);
  height_px_ = static_cast<int>(area.size.y);
  ImGui::PushID("view");
  ImGui::InvisibleButton("scene", area.size,
                         ImGuiButtonFlags_MouseButtonLeft | ImGuiButtonFlags_MouseButtonRight |
                             ImGuiButtonFlags_MouseButtonMiddle);
  ImGui::SetItemAllowOverlap();  // the banner's buttons
  const bool hovered = ImGui::IsItemHovered(), active = ImGui::IsItemActive(), activated = ImGui::IsItemActivated();
  const ImVec2 end = ImGui::GetCursorPos();
  if (SceneOpen(app)) {
    HandleMouse(app, area, hovered, activated, active);
    keyboard_.Update(app, ImGui::IsWindowFocused());
    app.hand.Send(app.session);
    Submit(app, area);
  }
  DrawPicture(app, area);
  DrawWords(app, area);
  ImGui::SetCursorPos(end);
  ImGui::PopID();
}

void ViewPanel::HandleMouse(App& app, const ViewArea& area, bool hovered, bool activated, bool active) {
  const ImGuiIO& io = ImGui::GetIO();
  SceneView& scene = app.scene;
  const int height = std::max(1, height_px_);
  if (hovered && io.MouseWheel != 0) scene.Zoom(io.MouseWheel);
  if (hovered) HandleDoubleClicks(app, area);

  const bool left = io.MouseDown[ImGuiMouseButton_Left], right = io.MouseDown[ImGuiMouseButton_Right];
  if (activated && io.KeyCtrl && (left || right) && scene.selected_body > 0) {
    scene.BeginPerturbation(left);
    pushing_ = scene.perturbation.active != 0;
    pushed_ = app.session;
  }
  dragging_ = active;
  if (pushing_) {
    if (io.MouseDelta.x != 0 || io.MouseDelta.y != 0) {
      scene.MovePerturbation(io.MouseDelta.x, io.MouseDelta.y, width_px_, height, io.KeyShift);
    }
    if (app.session) app.session->SetPerturbation(scene.perturbation);
    return;
  }
  if (!active || (io.MouseDelta.x == 0 && io.MouseDelta.y == 0)) return;
  if (activated || std::ranges::none_of(kButtons, [&](int button) { return io.MouseDown[button]; })) return;
  if (left) {
    scene.Orbit(io.MouseDelta.x, io.MouseDelta.y, height);
  } else if (right) {
    scene.Pan(io.MouseDelta.x, io.MouseDelta.y, height, io.KeyShift);
  } else {
    scene.Zoom(-kDragZoom * io.MouseDelta.y / height);
  }
}

void ViewPanel::HandleDoubleClicks(App& app, const ViewArea& area) {
  const ImGuiIO& io = ImGui::GetIO();
  const double x = io.MousePos.x - area.min.x, y = io.MousePos.y - area.min.y;
  if (ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left)) {
    app.scene.Select(x, y, width_px_, height_px_);
  } else if (ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Right)) {
    if (!io.KeyCtrl) {
      app.scene.CentreOn(x, y, width_px_, height_px_);
    } else if (const int body = app.scene.Select(x, y, width_px_, height_px_); body > 0) {
      app.scene.TrackBody(body);
    }
  }
}

void ViewPanel::Submit(App& app, const ViewArea& area) {
  const double now_s = ImGui::GetTime();
  const bool changed = app.now->serial != seen_serial_ || dragging_;
  seen_serial_ = app.now->serial;
  if (changed) changed_s_ = now_s;
  resolution_.Moves(changed && (app.now->playing || dragging_), now_s);
  if (submitted_ > 0 && !dragging_ && now_s < submitted_s_ + resolution_.interval_s() && now_s >= submitted_s_) {
    app.KeepDrawing(resolution_.interval_s());
    return;
  }
  const ImVec2 density = ImGui::GetIO().DisplayFramebufferScale;
  const double share = resolution_.scale();
  const int width = static_cast<int>(std::lround(area.size.x * std::max(1.0f, density.x) * share));
  const int height = static_cast<int>(std::lround(area.size.y * std::max(1.0f, density.y) * share));
  SceneRequest request = RequestOf(app, *app.now, width, height, &paths_);
  ghosts_ = !request.ghosts.empty();
  traces_ = !request.traces.empty();
  if (!paths_.complete()) app.KeepDrawing(0.1);
  request.serial = ++submitted_;
  submitted_s_ = now_s;
  renderer_.Submit(std::move(request));
}

void ViewPanel::DrawPicture(App& app, const ViewArea& area) {
  ImDrawList* list = ImGui::GetWindowDrawList();
  const ImVec2 max(area.min.x + area.size.x, area.min.y + area.size.y);
  const std::shared_ptr<const SceneFrame> frame = SceneOpen(app) ? renderer_.Frame() : nullptr;
  if (!frame || frame->width < 1 || frame->height < 1) {
    list->AddRectFilled(area.min, max, IM_COL32(24, 27, 32, 255));
    if (SceneOpen(app) && renderer_.error().empty()) app.KeepDrawing(0.1);  // the first one comes
    return;
  }
  if (frame != frame_ || losses_ != app.textures.losses()) {
    losses_ = app.textures.losses();
    texture_ = app.textures.Upload("scene", frame->width, frame->height, frame->rgb);
    if (!frame_ || frame->serial != frame_->serial) resolution_.Drawn(frame->render_ms);
    frame_ = frame;
  }
  if (frame_->serial != submitted_ && ImGui::GetTime() < changed_s_ + kWaitForPicture_s) app.KeepDrawing(0.1);
  list->AddImage(texture_, area.min, max);
}

void ViewPanel::DrawWords(App& app, const ViewArea& area) {
  ImGui::PushClipRect(area.min, {area.min.x + area.size.x, area.min.y + area.size.y}, true);
  const ViewArea rest = Below(area, DrawDivergence(app, area));
  if (!SceneOpen(app)) {
    DrawMessage(rest, app.opening ? "Opening ..." : "Nothing is open. Drop a scene or task file here, or choose File > Open.",
                ImVec4(0.9f, 0.9f, 0.9f, 1));
    ImGui::PopClipRect();
    return;
  }
  if (const std::string error = renderer_.error(); !error.empty()) {
    DrawMessage(rest, "The scene cannot be drawn: " + error + ". The simulation runs on.", ImVec4(1, 0.75f, 0.7f, 1));
  }
  const mjModel* model = app.scene.model();
  if (show_text_) {
    DrawPlate(rest, {0, 0}, app.shown_state ? std::vector{"recorded: " + app.shown_state->label} : StateLines(app));
    std::vector<std::string> right;
    if (app.scene.selected_body > 0 && model) {
      right.push_back(app.now->task->scene().Label(mjOBJ_BODY, app.scene.selected_body));
      right.push_back(pushing_ ? "let go of the mouse to release" : "ctrl + left drag twists, ctrl + right drag pushes");
    }
    if (app.scene.camera.type == mjCAMERA_FIXED && model && app.scene.camera.fixedcamid >= 0 &&
        app.scene.camera.fixedcamid < model->ncam) {
      right.push_back("camera " + app.now->task->scene().Label(mjOBJ_CAMERA, app.scene.camera.fixedcamid));
    } else if (app.scene.camera.type == mjCAMERA_TRACKING && model && app.scene.camera.trackbodyid >= 0 &&
               app.scene.camera.trackbodyid < model->nbody) {
      right.push_back("following " + app.now->task->scene().Label(mjOBJ_BODY, app.scene.camera.trackbodyid));
    }
    if (filming()) right.push_back("recording");
    DrawPlate(rest, {1, 0}, right);
    std::vector<std::string> hints;
    if (app.opening) hints.push_back("opening another scene ...");
    if (const std::string help = KeyHelp(app); !help.empty()) {
      hints.push_back(ImGui::IsWindowFocused() ? help : "click here to drive with the keyboard");
    }
    DrawPlate(rest, {0, 1}, hints);
  }
  if (show_legend_) DrawLegend(app, rest, ghosts_, traces_);
  ImGui::PopClipRect();
}

std::filesystem::path ViewPanel::NameFile(const App& app, const std::string& extension) {
  named_.push_back(FreshFile(app.now->task->spec().name, extension, named_));
  return named_.back();
}

void ViewPanel::TakePicture(App& app) {
  if (!SceneOpen(app)) return;
  const float density = std::max(1.0f, ImGui::GetIO().DisplayFramebufferScale.x);
  SavePicture(app, NameFile(app, ".png"), static_cast<int>(static_cast<float>(width_px_) * density),
              static_cast<int>(static_cast<float>(height_px_) * density));
}

bool ViewPanel::filming() const {
  const std::shared_ptr<Job> film = film_.lock();
  return film && !film->status().finished;
}

void ViewPanel::ToggleFilm(App& app) {
  if (const std::shared_ptr<Job> film = film_.lock(); film && !film->status().finished) {
    film->Cancel();
    return;
  }
  if (!SceneOpen(app)) return;
  film_ = RecordFilm(app, NameFile(app, ".mp4"), width_px_, height_px_, FilmRate(app.now->timeline.control_step_s));
}

void ViewPanel::FilmPast(App& app) {
  if (!SceneOpen(app)) return;
  const TimelineView& timeline = app.now->timeline;
  const auto lineage = timeline.Lineage(app.now->now.branch);
  for (const BranchView* branch : lineage) {  // the oldest that is still kept
    if (branch->first_row >= branch->rows) continue;
    RecordFilm(app, NameFile(app, ".mp4"), width_px_, height_px_, FilmRate(timeline.control_step_s),
               TimelinePlace{branch->info->id, branch->first_row});
    return;
  }
}

void ViewPanel::AddActions(App& app) {
  const auto open = [](const App& a) { return SceneOpen(a); };
  const auto add = [&](const char* id, const char* menu, const char* title, Shortcut shortcut,
                       std::function<void(App&)> run, std::function<bool(const App&)> enabled,
                       std::function<bool(const App&)> checked = {}) {
    app.actions.Add({.id = id, .menu = menu, .title = title, .shortcut = shortcut, .run = std::move(run),
                     .enabled = std::move(enabled), .checked = std::move(checked)});
  };
  const auto turn = [](App& a, int by) {
    const mjModel* model = a.scene.model();
    if (!model) return;
    // One ring: the free camera, then the scene's own.
    const int now = a.scene.camera.type == mjCAMERA_FIXED ? a.scene.camera.fixedcamid : -1;
    const int count = model->ncam + 1, next = (now + 1 + by + count) % count - 1;
    if (next < 0) {
      a.scene.SetFreeCamera();
    } else {
      a.scene.SetFixedCamera(next);
    }
  };
  add("scene.camera.free", "Scene/Camera", "Free", {}, [](App& a) { a.scene.SetFreeCamera(); }, open,
      [](const App& a) { return a.scene.camera.type == mjCAMERA_FREE; });
  add("scene.camera.next", "Scene/Camera", "Next camera", {GLFW_KEY_RIGHT_BRACKET}, [turn](App& a) { turn(a, 1); },
      open);
  add("scene.camera.previous", "Scene/Camera", "Previous camera", {GLFW_KEY_LEFT_BRACKET},
      [turn](App& a) { turn(a, -1); }, open);
  add("scene.camera.track", "Scene/Camera", "Follow the selected body", {GLFW_KEY_T},
      [](App& a) {
        if (a.scene.camera.type == mjCAMERA_TRACKING && a.scene.camera.trackbodyid == a.scene.selected_body) {
          a.scene.SetFreeCamera();
        } else {
          a.scene.TrackBody(a.scene.selected_body);
        }
      },
      [](const App& a) { return SceneOpen(a) && a.scene.selected_body > 0; },
      [](const App& a) { return a.scene.camera.type == mjCAMERA_TRACKING; });
  add("scene.camera.whole", "Scene/Camera", "The whole scene", {GLFW_KEY_0},
      [](App& a) {
        a.scene.SetFreeCamera();
        if (const mjModel* model = a.scene.model()) mjv_defaultFreeCamera(model, &a.scene.camera);
      },
      open);
  add("scene.deselect", "Scene", "Let go and deselect", {GLFW_KEY_ESCAPE},
      [this](App& a) {
        if (pushing_) {
          LetGo(a);
        } else {
          a.scene.selected_body = 0;
        }
      },
      [this](const App& a) { return pushing_ || a.scene.selected_body > 0; });
  add("scene.picture", "Scene", "Save a picture", {GLFW_KEY_F12}, [this](App& a) { TakePicture(a); }, open);
  add("scene.film", "Scene", "Record a film", {.key = GLFW_KEY_F12, .ctrl = true}, [this](App& a) { ToggleFilm(a); },
      [this](const App& a) { return SceneOpen(a) || filming(); }, [this](const App&) { return filming(); });
  add("scene.film_past", "Scene", "Film what led here", {}, [this](App& a) { FilmPast(a); }, open);
  const auto resolution = [&](const char* id, const char* title, Resolution wanted) {
    add(id, "Scene/Resolution", title, {}, [this, wanted](App&) { resolution_.wanted = wanted; }, {},
        [this, wanted](const App&) { return resolution_.wanted == wanted; });
  };
  resolution("scene.resolution.auto", "As fine as is smooth", Resolution::kAuto);
  resolution("scene.resolution.full", "Full", Resolution::kFull);
  resolution("scene.resolution.half", "Half", Resolution::kHalf);
  add("scene.text", "Scene", "Text over the scene", {}, [this](App&) { show_text_ = !show_text_; }, {},
      [this](const App&) { return show_text_; });
  add("scene.legend", "Scene", "Legend of colours", {}, [this](App&) { show_legend_ = !show_legend_; }, {},
      [this](const App&) { return show_legend_; });
}

}  // namespace reverie::desktop
