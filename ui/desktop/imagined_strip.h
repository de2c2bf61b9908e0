// Pictures that a model imagined as a strip, time from left to right; above them those that were seen, where there are any.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <imgui.h>

#include "worldmodel/picture_model.h"

namespace reverie::desktop {

struct App;

/// The strip as one picture, (height, width, 3): of more than `most` pictures some are left out, evenly, never the first
/// and the last. @param columns  filled: which pictures are shown.
std::vector<uint8_t> ComposeStrip(const ImaginedFilm& film, int most, std::vector<int>& columns, int& width, int& height);

class ImaginedStrip {
 public:
  /// @param name  of its texture.
  explicit ImaginedStrip(std::string name) : name_(std::move(name)) {}
  void Draw(App& app, const std::shared_ptr<const ImaginedFilm>& film);

 private:
  const std::string name_;
  std::shared_ptr<const ImaginedFilm> uploaded_;
  int64_t losses_ = 0;
  int most_ = 0, width_ = 0, height_ = 0;
  std::vector<int> columns_;
  ImTextureID texture_ = nullptr;
};

}  // namespace reverie::desktop
