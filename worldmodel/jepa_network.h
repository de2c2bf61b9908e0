// What Jepa asks of its networks, with all their parameters in one array: the optimiser steps, clips and stores that.
// Internal: needs Torch.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "worldmodel/frozen_encoder.h"
#include "worldmodel/jepa.h"

namespace reverie {

struct JepaSizes {
  int64_t width = 0, height = 0;   // pixels
  int64_t proprioception = 0;      // elements
  int64_t actions = 0;             // of one prediction: frame_skip * nu
};

/// How far a rollout has come: where it is, and what of the pictures before still counts.
struct JepaRollout {
  torch::Tensor latent;                      // (n, D)
  std::vector<torch::Tensor> keys, values;   // of each layer that attends to earlier pictures
  int64_t predictions = 0;
};

/// What one update learns from, on the device.
struct JepaLesson {
  int64_t windows = 0, pictures = 0;  // pictures: of a window
  torch::Tensor pixels;               // (windows * pictures, height, width, 3 * frames), uint8, or
  torch::Tensor features;             // (windows * pictures, D), computed beforehand
  torch::Tensor proprioception;       // (windows * pictures, elements), normalised; undefined: none
  torch::Tensor actions;              // (windows, pictures - 1, frame_skip * nu) over their scale
  uint64_t seed = 0;                  // of what is drawn
};

struct JepaTerms {
  torch::Tensor loss;                 // the sum of what follows, inverse weighted
  torch::Tensor prediction, regulariser, inverse, spread_nll;
};

struct JepaNetwork : torch::nn::Module {
  /// @param pixels  (n, height, width, 3 * frames), uint8. @param proprioception  (n, elements), normalised, or undefined.
  /// @return        (n, D)
  virtual torch::Tensor Encode(const torch::Tensor& pixels, const torch::Tensor& proprioception) = 0;

  /// Predicts the next latents (n, D) and goes there. @param actions  (n, frame_skip * nu).
  /// @param log_variance  where given: (n, D), of what this prediction alone adds to the error; its gradient stays in
  /// its own layer.
  virtual torch::Tensor Predict(JepaRollout& rollout, const torch::Tensor& actions, torch::Tensor* log_variance = nullptr) = 0;

  /// Distance of latents (..., D) from one another, (...), of latents of unit variance.
  virtual torch::Tensor Distance(const torch::Tensor& a, const torch::Tensor& b) const = 0;

  virtual JepaTerms Learn(const JepaLesson& lesson) = 0;

  /// Squared error of the actions (windows, transitions, A) told from latents (windows, pictures, D), over the actions'
  /// variance; 0 where none are told.
  virtual double InverseRatio(const torch::Tensor& latents, const torch::Tensor& actions);
  /// Whether its latents can collapse, because they are learned.
  virtual bool LearnsLatents() const { return true; }

  /// Learned weights by name, and buffers; views.
  std::map<std::string, torch::Tensor> Named();

  // One after the other: everything that the losses shape, then the spread's layer.
  torch::Tensor values, gradients, first_moments, second_moments;
  int64_t shaped = 0;  // elements before the spread's layer

 protected:
  /// Puts all parameters into `values`. The spread's layer, "spread", must have been registered last.
  void Gather(const torch::Device& device);
  /// Draws all weights, but for the spread's layer, which begins at a small variance everywhere.
  void Draw(torch::nn::Linear spread, torch::Generator generator);
};

/// Bounded softly: an error of a thousandth or of ten deviations is as far as this goes.
inline torch::Tensor BoundedLogVariance(const torch::Tensor& raw) { return 7.0 * torch::tanh(raw / 7.0) - 2.0; }

/// @param encoder  null: the network learns its own. @param generator  draws its weights.
std::unique_ptr<JepaNetwork> MakeJepaNetwork(const JepaOptions& options, const JepaSizes& sizes,
                                             std::shared_ptr<const FrozenEncoder> encoder, const torch::Device& device,
                                             torch::Generator generator);

}  // namespace reverie
