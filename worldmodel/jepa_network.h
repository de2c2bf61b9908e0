// The networks of Jepa, with all their parameters in one array: the optimiser steps, clips and stores that. Internal:
// needs Torch.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "worldmodel/jepa.h"
#include "worldmodel/jepa_decoder.h"

namespace reverie {

struct JepaSizes {
  int64_t width = 0, height = 0;   // pixels
  int64_t proprioception = 0;      // elements
  int64_t actions = 0;             // of one prediction: frame_skip * nu
};

struct JepaNetwork : torch::nn::Module {
  /// Draws the weights from `generator`.
  JepaNetwork(const JepaOptions& options, const JepaSizes& sizes, const torch::Device& device, torch::Generator generator);

  /// @param pixels  (n, 3 * frames, height, width) in channels-last memory, of about unit variance.
  /// @param proprioception  (n, elements), normalised.
  /// @param learning  normalises over these rows, and moves the running moments that others are normalised by.
  /// @return  (n, D) of unit variance.
  torch::Tensor Encode(const torch::Tensor& pixels, const torch::Tensor& proprioception, bool learning);

  /// @param latents  (n, D). @param actions  (n, frame_skip * nu).
  /// @param log_variance  where given: (n, D), of what this prediction alone adds to the error; its gradient stays in
  /// its own layer.
  torch::Tensor Predict(const torch::Tensor& latents, const torch::Tensor& actions, torch::Tensor* log_variance = nullptr);

  /// The actions between two latents, over their scale.
  torch::Tensor Inverse(const torch::Tensor& before, const torch::Tensor& after);

  torch::nn::Sequential convolutions{nullptr}, trunk{nullptr}, hidden{nullptr}, inverse{nullptr};
  torch::nn::Linear project{nullptr}, change{nullptr}, spread{nullptr};
  std::shared_ptr<PictureDecoder> decoder;       // of objective "reconstruction"
  torch::Tensor running_mean, running_variance;  // (D) of what is projected

  /// Learned weights by name, and running moments of the normalisation; views.
  std::map<std::string, torch::Tensor> Named();

  // One after the other: everything that the losses shape, then the spread's layer.
  torch::Tensor values, gradients, first_moments, second_moments;
  int64_t shaped = 0;  // elements before the spread's layer

 private:
  void Draw(torch::Generator generator);
  void Gather();
};

}  // namespace reverie
