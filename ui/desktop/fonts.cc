// Fonts of the system for ImGui, which draws only characters that were put into its atlas beforehand.
#include <imgui.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include "ui/desktop/theme.h"

namespace reverie::desktop::theme {
namespace {

namespace fs = std::filesystem;

constexpr std::array<ImWchar, 27> kAlways = {
    0x0020, 0x024F,  // Latin
    0x0370, 0x03FF,  // Greek
    0x0400, 0x052F,  // Cyrillic
    0x2010, 0x205E,  // punctuation
    0x2070, 0x209F,  // raised and lowered
    0x20A0, 0x20BF, 0x2100, 0x214F,
    0x2190, 0x21FF,  // arrows
    0x2200, 0x22FF,  // mathematics
    0x2300, 0x23FF, 0x2500, 0x25FF, 0x2600, 0x26FF, 0x2700, 0x27BF, 0};

// Fonts that have other scripts, tried in this order.
constexpr std::array kOtherScripts = {
    "DejaVuSans.ttf",          "NotoSansCJK-Regular.ttc",     "NotoSansCJKsc-Regular.otf", "DroidSansFallbackFull.ttf",
    "wqy-microhei.ttc",        "NotoSansDevanagari-Regular.ttf", "NotoSansThai-Regular.ttf", "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf", "unifont.ttf"};

std::vector<fs::path> FontFolders() {
  std::vector<fs::path> folders;
  if (const char* own = std::getenv("REVERIE_FONTS")) folders.push_back(own);
  if (const char* home = std::getenv("HOME")) {
    folders.push_back(fs::path(home) / ".local/share/fonts");
    folders.push_back(fs::path(home) / ".fonts");
  }
  for (const char* folder : {"/usr/share/fonts", "/usr/local/share/fonts", "/usr/X11R6/lib/X11/fonts"}) {
    folders.push_back(folder);
  }
  return folders;
}

/// Every font file by its name, looked for once.
const std::map<std::string, fs::path>& FontFiles() {
  static const std::map<std::string, fs::path> files = [] {
    std::map<std::string, fs::path> found;
    for (const fs::path& folder : FontFolders()) {
      std::error_code error;
      fs::recursive_directory_iterator it(folder, fs::directory_options::skip_permission_denied, error), end;
      for (size_t seen = 0; !error && it != end && seen < 20000; it.increment(error), ++seen) {
        found.emplace(it->path().filename().string(), it->path());
      }
    }
    return found;
  }();
  return files;
}

/// The file in memory that the atlas takes over; null where it cannot be read or is no font: ImGui would abort.
void* ReadFont(const fs::path& file, int& bytes) {
  std::ifstream stream(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(stream), {}};
  const std::string_view magic = std::string_view(text).substr(0, 4);
  const bool font = magic == std::string_view("\0\1\0\0", 4) || magic == "OTTO" || magic == "ttcf" || magic == "true";
  if (!font || text.size() > (size_t{64} << 20)) return nullptr;
  bytes = static_cast<int>(text.size());
  void* memory = ImGui::MemAlloc(text.size());
  std::memcpy(memory, text.data(), text.size());
  return memory;
}

bool InRanges(unsigned code) {
  for (size_t i = 0; kAlways[i] != 0; i += 2) {
    if (code >= kAlways[i] && code <= kAlways[i + 1]) return true;
  }
  return false;
}

std::set<ImWchar> g_noted;  // outside kAlways, by NoteText
bool g_due = false;
ImFontAtlas* g_atlas = nullptr;  // of g_fonts
Fonts g_fonts;
std::vector<ImWchar> g_noted_ranges;  // ImGui reads it while it builds

}  // namespace

Fonts CurrentFonts() {
  ImGuiIO& io = ImGui::GetIO();
  if (io.Fonts == g_atlas && g_fonts.regular != nullptr) return g_fonts;
  ImFont* font = ImGui::GetFont();
  return {font, font, font, font};
}

void LoadFonts(float size_px) {
  g_due = false;
  size_px = std::clamp(size_px, 6.0f, 96.0f);
  ImFontAtlas& atlas = *ImGui::GetIO().Fonts;
  atlas.Clear();
  atlas.Flags |= ImFontAtlasFlags_NoPowerOfTwoHeight;
  g_noted_ranges.clear();
  for (const ImWchar code : g_noted) {
    g_noted_ranges.push_back(code);
    g_noted_ranges.push_back(code);
  }
  g_noted_ranges.push_back(0);

  const auto add = [&](const char* name, float px, const ImWchar* ranges, bool merge) -> ImFont* {
    const auto found = FontFiles().find(name);
    if (found == FontFiles().end()) return nullptr;
    ImFontConfig config;
    config.OversampleH = px < 24 ? 2 : 1;
    config.OversampleV = 1;
    config.PixelSnapH = true;
    config.MergeMode = merge;
    int bytes = 0;
    void* font = ReadFont(found->second, bytes);
    return font == nullptr ? nullptr : atlas.AddFontFromMemoryTTF(font, bytes, px, &config, ranges);
  };
  g_fonts = {};
  g_fonts.regular = add("DejaVuSans.ttf", size_px, kAlways.data(), false);
  if (g_fonts.regular == nullptr) {
    ImFontConfig config;
    config.SizePixels = std::max(13.0f, std::round(size_px / 13) * 13);
    g_fonts.regular = atlas.AddFontDefault(&config);
  }
  if (!g_noted.empty()) {
    for (const char* name : kOtherScripts) add(name, size_px, g_noted_ranges.data(), true);
  }
  static constexpr std::array<ImWchar, 5> kLatin = {0x20, 0x24F, 0x2010, 0x2027, 0};
  const auto or_regular = [](ImFont* font) { return font != nullptr ? font : g_fonts.regular; };
  g_fonts.bold = or_regular(add("DejaVuSans-Bold.ttf", size_px, kLatin.data(), false));
  g_fonts.title = or_regular(add("DejaVuSans-Bold.ttf", std::round(size_px * 2), kLatin.data(), false));
  g_fonts.mono = or_regular(add("DejaVuSansMono.ttf", size_px, kLatin.data(), false));
  g_atlas = &atlas;
  atlas.Build();
}

void NoteText(std::string_view utf8) {
  for (size_t i = 0; i < utf8.size();) {
    const unsigned char lead = static_cast<unsigned char>(utf8[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    const size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    unsigned code = length == 4 ? lead & 7u : length == 3 ? lead & 15u : lead & 31u;
    for (size_t k = 1; k < length && i + k < utf8.size(); ++k) {
      code = code << 6 | (static_cast<unsigned char>(utf8[i + k]) & 63u);
    }
    i += length;
    // ImGui's characters have 16 bits. A bound keeps a folder of thousands of names from filling the atlas.
    if (code > 0xFFFF || code < 0x80 || InRanges(code) || g_noted.size() >= 3000) continue;
    if (g_noted.insert(static_cast<ImWchar>(code)).second) g_due = true;
  }
}

bool FontsDue() {
  return g_due;
}

}  // namespace reverie::desktop::theme
