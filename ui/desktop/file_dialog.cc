#include "ui/desktop/file_dialog.h"

#include <GLFW/glfw3.h>
#include <imgui.h>
#include <imgui_stdlib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

namespace fs = std::filesystem;
using Kind = FileQuestion::Kind;

constexpr size_t kMostEntries = 5000;

std::string Lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

bool HasExtension(const fs::path& path, const std::vector<std::string>& extensions) {
  if (extensions.empty()) return true;
  const std::string name = Lower(path.filename().string());
  return std::any_of(extensions.begin(), extensions.end(), [&](const std::string& extension) {
    return name.size() > extension.size() && name.ends_with(extension);
  });
}

fs::path Home() {
  const char* home = std::getenv("HOME");
  return home != nullptr && *home != '\0' ? fs::path(home) : fs::path("/");
}

std::string Size(uint64_t bytes) {
  char text[32];
  const double kib = static_cast<double>(bytes) / 1024;
  if (bytes < 1024) {
    std::snprintf(text, sizeof text, "%u B", static_cast<unsigned>(bytes));
  } else if (kib < 1024) {
    std::snprintf(text, sizeof text, "%.0f KiB", kib);
  } else if (kib < 1024 * 1024) {
    std::snprintf(text, sizeof text, "%.1f MiB", kib / 1024);
  } else {
    std::snprintf(text, sizeof text, "%.1f GiB", kib / 1024 / 1024);
  }
  return text;
}

}  // namespace

std::string ShownPath(const fs::path& path) {
  const std::string bytes = path.string();
  std::string text;
  for (size_t i = 0; i < bytes.size();) {
    const auto byte = [&](size_t k) { return k < bytes.size() ? static_cast<unsigned char>(bytes[k]) : 0u; };
    const unsigned lead = byte(i);
    const size_t length = lead < 0x80 ? 1 : lead >= 0xC2 && lead < 0xE0 ? 2 : (lead & 0xF0) == 0xE0 ? 3 : lead >= 0xF0 && lead < 0xF5 ? 4 : 0;
    bool valid = length > 0;
    for (size_t k = 1; valid && k < length; ++k) valid = (byte(i + k) & 0xC0) == 0x80;
    if (valid && length == 1 && (lead < 0x20 || lead == 0x7F)) valid = false;  // a line break in a name
    if (valid) {
      text.append(bytes, i, length);
      i += length;
    } else {
      text += "\xEF\xBF\xBD";
      ++i;
    }
  }
  return text;
}

bool FileDialog::saving() const {
  return question_.kind == Kind::kSaveFile || question_.kind == Kind::kSaveFolder;
}

void FileDialog::Ask(FileQuestion question, std::function<void(const fs::path&)> chosen) {
  question_ = std::move(question);
  chosen_ = std::move(chosen);
  opening_ = open_ = true;
  focus_name_ = true;
  name_text_ = saving() ? question_.name : "";
  filter_.clear();
  to_replace_.clear();
  std::error_code error;
  fs::path folder = question_.folder.empty() ? folder_ : fs::absolute(question_.folder, error);
  if (folder.empty()) folder = fs::current_path(error);
  if (folder.empty()) folder = Home();
  while (!fs::is_directory(folder, error) && folder.has_relative_path()) folder = folder.parent_path();
  Enter(folder);
}

void FileDialog::Enter(const fs::path& folder) {
  problem_.clear();
  marked_.clear();
  std::error_code error;
  fs::path to = fs::weakly_canonical(folder, error);
  if (error) to = folder.lexically_normal();
  std::vector<Entry> entries;
  size_t left_out = 0;
  fs::directory_iterator it(to, error), end;
  for (; !error && it != end; it.increment(error)) {
    const fs::path& path = it->path();
    const std::string bytes = path.filename().string();
    if (bytes.empty() || bytes[0] == '.') continue;
    std::error_code ignored;
    const bool is_folder = it->is_directory(ignored);
    if (!is_folder) {
      const bool files_wanted = question_.kind != Kind::kOpenFolder && question_.kind != Kind::kSaveFolder;
      if (!files_wanted || !HasExtension(path, question_.extensions)) continue;
    }
    if (entries.size() == kMostEntries) {
      if (++left_out > 100000) break;
      continue;
    }
    entries.push_back({path, ShownPath(path.filename()), is_folder, 0});
  }
  if (error) {
    // Where it stands stays as it is, so that there is a way back.
    problem_ = ShownPath(to) + ": " + error.message();
    if (folder_.empty()) folder_ = to;
    path_text_ = ShownPath(folder_);
    return;
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.folder != b.folder) return a.folder;
    const std::string left = Lower(a.name), right = Lower(b.name);
    return left != right ? left < right : a.name < b.name;
  });
  for (Entry& entry : entries) {
    theme::NoteText(entry.name);
    std::error_code ignored;
    if (!entry.folder && entries.size() < 500) entry.bytes = fs::file_size(entry.path, ignored);
    if (ignored) entry.bytes = 0;
  }
  entries_ = std::move(entries);
  left_out_ = left_out;
  folder_ = to;
  path_text_ = ShownPath(to);
  theme::NoteText(path_text_);
  filter_.clear();
}

fs::path FileDialog::Typed() const {
  if (name_text_.empty()) return {};
  fs::path name = name_text_;
  if (name_text_[0] == '~' && (name_text_.size() == 1 || name_text_[1] == '/')) {
    name = Home() / fs::path(name_text_.substr(std::min<size_t>(2, name_text_.size())));
  }
  return (folder_ / name).lexically_normal();  // an absolute name stands for itself
}

void FileDialog::Choose(const fs::path& path) {
  std::error_code error;
  fs::path answer = path;
  const bool is_folder = fs::is_directory(answer, error);
  const bool there = fs::exists(answer, error);
  switch (question_.kind) {
    case Kind::kOpenFile:
      if (is_folder) {
        name_text_.clear();
        return Enter(answer);
      }
      break;
    case Kind::kOpenFolder:
      if (there && !is_folder) {
        problem_ = ShownPath(answer) + ": a folder is asked for, and this is a file";
        return;
      }
      break;
    case Kind::kOpenEither:
      break;
    case Kind::kSaveFile:
      if (is_folder) {
        name_text_.clear();
        return Enter(answer);
      }
      if (!question_.extensions.empty() && !HasExtension(answer, question_.extensions)) {
        answer += question_.extensions.front();
      }
      break;
    case Kind::kSaveFolder:
      if (there && !is_folder) {
        problem_ = ShownPath(answer) + ": a file of this name is there already";
        return;
      }
      break;
  }
  if (!saving() && !fs::exists(answer, error)) {
    problem_ = ShownPath(answer) + ": " + (error ? error.message() : "there is no such file or folder");
    return;
  }
  if (saving() && !fs::is_directory(answer.parent_path(), error)) {
    problem_ = ShownPath(answer.parent_path()) + ": there is no such folder";
    return;
  }
  if (question_.kind == Kind::kSaveFile && fs::exists(answer, error) && to_replace_ != answer) {
    to_replace_ = answer;
    return;
  }
  open_ = false;
  ImGui::CloseCurrentPopup();
  if (chosen_) {
    const auto chosen = std::move(chosen_);  // it may ask the next question
    chosen_ = nullptr;
    chosen(answer);
  }
}

void FileDialog::DrawPlaces() {
  const float em = ImGui::GetFontSize();
  if (ImGui::Button("Home")) Enter(Home());
  for (const fs::path& place : question_.shortcuts) {
    ImGui::SameLine();
    const std::string name = place.has_filename() ? ShownPath(place.filename()) : ShownPath(place);
    if (ImGui::GetContentRegionAvail().x < ImGui::CalcTextSize(name.c_str()).x + 2 * em) ImGui::NewLine();
    ImGui::PushID(place.c_str());
    if (ImGui::Button(name.c_str())) Enter(place);
    theme::Tooltip(ShownPath(place).c_str());
    ImGui::PopID();
  }
  if (ImGui::Button("Up")) Enter(folder_.parent_path());
  theme::Tooltip("To the folder that this one is in");
  ImGui::SameLine();
  ImGui::SetNextItemWidth(-1);
  if (ImGui::InputText("##path", &path_text_, ImGuiInputTextFlags_EnterReturnsTrue)) {
    const fs::path typed = path_text_.starts_with("~/") ? Home() / path_text_.substr(2) : folder_ / fs::path(path_text_);
    std::error_code error;
    if (fs::is_directory(typed, error) || question_.kind == Kind::kOpenFolder) {
      Enter(typed);
    } else {
      Choose(typed.lexically_normal());
    }
  }
}

void FileDialog::DrawEntries(float height) {
  const float em = ImGui::GetFontSize();
  fs::path enter, choose;
  ImGui::PushStyleColor(ImGuiCol_ChildBg, theme::Colours().panel);
  if (ImGui::BeginChild("##entries", {0, height}, true)) {
    const std::string wanted = Lower(filter_);
    std::vector<const Entry*> shown;
    for (const Entry& entry : entries_) {
      if (wanted.empty() || Lower(entry.name).find(wanted) != std::string::npos) shown.push_back(&entry);
    }
    if (shown.empty()) {
      ImGui::TextDisabled("%s", entries_.empty() ? "Nothing here that could be chosen" : "No name has this in it");
    }
    ImGuiListClipper clipper;
    clipper.Begin(static_cast<int>(shown.size()));
    while (clipper.Step()) {
      for (int i = clipper.DisplayStart; i < clipper.DisplayEnd; ++i) {
        const Entry& entry = *shown[static_cast<size_t>(i)];
        ImGui::PushID(entry.path.c_str());
        const float left = ImGui::GetCursorPosX();
        if (ImGui::Selectable("##entry", entry.path == marked_, ImGuiSelectableFlags_AllowDoubleClick)) {
          marked_ = entry.path;
          const bool wanted_kind = !entry.folder || question_.kind == Kind::kOpenEither || question_.kind == Kind::kOpenFolder || question_.kind == Kind::kSaveFolder;
          if (wanted_kind) name_text_ = entry.path.filename().string();
          if (ImGui::IsMouseDoubleClicked(ImGuiMouseButton_Left)) (entry.folder ? enter : choose) = entry.path;
        }
        ImGui::SameLine(left + em / 4);
        if (entry.folder) {
          ImGui::PushStyleColor(ImGuiCol_Text, theme::Colours().accent);
          ImGui::TextUnformatted((entry.name + "/").c_str());
          ImGui::PopStyleColor();
        } else {
          ImGui::TextUnformatted(entry.name.c_str());
          if (entry.bytes > 0) {
            const std::string size = Size(entry.bytes);
            ImGui::SameLine(std::max(left, ImGui::GetContentRegionMax().x - ImGui::CalcTextSize(size.c_str()).x - em / 2));
            ImGui::TextDisabled("%s", size.c_str());
          }
        }
        ImGui::PopID();
      }
    }
    if (left_out_ > 0) ImGui::TextDisabled("... and %zu more: type the name", left_out_);
  }
  ImGui::EndChild();
  ImGui::PopStyleColor();
  if (!enter.empty()) {
    if (!saving()) name_text_.clear();
    Enter(enter);
  } else if (!choose.empty()) {
    Choose(choose);
  }
}

void FileDialog::DrawAnswer() {
  const float em = ImGui::GetFontSize();
  if (focus_name_ && !ImGui::IsWindowAppearing()) {
    ImGui::SetKeyboardFocusHere();
    focus_name_ = false;
  }
  ImGui::SetNextItemWidth(std::max(em, ImGui::GetContentRegionAvail().x - 14 * em));
  const char* hint = question_.kind == Kind::kSaveFolder ? "Name of the new folder" : saving() ? "Name of the new file" : "Name";
  const bool entered = ImGui::InputTextWithHint("##name", hint, &name_text_, ImGuiInputTextFlags_EnterReturnsTrue);
  if (ImGui::IsItemEdited()) to_replace_.clear();
  ImGui::SameLine();
  const bool folder_itself = question_.kind == Kind::kOpenFolder || question_.kind == Kind::kOpenEither;
  fs::path answer = Typed();
  if (answer.empty() && folder_itself) answer = folder_;
  const bool replace = !to_replace_.empty();
  ImGui::BeginDisabled(answer.empty());
  const char* verb = replace ? "Replace" : saving() ? "Save" : "Open";
  const bool pressed = ImGui::Button(verb, {6.5f * em, 0});
  ImGui::EndDisabled();
  ImGui::SameLine();
  if (ImGui::Button("Cancel", {6.5f * em, 0}) || ImGui::IsKeyPressed(GLFW_KEY_ESCAPE, false)) {
    open_ = false;
    chosen_ = nullptr;
    ImGui::CloseCurrentPopup();
    return;
  }
  if ((pressed || (entered && !replace)) && !answer.empty()) Choose(answer);
}

void FileDialog::Draw() {
  if (!open_) return;
  const float em = ImGui::GetFontSize();
  const ImGuiViewport& viewport = *ImGui::GetMainViewport();
  const std::string id = (question_.title.empty() ? "Choose a file" : question_.title) + "###files";
  if (opening_) ImGui::OpenPopup(id.c_str());
  opening_ = false;
  const auto within = [](float wish, float room) { return std::max(1.0f, std::min(wish, room)); };
  ImGui::SetNextWindowPos(viewport.GetWorkCenter(), ImGuiCond_Always, {0.5f, 0.5f});
  ImGui::SetNextWindowSize({within(46 * em, viewport.WorkSize.x - 2 * em), within(32 * em, viewport.WorkSize.y - 2 * em)});
  if (!ImGui::BeginPopupModal(id.c_str(), nullptr, ImGuiWindowFlags_NoResize | ImGuiWindowFlags_NoMove)) {
    open_ = false;
    return;
  }
  DrawPlaces();
  ImGui::SetNextItemWidth(-1);
  ImGui::InputTextWithHint("##only", "Show only names with these letters", &filter_);
  const float below = ImGui::GetFrameHeightWithSpacing() + 2.4f * ImGui::GetTextLineHeightWithSpacing();
  DrawEntries(std::max(2 * em, ImGui::GetContentRegionAvail().y - below));
  std::string line = problem_;
  if (!to_replace_.empty()) line = ShownPath(to_replace_.filename()) + " is there already. Replace it?";
  if (line.empty() && !question_.extensions.empty()) {
    std::string kinds;
    for (const std::string& extension : question_.extensions) kinds += (kinds.empty() ? "" : ", ") + extension;
    ImGui::TextDisabled("Listed: folders and %s", kinds.c_str());
  } else {
    ImGui::PushStyleColor(ImGuiCol_Text, to_replace_.empty() ? theme::Colours().bad : theme::Colours().warn);
    ImGui::PushTextWrapPos(0);
    ImGui::TextUnformatted(line.c_str());
    ImGui::PopTextWrapPos();
    ImGui::PopStyleColor();
  }
  ImGui::SetCursorPosY(std::max(ImGui::GetCursorPosY(), ImGui::GetWindowHeight() - ImGui::GetFrameHeightWithSpacing() - em / 2));
  DrawAnswer();
  ImGui::EndPopup();
}

}  // namespace reverie::desktop
