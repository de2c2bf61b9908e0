#include "worldmodel/jepa_network.h"

namespace reverie {
namespace {

namespace nn = torch::nn;

constexpr double kMomentum = 0.1;  // of the running moments
constexpr double kEpsilon = 1e-5;

void AddNormed(nn::Sequential& layers, int64_t from, int64_t to) {
  layers->push_back(nn::Linear(from, to));
  layers->push_back(nn::LayerNorm(nn::LayerNormOptions({to})));
  layers->push_back(nn::SiLU());
}

}  // namespace

JepaNetwork::JepaNetwork(const JepaOptions& options, const JepaSizes& sizes, const torch::Device& device,
                         torch::Generator generator) {
  const int64_t first = options.channels, seen = 3 * options.frames;
  convolutions = register_module("convolutions", nn::Sequential());
  const auto convolve = [&](int64_t from, int64_t to, int64_t size, int64_t stride, int64_t padding) {
    convolutions->push_back(nn::Conv2d(nn::Conv2dOptions(from, to, size).stride(stride).padding(padding)));
    convolutions->push_back(nn::ReLU());
  };
  if (options.stem == "patches") {
    // Padded so that every pixel lies in a patch.
    convolve(seen, 2 * first, 4, 4, sizes.width % 4 == 0 && sizes.height % 4 == 0 ? 0 : 2);
  } else {
    convolve(seen, first, 5, 2, 2);
    convolve(first, 2 * first, 3, 2, 1);
  }
  convolve(2 * first, 4 * first, 3, 2, 1);
  convolve(4 * first, 4 * first, 3, 2, 1);

  int64_t features = 0;
  {
    torch::NoGradGuard no_grad;
    features = convolutions->forward(torch::zeros({1, seen, sizes.height, sizes.width})).numel();
  }
  trunk = register_module("trunk", nn::Sequential());
  AddNormed(trunk, features + sizes.proprioception, options.encoder_width);
  project = register_module("project", nn::Linear(options.encoder_width, options.latent));
  running_mean = register_buffer("running_mean", torch::zeros({options.latent}));
  running_variance = register_buffer("running_variance", torch::ones({options.latent}));

  hidden = register_module("hidden", nn::Sequential());
  AddNormed(hidden, options.latent + sizes.actions, options.predictor_width);
  for (int i = 1; i < options.predictor_layers; ++i) AddNormed(hidden, options.predictor_width, options.predictor_width);
  change = register_module("change", nn::Linear(options.predictor_width, options.latent));

  inverse = register_module("inverse", nn::Sequential());
  AddNormed(inverse, 2 * options.latent, options.predictor_width);
  inverse->push_back(nn::Linear(options.predictor_width, std::max<int64_t>(1, sizes.actions)));

  if (options.objective == "reconstruction") {
    decoder = register_module("decoder", std::make_shared<PictureDecoder>(options.latent, options.encoder_width, first, seen,
                                                                          sizes.height, sizes.width));
  }
  spread = register_module("spread", nn::Linear(options.predictor_width, options.latent));
  Draw(generator);
  to(device);
  running_mean = named_buffers()["running_mean"];
  running_variance = named_buffers()["running_variance"];
  Gather();
}

void JepaNetwork::Draw(torch::Generator generator) {
  torch::NoGradGuard no_grad;
  DrawWeights(*this, generator);
  spread->weight.zero_();
  spread->bias.fill_(-3.0);
}

void JepaNetwork::Gather() {
  torch::NoGradGuard no_grad;
  int64_t count = 0;
  for (const torch::Tensor& parameter : parameters()) count += parameter.numel();
  values = torch::empty({count}, running_mean.options());
  gradients = torch::zeros_like(values);
  first_moments = torch::zeros_like(values);
  second_moments = torch::zeros_like(values);
  int64_t at = 0;
  for (auto& item : named_parameters()) {
    torch::Tensor& parameter = item.value();
    if (item.key() == "spread.weight") shaped = at;  // registered last
    torch::Tensor view = values.narrow(0, at, parameter.numel()).view(parameter.sizes());
    view.copy_(parameter);
    parameter.set_data(view);
    parameter.mutable_grad() = gradients.narrow(0, at, parameter.numel()).view(parameter.sizes());
    at += parameter.numel();
  }
}

torch::Tensor JepaNetwork::Encode(const torch::Tensor& pixels, const torch::Tensor& proprioception, bool learning) {
  torch::Tensor features = convolutions->forward(pixels).flatten(1);
  if (proprioception.defined() && proprioception.size(-1) > 0) features = torch::cat({features, proprioception}, -1);
  return at::batch_norm(project->forward(trunk->forward(features)), {}, {}, running_mean, running_variance, learning,
                        kMomentum, kEpsilon, true);
}

torch::Tensor JepaNetwork::Predict(const torch::Tensor& latents, const torch::Tensor& actions,
                                   torch::Tensor* log_variance) {
  const torch::Tensor inside = hidden->forward(torch::cat({latents, actions}, -1));
  // Bounded softly: an error of a thousandth or of ten deviations is as far as this goes.
  if (log_variance != nullptr) *log_variance = 7.0 * torch::tanh(spread->forward(inside.detach()) / 7.0) - 2.0;
  return latents + change->forward(inside);
}

torch::Tensor JepaNetwork::Inverse(const torch::Tensor& before, const torch::Tensor& after) {
  return inverse->forward(torch::cat({before, after}, -1));
}

std::map<std::string, torch::Tensor> JepaNetwork::Named() {
  std::map<std::string, torch::Tensor> named;
  for (auto& item : named_parameters()) named[item.key()] = item.value();
  named["running_mean"] = running_mean;
  named["running_variance"] = running_variance;
  return named;
}

}  // namespace reverie
