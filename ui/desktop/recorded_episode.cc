#include "ui/desktop/recorded_episode.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "sim/error.h"
#include "ui/desktop/panel_parts.h"

namespace reverie::desktop {

namespace {

constexpr float kNinety = 1.645f;  // standard deviations to each side that hold 90% of a normal distribution

/// Column `column` of a row-major array.
std::vector<float> Column(const std::vector<double>& values, int64_t rows, int64_t columns, int64_t column) {
  std::vector<float> result(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row) {
    result[static_cast<size_t>(row)] = static_cast<float>(values[static_cast<size_t>(row * columns + column)]);
  }
  return result;
}

float Deviation(const std::vector<float>& values) {
  double sum = 0, squares = 0, count = 0;
  for (const float value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++count;
  }
  if (count == 0) return 0;
  for (const float value : values) {
    if (std::isfinite(value)) squares += (value - sum / count) * (value - sum / count);
  }
  const double deviation = std::sqrt(squares / count);
  // Rounding alone is no change.
  return deviation > 1e-6 * std::max(1e-6, std::abs(sum / count)) ? static_cast<float>(deviation) : 0.0f;
}

}  // namespace

RecordedEpisode::RecordedEpisode(Episode given, const DatasetInfo& info, size_t given_number)
    : number(given_number), episode(std::move(given)) {
  const int64_t rows = episode.steps + 1;
  const double step_s = info.control_timestep_s * info.action_repeat;
  for (int64_t row = 0; row < rows; ++row) time_s.push_back(static_cast<float>(static_cast<double>(row) * step_s));
  for (int64_t i = 0; i < info.observation_size; ++i) {
    channels.push_back(Column(episode.observations, rows, info.observation_size, i));
  }
  for (int64_t i = 0; i < info.signal_size; ++i) channels.push_back(Column(episode.signals, rows, info.signal_size, i));
  for (int64_t i = 0; i < info.action_size; ++i) {
    actions.push_back(Column(episode.actions, episode.steps, info.action_size, i));
  }
  rewards.assign(episode.rewards.begin(), episode.rewards.end());
  double sum = 0;
  for (const double reward : episode.rewards) return_so_far.push_back(static_cast<float>(sum += reward));
  for (const std::vector<float>& channel : channels) scale.push_back(Deviation(channel));
}

std::vector<double> RecordedEpisode::State(int64_t step) const {
  const size_t rows = static_cast<size_t>(episode.steps + 1), size = episode.integration_state.size() / rows;
  const auto row = static_cast<std::ptrdiff_t>(static_cast<size_t>(std::clamp<int64_t>(step, 0, episode.steps)) * size);
  const auto begin = episode.integration_state.begin() + row;
  return {begin, begin + static_cast<std::ptrdiff_t>(size)};
}

EpisodePrediction Predict(WorldModel& model, const RecordedEpisode& recorded, int64_t start, int horizon,
                          double tolerance) {
  const Episode& episode = recorded.episode;
  const size_t actuators = recorded.actions.size(), channels = recorded.channels.size();
  EpisodePrediction result;
  result.number = recorded.number;
  result.start = std::clamp<int64_t>(start, 0, episode.steps);
  result.steps = static_cast<int>(std::min<int64_t>(std::max(horizon, 1), episode.steps - result.start));
  if (result.steps == 0) throw Error("there is nothing to predict: the episode ends at this step; choose an earlier one");

  const auto at = [&](int h) { return static_cast<size_t>(result.start + h); };
  // From the episode's doubles: the series are for plots.
  const Belief belief = Belief::Of(model.task(), episode, result.start, model.memory());
  std::vector<float> actions;
  for (int h = 0; h < result.steps; ++h) {
    for (size_t i = 0; i < actuators; ++i) actions.push_back(recorded.actions[i][at(h)]);
  }
  Imagination imagined;
  model.Imagine(belief, actions, 1, result.steps, {.channels = true, .uncertainty = false}, imagined);

  const size_t rows = static_cast<size_t>(result.steps) + 1;
  for (size_t h = 0; h < rows; ++h) result.time_s.push_back(recorded.time_s[at(static_cast<int>(h))]);
  result.channels.assign(channels, std::vector<float>(rows));
  result.low = result.high = result.channels;
  result.error.assign(rows, 0.0f);
  for (size_t h = 0; h < rows; ++h) {
    double squares = 0, counted = 0, worst = 0;
    int worst_channel = -1;
    for (size_t i = 0; i < channels; ++i) {
      const float real = recorded.channels[i][at(static_cast<int>(h))];
      const size_t k = h > 0 ? (h - 1) * channels + i : 0;
      const float value = h > 0 ? imagined.channels[k] : real;
      const float spread = h > 0 && k < imagined.spread.size() ? imagined.spread[k] : 0.0f;
      result.channels[i][h] = value;
      result.low[i][h] = value - kNinety * spread;
      result.high[i][h] = value + kNinety * spread;
      const bool angle = i < model.task().angles().size() && model.task().angles()[i];
      const double off = std::abs(InDeviations(value, real, recorded.scale[i], angle));
      if (std::isnan(off) && !(recorded.scale[i] > 0)) continue;
      // What is not finite is as far off as can be.
      const double distance = std::isfinite(off) ? off : 1e6;
      squares += distance * distance;
      ++counted;
      if (distance > worst) {
        worst = distance;
        worst_channel = static_cast<int>(i);
      }
    }
    result.error[h] = counted > 0 ? static_cast<float>(std::sqrt(squares / counted)) : 0.0f;
    if (h > 0 && result.parts_at == 0 && worst > tolerance) {
      result.parts_at = static_cast<int>(h);
      result.parts_channel = worst_channel;
    }
  }
  return result;
}

}  // namespace reverie::desktop
