// The window: GLFW, an OpenGL context, Dear ImGui's backends. Keys that go down and up between two frames are
// spread over frames, so that none is lost where frames take long. Main thread only, but Wake.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <imgui.h>

namespace reverie::desktop {

struct WindowOptions {
  std::string title = "Reverie";
  int width = 0, height = 0;  // screen coordinates; 0: 1280 x 800 at the monitor's scale, as far as it fits
  bool maximized = false;
};

class Window {
 public:
  /// Makes the current ImGui context one of its own.
  /// @throws DeviceError: no display, no OpenGL; what to do.
  explicit Window(const WindowOptions& options);
  ~Window();
  Window(const Window&) = delete;
  Window& operator=(const Window&) = delete;

  /// Waits up to `seconds` for something to happen, and takes it in.
  void WaitEvents(double seconds);
  /// Ends WaitEvents now; any thread, and harmless without a window.
  static void Wake();

  bool close_asked() const;
  void Close();
  /// Since last asked: keys, mouse, the window's size, its contents exposed.
  bool TakeActivity();
  /// Whether a key or mouse button is held.
  bool InputHeld() const;
  std::vector<std::filesystem::path> TakeDropped();
  /// Nothing of it can be seen: minimised, or without a size.
  bool hidden() const;

  /// @param input  called when the frame's input is in, and may change it; may be empty.
  void BeginFrame(const std::function<void()>& input = {});
  /// Draws what ImGui has rendered and shows it.
  void EndFrame(ImVec4 background);
  /// Whether the driver says that it was reset since last asked, where it can tell: what OpenGL held is lost then.
  bool ContextLost();
  /// Puts a window with a context of its own in the place of this one, with the same size and place.
  /// @throws DeviceError: none is to be had; this window can then still be asked and closed, and is hidden.
  void Reopen(const std::string& title);

  /// The picture last drawn by EndFrame, (height, width, 3), first row on top.
  std::vector<uint8_t> Pixels(int& width, int& height) const;

  /// Of fonts and layout that the monitor under the window asks for, in ImGui's units; may change as it moves.
  double content_scale() const;
  /// Pixels of the framebuffer for each of ImGui's units.
  double pixel_ratio() const;
  /// The fonts were loaded anew.
  void UploadFonts();

  void SetTitle(const std::string& title);
  void SetFullScreen(bool on);
  bool full_screen() const;
  void GetSize(int& width, int& height, bool& maximized) const;
  bool software() const;
  /// The driver's name and OpenGL version.
  std::string Describe() const;

  /// For tests: the next look at a window's context says that it is lost; there is no other one to be had.
  struct Faults {
    bool lose_context = false, refuse_context = false;
  };
  static Faults& faults();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie::desktop
