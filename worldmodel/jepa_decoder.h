// Draws a latent as the picture that it is of: Jepa's encoder backwards. Internal: needs Torch.
#pragma once

#include <cstdint>

#include <torch/torch.h>

namespace reverie {

struct PictureDecoder : torch::nn::Module {
  /// @param channels  of the first layer of the encoder that it mirrors. @param colours  3, or 3 of each picture of a stack.
  PictureDecoder(int64_t latent, int64_t hidden, int64_t channels, int64_t colours, int64_t height, int64_t width);

  /// @param latents  (n, D). @return  (n, colours, height, width), -1 to 1 as the encoder sees it.
  torch::Tensor Draw(const torch::Tensor& latents);

  torch::nn::Sequential trunk{nullptr}, convolutions{nullptr};

 private:
  const int64_t channels_, height_, width_;
};

/// How much the error of each pixel counts, 1 in the mean. What moves is often a few pixels of thousands: a pixel counts by
/// how far it is from its mean, squared.
/// @param pictures  (n, colours, height, width), -1 to 1. @param mean  (colours, height, width). @return (n, 1, height, width).
torch::Tensor PixelWeights(const torch::Tensor& pictures, const torch::Tensor& mean);

/// Draws weights and biases of all layers below `module` from `generator`, uniform within 1/sqrt(inputs) of 0.
void DrawWeights(const torch::nn::Module& module, torch::Generator& generator);

}  // namespace reverie
