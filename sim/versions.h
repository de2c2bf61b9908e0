// Versions of the libraries that simulation and files rest on, as loaded at run time.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace reverie {

/// Name and version, in reading order: MuJoCo, HDF5, libavcodec, libpng.
std::vector<std::pair<std::string, std::string>> LibraryVersions();

}  // namespace reverie
