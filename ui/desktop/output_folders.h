// Where the app puts what it makes when nobody says where: out/ under the working directory, else
// $XDG_DATA_HOME/reverie. Nothing is ever overwritten. Reads and makes folders: for jobs, not the window's thread.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace reverie::desktop {

/// Folders that may hold what earlier runs made, the first the one that new ones go to.
std::vector<std::filesystem::path> OutputRoots();

/// Makes the first folder `kind`/TASK-NNNN that is not there yet: "learning/cartpole-swingup-0001".
/// @throws Error where no folder can be made.
std::filesystem::path MakeFreshFolder(const std::string& kind, const std::string& task);

/// Makes a folder that a person chose, or takes it if it is empty. @throws Error saying what is in the way.
void PrepareChosenFolder(const std::filesystem::path& folder, std::string_view marker);

/// A task's name as part of a file's: "dm_control-cup-catch".
std::string FileStem(const std::string& task);

}  // namespace reverie::desktop
