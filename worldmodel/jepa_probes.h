// What a frozen latent of Jepa tells: probes, one linear and one an MLP, read physical quantities out of it, and a small
// decoder draws it as the picture that it is of. They learn from latents alone, so that the model is what it was
// before. What the model and the MLP say of their own errors is stretched to what held-out episodes showed. Latents of
// many tokens are read by a fixed random projection of each token.
// An instance belongs to one thread at a time.
// Source of probing: Alain and Bengio 2016, "Understanding intermediate layers using linear classifier probes".
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "worldmodel/calibration.h"
#include "worldmodel/jepa.h"

namespace reverie {

/// A number to read: an element of the observation, or of an angle, which wraps, its cosine and its sine.
struct ProbedQuantity {
  enum class Of { kValue, kCosine, kSine };
  std::string label;            // "position[0]", "cos(hinge)"
  int element = 0;              // of the observation
  Of of = Of::kValue;
  double mean = 0, scale = 1;   // of the data learned from, SI units

  double Read(double value) const;
};

/// The quantities of the channels named, of all where none is; mean and scale are still to be set.
/// @param names  of channels or their elements: "position", "position[0]".
/// @throws Error for a channel that the task lacks.
std::vector<ProbedQuantity> QuantitiesOf(const CompiledTask& task, const std::vector<std::string>& names);

/// Of larger latents, of how many numbers, evenly taken, intervals are judged and stretched.
inline constexpr int64_t kWatchedLatents = 4096;

class JepaProbes {
 public:
  enum class Kind { kLinear, kMlp };
  struct Losses {
    double quantities = 0;  // mean squared error of the MLP, in standard deviations
    double picture = 0;     // of the decoder, pixels being -1 to 1
  };

  /// @param device  as ResolveDevice gives it.
  JepaProbes(const Jepa& model, std::vector<ProbedQuantity> quantities, const std::string& device, uint64_t seed);
  ~JepaProbes();

  /// Reads probes.safetensors of the model's folder. @throws CheckpointError: missing, damaged, of other weights.
  static std::unique_ptr<JepaProbes> Load(const std::filesystem::path& folder, const Jepa& model, const std::string& device);
  /// Whether the folder holds probes, fitting or not.
  static bool ExistIn(const std::filesystem::path& folder);

  const std::vector<ProbedQuantity>& quantities() const;
  /// Stretch what is stated of latents (D channels, kWatchedLatents at most) and of quantities, per horizon in predictions.
  Calibration& latent_calibration();
  Calibration& quantity_calibration();
  const Calibration& quantity_calibration() const;

  /// One gradient step of MLP and decoder; the linear probe takes the same rows into its sums.
  /// @param latents  (n, D). @param pixels  (n, height, width, frames, 3). @param values  (n, quantities), SI units.
  /// @param steps    in all, for the learning rate's schedule.
  /// @throws Error if a loss is not finite.
  Losses Update(std::span<const float> latents, std::span<const uint8_t> pixels, std::span<const float> values, int64_t steps);
  /// Solves the linear probe's least squares, after the last update.
  void Solve();

  /// @param latents  (n, D). @param values  (n, quantities), SI units.
  void Read(Kind kind, std::span<const float> latents, std::span<float> values) const;
  /// How far the MLP's values may be off: by its own error, and by the latents', through its slope.
  /// @param deviations  (n, D) of the latents. @param spread  (n, quantities), standard deviations in SI units.
  void Spread(std::span<const float> latents, std::span<const float> deviations, std::span<float> spread) const;
  /// @param pixels  (n, height, width, 3): of a stack the newest.
  void Draw(std::span<const float> latents, std::span<uint8_t> pixels) const;

  /// Writes probes.safetensors beside the model's weights, to which it then belongs.
  void Save(const std::filesystem::path& folder) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace reverie
