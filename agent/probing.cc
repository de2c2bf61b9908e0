#include "agent/probing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "sim/error.h"
#include "sim/random.h"

namespace reverie {
namespace {

constexpr int64_t kWindowsAtOnce = 8;                     // of an update
constexpr int64_t kHeldOutEpisodes = 40, kPerEpisode = 24;  // windows
constexpr uint64_t kWindowStream = 0x70726f6265, kWeightStream = 0x6465636f646572;
constexpr double kNormal90 = 1.6448536269514722;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Pictures of a batch, encoded, and what is to be read out of them.
struct Encoded {
  int64_t rows = 0;
  std::vector<float> latents;  // (rows, D)
  std::vector<float> values;   // (rows, quantities)
};

/// @param batch  the pictures of `windows`. @param features  of the frames; null: the pictures are encoded.
Encoded EncodeBatch(const Jepa& model, const std::vector<ProbedQuantity>& quantities, const FrameWindowBatch& batch,
                    std::span<const FrameWindow> windows, const FrameFeatures* features) {
  const size_t own = model.proprioception().size();
  Encoded encoded;
  encoded.rows = batch.windows * batch.pictures;
  const size_t rows = static_cast<size_t>(encoded.rows);
  const size_t width = rows > 0 ? batch.proprioception.size() / rows : 0;
  std::vector<float> proprioception;
  for (size_t row = 0; row < rows; ++row) {
    const float* elements = batch.proprioception.data() + row * width;
    proprioception.insert(proprioception.end(), elements, elements + own);
    for (const ProbedQuantity& quantity : quantities) {
      encoded.values.push_back(static_cast<float>(quantity.Read(elements[own + static_cast<size_t>(quantity.element)])));
    }
  }
  encoded.latents.resize(rows * static_cast<size_t>(model.options().latent));
  if (features != nullptr) {
    const auto bytes = static_cast<size_t>(features->frame_bytes());
    std::vector<uint8_t> kept(rows * bytes);
    for (size_t row = 0; row < rows; ++row) {
      const size_t pictures = static_cast<size_t>(batch.pictures);
      const FrameWindow& window = windows[row / pictures];
      const int64_t t = window.first + static_cast<int64_t>(row % pictures) * model.options().frame_skip;
      features->Read(window.dataset, window.episode, t, 1, std::span(kept).subspan(row * bytes, bytes));
    }
    model.ReadFeatures(kept, encoded.latents);
    return encoded;
  }
  model.Encode({encoded.rows, batch.pixels, proprioception}, encoded.latents);
  return encoded;
}

/// The newest picture of every stack.
std::vector<uint8_t> Newest(const FrameWindowBatch& batch, int stack) {
  if (stack == 1) return batch.pixels;
  std::vector<uint8_t> newest;
  newest.reserve(batch.pixels.size() / static_cast<size_t>(stack));
  const size_t group = 3 * static_cast<size_t>(stack);
  for (size_t at = 0; at + group <= batch.pixels.size(); at += group) {
    newest.insert(newest.end(), batch.pixels.begin() + static_cast<std::ptrdiff_t>(at + group - 3),
                  batch.pixels.begin() + static_cast<std::ptrdiff_t>(at + group));
  }
  return newest;
}

double SquaredError(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  double sum = 0.0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum / static_cast<double>(std::max<size_t>(1, a.size()));
}

double DecibelsOf(double squared_error) { return 10.0 * std::log10(255.0 * 255.0 / std::max(squared_error, 1e-9)); }

/// R-squared of one probe at one time ahead.
class Explained {
 public:
  explicit Explained(size_t quantities) : sums_(quantities), squares_(quantities), errors_(quantities) {}

  void Add(size_t quantity, double real, double read) {
    sums_[quantity] += real;
    squares_[quantity] += real * real;
    errors_[quantity] += (real - read) * (real - read);
    if (quantity == 0) ++count_;
  }
  double Of(size_t quantity) const {
    if (count_ == 0.0) return kNaN;
    const double mean = sums_[quantity] / count_, variance = squares_[quantity] / count_ - mean * mean;
    if (variance < 1e-9 * std::max(1e-6, mean * mean)) return kNaN;
    return 1.0 - errors_[quantity] / count_ / variance;
  }

 private:
  std::vector<double> sums_, squares_, errors_;
  double count_ = 0.0;
};

/// |error| / standard deviation of every held-out window, by which intervals are stretched and judged.
struct ScaledErrors {
  size_t channels = 0;
  std::vector<std::vector<std::vector<double>>> of;  // [horizon][window][channel]

  /// Fits to windows of every other episode, those of `odd` number or those of even; of all episodes where `all`.
  Calibration Fit(const std::vector<int>& horizons, int64_t per_episode, bool odd, bool all) const {
    Calibration calibration(static_cast<int>(channels));
    for (size_t k = 0; k < horizons.size(); ++k) {
      const int64_t windows = static_cast<int64_t>(of[k].size()), episodes = windows / per_episode;
      // Calibration keeps the most recent only: every episode has a share in those.
      for (int64_t w = 0; w < per_episode; ++w) {
        for (int64_t e = 0; e < episodes; ++e) {
          if (!all && (e % 2 == 1) != odd) continue;
          calibration.Observe(horizons[k], of[k][static_cast<size_t>(e * per_episode + w)]);
        }
      }
    }
    calibration.Fit();
    return calibration;
  }

  /// Adds to the share of `channel` within its interval. @param even, odd  by whose factors windows of the episodes of
  /// that number are judged.
  double Covered(size_t k, int horizon, size_t channel, int64_t per_episode, const Calibration& even,
                 const Calibration& odd) const {
    double inside = 0.0;
    for (size_t w = 0; w < of[k].size(); ++w) {
      const bool of_odd = static_cast<int64_t>(w) / per_episode % 2 == 1;
      const double factor = (of_odd ? odd : even).Factor(static_cast<int>(channel), horizon);
      inside += of[k][w][channel] <= kNormal90 * factor;
    }
    return inside / static_cast<double>(of[k].size());
  }
};

/// The horizons asked for and those at which factors are kept, up to the longest.
std::vector<int> MeasuredHorizons(const std::vector<int>& asked) {
  std::vector<int> all = asked;
  for (const int knot : Calibration::Knots()) {
    if (knot <= asked.back()) all.push_back(knot);
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace

FrameWindowOptions ProbingWindows(const Jepa& model, const ProbingOptions& options, const std::string& camera) {
  FrameWindowOptions windows = Jepa::Windows(model.task(), model.options(), camera);
  windows.transitions = options.horizons.back();
  for (int i = 0; i < model.task().observation_size(); ++i) windows.proprioception.push_back(i);
  return windows;
}

std::unique_ptr<JepaProbes> FitProbes(const Jepa& model, FrameWindows& windows, const ProbingOptions& options,
                                      const std::string& device,
                                      const std::function<void(int64_t, const JepaProbes::Losses&)>& report,
                                      std::stop_token stop) {
  std::vector<double> unused, means, scales;
  windows.Moments(unused, means, scales);
  std::vector<ProbedQuantity> quantities = QuantitiesOf(model.task(), options.channels);
  for (ProbedQuantity& quantity : quantities) {
    if (quantity.of != ProbedQuantity::Of::kValue) continue;
    const size_t at = model.proprioception().size() + static_cast<size_t>(quantity.element);
    quantity.mean = means[at];
    quantity.scale = scales[at];
  }
  auto probes = std::make_unique<JepaProbes>(model, quantities, device, HashSeed(options.seed, kWeightStream));
  const auto drawn = [&](int64_t update) {
    return windows.Draw(HashSeed(options.seed ^ kWindowStream, static_cast<uint64_t>(update)), kWindowsAtOnce);
  };
  FrameWindowReader reader(windows, 0, options.steps, drawn);
  for (int64_t update = 0; update < options.steps; ++update) {
    if (stop.stop_requested()) return nullptr;
    FrameWindowBatch batch = reader.Next();
    const Encoded encoded = EncodeBatch(model, quantities, batch, drawn(update), options.features.get());
    const JepaProbes::Losses losses = probes->Update(encoded.latents, batch.pixels, encoded.values, options.steps);
    reader.Recycle(std::move(batch));
    if (report) report(update + 1, losses);
  }
  probes->Solve();
  return probes;
}

ProbingReport MeasureProbes(const Jepa& model, JepaProbes& probes, FrameWindows& windows, const ProbingOptions& options,
                            bool fitted, const std::function<void(int64_t)>& report, std::stop_token stop) {
  const std::vector<ProbedQuantity>& quantities = probes.quantities();
  const size_t nq = quantities.size(), width = static_cast<size_t>(model.options().latent);
  const size_t watched = std::min(width, static_cast<size_t>(kWatchedLatents));
  const std::vector<int> horizons = MeasuredHorizons(options.horizons);
  const std::vector<FrameWindow> all = windows.Spread(kHeldOutEpisodes, kPerEpisode);
  const int64_t episodes = static_cast<int64_t>(all.size()) / kPerEpisode, calls = windows.options().transitions;

  Explained linear(nq), mlp(nq);
  std::vector<Explained> linear_imagined(horizons.size(), Explained(nq)), mlp_imagined = linear_imagined;
  ScaledErrors latent_errors{watched, {}}, quantity_errors{nq, {}};
  latent_errors.of.resize(horizons.size());
  quantity_errors.of.resize(horizons.size());
  std::vector<double> wrong(horizons.size()), unchanged(horizons.size()), picture_error(horizons.size());
  std::vector<std::pair<double, size_t>> by_picture;  // error of the window's imagined pictures
  double encoded_picture_error = 0.0;
  FrameWindowBatch batch;
  for (int64_t e = 0; e < episodes; ++e) {
    if (stop.stop_requested()) return {};
    const std::span of_episode = std::span(all).subspan(static_cast<size_t>(e * kPerEpisode), kPerEpisode);
    windows.Read(of_episode, batch);
    const Encoded encoded = EncodeBatch(model, quantities, batch, of_episode, options.features.get());
    const std::vector<uint8_t> real = Newest(batch, model.options().frames);
    const size_t rows = static_cast<size_t>(encoded.rows), pictures = static_cast<size_t>(batch.pictures);
    const size_t bytes = real.size() / rows;
    std::vector<float> read_linear(rows * nq), read_mlp(rows * nq);
    probes.Read(JepaProbes::Kind::kLinear, encoded.latents, read_linear);
    probes.Read(JepaProbes::Kind::kMlp, encoded.latents, read_mlp);
    for (size_t i = 0; i < rows * nq; ++i) {
      linear.Add(i % nq, encoded.values[i], read_linear[i]);
      mlp.Add(i % nq, encoded.values[i], read_mlp[i]);
    }

    std::vector<float> starts;
    for (size_t w = 0; w < kPerEpisode; ++w) {
      const auto start = encoded.latents.begin() + static_cast<std::ptrdiff_t>(w * pictures * width);
      starts.insert(starts.end(), start, start + static_cast<std::ptrdiff_t>(width));
    }
    const size_t predicted = kPerEpisode * static_cast<size_t>(calls);
    std::vector<float> imagined(predicted * width), deviations(predicted * width), spread(predicted * nq);
    model.Rollout(starts, batch.actions, kPerEpisode, calls, imagined, deviations);
    read_linear.resize(predicted * nq);
    read_mlp.resize(predicted * nq);
    probes.Read(JepaProbes::Kind::kLinear, imagined, read_linear);
    probes.Read(JepaProbes::Kind::kMlp, imagined, read_mlp);
    probes.Spread(imagined, deviations, spread);
    std::vector<uint8_t> drawn_imagined(predicted * bytes), drawn(kPerEpisode * bytes);
    probes.Draw(imagined, drawn_imagined);
    probes.Draw(starts, drawn);
    for (size_t w = 0; w < kPerEpisode; ++w) {
      const size_t first = w * pictures;
      const auto real_at = [&](size_t row) { return std::span(real).subspan(row * bytes, bytes); };
      encoded_picture_error += SquaredError(real_at(first), std::span(drawn).subspan(w * bytes, bytes));
      double window_error = 0.0;
      for (size_t k = 0; k < horizons.size(); ++k) {
        const size_t h = static_cast<size_t>(horizons[k]), ahead = w * static_cast<size_t>(calls) + h - 1, row = first + h;
        const auto error_of = [&](size_t d) { return double{encoded.latents[row * width + d]} - imagined[ahead * width + d]; };
        for (size_t d = 0; d < width; ++d) {
          const double moved = double{encoded.latents[row * width + d]} - encoded.latents[first * width + d];
          wrong[k] += error_of(d) * error_of(d);
          unchanged[k] += moved * moved;
        }
        std::vector<double>& latent = latent_errors.of[k].emplace_back(watched);
        for (size_t i = 0; i < watched; ++i) {
          const size_t d = i * width / watched;
          latent[i] = std::abs(error_of(d)) / std::max(1e-9, double{deviations[ahead * width + d]});
        }
        std::vector<double>& quantity = quantity_errors.of[k].emplace_back(nq);
        for (size_t q = 0; q < nq; ++q) {
          const double at = encoded.values[row * nq + q];
          linear_imagined[k].Add(q, at, read_linear[ahead * nq + q]);
          mlp_imagined[k].Add(q, at, read_mlp[ahead * nq + q]);
          quantity[q] = std::abs(at - read_mlp[ahead * nq + q]) / std::max(1e-9, double{spread[ahead * nq + q]});
        }
        const double error = SquaredError(real_at(row), std::span(drawn_imagined).subspan(ahead * bytes, bytes));
        picture_error[k] += error;
        window_error += error;
      }
      by_picture.emplace_back(window_error, static_cast<size_t>(e) * kPerEpisode + w);
    }
    if (report) report(e + 1);
  }

  // Where a single episode is held out, nothing else shows what its intervals should be.
  const bool judged = !fitted || episodes > 1;
  Calibration latent_even = probes.latent_calibration(), latent_odd = latent_even;
  Calibration quantity_even = probes.quantity_calibration(), quantity_odd = quantity_even;
  if (fitted) {
    latent_even = latent_errors.Fit(horizons, kPerEpisode, true, false);
    latent_odd = latent_errors.Fit(horizons, kPerEpisode, false, false);
    quantity_even = quantity_errors.Fit(horizons, kPerEpisode, true, false);
    quantity_odd = quantity_errors.Fit(horizons, kPerEpisode, false, false);
    probes.latent_calibration() = latent_errors.Fit(horizons, kPerEpisode, false, true);
    probes.quantity_calibration() = quantity_errors.Fit(horizons, kPerEpisode, false, true);
  }
  const Calibration none_latent(static_cast<int>(watched));

  ProbingReport result;
  result.episodes = episodes;
  result.windows = static_cast<int64_t>(all.size());
  const double count = static_cast<double>(std::max<size_t>(1, all.size()));
  result.psnr_db = DecibelsOf(encoded_picture_error / count);
  for (size_t q = 0; q < nq; ++q) {
    result.quantities.push_back({quantities[q].label, quantities[q].scale, linear.Of(q), mlp.Of(q), {}, {}, {}});
  }
  for (const int asked : options.horizons) {
    const size_t k = static_cast<size_t>(std::find(horizons.begin(), horizons.end(), asked) - horizons.begin());
    ProbingReport::Horizon& horizon = result.horizons.emplace_back();
    horizon.predictions = asked;
    horizon.error = wrong[k] / std::max(1e-12, unchanged[k]);
    horizon.psnr_db = DecibelsOf(picture_error[k] / count);
    for (size_t i = 0; i < watched; ++i) {
      horizon.coverage90 += latent_errors.Covered(k, asked, i, kPerEpisode, latent_even, latent_odd) / static_cast<double>(watched);
      horizon.uncalibrated90 +=
          latent_errors.Covered(k, asked, i, kPerEpisode, none_latent, none_latent) / static_cast<double>(watched);
    }
    if (!judged) horizon.coverage90 = kNaN;
    for (size_t q = 0; q < nq; ++q) {
      result.quantities[q].linear_imagined.push_back(linear_imagined[k].Of(q));
      result.quantities[q].mlp_imagined.push_back(mlp_imagined[k].Of(q));
      result.quantities[q].coverage90.push_back(
          judged ? quantity_errors.Covered(k, asked, q, kPerEpisode, quantity_even, quantity_odd) : kNaN);
    }
  }
  std::stable_sort(by_picture.begin(), by_picture.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  if (!by_picture.empty()) {
    result.typical = all[by_picture[by_picture.size() / 2].second];
    result.worst = all[by_picture.back().second];
  }
  return result;
}

ImaginedWindow ImagineWindow(const Jepa& model, const JepaProbes& probes, FrameWindows& windows, const FrameWindow& window) {
  FrameWindowBatch batch;
  windows.Read(std::span(&window, 1), batch);
  const size_t width = static_cast<size_t>(model.options().latent);
  std::vector<float> latents = EncodeBatch(model, {}, batch, std::span(&window, 1), nullptr).latents;
  latents.resize(static_cast<size_t>(batch.pictures) * width);
  const std::vector<float> start(latents.begin(), latents.begin() + static_cast<std::ptrdiff_t>(width));
  model.Rollout(start, batch.actions, 1, batch.pictures - 1, std::span(latents).subspan(width));
  ImaginedWindow result;
  result.pictures = batch.pictures;
  result.real = Newest(batch, model.options().frames);
  result.drawn.resize(result.real.size());
  probes.Draw(latents, result.drawn);
  return result;
}

nlohmann::ordered_json ProbingReport::ToJson() const {
  nlohmann::ordered_json json = {{"held_out_episodes", episodes}, {"held_out_windows", windows}, {"psnr_db", psnr_db}};
  json["horizons"] = nlohmann::ordered_json::array();
  for (const Horizon& horizon : horizons) {
    json["horizons"].push_back({{"h", horizon.predictions},
                                {"latent_error", horizon.error},
                                {"latent_coverage90", horizon.coverage90},
                                {"latent_coverage90_uncalibrated", horizon.uncalibrated90},
                                {"psnr_db", horizon.psnr_db}});
  }
  json["quantities"] = nlohmann::ordered_json::array();
  for (const Quantity& quantity : quantities) {
    json["quantities"].push_back({{"quantity", quantity.label},
                                  {"deviation", quantity.deviation},
                                  {"r2_linear", quantity.linear},
                                  {"r2_mlp", quantity.mlp},
                                  {"r2_linear_imagined", quantity.linear_imagined},
                                  {"r2_mlp_imagined", quantity.mlp_imagined},
                                  {"coverage90", quantity.coverage90}});
  }
  return json;
}

}  // namespace reverie
