// What a file or folder is that a person drops on the window or chooses: told by what is in it. Reads files; any
// thread, not the window's.
#pragma once

#include <filesystem>
#include <string>

namespace reverie::desktop {

struct Openable {
  enum class Kind { kNothing, kTask, kModel, kDataset };
  Kind kind = Kind::kNothing;
  std::filesystem::path path = {};  // of the task's or scene's file, or the folder of model or dataset
  std::string task = {};            // name of the task that a model or dataset belongs to; empty: not said
  std::string problem = {};         // kNothing: one line that says why
};

Openable LookAt(const std::filesystem::path& path);

}  // namespace reverie::desktop
