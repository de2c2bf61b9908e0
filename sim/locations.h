// Where scenes, scripts, the control suite and Python are found at run time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace reverie {

/// Folder with the project's task files: $REVERIE_SCENES, else the source tree's scenes/.
std::filesystem::path ScenesFolder();

/// Folder with the project's Python scripts: the source tree's scripts/.
std::filesystem::path ScriptsFolder();

/// The Python that has the plotting packages: $REVERIE_PYTHON, $VIRTUAL_ENV, else the one the build was made
/// with.
std::filesystem::path PythonExecutable();

/// Folder of an installed Python package (`dm_control`, `gymnasium`), without running Python.
/// $REVERIE_SITE_PACKAGES is looked at first. @throws SceneError listing the folders that were searched.
std::filesystem::path PythonPackageFolder(const std::string& package);

}  // namespace reverie
