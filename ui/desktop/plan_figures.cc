#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include "ui/desktop/imagination_panel.h"
#include "ui/desktop/panel_parts.h"

namespace reverie::desktop {

namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The channel of the greatest value above nothing; -1: there is none.
int Most(std::span<const float> values) {
  int most = -1;
  float greatest = 1e-6f;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] > greatest)) continue;
    greatest = values[i];
    most = static_cast<int>(i);
  }
  return most;
}

}  // namespace

PlanFigures MeasurePlan(const ImaginedPlan& plan, std::span<const double> scale) {
  PlanFigures figures;
  const size_t horizon = static_cast<size_t>(std::max(plan.horizon, 0));
  const size_t channels = static_cast<size_t>(std::max(plan.channel_size, 0));
  const size_t members = static_cast<size_t>(std::max(plan.members, 0));
  const size_t size = horizon * channels;
  const auto in_deviations = [&](double sum, size_t channel) {
    const double unit = channel < scale.size() ? scale[channel] : 0;
    return unit > 0 && horizon > 0 ? static_cast<float>(sum / static_cast<double>(horizon) / unit) : kNaN;
  };
  if (plan.spread.size() >= size) {
    for (size_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (size_t t = 0; t < horizon; ++t) sum += plan.spread[t * channels + c];
      figures.doubt.push_back(in_deviations(sum, c));
    }
  }
  if (members > 1 && plan.member_channels.size() >= members * size) {
    for (size_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (size_t t = 0; t < horizon; ++t) {
        double mean = 0, square = 0;
        for (size_t m = 0; m < members; ++m) mean += plan.member_channels[m * size + t * channels + c];
        mean /= static_cast<double>(members);
        for (size_t m = 0; m < members; ++m) {
          const double off = plan.member_channels[m * size + t * channels + c] - mean;
          square += off * off;
        }
        sum += std::sqrt(square / static_cast<double>(members));
      }
      figures.disagreement.push_back(in_deviations(sum, c));
    }
  }
  figures.most_doubted = Most(figures.doubt);
  figures.most_disagreed = Most(figures.disagreement);
  return figures;
}

std::string DescribePlan(const SessionSnapshot& now, const PlanFigures& figures, std::span<const std::string> labels) {
  if (!now.plan) {
    if (!now.imagination.enabled) return "Nothing is imagined: imagination is switched off.";
    if (now.model_loading) return "No plan yet: the model is being opened.";
    return "No plan yet: play or step, with the planner acting.";
  }
  const ImaginedPlan& plan = *now.plan;
  const double ahead_s = plan.horizon * now.timeline.control_step_s;
  std::string text = "The plan: " + Number(ahead_s) + " s ahead (" + Steps(plan.horizon) + ")";
  const bool in_model = std::isfinite(plan.return_in_model), in_simulator = std::isfinite(plan.return_in_simulator);
  if (plan.model == "simulator" && (in_model || in_simulator)) {
    text += ", expected return " + Number(in_simulator ? plan.return_in_simulator : plan.return_in_model) +
            " in the simulator, which it was made in";
  } else if (in_model && in_simulator) {
    text += ", expected return " + Number(plan.return_in_model) + " in the model, " +
            Number(plan.return_in_simulator) + " in the simulator";
  } else if (in_model) {
    text += ", expected return " + Number(plan.return_in_model) + " in the model";
  }
  const auto label = [&](int channel) {
    const size_t i = static_cast<size_t>(channel);
    return i < labels.size() ? labels[i] : "channel " + std::to_string(channel);
  };
  if (figures.most_disagreed >= 0) {
    text += "; members disagree most on " + label(figures.most_disagreed);
  } else if (figures.most_doubted >= 0) {
    text += "; the model is least sure of " + label(figures.most_doubted);
  }
  return text + ".";
}

}  // namespace reverie::desktop
