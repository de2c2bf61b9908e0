// Which few of many channels are plotted: found by search, pinned by hand, or the first by a score such as error
// or uncertainty. The order is kept for a while, so that plots do not jump about while a person reads them.
// Window's thread only.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace reverie::desktop {

class ChannelChooser {
 public:
  explicit ChannelChooser(int count = 4) : count_(count) {}

  /// Draws search, order and number of plots.
  /// @param first  what the order by score is called: "most uncertain first".
  void DrawControls(const char* first, std::span<const std::string> labels);
  /// The channels to plot: those pinned, then by score, as many as were asked for. With a search only those
  /// that it finds.
  /// @param score  one per label, higher first; NaN last. May be shorter.
  const std::vector<int>& Choose(std::span<const std::string> labels, std::span<const float> score, double now_s);

  bool pinned(int channel) const;
  void TogglePin(int channel);
  /// Forgets pins and order: other channels.
  void Clear();

  std::string search;

 private:
  int count_;
  bool by_score_ = true;
  std::vector<int> pins_, order_, chosen_;
  double ordered_at_s_ = -1;
  size_t ordered_labels_ = 0;
  bool ordered_by_score_ = true, had_scores_ = false;
};

}  // namespace reverie::desktop
