// Which files a scene is made of, for whoever waits for them to change.
#pragma once

#include <filesystem>
#include <vector>

namespace reverie {

/// The scene file and what it names, directly or through files that it includes: MJCF, meshes, textures, height
/// fields, skins. Only those that exist, each once. Reads files; one that cannot be read names nothing.
std::vector<std::filesystem::path> SceneFiles(const std::filesystem::path& scene_file);

}  // namespace reverie
