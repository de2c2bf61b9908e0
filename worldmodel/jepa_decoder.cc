#include "worldmodel/jepa_decoder.h"

#include <cmath>

namespace reverie {
namespace {

namespace nn = torch::nn;

constexpr int64_t kStride = 16;  // pixels of the picture that one of the coarsest grid stands for

constexpr double kStillPixel = 0.01;  // squared, counts as so far from its mean what does not move at all

int64_t Coarse(int64_t pixels) { return (pixels + kStride - 1) / kStride; }

}  // namespace

PictureDecoder::PictureDecoder(int64_t latent, int64_t hidden, int64_t channels, int64_t colours, int64_t height,
                               int64_t width)
    : channels_(4 * channels), height_(height), width_(width) {
  trunk = register_module("trunk", nn::Sequential(nn::Linear(latent, hidden), nn::LayerNorm(nn::LayerNormOptions({hidden})),
                                                  nn::SiLU(), nn::Linear(hidden, channels_ * Coarse(height) * Coarse(width)),
                                                  nn::ReLU()));
  const auto convolution = [](int64_t from, int64_t to, int64_t stride, int64_t padding) {
    return nn::ConvTranspose2d(nn::ConvTranspose2dOptions(from, to, 4).stride(stride).padding(padding));
  };
  convolutions = register_module(
      "convolutions", nn::Sequential(convolution(channels_, channels_, 2, 1), nn::ReLU(),
                                     convolution(channels_, channels_ / 2, 2, 1), nn::ReLU(),
                                     convolution(channels_ / 2, colours, 4, 0)));
}

torch::Tensor PictureDecoder::Draw(const torch::Tensor& latents) {
  const torch::Tensor coarse = trunk->forward(latents).view({latents.size(0), channels_, Coarse(height_), Coarse(width_)});
  return convolutions->forward(coarse).narrow(2, 0, height_).narrow(3, 0, width_);
}

torch::Tensor PixelWeights(const torch::Tensor& pictures, const torch::Tensor& mean) {
  const torch::Tensor moving = (pictures - mean).square().mean(1, true) + kStillPixel;
  return moving / moving.mean();
}

void DrawWeights(const torch::nn::Module& module, torch::Generator& generator) {
  torch::NoGradGuard no_grad;
  const auto draw = [&](torch::Tensor weight, torch::Tensor bias, int64_t inputs) {
    const double bound = 1.0 / std::sqrt(static_cast<double>(inputs));
    weight.uniform_(-bound, bound, generator);
    bias.uniform_(-bound, bound, generator);
  };
  for (const auto& each : module.modules(false)) {
    if (auto* linear = each->as<nn::Linear>()) draw(linear->weight, linear->bias, linear->weight.size(1));
    if (auto* convolution = each->as<nn::Conv2d>()) {
      draw(convolution->weight, convolution->bias, convolution->weight[0].numel());
    }
    if (auto* transposed = each->as<nn::ConvTranspose2d>()) {
      // Its strides leave so many of the inputs below a pixel.
      const auto stride = transposed->options.stride();
      draw(transposed->weight, transposed->bias, transposed->weight.select(1, 0).numel() / (stride->at(0) * stride->at(1)));
    }
  }
}

}  // namespace reverie
