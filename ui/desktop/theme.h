// How the app looks: colours (dark, light), sizes, fonts from the system's folders, and the few widgets that the
// frame of the window is made of. Window's thread only.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <imgui.h>

namespace reverie::desktop::theme {

/// Colours by what they say, of the theme last applied; for what panels draw themselves.
struct Palette {
  bool dark = true;
  ImVec4 window, panel, popup, frame, line;  // from the back to the front
  ImVec4 text, dim, accent;
  ImVec4 good, warn, bad;
};
const Palette& Colours();

/// Sets ImGui's style. @param scale  of everything, 1 at 96 dots per inch.
void Apply(bool dark, float scale);
float Scale();  // last applied

struct Fonts {
  ImFont* regular = nullptr;
  ImFont* bold = nullptr;
  ImFont* title = nullptr;   // large
  ImFont* mono = nullptr;
};
/// Those of the current ImGui context; all the regular one where no others were loaded.
Fonts CurrentFonts();

/// Loads DejaVu from the system's font folders (ImGui's built-in font where there is none) into the current
/// context's atlas, with the characters that NoteText has seen.
/// @param size_px  height of a line of the regular font, in pixels of the framebuffer.
void LoadFonts(float size_px);
/// Notes which characters names from outside are written in. True where the atlas lacks some that a font of the
/// system has: then LoadFonts is due before the next frame.
void NoteText(std::string_view utf8);
bool FontsDue();

/// An x to close things, `size` px wide and high.
bool CloseButton(const char* id, float size);
/// A line of text, shortened in its middle with "…" to fit into `width` px.
std::string Fitted(std::string_view text, float width);
/// The next widget's tooltip, wrapped.
void Tooltip(const char* text);

}  // namespace reverie::desktop::theme
