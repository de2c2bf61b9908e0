#include "worldmodel/learned_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

#include "worldmodel/device.h"

namespace reverie {

void LearnedModel::SetThreads(int threads) {
  if (TorchThreads() != threads) SetTorchThreads(threads);
}

bool LearnedModel::Calibrate(const Episode& episode, const std::function<bool()>& go_on) {
  // Windows spread over the episode; where they start differs from episode to episode, since episodes of an agent
  // that has learned are alike and the same phases would be judged each time.
  constexpr int kWindows = 40;
  const Calibration before = calibration();
  const int64_t nu = task().action_size();
  Random jitter(HashSeed(episode.seed, 0x6a7564676573));
  const int longest = static_cast<int>(std::min<int64_t>(Calibration::Knots().back(), episode.steps));
  Imagination imagined;
  for (int w = 0; w < kWindows; ++w) {
    if (go_on && !go_on()) {
      calibration() = before;
      return false;
    }
    const double spread = static_cast<double>(episode.steps - longest + 1) / kWindows;
    const int64_t start = static_cast<int64_t>(spread * (w + jitter.Uniform()));
    const Belief belief = Belief::Of(task(), episode, start, memory());
    const auto first = episode.actions.begin() + static_cast<std::ptrdiff_t>(start * nu);
    const std::vector<float> actions(first, first + static_cast<std::ptrdiff_t>(longest * nu));
    Imagine(belief, actions, 1, longest, {.channels = true}, imagined);
    for (int h = 1; h <= longest; ++h) {
      const std::vector<double> real = ChannelsAt(episode, start + h);
      std::vector<double> scaled(real.size());
      for (size_t c = 0; c < real.size(); ++c) {
        const size_t at = static_cast<size_t>(h - 1) * real.size() + c;
        double error = real[c] - imagined.channels[at];
        if (task().angles()[c]) error = std::remainder(error, 2.0 * std::numbers::pi);
        const double raw = imagined.spread[at] / calibration().Factor(static_cast<int>(c), h);
        scaled[c] = raw > 0.0 ? std::abs(error) / raw : std::numeric_limits<double>::quiet_NaN();
      }
      calibration().Observe(h, scaled);
    }
    if (episode.steps == longest) break;
  }
  calibration().Fit();
  return true;
}

}  // namespace reverie
