#include "worldmodel/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "sim/error.h"
#include "worldmodel/replay_buffer.h"

namespace reverie {
namespace {

constexpr double kNormal50 = 0.6744897501960817;   // half widths of a standard normal's central 50% and 90%
constexpr double kNormal90 = 1.6448536269514722;
constexpr double kConstant = 1e-9;                 // a deviation below this is no scale

struct Sums {
  std::vector<double> squares, persistence, linear, nll, inside50, inside90;
  explicit Sums(size_t channels)
      : squares(channels), persistence(channels), linear(channels), nll(channels), inside50(channels), inside90(channels) {}
};

std::vector<double> ChannelDeviations(const std::vector<Episode>& episodes, const CompiledTask& task) {
  const size_t nc = static_cast<size_t>(task.channel_size());
  std::vector<double> sum(nc), squares(nc);
  double count = 0.0;
  for (const Episode& episode : episodes) {
    for (int64_t t = 0; t <= episode.steps; ++t, ++count) {
      const std::vector<double> channels = ChannelsAt(episode, t);
      for (size_t c = 0; c < nc; ++c) sum[c] += channels[c];
    }
  }
  for (const Episode& episode : episodes) {
    for (int64_t t = 0; t <= episode.steps; ++t) {
      const std::vector<double> channels = ChannelsAt(episode, t);
      for (size_t c = 0; c < nc; ++c) squares[c] += (channels[c] - sum[c] / count) * (channels[c] - sum[c] / count);
    }
  }
  for (size_t c = 0; c < nc; ++c) squares[c] = std::sqrt(squares[c] / count);
  return squares;
}

double Median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double RootMean(const std::vector<double>& squares, const std::vector<double>& scale) {
  double sum = 0.0, count = 0.0;
  for (size_t c = 0; c < squares.size(); ++c) {
    if (scale[c] < kConstant) continue;
    sum += squares[c];
    ++count;
  }
  return count > 0.0 ? std::sqrt(sum / count) : 0.0;
}

double Mean(const std::vector<double>& values, const std::vector<double>& scale) {
  double sum = 0.0, count = 0.0;
  for (size_t c = 0; c < values.size(); ++c) {
    if (scale[c] < kConstant) continue;
    sum += values[c];
    ++count;
  }
  return count > 0.0 ? sum / count : 0.0;
}

}  // namespace

Comparison Compare(WorldModel& model, WorldModel* linear, const std::vector<Episode>& episodes,
                   const ComparisonOptions& options, const std::function<void(int)>& tick) {
  const CompiledTask& task = model.task();
  const size_t nc = static_cast<size_t>(task.channel_size());
  const int longest = options.horizons.back();
  // Every possible start, from which windows are drawn without replacement.
  std::vector<std::pair<size_t, int64_t>> starts;
  for (size_t e = 0; e < episodes.size(); ++e) {
    for (int64_t t = 0; t + longest <= episodes[e].steps; ++t) starts.emplace_back(e, t);
  }
  if (starts.empty()) {
    throw DatasetError("comparison: no episode has " + std::to_string(longest) +
                       " control steps, the longest horizon; give shorter --horizons");
  }
  Random random(HashSeed(options.seed, 0x636f6d70617265));
  const size_t count = std::min(starts.size(), static_cast<size_t>(options.windows));
  for (size_t i = 0; i < count; ++i) {
    std::swap(starts[i], starts[i + static_cast<size_t>(random.Index(static_cast<int64_t>(starts.size() - i)))]);
  }

  Comparison result;
  result.channels = task.ObservationLabels();
  for (const std::string& label : task.SignalLabels()) result.channels.push_back(label);
  result.channel_scale = ChannelDeviations(episodes, task);
  result.windows = static_cast<int>(count);
  std::vector<double> scale = result.channel_scale;
  for (double& value : scale) value = value < kConstant ? 1.0 : value;
  std::vector<Sums> sums(options.horizons.size(), Sums(nc));
  std::vector<ComparisonWindow> windows;
  std::vector<std::vector<double>> parts(nc);
  std::vector<double> first_parts;
  Imagination imagined, imagined_linear;
  for (size_t w = 0; w < count; ++w) {
    if (tick) tick(static_cast<int>(w));
    const Episode& episode = episodes[starts[w].first];
    const int64_t start = starts[w].second;
    const Belief belief = Belief::Of(task, episode, start, model.memory());
    const auto first = episode.actions.begin() + start * task.action_size();
    const std::vector<float> actions(first, first + static_cast<int64_t>(longest) * task.action_size());
    model.Imagine(belief, actions, 1, longest, {.channels = true}, imagined);
    if (linear) linear->Imagine(belief, actions, 1, longest, {.channels = true}, imagined_linear);

    ComparisonWindow window{episode.index, start, imagined.channels, imagined.spread, std::vector<int>(nc, 0), 0.0};
    size_t knot = 0;
    for (int h = 1; h <= longest; ++h) {
      const std::vector<double> real = ChannelsAt(episode, start + h);
      const bool reported = options.horizons[knot] == h;
      for (size_t c = 0; c < nc; ++c) {
        const size_t at = static_cast<size_t>(h - 1) * nc + c;
        const auto scaled = [&](double predicted) {
          const double error = real[c] - predicted;
          // What blew up in a model's head counts as very wrong, not as missing.
          const double finite = std::isfinite(error) ? error : 1e6 * scale[c];
          return (task.angles()[c] ? std::remainder(finite, 2.0 * std::numbers::pi) : finite) / scale[c];
        };
        const double error = scaled(imagined.channels[at]);
        window.worst += std::abs(error) / static_cast<double>(longest * static_cast<int>(nc));
        if (std::abs(error) > options.tolerance && window.parts_at[c] == 0) window.parts_at[c] = h;
        if (!reported) continue;
        const double deviation = std::max(1e-9, static_cast<double>(imagined.spread[at]) / scale[c]);
        Sums& sum = sums[knot];
        const double windows_share = 1.0 / static_cast<double>(count);
        sum.squares[c] += error * error * windows_share;
        const double unmoved = scaled(belief.channels[c]);
        sum.persistence[c] += unmoved * unmoved * windows_share;
        if (linear) {
          const double linear_error = scaled(imagined_linear.channels[at]);
          sum.linear[c] += linear_error * linear_error * windows_share;
        }
        const double z = error / deviation;
        sum.nll[c] += (0.5 * z * z + std::log(deviation) + 0.5 * std::log(2.0 * std::numbers::pi)) * windows_share;
        sum.inside50[c] += (std::abs(z) <= kNormal50) * windows_share;
        sum.inside90[c] += (std::abs(z) <= kNormal90) * windows_share;
      }
      if (reported && knot + 1 < options.horizons.size()) ++knot;
    }
    int first_part = longest + 1;
    for (size_t c = 0; c < nc; ++c) {
      const int at = window.parts_at[c] == 0 ? longest + 1 : window.parts_at[c];
      parts[c].push_back(std::min(at, longest));
      first_part = std::min(first_part, at);
    }
    first_parts.push_back(std::min(first_part, longest));
    windows.push_back(std::move(window));
  }

  if (!linear) {
    for (Sums& sum : sums) std::fill(sum.linear.begin(), sum.linear.end(), std::numeric_limits<double>::quiet_NaN());
  }
  for (size_t k = 0; k < options.horizons.size(); ++k) {
    HorizonFigures figures;
    figures.horizon = options.horizons[k];
    const Sums& sum = sums[k];
    figures.nrmse = RootMean(sum.squares, result.channel_scale);
    figures.nrmse_persistence = RootMean(sum.persistence, result.channel_scale);
    figures.nrmse_linear = RootMean(sum.linear, result.channel_scale);
    figures.nll = Mean(sum.nll, result.channel_scale);
    figures.coverage50 = Mean(sum.inside50, result.channel_scale);
    figures.coverage90 = Mean(sum.inside90, result.channel_scale);
    const auto roots = [](std::vector<double> squares) {
      for (double& value : squares) value = std::sqrt(value);
      return squares;
    };
    figures.channel_nrmse = roots(sum.squares);
    figures.channel_persistence = roots(sum.persistence);
    figures.channel_linear = roots(sum.linear);
    figures.channel_nll = sum.nll;
    figures.channel_coverage50 = sum.inside50;
    figures.channel_coverage90 = sum.inside90;
    result.horizons.push_back(std::move(figures));
  }
  for (const std::vector<double>& steps : parts) result.median_parts_at.push_back(Median(steps));
  result.median_first_part = Median(first_parts);
  std::stable_sort(windows.begin(), windows.end(),
                   [](const ComparisonWindow& a, const ComparisonWindow& b) { return a.worst < b.worst; });
  result.typical = windows[windows.size() / 2];
  result.worst = windows.back();
  return result;
}

nlohmann::ordered_json Comparison::ToJson() const {
  nlohmann::ordered_json json = {{"windows", windows}, {"channels", channels}, {"channel_scale", channel_scale}};
  json["parts_at_median"] = median_parts_at;
  json["first_part_median"] = median_first_part;
  json["worst_window"] = {{"episode", worst.episode}, {"start", worst.start}};
  json["horizons"] = nlohmann::ordered_json::array();
  for (const HorizonFigures& figures : horizons) {
    json["horizons"].push_back({{"h", figures.horizon},
                                {"nrmse", figures.nrmse},
                                {"nrmse_persistence", figures.nrmse_persistence},
                                {"nrmse_linear", figures.nrmse_linear},
                                {"nll", figures.nll},
                                {"coverage50", figures.coverage50},
                                {"coverage90", figures.coverage90},
                                {"per_channel",
                                 {{"nrmse", figures.channel_nrmse},
                                  {"nrmse_persistence", figures.channel_persistence},
                                  {"nrmse_linear", figures.channel_linear},
                                  {"nll", figures.channel_nll},
                                  {"coverage50", figures.channel_coverage50},
                                  {"coverage90", figures.channel_coverage90}}}});
  }
  return json;
}

}  // namespace reverie
