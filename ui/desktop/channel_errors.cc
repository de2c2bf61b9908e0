#include <algorithm>
#include <cmath>
#include <limits>

#include "ui/desktop/compared_panel.h"
#include "ui/desktop/panel_parts.h"

namespace reverie::desktop {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr double kDeviationsOf90 = 1.645;

bool IsAngle(const std::vector<bool>& angles, size_t channel) { return channel < angles.size() && angles[channel]; }

}  // namespace

std::vector<ChannelError> MeasureChannels(const PredictedVersusReal& compared, std::span<const double> scale,
                                          const std::vector<bool>& angles, double tolerance) {
  const size_t channels = static_cast<size_t>(std::max(compared.channel_size, 0));
  size_t steps = static_cast<size_t>(std::max(compared.steps, 0));
  if (channels > 0) steps = std::min({steps, compared.predicted.size() / channels, compared.real.size() / channels});
  const bool spread = compared.spread.size() >= steps * channels;
  std::vector<ChannelError> errors(channels);
  for (size_t c = 0; c < channels; ++c) {
    ChannelError& error = errors[c];
    error = {static_cast<int>(c), kNaN, kNaN, kNaN, 0};
    const double unit = c < scale.size() && compared.Tells(static_cast<int>(c)) ? scale[c] : 0;
    double sum = 0;
    size_t inside = 0, known = 0;
    for (size_t t = 0; t < steps; ++t) {
      const size_t at = t * channels + c;
      // In the channel's own unit, for the band; whatever is not a number is as far off as can be.
      const double off = std::abs(InDeviations(compared.predicted[at], compared.real[at], 1, IsAngle(angles, c)));
      if (spread && std::isfinite(compared.spread[at])) {
        ++known;
        inside += off <= kDeviationsOf90 * compared.spread[at];
      }
      if (!(unit > 0)) continue;
      const double deviations = std::isfinite(off) ? off / unit : std::numeric_limits<double>::infinity();
      sum += deviations * deviations;
      error.last = static_cast<float>(deviations);
      if (error.parts_at == 0 && deviations > tolerance) error.parts_at = static_cast<int>(t) + 1;
    }
    if (unit > 0 && steps > 0) error.rms = static_cast<float>(std::sqrt(sum / static_cast<double>(steps)));
    if (known > 0) error.in_band = static_cast<float>(inside) / static_cast<float>(known);
  }
  std::stable_sort(errors.begin(), errors.end(), [](const ChannelError& a, const ChannelError& b) {
    return a.rms > b.rms || (std::isnan(b.rms) && !std::isnan(a.rms));
  });
  return errors;
}

std::string DescribeCompared(const SessionSnapshot& now, std::span<const ChannelError> errors,
                             std::span<const std::string> labels) {
  if (!now.compared) {
    if (!now.imagination.enabled || !now.imagination.compare)
      return "Predictions are not compared: the comparison is switched off.";
    if (now.model_loading) return "No prediction yet: the model is being opened.";
    if (now.imagination.frozen && now.now == *now.imagination.frozen)
      return "A prediction stands from here. Play or step, and reality walks away from it.";
    if (now.imagination.frozen)
      return "Reality did not come this way from where the prediction was made: it took another branch, was changed "
             "by hand, or has not come so far.";
    return "No prediction yet: play or step, and what was predicted is put beside what happens.";
  }
  const PredictedVersusReal& compared = *now.compared;
  if (compared.steps <= 0) return "A prediction stands; nothing has happened since. Play or step to see how it fares.";
  const double step_s = now.timeline.control_step_s;
  const auto label = [&](int channel) {
    const size_t i = static_cast<size_t>(channel);
    return channel >= 0 && i < labels.size() ? labels[i] : "channel " + std::to_string(channel);
  };
  if (compared.parts_at > 0) {
    std::string text =
        "They part after " + Steps(compared.parts_at) + " (" + Number(compared.parts_at * step_s) + " s)";
    const size_t channels = static_cast<size_t>(std::max(compared.channel_size, 0));
    const size_t c = static_cast<size_t>(std::max(compared.parts_channel, 0));
    const size_t at = static_cast<size_t>(compared.parts_at - 1) * channels + c;
    if (compared.parts_channel < 0) return text + ".";
    text += ": " + label(compared.parts_channel);
    if (c >= channels || at >= compared.predicted.size() || at >= compared.real.size()) return text + ".";
    const bool angle = now.task && IsAngle(now.task->angles(), c);
    const double unit = c < now.channel_scale.size() ? now.channel_scale[c] : 0;
    const double off = std::abs(InDeviations(compared.predicted[at], compared.real[at], unit, angle));
    return text + " is off by " + Number(off) + " of its deviation.";
  }
  std::string text = "Together for " + Steps(compared.steps) + " (" + Number(compared.steps * step_s) + " s)";
  if (now.imagination.frozen && compared.steps == kMostComparedSteps) text += ", as far as predictions are followed";
  if (errors.empty() || !std::isfinite(errors[0].rms)) return text + ".";
  return text + ": the worst is " + label(errors[0].channel) + ", off by " + Number(errors[0].rms) +
         " of its deviation on average.";
}

}  // namespace reverie::desktop
