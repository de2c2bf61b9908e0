#include "sim/versions.h"

#include <hdf5.h>
#include <png.h>

extern "C" {
#include <libavcodec/avcodec.h>
}

#include "sim/scene.h"

namespace reverie {
namespace {

std::string Dotted(unsigned major, unsigned minor, unsigned patch) {
  return std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> LibraryVersions() {
  unsigned major = 0, minor = 0, patch = 0;
  H5get_libversion(&major, &minor, &patch);
  const unsigned codec = avcodec_version();
  return {{"MuJoCo", MujocoVersion()},
          {"HDF5", Dotted(major, minor, patch)},
          {"libavcodec", Dotted(codec >> 16, (codec >> 8) & 0xff, codec & 0xff)},
          {"libpng", png_get_libpng_ver(nullptr)}};
}

}  // namespace reverie
