// URDF files: `package://` references are resolved before MuJoCo reads them. No state.
#pragma once

#include <cstddef>
#include <filesystem>

#include <mujoco/mujoco.h>

namespace reverie {

/// Whether the file's root element is <robot>.
bool IsUrdf(const std::filesystem::path& file);

/// Loads a URDF; meshes resolve relative to it, `package://name/rest` to the nearest folder above it that is
/// called `name` or holds `name`, then along $ROS_PACKAGE_PATH.
/// @throws SceneError listing where a package was looked for. Returns null and writes `error` if MuJoCo refuses it.
mjModel* LoadUrdf(const std::filesystem::path& file, char* error, size_t error_size);

}  // namespace reverie
