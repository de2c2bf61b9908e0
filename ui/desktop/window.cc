#include "ui/desktop/window.h"

#include <GLFW/glfw3.h>
#include <backends/imgui_impl_glfw.h>
#include <backends/imgui_impl_opengl3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <deque>
#include <set>
#include <string_view>
#include <utility>

#include "sim/error.h"

namespace reverie::desktop {
namespace {

std::string g_glfw_error;  // GLFW's last one; main thread

void OnError(int, const char* text) {
  g_glfw_error = text != nullptr ? text : "";
}

struct KeyEvent {
  int key, scancode, action, modifiers;
  unsigned character;  // key is 0: one that was typed
};

const char* Environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

[[noreturn]] void FailDisplay() {
  const bool none = Environment("DISPLAY") == nullptr && Environment("WAYLAND_DISPLAY") == nullptr;
  throw DeviceError("the desktop app cannot open a window: " +
                    (none ? std::string("there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set)") : g_glfw_error) +
                    "; the subcommands work without one, see 'reverie --help'");
}

struct Hints {
  int major, minor;
  bool core;
  const char* glsl;
};
using GetResetStatus = GLenum (*)();
constexpr std::array kContexts = {Hints{3, 3, true, "#version 330"}, Hints{3, 2, true, "#version 150"},
                                  Hints{3, 0, false, "#version 130"}, Hints{2, 1, false, "#version 120"}};

GLFWwindow* CreateWithContext(const Hints& hints, const WindowOptions& options) {
  if (Window::faults().refuse_context) return nullptr;
  glfwDefaultWindowHints();
  glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, hints.major);
  glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, hints.minor);
  if (hints.core) {
    glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
    glfwWindowHint(GLFW_OPENGL_FORWARD_COMPAT, GLFW_TRUE);
  }
  glfwWindowHint(GLFW_MAXIMIZED, options.maximized ? GLFW_TRUE : GLFW_FALSE);
  glfwWindowHintString(GLFW_X11_CLASS_NAME, "reverie");
  glfwWindowHintString(GLFW_X11_INSTANCE_NAME, "reverie");
  // A driver that can tell of its resets is asked to.
  for (const int robustness : {GLFW_LOSE_CONTEXT_ON_RESET, GLFW_NO_ROBUSTNESS}) {
    glfwWindowHint(GLFW_CONTEXT_ROBUSTNESS, robustness);
    GLFWwindow* window = glfwCreateWindow(options.width, options.height, options.title.c_str(), nullptr, nullptr);
    if (window != nullptr) return window;
  }
  return nullptr;
}

/// Of the current context; null where the driver cannot tell.
GetResetStatus FindResetStatus() {
  const bool khr = glfwExtensionSupported("GL_KHR_robustness") != 0;
  if (!khr && !glfwExtensionSupported("GL_ARB_robustness")) return nullptr;
  return reinterpret_cast<GetResetStatus>(
      glfwGetProcAddress(khr ? "glGetGraphicsResetStatus" : "glGetGraphicsResetStatusARB"));
}

}  // namespace

struct Window::Impl {
  GLFWwindow* window = nullptr;
  const Hints* hints = nullptr;  // that the context was made with
  GetResetStatus reset_status = nullptr;
  bool activity = true, software = false;
  bool lost = false;  // the context, and there is no other
  std::vector<std::filesystem::path> dropped;
  std::deque<KeyEvent> keys;
  int before_x = 0, before_y = 0, before_width = 0, before_height = 0;  // full screen

  static Impl& Of(GLFWwindow* window) { return *static_cast<Impl*>(glfwGetWindowUserPointer(window)); }

  void Open(WindowOptions options);
  bool Adopt(GLFWwindow* made, const Hints& made_with);
  void EndBackends();
  void InstallCallbacks();
  void FeedKeys();
};

/// Draws with ImGui in that window from now on.
bool Window::Impl::Adopt(GLFWwindow* made, const Hints& made_with) {
  window = made;
  hints = &made_with;
  glfwMakeContextCurrent(window);
  glfwSetWindowUserPointer(window, this);
  InstallCallbacks();
  if (!ImGui_ImplGlfw_InitForOpenGL(window, false) || !ImGui_ImplOpenGL3_Init(hints->glsl)) return false;
  reset_status = FindResetStatus();
  const auto* renderer = reinterpret_cast<const char*>(glGetString(GL_RENDERER));
  const std::string_view name = renderer != nullptr ? renderer : "";
  software = false;
  for (const char* drawn_by : {"llvmpipe", "softpipe", "swrast", "SWR", "Software"}) {
    software |= name.find(drawn_by) != std::string_view::npos;
  }
  glfwSwapInterval(software ? 0 : 1);
  return true;
}

void Window::Impl::EndBackends() {
  if (ImGui::GetIO().BackendRendererUserData != nullptr) ImGui_ImplOpenGL3_Shutdown();
  if (ImGui::GetIO().BackendPlatformUserData != nullptr) ImGui_ImplGlfw_Shutdown();
}

void Window::Impl::Open(WindowOptions options) {
  int& width = options.width;
  int& height = options.height;
  if (width <= 0 || height <= 0) {
    float scale = 1, scale_y = 1;
    int x = 0, y = 0, room_width = 0, room_height = 0;
    if (GLFWmonitor* monitor = glfwGetPrimaryMonitor()) {
      glfwGetMonitorContentScale(monitor, &scale, &scale_y);
      glfwGetMonitorWorkarea(monitor, &x, &y, &room_width, &room_height);
    }
    width = static_cast<int>(1280 * std::max(scale, 1.0f));
    height = static_cast<int>(800 * std::max(scale, 1.0f));
    if (room_width > 0) width = std::min(width, room_width);
    if (room_height > 0) height = std::min(height, room_height);
  }
  for (const Hints& wanted : kContexts) {
    GLFWwindow* made = CreateWithContext(wanted, options);
    if (made == nullptr) continue;
    if (Adopt(made, wanted)) return;
    glfwDestroyWindow(made);
    window = nullptr;
  }
  throw DeviceError("the desktop app cannot open a window: no OpenGL 2.1 or newer (" + g_glfw_error +
                    "); Mesa's software renderer is enough (Debian: libgl1-mesa-dri), and the subcommands work without "
                    "any, see 'reverie --help'");
}

void Window::Impl::InstallCallbacks() {
  // ImGui's own callbacks are called from ours: those have to notice that something happened.
  glfwSetWindowFocusCallback(window, [](GLFWwindow* w, int focused) {
    Of(w).activity = true;
    ImGui_ImplGlfw_WindowFocusCallback(w, focused);
    if (focused) return;
    // Keys that are let go elsewhere would stay down here for ever.
    Of(w).keys.clear();
    ImGuiIO& io = ImGui::GetIO();
    std::fill(std::begin(io.KeysDown), std::end(io.KeysDown), false);
    io.KeyCtrl = io.KeyShift = io.KeyAlt = io.KeySuper = false;
  });
  glfwSetCursorEnterCallback(window, [](GLFWwindow* w, int entered) {
    Of(w).activity = true;
    ImGui_ImplGlfw_CursorEnterCallback(w, entered);
  });
  glfwSetCursorPosCallback(window, [](GLFWwindow* w, double, double) { Of(w).activity = true; });
  glfwSetMouseButtonCallback(window, [](GLFWwindow* w, int button, int action, int modifiers) {
    Of(w).activity = true;
    ImGui_ImplGlfw_MouseButtonCallback(w, button, action, modifiers);
  });
  glfwSetScrollCallback(window, [](GLFWwindow* w, double x, double y) {
    Of(w).activity = true;
    ImGui_ImplGlfw_ScrollCallback(w, x, y);
  });
  glfwSetKeyCallback(window, [](GLFWwindow* w, int key, int scancode, int action, int modifiers) {
    Of(w).activity = true;
    if (action != GLFW_REPEAT) Of(w).keys.push_back({key, scancode, action, modifiers, 0});
  });
  glfwSetCharCallback(window, [](GLFWwindow* w, unsigned character) {
    Of(w).activity = true;
    Of(w).keys.push_back({0, 0, 0, 0, character});
  });
  glfwSetWindowRefreshCallback(window, [](GLFWwindow* w) { Of(w).activity = true; });
  glfwSetFramebufferSizeCallback(window, [](GLFWwindow* w, int, int) { Of(w).activity = true; });
  glfwSetWindowContentScaleCallback(window, [](GLFWwindow* w, float, float) { Of(w).activity = true; });
  glfwSetMonitorCallback(ImGui_ImplGlfw_MonitorCallback);
  glfwSetDropCallback(window, [](GLFWwindow* w, int count, const char** paths) {
    Of(w).activity = true;
    for (int i = 0; i < count; ++i) Of(w).dropped.emplace_back(paths[i]);
  });
}

/// Gives ImGui the keys in their order, as long as none changes twice: it looks at them once a frame.
void Window::Impl::FeedKeys() {
  std::set<int> changed;
  while (!keys.empty()) {
    const KeyEvent event = keys.front();
    if (event.character != 0) {
      ImGui_ImplGlfw_CharCallback(window, event.character);
    } else {
      // A modifier that goes up belongs to the next frame as well: the key it was for is looked at in this one.
      const bool modifier = event.key >= GLFW_KEY_LEFT_SHIFT && event.key <= GLFW_KEY_RIGHT_SUPER;
      if (!changed.insert(event.key).second) break;
      if (modifier && event.action == GLFW_RELEASE && changed.size() > 1) break;
      ImGui_ImplGlfw_KeyCallback(window, event.key, event.scancode, event.action, event.modifiers);
    }
    keys.pop_front();
  }
  if (!keys.empty()) activity = true;
}

Window::Window(const WindowOptions& options) : impl_(std::make_unique<Impl>()) {
  glfwSetErrorCallback(OnError);
  if (!glfwInit()) FailDisplay();
  IMGUI_CHECKVERSION();
  ImGui::CreateContext();
  ImGuiIO& io = ImGui::GetIO();
  io.IniFilename = nullptr;  // Settings remembers
  io.LogFilename = nullptr;
  io.ConfigWindowsMoveFromTitleBarOnly = true;
  try {
    impl_->Open(options);
  } catch (...) {
    ImGui::DestroyContext();
    glfwTerminate();
    throw;
  }
}

Window::~Window() {
  impl_->EndBackends();
  ImGui::DestroyContext();
  glfwDestroyWindow(impl_->window);
  glfwTerminate();
}

void Window::WaitEvents(double seconds) {
  if (seconds > 0) {
    glfwWaitEventsTimeout(seconds);
  } else {
    glfwPollEvents();
  }
}

void Window::Wake() {
  glfwPostEmptyEvent();
}

bool Window::close_asked() const {
  return glfwWindowShouldClose(impl_->window) != 0;
}

void Window::Close() {
  glfwSetWindowShouldClose(impl_->window, GLFW_TRUE);
}

bool Window::TakeActivity() {
  return std::exchange(impl_->activity, false);
}

bool Window::InputHeld() const {
  const ImGuiIO& io = ImGui::GetIO();
  return std::any_of(std::begin(io.MouseDown), std::end(io.MouseDown), [](bool down) { return down; }) ||
         std::any_of(std::begin(io.KeysDown), std::end(io.KeysDown), [](bool down) { return down; });
}

std::vector<std::filesystem::path> Window::TakeDropped() {
  return std::exchange(impl_->dropped, {});
}

bool Window::hidden() const {
  int width = 0, height = 0;
  glfwGetFramebufferSize(impl_->window, &width, &height);
  return impl_->lost || width < 1 || height < 1 || glfwGetWindowAttrib(impl_->window, GLFW_ICONIFIED) != 0;
}

void Window::BeginFrame(const std::function<void()>& input) {
  impl_->FeedKeys();
  ImGui_ImplOpenGL3_NewFrame();
  ImGui_ImplGlfw_NewFrame();
  if (input) input();
  ImGui::NewFrame();
}

void Window::EndFrame(ImVec4 background) {
  int width = 0, height = 0;
  glfwGetFramebufferSize(impl_->window, &width, &height);
  glViewport(0, 0, width, height);
  glClearColor(background.x, background.y, background.z, 1);
  glClear(GL_COLOR_BUFFER_BIT);
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
  glfwSwapBuffers(impl_->window);
}

bool Window::ContextLost() {
  if (std::exchange(faults().lose_context, false)) return true;
  return impl_->reset_status != nullptr && impl_->reset_status() != GL_NO_ERROR;
}

void Window::Reopen(const std::string& title) {
  Impl& impl = *impl_;
  GLFWwindow* old = impl.window;
  WindowOptions options;
  options.title = title;
  GetSize(options.width, options.height, options.maximized);
  int x = 0, y = 0;
  glfwGetWindowPos(old, &x, &y);
  const bool full = full_screen();
  const int before_x = impl.before_x, before_y = impl.before_y;
  // This one stays until there is another.
  GLFWwindow* made = CreateWithContext(*impl.hints, options);
  impl.lost = made == nullptr;
  if (impl.lost) throw DeviceError("no new OpenGL context is to be had" + (g_glfw_error.empty() ? "" : " (" + g_glfw_error + ")"));
  impl.EndBackends();
  glfwDestroyWindow(old);
  impl.keys.clear();
  impl.activity = true;
  if (!impl.Adopt(made, *impl.hints)) {
    impl.lost = true;
    throw DeviceError("the new OpenGL context cannot be used");
  }
  if (!options.maximized) glfwSetWindowPos(made, full ? before_x : x, full ? before_y : y);
  SetFullScreen(full);
}

Window::Faults& Window::faults() {
  static Faults faults;
  return faults;
}

std::vector<uint8_t> Window::Pixels(int& width, int& height) const {
  glfwGetFramebufferSize(impl_->window, &width, &height);
  width = std::max(width, 1);
  height = std::max(height, 1);
  // What was swapped away is undefined; the back buffer is drawn anew from the same draw lists.
  glViewport(0, 0, width, height);
  glClear(GL_COLOR_BUFFER_BIT);
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
  const size_t row = static_cast<size_t>(width) * 3;
  std::vector<uint8_t> flipped(row * static_cast<size_t>(height)), pixels(flipped.size());
  glPixelStorei(GL_PACK_ALIGNMENT, 1);
  glReadBuffer(GL_BACK);
  glReadPixels(0, 0, width, height, GL_RGB, GL_UNSIGNED_BYTE, flipped.data());
  for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
    std::copy_n(flipped.begin() + static_cast<std::ptrdiff_t>((static_cast<size_t>(height) - 1 - y) * row), row,
                pixels.begin() + static_cast<std::ptrdiff_t>(y * row));
  }
  return pixels;
}

double Window::content_scale() const {
  float x = 1, y = 1;
  glfwGetWindowContentScale(impl_->window, &x, &y);
  return std::clamp(std::max(x, y) / pixel_ratio(), 0.5, 8.0);
}

double Window::pixel_ratio() const {
  int width = 0, height = 0, pixels = 0, ignored = 0;
  glfwGetWindowSize(impl_->window, &width, &height);
  glfwGetFramebufferSize(impl_->window, &pixels, &ignored);
  return width > 0 && pixels > 0 ? static_cast<double>(pixels) / width : 1;
}

void Window::UploadFonts() {
  ImGui_ImplOpenGL3_DestroyFontsTexture();
  ImGui_ImplOpenGL3_CreateFontsTexture();
}

void Window::SetTitle(const std::string& title) {
  glfwSetWindowTitle(impl_->window, title.c_str());
}

void Window::SetFullScreen(bool on) {
  if (on == full_screen()) return;
  GLFWmonitor* monitor = glfwGetPrimaryMonitor();
  if (on && monitor != nullptr) {
    glfwGetWindowPos(impl_->window, &impl_->before_x, &impl_->before_y);
    glfwGetWindowSize(impl_->window, &impl_->before_width, &impl_->before_height);
    const GLFWvidmode* mode = glfwGetVideoMode(monitor);
    if (mode != nullptr) glfwSetWindowMonitor(impl_->window, monitor, 0, 0, mode->width, mode->height, mode->refreshRate);
  } else {
    glfwSetWindowMonitor(impl_->window, nullptr, impl_->before_x, impl_->before_y, std::max(impl_->before_width, 1),
                         std::max(impl_->before_height, 1), 0);
  }
}

bool Window::full_screen() const {
  return glfwGetWindowMonitor(impl_->window) != nullptr;
}

void Window::GetSize(int& width, int& height, bool& maximized) const {
  maximized = glfwGetWindowAttrib(impl_->window, GLFW_MAXIMIZED) != 0;
  if (full_screen()) {
    width = impl_->before_width;
    height = impl_->before_height;
    return;
  }
  glfwGetWindowSize(impl_->window, &width, &height);
}

bool Window::software() const {
  return impl_->software;
}

std::string Window::Describe() const {
  const auto* renderer = reinterpret_cast<const char*>(glGetString(GL_RENDERER));
  const auto* version = reinterpret_cast<const char*>(glGetString(GL_VERSION));
  return std::string(renderer != nullptr ? renderer : "?") + ", OpenGL " + (version != nullptr ? version : "?");
}

}  // namespace reverie::desktop
