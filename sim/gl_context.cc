#include "sim/gl_context.h"

#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <optional>
#include <string_view>
#include <vector>

#define EGL_NO_X11  // EGL's header would pull in Xlib, whose macros (None, Status) break other headers
#include <EGL/egl.h>
#include <EGL/eglext.h>

#include "sim/error.h"

namespace reverie {
namespace {

// The few values needed from GL's own header, which Debian ships in another package than EGL's.
constexpr unsigned kGlRenderer = 0x1F01;
constexpr unsigned kGlVersion = 0x1F02;
constexpr unsigned kGlExtensions = 0x1F03;
constexpr unsigned kGlMaxRenderbufferSize = 0x84E8;
constexpr unsigned kGlMaxSamples = 0x8D57;
constexpr unsigned kGlNoError = 0;
using GetString = const unsigned char* (*)(unsigned);
using GetInteger = void (*)(unsigned, int*);
using GetResetStatus = unsigned (*)();

std::atomic<int> pretended_resets = 0;

/// An initialised display that has given a usable context, and the way it was reached.
struct Display {
  EGLDisplay display = EGL_NO_DISPLAY;
  EGLConfig config = nullptr;
  std::string way;
};

/// A display to try.
struct Candidate {
  EGLenum platform = EGL_NONE;  // EGL_NONE: the default display
  void* native = nullptr;
  std::string way;
};

constexpr const char* kReset =
    "cannot draw: the graphics driver was reset, and the OpenGL context is lost with what was drawn";

std::string EglError(EGLint code = eglGetError()) {
  switch (code) {
    case EGL_SUCCESS:
      return "no reason given";
    case EGL_NOT_INITIALIZED:
      return "not initialised";
    case EGL_BAD_ACCESS:
      return "access denied";
    case EGL_BAD_ALLOC:
      return "out of memory";
    case EGL_BAD_DISPLAY:
      return "no such display";
    case EGL_BAD_MATCH:
      return "no match";
    default:
      break;
  }
  char hex[16];
  const auto end = std::to_chars(hex, hex + sizeof hex, static_cast<unsigned>(code), 16).ptr;
  return "EGL error 0x" + std::string(hex, end);
}

/// Whether a space-separated list has `word`.
bool Has(const char* list, std::string_view word) {
  for (std::string_view rest = list ? list : ""; !rest.empty();) {
    const size_t space = rest.find(' ');
    if (rest.substr(0, space) == word) return true;
    rest.remove_prefix(space == std::string_view::npos ? rest.size() : space + 1);
  }
  return false;
}

template <typename Function>
Function Load(const char* name) {
  return reinterpret_cast<Function>(eglGetProcAddress(name));
}

/// Index in MUJOCO_EGL_DEVICE_ID, which users of MuJoCo's Python package already set to choose a GPU.
std::optional<int> ChosenDevice(int count) {
  const char* text = std::getenv("MUJOCO_EGL_DEVICE_ID");
  if (text == nullptr || *text == '\0') return std::nullopt;
  int index = -1;
  const char* end = text + std::strlen(text);
  const auto [stop, error] = std::from_chars(text, end, index);
  if (error != std::errc() || stop != end || index < 0 || index >= count) {
    throw DeviceError("environment variable MUJOCO_EGL_DEVICE_ID is '" + std::string(text) + "'; EGL lists " +
                      std::to_string(count) + " device(s), so expected " +
                      (count > 0 ? "0 to " + std::to_string(count - 1) : "it to be unset"));
  }
  return index;
}

/// Displays in the order to try: graphics hardware, Mesa without a device, software devices, the default one.
/// Hardware goes first because Mesa's surfaceless platform draws in software beside a proprietary driver.
std::vector<Candidate> Candidates() {
  const char* extensions = eglQueryString(EGL_NO_DISPLAY, EGL_EXTENSIONS);
  std::vector<Candidate> hardware, software;
  const bool enumerates =
      Has(extensions, "EGL_EXT_device_enumeration") || Has(extensions, "EGL_EXT_device_base");
  if (enumerates && Has(extensions, "EGL_EXT_platform_device")) {
    const auto query = Load<PFNEGLQUERYDEVICESEXTPROC>("eglQueryDevicesEXT");
    const auto query_string = Load<PFNEGLQUERYDEVICESTRINGEXTPROC>("eglQueryDeviceStringEXT");
    EGLDeviceEXT devices[64];
    EGLint count = 0;
    if (query == nullptr || !query(64, devices, &count)) count = 0;
    const std::optional<int> chosen = ChosenDevice(count);
    for (int i = 0; i < count; ++i) {
      Candidate candidate{EGL_PLATFORM_DEVICE_EXT, devices[i], "device " + std::to_string(i)};
      if (chosen == i) return {candidate};
      const char* features = query_string ? query_string(devices[i], EGL_EXTENSIONS) : nullptr;
      (Has(features, "EGL_MESA_device_software") ? software : hardware).push_back(candidate);
    }
  }
  std::vector<Candidate> all = hardware;
  if (Has(extensions, "EGL_MESA_platform_surfaceless")) {
    all.push_back({EGL_PLATFORM_SURFACELESS_MESA, nullptr, "surfaceless"});
  }
  all.insert(all.end(), software.begin(), software.end());
  all.push_back({EGL_NONE, nullptr, "default display"});
  return all;
}

bool Surfaceless(EGLDisplay display) {
  return Has(eglQueryString(display, EGL_EXTENSIONS), "EGL_KHR_surfaceless_context");
}

/// Opens a display and finds a configuration; returns why not otherwise.
std::string Open(const Candidate& candidate, Display& found) {
  if (candidate.platform == EGL_NONE) {
    found.display = eglGetDisplay(EGL_DEFAULT_DISPLAY);
  } else {
    const auto get = Load<PFNEGLGETPLATFORMDISPLAYEXTPROC>("eglGetPlatformDisplayEXT");
    found.display = get ? get(candidate.platform, candidate.native, nullptr) : EGL_NO_DISPLAY;
  }
  if (found.display == EGL_NO_DISPLAY) return "no display";
  if (!eglInitialize(found.display, nullptr, nullptr)) return EglError();
  const EGLint wanted[] = {EGL_RED_SIZE,
                           8,
                           EGL_GREEN_SIZE,
                           8,
                           EGL_BLUE_SIZE,
                           8,
                           EGL_DEPTH_SIZE,
                           24,
                           EGL_STENCIL_SIZE,
                           8,
                           EGL_SURFACE_TYPE,
                           EGL_PBUFFER_BIT,
                           EGL_RENDERABLE_TYPE,
                           EGL_OPENGL_BIT,
                           EGL_NONE};
  EGLint count = 0;
  if (!eglChooseConfig(found.display, wanted, &found.config, 1, &count) || count < 1)
    return "no OpenGL configuration";
  found.way = candidate.way;
  return "";
}

/// Creates what GlContext owns; returns why not otherwise.
std::string CreateContext(const Display& display, void*& context, void*& surface) {
  if (!eglBindAPI(EGL_OPENGL_API)) return "no desktop OpenGL";
  // A driver that can tell of its resets is asked to.
  if (Has(eglQueryString(display.display, EGL_EXTENSIONS), "EGL_KHR_create_context")) {
    const EGLint tells[] = {EGL_CONTEXT_OPENGL_RESET_NOTIFICATION_STRATEGY_KHR, EGL_LOSE_CONTEXT_ON_RESET_KHR,
                            EGL_NONE};
    context = eglCreateContext(display.display, display.config, EGL_NO_CONTEXT, tells);
  }
  if (context == EGL_NO_CONTEXT) context = eglCreateContext(display.display, display.config, EGL_NO_CONTEXT, nullptr);
  if (context == EGL_NO_CONTEXT) return EglError();
  if (!Surfaceless(display.display)) {
    const EGLint size[] = {EGL_WIDTH, 16, EGL_HEIGHT, 16, EGL_NONE};
    surface = eglCreatePbufferSurface(display.display, display.config, size);
    if (surface == EGL_NO_SURFACE) return EglError();
  }
  if (!eglMakeCurrent(display.display, surface, surface, context)) return EglError();
  const auto get_string = Load<GetString>("glGetString");
  const auto text = [&](unsigned name) { return reinterpret_cast<const char*>(get_string(name)); };
  const bool enough = get_string != nullptr && text(kGlVersion) != nullptr &&
                      text(kGlExtensions) != nullptr &&
                      Has(text(kGlExtensions), "GL_ARB_framebuffer_object") &&
                      Has(text(kGlExtensions), "GL_ARB_vertex_buffer_object");
  eglMakeCurrent(display.display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
  return enough ? "" : "its OpenGL is older than MuJoCo needs (1.5 with framebuffer objects)";
}

void DestroyContext(const Display& display, void* context, void* surface) {
  if (surface != EGL_NO_SURFACE) eglDestroySurface(display.display, surface);
  if (context != EGL_NO_CONTEXT) eglDestroyContext(display.display, context);
}

/// Puts back at the end of a scope what was this thread's current context at its beginning.
struct PreviousContext {
  EGLDisplay display = eglGetCurrentDisplay();
  EGLSurface draw = eglGetCurrentSurface(EGL_DRAW);
  EGLSurface read = eglGetCurrentSurface(EGL_READ);
  EGLContext context = eglGetCurrentContext();
  ~PreviousContext() {
    if (context != EGL_NO_CONTEXT) eglMakeCurrent(display, draw, read, context);
  }
};

/// The process's display. Never terminated: eglTerminate would take every other user's contexts with it.
const Display& SharedDisplay() {
  static std::mutex mutex;
  static std::optional<Display> display;
  const std::lock_guard lock(mutex);
  if (display) return *display;
  std::vector<std::string> reasons;
  for (const Candidate& candidate : Candidates()) {
    Display found;
    std::string reason = Open(candidate, found);
    if (reason.empty()) {
      void* context = EGL_NO_CONTEXT;
      void* surface = EGL_NO_SURFACE;
      reason = CreateContext(found, context, surface);
      DestroyContext(found, context, surface);
    }
    if (reason.empty()) return display.emplace(found);
    reasons.push_back(candidate.way + ": " + reason);
  }
  throw DeviceError("cannot draw: no EGL driver for off-screen OpenGL (" + Join(reasons) +
                    "); on Debian, install libegl1 and libgl1-mesa-dri, or the graphics card's own driver");
}

}  // namespace

void DrawOnCallingThread() {
  constexpr int kKeep = 0;  // a value that is there
  setenv("LP_NUM_THREADS", "0", kKeep);
}

GlContext::GlContext() : pretended_resets_(pretended_resets) {
  const PreviousContext previous;
  const Display& display = SharedDisplay();
  const std::string reason = CreateContext(display, context_, surface_);
  if (!reason.empty()) {
    DestroyContext(display, context_, surface_);
    throw DeviceError("cannot draw: EGL " + display.way + " gives no further OpenGL context: " + reason);
  }
  const Scope scope(*this);
  const auto get_string = Load<GetString>("glGetString");
  const auto get_integer = Load<GetInteger>("glGetIntegerv");
  get_integer(kGlMaxRenderbufferSize, &max_size_px_);
  get_integer(kGlMaxSamples, &max_samples_);
  const auto* extensions = reinterpret_cast<const char*>(get_string(kGlExtensions));
  if (Has(extensions, "GL_KHR_robustness")) {
    reset_status_ = Load<GetResetStatus>("glGetGraphicsResetStatus");
  } else if (Has(extensions, "GL_ARB_robustness")) {
    reset_status_ = Load<GetResetStatus>("glGetGraphicsResetStatusARB");
  }
  const std::string renderer = reinterpret_cast<const char*>(get_string(kGlRenderer));
  for (const char* name : {"llvmpipe", "softpipe", "swrast", "Software"}) {
    software_ = software_ || renderer.find(name) != std::string::npos;
  }
  description_ = renderer + ", OpenGL " +
                 reinterpret_cast<const char*>(get_string(kGlVersion)) + ", EGL " + display.way;
}

void GlContext::CheckAlive() const {
  const bool reset = reset_status_ != nullptr && reset_status_() != kGlNoError;
  if (reset || pretended_resets != pretended_resets_) throw DeviceError(kReset);
}

void GlContext::PretendReset() { ++pretended_resets; }

GlContext::~GlContext() {
  DestroyContext(SharedDisplay(), context_, surface_);
}

GlContext::Scope::Scope(const GlContext& context)
    : display_(eglGetCurrentDisplay()),
      draw_(eglGetCurrentSurface(EGL_DRAW)),
      read_(eglGetCurrentSurface(EGL_READ)),
      context_(eglGetCurrentContext()) {
  // The bound API is a property of the thread, and another thread may have made the context.
  eglBindAPI(EGL_OPENGL_API);
  if (!eglMakeCurrent(SharedDisplay().display, context.surface_, context.surface_, context.context_)) {
    const EGLint code = eglGetError();
    if (code == EGL_CONTEXT_LOST) throw DeviceError(kReset);
    throw DeviceError("cannot draw: the OpenGL context cannot be used on this thread: " + EglError(code) +
                      "; use a renderer from one thread at a time, and not beside another window's context");
  }
  try {
    context.CheckAlive();
  } catch (...) {
    PutBack();
    throw;
  }
}

GlContext::Scope::~Scope() { PutBack(); }

void GlContext::Scope::PutBack() {
  if (context_ != EGL_NO_CONTEXT) {
    eglMakeCurrent(display_, draw_, read_, context_);
  } else {
    eglMakeCurrent(SharedDisplay().display, EGL_NO_SURFACE, EGL_NO_SURFACE, EGL_NO_CONTEXT);
  }
}

}  // namespace reverie
