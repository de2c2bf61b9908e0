// Pictures read from PNG files. No threads.
#pragma once

#include <filesystem>

#include "sim/picture.h"

namespace reverie {

/// Reads a PNG as RGB, transparency over black. @throws Error naming the file and libpng's reason.
Picture ReadPng(const std::filesystem::path& path);

/// The picture at another size, by areas where it becomes smaller.
Picture Resized(const Picture& picture, int width, int height);

}  // namespace reverie
