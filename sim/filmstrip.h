// Pictures that a model imagined beside those that were recorded: as a strip, time from left to right, and as a film.
// The caller's thread; files appear whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <stop_token>
#include <string>

#include "sim/picture.h"

namespace reverie {

/// Pictures of one window, (count, height, width, 3) each.
struct ImaginedPictures {
  int64_t count = 0;
  int width = 0, height = 0;        // pixels
  std::span<const uint8_t> real, drawn;
  double step_s = 0;                // from picture to picture
  std::string label;                // one line that says what is shown
};

/// Three rows: what was seen, what was drawn, and by how much they differ (black: by nothing). Of more than a dozen
/// pictures some are left out, evenly; small ones are enlarged.
/// @throws ShapeError if the sizes do not fit.
Picture MakeFilmstrip(const ImaginedPictures& pictures);

/// The same three side by side, one second of rest at the end; slowed so that it lasts 3 s at least.
/// @return  false if `stop` ended it; then there is no file.
/// @throws ShapeError; DeviceError without an encoder; Error if the file cannot be written.
bool WriteImaginedFilm(const std::filesystem::path& path, const ImaginedPictures& pictures, std::stop_token stop = {});

}  // namespace reverie
