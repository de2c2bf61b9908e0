// Asks for a file or folder to open or to write, inside the window. It lists folders as they are entered, hidden
// files left out, and says in the dialog what keeps it from reading one. Window's thread only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace reverie::desktop {

struct FileQuestion {
  enum class Kind { kOpenFile, kOpenFolder, kOpenEither, kSaveFile, kSaveFolder };
  std::string title = {};                    // "Save picture"
  Kind kind = Kind::kOpenFile;
  std::vector<std::string> extensions = {};  // ".png": only these are listed, and the first is added to a new name
  std::filesystem::path folder = {};         // begins there; empty: where the last question ended
  std::string name = {};                     // suggested, for kSaveFile and kSaveFolder
  std::vector<std::filesystem::path> shortcuts = {};  // folders worth a click besides home
};

class FileDialog {
 public:
  /// Shows the dialog; `chosen` is called with an absolute path once the person has agreed to it, never if not.
  /// A second question replaces the first.
  void Ask(FileQuestion question, std::function<void(const std::filesystem::path&)> chosen);
  bool open() const { return open_; }
  /// Each frame, at the top level. Calls `chosen` from in here.
  void Draw();

 private:
  struct Entry {
    std::filesystem::path path;
    std::string name;  // UTF-8 for showing
    bool folder = false;
    uint64_t bytes = 0;
  };
  void Enter(const std::filesystem::path& folder);
  void Choose(const std::filesystem::path& path);
  void DrawPlaces();
  void DrawEntries(float height);
  void DrawAnswer();
  std::filesystem::path Typed() const;
  bool saving() const;

  FileQuestion question_;
  std::function<void(const std::filesystem::path&)> chosen_;
  bool open_ = false, opening_ = false, focus_name_ = false;
  std::filesystem::path folder_;
  std::vector<Entry> entries_;
  size_t left_out_ = 0;  // entries beyond those listed
  std::string path_text_, name_text_, filter_, problem_;
  std::filesystem::path marked_, to_replace_;
};

/// A path as text to show or to keep: what is not UTF-8 in it becomes U+FFFD.
std::string ShownPath(const std::filesystem::path& path);

}  // namespace reverie::desktop
