#include "ui/desktop/imagined_strip.h"

#include <algorithm>
#include <cstring>

#include "ui/desktop/app.h"
#include "ui/desktop/panel_parts.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

constexpr int kGap = 2;  // pixels of the film between pictures

}  // namespace

std::vector<uint8_t> ComposeStrip(const ImaginedFilm& film, int most, std::vector<int>& columns, int& width, int& height) {
  const int shown = std::clamp(most, std::min(2, film.pictures), film.pictures), rows = film.real.empty() ? 1 : 2;
  columns.clear();
  for (int i = 0; i < shown; ++i) columns.push_back(shown > 1 ? i * (film.pictures - 1) / (shown - 1) : 0);
  width = shown * (film.width + kGap) - kGap;
  height = rows * (film.height + kGap) - kGap;
  std::vector<uint8_t> strip(static_cast<size_t>(width) * static_cast<size_t>(height) * 3, 0);
  const size_t line = static_cast<size_t>(film.width) * 3;
  for (int row = 0; row < rows; ++row) {
    const std::vector<uint8_t>& pictures = rows == 2 && row == 0 ? film.real : film.drawn;
    for (int i = 0; i < shown; ++i) {
      for (int y = 0; y < film.height; ++y) {
        const size_t from = (static_cast<size_t>(columns[static_cast<size_t>(i)]) * static_cast<size_t>(film.height) + static_cast<size_t>(y)) * line;
        const size_t to = (static_cast<size_t>(row * (film.height + kGap) + y) * static_cast<size_t>(width) + static_cast<size_t>(i * (film.width + kGap))) * 3;
        std::memcpy(strip.data() + to, pictures.data() + from, line);
      }
    }
  }
  return strip;
}

void ImaginedStrip::Draw(App& app, const std::shared_ptr<const ImaginedFilm>& film) {
  if (!film || film->pictures < 1) return;
  const float em = ImGui::GetFontSize(), available = std::max(ImGui::GetContentRegionAvail().x, em);
  const int most = std::max(2, static_cast<int>(available / (4 * em)));
  if (uploaded_ != film || losses_ != app.textures.losses() || most_ != most) {
    uploaded_ = film;
    losses_ = app.textures.losses();
    most_ = most;
    const std::vector<uint8_t> strip = ComposeStrip(*film, most, columns_, width_, height_);
    texture_ = app.textures.Upload(name_, width_, height_, strip);
  }
  const float scale = std::min(available / static_cast<float>(width_), 6 * em / static_cast<float>(film->height));
  const ImVec2 size(scale * static_cast<float>(width_), scale * static_cast<float>(height_));
  const ImVec2 at = ImGui::GetCursorScreenPos();
  if (texture_) {
    ImGui::Image(texture_, size);
  } else {
    ImGui::Dummy(size);
  }
  if (!ImGui::IsItemHovered() || columns_.empty()) return;
  const float column = (ImGui::GetMousePos().x - at.x) / (scale * static_cast<float>(film->width + kGap));
  const int i = std::clamp(static_cast<int>(column), 0, static_cast<int>(columns_.size()) - 1);
  const double ahead_s = columns_[static_cast<size_t>(i)] * film->step_s;
  ImGui::SetTooltip("%s", i == 0 ? "where it begins: seen, and drawn again" : ("imagined " + Number(ahead_s) + " s ahead").c_str());
}

}  // namespace reverie::desktop
