// Scenes and tasks that a test writes into a folder of its own, and the checks of messages that all share.
#pragma once

#include <array>
#include <clocale>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <locale>
#include <memory>
#include <string>
#include <vector>

#include "sim/environment.h"
#include "tests/sim/dataset_fixture.h"

namespace reverie::task_fixture {

using dataset_fixture::Contains;
using dataset_fixture::IsOneLine;
using dataset_fixture::MessageOf;
using dataset_fixture::SameBits;
using dataset_fixture::TemporaryFolder;

inline std::filesystem::path Write(const std::filesystem::path& file, const std::string& text) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
  return file;
}

/// Compiles `scene` (MJCF), played bare where `task` is empty, else with that text as its task file, which
/// calls the scene scene.xml.
inline std::shared_ptr<const CompiledTask> Compile(const TemporaryFolder& folder, const std::string& scene,
                                                   const std::string& task = "", int action_repeat = 0) {
  const std::filesystem::path file = Write(folder / "scene.xml", scene);
  if (task.empty()) return CompiledTask::Compile(LoadTask(file.string()), action_repeat);
  return CompiledTask::Compile(LoadTask(Write(folder / "task.json", task).string()), action_repeat);
}

/// While it lives, numbers have a decimal comma and dots between thousands: in C++ streams always, in C where
/// the system has such a locale.
class ForeignLocale {
 public:
  ForeignLocale() : streams_(std::locale::global(std::locale(std::locale::classic(), new Comma))) {
    c_ = std::setlocale(LC_ALL, nullptr);
    for (const char* name : {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8"}) {
      if (std::setlocale(LC_ALL, name)) break;
    }
  }
  ~ForeignLocale() {
    std::locale::global(streams_);
    std::setlocale(LC_ALL, c_.c_str());
  }
  ForeignLocale(const ForeignLocale&) = delete;
  ForeignLocale& operator=(const ForeignLocale&) = delete;

 private:
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  std::locale streams_;
  std::string c_;
};

/// Bytes of an STL file: the tetrahedron between the origin and `size` on each axis, of volume size^3/6.
inline std::string TetrahedronStl(float size) {
  const std::array<std::array<float, 3>, 4> corners = {{{0, 0, 0}, {size, 0, 0}, {0, size, 0}, {0, 0, size}}};
  const std::array<std::array<size_t, 3>, 4> faces = {{{0, 2, 1}, {0, 1, 3}, {1, 2, 3}, {0, 3, 2}}};
  std::string bytes(80, '\0');
  const auto append = [&](const auto& value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  append(static_cast<uint32_t>(faces.size()));
  for (const auto& face : faces) {
    append(std::array<float, 3>{});
    for (const size_t corner : face) append(corners[corner]);
    append(uint16_t{0});
  }
  return bytes;
}

/// Works in another folder while it lives.
class WorkingFolder {
 public:
  explicit WorkingFolder(const std::filesystem::path& folder) : before_(std::filesystem::current_path()) {
    std::filesystem::current_path(folder);
  }
  ~WorkingFolder() { std::filesystem::current_path(before_); }
  WorkingFolder(const WorkingFolder&) = delete;
  WorkingFolder& operator=(const WorkingFolder&) = delete;

 private:
  std::filesystem::path before_;
};

/// A fixed, aperiodic action within [-1, 1].
inline std::vector<double> Action(const CompiledTask& task, int step) {
  std::vector<double> action(static_cast<size_t>(task.action_size()));
  for (size_t i = 0; i < action.size(); ++i) {
    action[i] = 0.8 * std::sin(0.7 * step + 1.3 * static_cast<double>(i)) + 0.2 * std::cos(0.31 * step);
  }
  return action;
}

}  // namespace reverie::task_fixture
