#include "worldmodel/jepa_scratch.h"

#include "worldmodel/jepa_losses.h"

namespace reverie {
namespace {

namespace nn = torch::nn;

constexpr double kMomentum = 0.1;  // of the running moments
constexpr double kEpsilon = 1e-5;

/// (n, 3 * frames, height, width) from rows of pixels as they lie, which Torch calls channels-last: nothing is moved.
torch::Tensor Seen(const torch::Tensor& pixels) {
  return pixels.permute({0, 3, 1, 2}).to(torch::kFloat32).sub_(127.5).mul_(1.0 / 127.5);
}

void AddNormed(nn::Sequential& layers, int64_t from, int64_t to) {
  layers->push_back(nn::Linear(from, to));
  layers->push_back(nn::LayerNorm(nn::LayerNormOptions({to})));
  layers->push_back(nn::SiLU());
}

}  // namespace

JepaScratch::JepaScratch(const JepaOptions& given, const JepaSizes& sizes, const torch::Device& device,
                         torch::Generator generator)
    : options(given) {
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
  Draw(spread, std::move(generator));
  Gather(device);
  running_mean = named_buffers()["running_mean"];
  running_variance = named_buffers()["running_variance"];
}

torch::Tensor JepaScratch::EncodeSeen(const torch::Tensor& seen, const torch::Tensor& proprioception, bool learning) {
  torch::Tensor features = convolutions->forward(seen).flatten(1);
  if (proprioception.defined() && proprioception.size(-1) > 0) features = torch::cat({features, proprioception}, -1);
  return at::batch_norm(project->forward(trunk->forward(features)), {}, {}, running_mean, running_variance, learning,
                        kMomentum, kEpsilon, true);
}

torch::Tensor JepaScratch::Encode(const torch::Tensor& pixels, const torch::Tensor& proprioception) {
  return EncodeSeen(Seen(pixels.to(values.device())), proprioception, false);
}

torch::Tensor JepaScratch::Step(const torch::Tensor& latents, const torch::Tensor& actions, torch::Tensor* log_variance) {
  const torch::Tensor inside = hidden->forward(torch::cat({latents, actions}, -1));
  if (log_variance != nullptr) *log_variance = BoundedLogVariance(spread->forward(inside.detach()));
  return latents + change->forward(inside);
}

torch::Tensor JepaScratch::Predict(JepaRollout& rollout, const torch::Tensor& actions, torch::Tensor* log_variance) {
  rollout.latent = Step(rollout.latent, actions, log_variance);
  ++rollout.predictions;
  return rollout.latent;
}

torch::Tensor JepaScratch::Distance(const torch::Tensor& a, const torch::Tensor& b) const {
  return (a - b).square().mean(-1).sqrt();
}

torch::Tensor JepaScratch::InverseError(const torch::Tensor& latents, const torch::Tensor& actions) {
  const int64_t transitions = actions.size(1), rows = actions.size(0) * transitions, width = latents.size(2);
  const torch::Tensor told = inverse->forward(torch::cat({latents.narrow(1, 0, transitions).reshape({rows, width}),
                                                          latents.narrow(1, 1, transitions).reshape({rows, width})}, -1));
  return torch::mse_loss(told, actions.reshape({rows, -1}));
}

double JepaScratch::InverseRatio(const torch::Tensor& latents, const torch::Tensor& actions) {
  if (options.objective != "joint-embedding" || actions.size(2) == 0 || options.inverse <= 0.0) return 0.0;
  const torch::Tensor taken = actions.reshape({-1, actions.size(2)});
  return InverseError(latents, actions).item<double>() /
         std::max(1e-12, (taken - taken.mean(0)).square().mean().item<double>());
}

// Rolls predictions out from every picture of a window.
struct JepaScratch::Rollouts {
  torch::Tensor prediction, spread_nll;  // means over all predictions
  std::vector<torch::Tensor> latents;    // [k - 1]: (windows, starts, D) of k predictions from each start
};

JepaScratch::Rollouts JepaScratch::RollOut(const torch::Tensor& latents, const torch::Tensor& actions) {
  // latents (windows, pictures, D), actions (windows, transitions, A)
  const int64_t windows = latents.size(0), transitions = actions.size(1), width = latents.size(2);
  const int64_t depth = std::min<int64_t>(options.rollout, transitions);
  const torch::Tensor zero = torch::zeros({}, latents.options());
  Rollouts result{zero, zero, {}};
  torch::Tensor latent = latents.narrow(1, 0, transitions), variance;
  double predictions = 0.0;
  for (int64_t k = 1; k <= depth; ++k) {
    const int64_t starts = transitions - k + 1;  // later ones have no picture left to be compared with
    latent = latent.narrow(1, 0, starts);
    torch::Tensor added;
    latent = Step(latent.reshape({windows * starts, width}),
                  actions.narrow(1, k - 1, starts).reshape({windows * starts, actions.size(2)}), &added)
                 .view({windows, starts, width});
    added = added.view({windows, starts, width}).exp();
    variance = variance.defined() ? variance.narrow(1, 0, starts) + added : added;
    const torch::Tensor squared = (latent - latents.narrow(1, k, starts)).square();
    result.prediction = result.prediction + squared.mean() * static_cast<double>(starts);
    result.spread_nll = result.spread_nll +
                        0.5 * (squared.detach() / variance + variance.log()).mean() * static_cast<double>(starts);
    predictions += static_cast<double>(starts);
    result.latents.push_back(latent);
  }
  result.prediction = result.prediction / predictions;
  result.spread_nll = result.spread_nll / predictions;
  return result;
}

// Mean squared error of the pictures drawn from latents, those seen and those predicted, by how much a pixel moves.
torch::Tensor JepaScratch::Reconstruction(const torch::Tensor& seen, const torch::Tensor& pixels,
                                          const std::vector<torch::Tensor>& predicted) {
  // seen (windows, pictures, D), pixels (windows, pictures, colours, height, width)
  std::vector<torch::Tensor> latents = {seen.flatten(0, 1)}, wanted = {pixels.flatten(0, 1)};
  for (size_t k = 0; k < predicted.size(); ++k) {
    latents.push_back(predicted[k].flatten(0, 1));
    wanted.push_back(pixels.narrow(1, static_cast<int64_t>(k) + 1, predicted[k].size(1)).flatten(0, 1));
  }
  const torch::Tensor pictures = torch::cat(wanted, 0);
  const torch::Tensor squared = (decoder->Draw(torch::cat(latents, 0)) - pictures).square();
  return (squared * PixelWeights(pictures, pixels.flatten(0, 1).mean(0))).mean();
}

JepaTerms JepaScratch::Learn(const JepaLesson& lesson) {
  const int64_t windows = lesson.windows, pictures = lesson.pictures, transitions = pictures - 1;
  const bool joint = options.objective == "joint-embedding";
  const torch::Tensor pixels = Seen(lesson.pixels);
  const torch::Tensor latents = EncodeSeen(pixels, lesson.proprioception, true).view({windows, pictures, options.latent});
  const Rollouts rollouts = RollOut(latents, lesson.actions);
  const torch::Tensor groups = latents.transpose(0, 1);  // one a time step
  torch::Tensor regulariser = torch::zeros({}, latents.options());
  if (!joint) {
    // Painting keeps latents apart.
  } else if (options.regulariser == "sigreg") {
    torch::Generator generator = at::make_generator<at::CPUGeneratorImpl>(lesson.seed);
    regulariser = options.sigreg *
                  SigReg(groups, RandomDirections(options.latent, options.directions, generator).to(latents.device()));
  } else {
    const auto [hinge, covariance] = VicReg(groups);
    const torch::Tensor steps_apart = (latents.narrow(1, 1, transitions) - latents.narrow(1, 0, transitions)).square().mean();
    regulariser = options.deviation * hinge + options.covariance * covariance + options.time_similarity * steps_apart;
  }
  torch::Tensor told = torch::zeros({}, latents.options());
  if (joint && lesson.actions.size(2) > 0 && options.inverse > 0.0) told = InverseError(latents, lesson.actions);
  const torch::Tensor prediction =
      joint ? rollouts.prediction : Reconstruction(latents, pixels.unflatten(0, {windows, pictures}), rollouts.latents);
  return {prediction + regulariser + options.inverse * told + rollouts.spread_nll, prediction, regulariser, told,
          rollouts.spread_nll};
}

}  // namespace reverie
