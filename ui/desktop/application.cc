#include "ui/desktop/application.h"

#include <GLFW/glfw3.h>
#include <imgui.h>
#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "sim/error.h"
#include "sim/video.h"
#include "ui/desktop/file_dialog.h"
#include "ui/desktop/frame.h"
#include "ui/desktop/output_folders.h"
#include "ui/desktop/script.h"
#include "ui/desktop/theme.h"
#include "ui/desktop/window.h"

namespace reverie::desktop {
namespace {

constexpr double kFontPx = 14.5;      // at scale 1
constexpr double kShortestFrameS = 1.0 / 60, kLongestFrameS = 1.0 / 25;
constexpr double kHiddenS = 0.1;      // between updates of a window that cannot be seen
constexpr double kIdleS = 0.1;        // between looks at what could have changed
constexpr double kSlowFrameS = 0.1;   // between frames where only progress bars move, or a text's cursor
constexpr double kIdleFrameS = 1.0;   // between frames of a window where nothing does
constexpr double kAfterInputS = 0.4;  // frames go on: the picture that an input asked for comes later
constexpr double kPictureS = 30;      // how long --run-for waits for the first picture of the scene

double NowS() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

WindowOptions WindowOptionsOf(const ApplicationOptions& options, const Settings& settings) {
  WindowOptions window;
  const bool asked = options.width > 0 && options.height > 0;
  window.width = asked ? options.width : settings.window_width;
  window.height = asked ? options.height : settings.window_height;
  window.maximized = !asked && settings.maximized;
  return window;
}

/// Whether there is anything to keep of it.
bool Played(const Session& session) {
  const std::shared_ptr<const SessionSnapshot> last = session.Snapshot();
  return std::ranges::any_of(last->timeline.branches, [](const BranchView& branch) { return branch.rows > 1; });
}

class Application {
 public:
  Application(ApplicationOptions options, Settings settings, const std::string& settings_problem);
  ApplicationReport Run();

 private:
  void FitFonts();
  bool OneFrame();
  void RunScript();
  bool TimeToEnd();
  void TakeDropped();
  void Close();
  void Fail(const std::string& what);
  bool MakeWindowAnew();
  void KeepPlayed();
  void SaveBeside(const std::shared_ptr<Session>& session);
  void Keep(const std::function<void()>& work);
  int saved_beside_ = 0;

  ApplicationOptions options_;
  ApplicationReport report_;
  Window window_;
  std::unique_ptr<PictureTextures> textures_;
  App app_;
  Layout layout_;
  std::vector<DockedPanel> panels_;
  std::optional<Script> script_;
  double remembered_scale_ = 0;
  double fonts_px_ = 0, style_scale_ = 0, pixel_ratio_ = 0;
  double began_s_ = NowS(), stands_s_ = -1;  // the script and run_for_s count from where the session stands
  double last_frame_s_ = -1, frame_cost_s_ = 0, last_activity_s_ = 0;
  int64_t frames_ = 0;
  int64_t uploads_before_ = 0;
  size_t errors_before_ = 0;
  std::string title_;
};

Application::Application(ApplicationOptions options, Settings settings, const std::string& settings_problem)
    : options_(std::move(options)),
      window_(WindowOptionsOf(options_, settings)),
      textures_(MakeGlTextures()),
      app_(std::move(settings), options_.learned, *textures_) {
  report_.gl = window_.Describe();
  app_.wake = [] { Window::Wake(); };
  app_.defaults.seed = options_.session.seed;
  app_.defaults.pace = options_.session.pace;
  app_.defaults.playing = options_.session.playing;
  app_.defaults.memory_bytes = options_.session.memory_bytes;
  app_.action_repeat = options_.action_repeat;
  remembered_scale_ = app_.settings.scale;
  if (options_.scale > 0) app_.settings.scale = options_.scale;
  if (!settings_problem.empty()) app_.messages.Error(settings_problem);
  auto& about = AboutLines();
  about.insert(about.begin(), options_.about.begin(), options_.about.end());
  about.emplace_back("OpenGL", report_.gl);
  panels_ = MakePanels();
  AddActions(app_, layout_, panels_);
  app_.actions.Add({.id = "view.full_screen", .menu = "View", .title = "Full screen", .shortcut = {GLFW_KEY_F11},
                    .run = [this](App&) { window_.SetFullScreen(!window_.full_screen()); },
                    .checked = [this](const App&) { return window_.full_screen(); }});
  if (!options_.save.empty()) {
    app_.before_retiring = [this](const std::shared_ptr<Session>& session) { SaveBeside(session); };
  }
  script_.emplace(app_, options_.script);
  FitFonts();

  if (!options_.task.empty()) {
    std::error_code error;
    // A folder is looked at for what it holds; a name or file is a task.
    if (std::filesystem::is_directory(options_.task, error)) {
      app_.OpenAnything(options_.task, options_.model);
    } else {
      app_.Open(options_.task, options_.model);
    }
  } else if (!options_.model.empty()) {
    app_.OpenAnything(options_.model);
  }
}

/// Loads fonts and sets sizes anew where the monitor, the person or the names to be written have changed.
void Application::FitFonts() {
  app_.monitor_scale = window_.content_scale();
  const double scale = app_.settings.scale > 0 ? app_.settings.scale : app_.monitor_scale;
  const double ratio = window_.pixel_ratio(), px = std::round(kFontPx * scale * ratio);
  if (px != fonts_px_ || ratio != pixel_ratio_ || theme::FontsDue()) {
    theme::LoadFonts(static_cast<float>(px));
    window_.UploadFonts();
    ImGui::GetIO().FontGlobalScale = static_cast<float>(1 / ratio);
    fonts_px_ = px;
    pixel_ratio_ = ratio;
  }
  if (scale != style_scale_) {
    theme::Apply(app_.settings.dark, static_cast<float>(scale));
    style_scale_ = scale;
  }
}

void Application::Fail(const std::string& what) {
  if (report_.failure.empty()) report_.failure = what;
}

void Application::TakeDropped() {
  const std::vector<std::filesystem::path> dropped = window_.TakeDropped();
  if (dropped.size() == 1) app_.OpenAnything(dropped.front());
  if (dropped.size() > 1) {
    app_.messages.Error(std::to_string(dropped.size()) + " files were dropped: one at a time can be opened");
  }
}

/// The script begins, and run_for_s counts, where there is something to act on.
void Application::RunScript() {
  const bool waits_for_task = !options_.task.empty() || !options_.model.empty();
  if (stands_s_ < 0) {
    bool failed = false;
    const auto& lines = app_.messages.lines();
    for (size_t i = errors_before_; i < lines.size(); ++i) failed |= lines[i].error;
    const bool opened = app_.now != nullptr && !app_.now->model_loading;
    if (opened || !waits_for_task || (failed && !app_.opening && !(app_.now && app_.now->model_loading))) {
      stands_s_ = NowS();
      uploads_before_ = textures_->uploads();
      // Nothing was opened, or not with the model that was asked for.
      if (waits_for_task && (app_.now == nullptr || failed)) {
        const auto error = std::find_if(lines.begin() + static_cast<ptrdiff_t>(errors_before_), lines.end(),
                                        [](const Messages::Line& line) { return line.error; });
        Fail(error != lines.end() ? error->text : lines.back().text);
      }
    }
    return;
  }
  script_->Advance(app_, NowS());
  if (!script_->failure().empty()) {
    if (report_.failure.empty()) app_.messages.Error(script_->failure());
    Fail(script_->failure());
  }
}

bool Application::TimeToEnd() {
  if (!options_.run_for_s || stands_s_ < 0 || !script_->finished()) return false;
  const double since_s = NowS() - stands_s_;
  // A first frame lays out, a second one draws what then fits.
  const bool pictured = app_.now == nullptr || textures_->uploads() > uploads_before_ || since_s > kPictureS;
  return since_s >= *options_.run_for_s && frames_ >= 3 && pictured;
}

/// Returns false when it is over.
bool Application::OneFrame() {
  double now_s = NowS();
  if (window_.TakeActivity() || window_.InputHeld()) last_activity_s_ = now_s;
  TakeDropped();
  if (window_.hidden()) {
    ImGuiIO& io = ImGui::GetIO();  // no frame will tell that hands have let go
    std::fill(std::begin(io.MouseDown), std::end(io.MouseDown), false);
    std::fill(std::begin(io.KeysDown), std::end(io.KeysDown), false);
    app_.hand.LetGo();
    UpdateFrame(app_, panels_);
    RunScript();
    window_.WaitEvents(kHiddenS);
    return !(options_.run_for_s && stands_s_ >= 0 && script_->finished() && NowS() - stands_s_ > *options_.run_for_s + kPictureS);
  }

  const bool interactive = now_s - last_activity_s_ < kAfterInputS;
  const bool lively = interactive || app_.WantsFrame() || frames_ < 4 || (options_.run_for_s && !TimeToEnd());
  // Under software OpenGL a frame takes a processor's time, which is better left to physics and planning.
  const double share = window_.software() ? (interactive ? 1.25 : 2.0) : 1.0;
  double due_s = last_frame_s_ + std::clamp(frame_cost_s_ * share, kShortestFrameS, kLongestFrameS);
  const bool slow = app_.JobsRun() || ImGui::GetIO().WantTextInput;
  if (!lively) due_s = last_frame_s_ + (slow ? kSlowFrameS : kIdleFrameS);
  if (now_s < due_s) {
    window_.WaitEvents(std::min(due_s - now_s, lively ? kLongestFrameS : kIdleS));
    if (lively || window_.close_asked()) return true;
    UpdateFrame(app_, panels_);
    return true;
  }

  window_.WaitEvents(0);
  if (window_.ContextLost() && !MakeWindowAnew()) return false;
  const double begin_s = NowS();
  FitFonts();
  window_.BeginFrame([this] {
    if (options_.pilot) options_.pilot(app_);
  });
  UpdateFrame(app_, panels_);
  RunScript();
  DrawFrame(app_, layout_, panels_);
  ImGui::Render();
  window_.EndFrame(theme::Colours().window);
  ++frames_;

  const double end_s = NowS(), cost_s = end_s - begin_s;
  frame_cost_s_ = frames_ == 1 ? cost_s : frame_cost_s_ + (cost_s - frame_cost_s_) * 0.1;
  app_.frame_ms = frame_cost_s_ * 1e3;
  if (stands_s_ >= 0 && app_.now != nullptr) {
    report_.frame_ms.push_back(static_cast<float>(cost_s * 1e3));
    if (last_frame_s_ > 0 && app_.now->playing) report_.interval_ms.push_back(static_cast<float>((begin_s - last_frame_s_) * 1e3));
    report_.realtime_factor = app_.now->realtime_factor;
  }
  last_frame_s_ = begin_s;

  const std::string title = app_.now != nullptr ? app_.now->task->spec().name + " - Reverie" : "Reverie";
  if (title != title_) window_.SetTitle(title_ = title);
  return !TimeToEnd();
}

/// What an earlier session played is kept as well, in numbered folders beside that of the last one.
void Application::SaveBeside(const std::shared_ptr<Session>& session) {
  if (!Played(*session)) return;
  std::filesystem::path folder;
  do {
    folder = options_.save.string() + "-" + std::to_string(++saved_beside_);
  } while (std::filesystem::exists(folder));
  auto save = [session, folder](JobContext&) { session->SaveEpisodes(folder); };
  app_.jobs.push_back(std::make_shared<Job>("Saving " + ShownPath(folder), "", std::move(save)));
  app_.messages.Say("What was played so far is kept in " + ShownPath(folder));
}

/// The driver was reset. The session knows nothing of it.
bool Application::MakeWindowAnew() {
  constexpr const char* kReset = "the graphics driver was reset, and the window's OpenGL context is lost";
  textures_->ContextLost();
  try {
    window_.Reopen(title_);
  } catch (const DeviceError& error) {
    report_.lost = std::string(kReset) + ": " + error.what();
    return false;
  }
  app_.messages.Error(std::string(kReset) + "; the window was made anew, the session goes on");
  return true;
}

/// What nobody could save any more, since the window is gone.
void Application::KeepPlayed() {
  if (!options_.save.empty() || !app_.session || !Played(*app_.session)) return;
  const std::filesystem::path folder = MakeFreshFolder("data", app_.session->task().spec().name);
  app_.session->SaveEpisodes(folder);
  report_.lost += "; what was played is kept in " + ShownPath(folder);
}

/// What was asked to be kept: each by itself, and none of them ends the others.
void Application::Keep(const std::function<void()>& work) {
  try {
    work();
  } catch (const std::exception& error) {
    if (report_.unkept.empty()) report_.unkept = error.what();
  }
}

ApplicationReport Application::Run() {
  errors_before_ = app_.messages.lines().size();
  std::stop_callback wake(options_.stop, [] { Window::Wake(); });
  while (true) {
    const bool go_on = OneFrame();
    if (options_.stop.stop_requested()) {
      report_.interrupted = true;
      break;
    }
    if (!go_on || (app_.quit && !options_.pilot) || window_.close_asked()) break;
  }
  Keep([this] {
    if (!report_.lost.empty()) KeepPlayed();
  });
  Keep([this] {
    if (!options_.save.empty() && app_.session) app_.session->SaveEpisodes(options_.save);
  });
  Keep([this] {
    if (options_.screenshot.empty() || frames_ == 0 || !report_.lost.empty()) return;
    int width = 0, height = 0;
    const std::vector<uint8_t> pixels = window_.Pixels(width, height);
    WritePng(options_.screenshot, width, height, pixels);
  });
  Close();
  return std::move(report_);
}

/// Jobs and threads come to their end beside a picture that says so.
void Application::Close() {
  int width = 0, height = 0;
  bool maximized = false;
  window_.GetSize(width, height, maximized);
  // What the command line asked for is for this time only.
  if (options_.width <= 0) {
    if (!maximized && width > 0 && height > 0) {
      app_.settings.window_width = width;
      app_.settings.window_height = height;
    }
    app_.settings.maximized = maximized;
  }
  if (options_.scale > 0) app_.settings.scale = remembered_scale_;
  Settings settings = app_.settings;
  app_.BeginClosing();
  while (!app_.Closed()) {
    if (!window_.hidden()) {
      window_.BeginFrame();
      DrawClosing();
      ImGui::Render();
      window_.EndFrame(theme::Colours().window);
    }
    window_.WaitEvents(0.05);
  }
  // What a script has done is not what a person likes.
  if (options_.run_for_s || !options_.script.empty()) return;
  try {
    settings.Save(options_.settings_file);
  } catch (const Error& error) {
    report_.unsaved = error.what();
  }
}

}  // namespace

ApplicationReport RunApplication(ApplicationOptions options) {
  // Sessions and jobs come and go with their threads; by default each would leave free memory in an arena of its own.
  mallopt(M_ARENA_MAX, 4);
  std::string problem;
  Settings settings = Settings::Load(options.settings_file, problem);
  Application application(std::move(options), std::move(settings), problem);
  return application.Run();
}

}  // namespace reverie::desktop
