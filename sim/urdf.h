// URDF files: every mesh reference is resolved before MuJoCo looks for it. No state.
#pragma once

#include <cstddef>
#include <filesystem>

#include <mujoco/mujoco.h>

namespace reverie {

/// Whether the file's root element is <robot>.
bool IsUrdf(const std::filesystem::path& file);

/// Loads a URDF. Meshes resolve relative to it (or to what a link to it points at) and to its <compiler
/// meshdir>, with their folders or without; `package://name/rest` to the nearest folder above it that is
/// called `name` or holds `name`, then along $ROS_PACKAGE_PATH. Files of one name in different folders stay
/// different meshes.
/// @throws SceneError listing where a mesh was looked for. Returns null and writes `error` if MuJoCo refuses
/// it.
mjModel* LoadUrdf(const std::filesystem::path& file, char* error, size_t error_size);

}  // namespace reverie
