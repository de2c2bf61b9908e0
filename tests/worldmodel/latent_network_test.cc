// The parts of a latent model against the published formulae worked out by hand, and against Torch's own operations.
#include <torch/torch.h>
#undef CHECK  // Torch's logging has one of its own

#include <cmath>

#include <doctest/doctest.h>

#include "worldmodel/device.h"
#include "worldmodel/latent_network.h"
#include "worldmodel/two_hot.h"

using namespace reverie;

namespace {

struct Built {
  ParameterStore store;
  Network network;

  Built(const Network::Shape& shape, bool half, uint64_t seed = 3) : network(shape) {
    store.Allocate(network.Parameters(), torch::kCPU, half, true);
    network.Bind(store, 0, true);
    Random random(seed);
    network.Initialize(random, false);
    // Weights as large as those of a trained network, and gains and biases that are not 1 and 0.
    torch::Generator generator = at::detail::createCPUGenerator(seed);
    torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : network.Named("n")) {
      torch::Tensor(tensor).add_(torch::randn(tensor.sizes(), generator), name.ends_with("weight") ? 0.1 : 0.3);
    }
    store.Refresh(0, network.Parameters());
  }
};

// The same network in Torch's operations, from its published parameters.
torch::Tensor Reference(const Built& built, torch::Tensor x, int64_t heads, int layers, bool sim_norm) {
  const auto named = built.network.Named("n");
  std::vector<torch::Tensor> results;
  for (int64_t h = 0; h < heads; ++h) {
    torch::Tensor y = x;
    for (int i = 0; i < layers; ++i) {
      const std::string layer = "n." + std::to_string(i) + ".";
      const torch::Tensor bias = named.at(layer + "bias")[h], weight = named.at(layer + "weight");
      const torch::Tensor own = weight.dim() == 3 ? weight[h] : weight.narrow(1, h * bias.size(0), bias.size(0));
      y = torch::matmul(y, own) + bias;
      if (!named.contains(layer + "norm.weight")) continue;
      y = torch::layer_norm(y, {bias.size(0)}, named.at(layer + "norm.weight")[h], named.at(layer + "norm.bias")[h]);
      if (i + 1 < layers || !sim_norm) y = torch::mish(y);
      else y = torch::softmax(y.view({y.size(0), -1, 8}), -1).flatten(1);
    }
    results.push_back(y);
  }
  return heads == 1 ? results[0] : torch::stack(results);
}

}  // namespace

TEST_CASE("two-hot: symlog, bins and their cross-entropy are those of the published formulae") {
  const auto number = [](double value) { return torch::tensor({value}, torch::kFloat64); };
  CHECK(Symlog(number(-1.0)).item<double>() == doctest::Approx(-0.6931471806));
  CHECK(Symexp(number(2.0)).item<double>() == doctest::Approx(6.3890560989));
  CHECK(Symexp(Symlog(number(-321.5))).item<double>() == doctest::Approx(-321.5));
  // symlog(1) = 0.6931 lies 53.4657 bins of 0.2 above -10: bin 53 takes 0.5343 of it, bin 54 the rest.
  torch::Tensor logits = torch::zeros({1, kBins}, torch::kFloat64);
  CHECK(TwoHotLoss(logits, number(1.0)).item<double>() == doctest::Approx(std::log(101.0)));
  logits[0][53] = 2.0;
  logits[0][54] = -1.0;
  const double expected = std::log(99.0 + std::exp(2.0) + std::exp(-1.0)) - (0.5342640972 * 2.0 - 0.4657359028);
  CHECK(TwoHotLoss(logits, number(1.0)).item<double>() == doctest::Approx(expected));
  // All mass on bin 60, which is symlog 2.
  logits.fill_(-100.0);
  logits[0][60] = 0.0;
  CHECK(FromLogits(logits).item<double>() == doctest::Approx(6.3890560989));
  // What lies past the last bin counts as the last: symexp(10).
  logits.fill_(-100.0);
  logits[0][100] = 0.0;
  CHECK(TwoHotLoss(logits, number(1e9)).item<double>() == doctest::Approx(0.0));
  // What is not a number is never right: the loss is not a number either, and nothing is read out of bounds.
  CHECK(std::isnan(TwoHotLoss(logits, number(std::nan(""))).item<double>()));
  CHECK(FromLogits(logits).item<double>() == doctest::Approx(22025.465795));
}

TEST_CASE("latent network: values and gradients are those of Torch's own operations") {
  SetTorchThreads(2);
  for (const int64_t heads : {1, 3}) {
    for (const bool sim_norm : {false, true}) {
      if (sim_norm && heads > 1) continue;
      CAPTURE(heads);
      CAPTURE(sim_norm);
      Built built({.heads = heads, .inputs = 70, .hidden = {72, 96}, .outputs = sim_norm ? 64 : 5,
                   .last = sim_norm ? Activation::kSimNorm : Activation::kNone}, false);
      torch::Tensor x = torch::randn({130, 70}, at::detail::createCPUGenerator(1)).requires_grad_(true);
      const torch::Tensor y = built.network.Forward(x), expected = Reference(built, x, heads, 3, sim_norm);
      CHECK((y - expected).abs().max().item<double>() < 2e-5);
      const torch::Tensor pull = torch::randn(y.sizes(), at::detail::createCPUGenerator(2));
      const auto gradients_of = [&](const torch::Tensor& output) {
        built.store.gradients.zero_();
        x.mutable_grad() = torch::Tensor();
        (output * pull).sum().backward();
        return std::pair(built.store.gradients.clone(), x.grad().clone());
      };
      const auto [ours, ours_x] = gradients_of(y);
      const auto [theirs, theirs_x] = gradients_of(expected);
      CHECK(theirs.abs().max().item<double>() > 1.0);
      CHECK((ours - theirs).abs().max().item<double>() < 2e-4 * theirs.abs().max().item<double>());
      CHECK((ours_x - theirs_x).abs().max().item<double>() < 2e-4 * theirs_x.abs().max().item<double>());
      Scratch scratch;
      CHECK((built.network.Infer(x.detach(), scratch) - expected).abs().max().item<double>() < 2e-5);
    }
  }
}

TEST_CASE("latent network: in bfloat16 it is the same to bfloat16's precision, forwards, backwards and inferring") {
  for (const int64_t heads : {1, 2}) {
    const Network::Shape shape = {.heads = heads, .inputs = 72, .hidden = {96, 96}, .outputs = 101};
    Built exact(shape, false), half(shape, true);
    const torch::Tensor x = torch::randn({200, 72}, at::detail::createCPUGenerator(1));
    const torch::Tensor y = exact.network.Forward(x), near = half.network.Forward(x);
    const double size = y.abs().max().item<double>();
    CHECK((y - near).abs().max().item<double>() < 0.03 * size);
    CHECK((y - near).abs().max().item<double>() > 0.0);
    Scratch scratch;
    CHECK((y - half.network.Infer(x, scratch)).abs().max().item<double>() < 0.03 * size);
    y.square().mean().backward();
    near.square().mean().backward();
    const torch::Tensor difference = exact.store.gradients - half.store.gradients;
    CHECK(difference.norm().item<double>() < 0.02 * exact.store.gradients.norm().item<double>());
  }
}

TEST_CASE("latent network: frozen it passes gradients on and takes none, and a pair of heads is those two") {
  Built built({.heads = 4, .inputs = 24, .hidden = {32, 32}, .outputs = 7}, false);
  torch::Tensor x = torch::randn({9, 24}, at::detail::createCPUGenerator(1)).requires_grad_(true);
  const torch::Tensor all = built.network.Forward(x), pair = built.network.ForwardPair(x, torch::tensor({3, 1}, torch::kInt64), true);
  CHECK((pair[0] - all[3]).abs().max().item<double>() < 1e-6);
  CHECK((pair[1] - all[1]).abs().max().item<double>() < 1e-6);
  pair.sum().backward();
  CHECK(x.grad().abs().max().item<double>() > 0.0);
  CHECK(built.store.gradients.abs().max().item<double>() == 0.0);
}

TEST_CASE("latent network: sums over rows do not depend on the number of threads, and extremes stay finite") {
  const NormShape shape = {.heads = 2, .rows = 333, .width = 48};
  const auto draw = [](at::IntArrayRef sizes, uint64_t seed) { return torch::randn(sizes, at::detail::createCPUGenerator(seed)); };
  torch::Tensor product = draw({2, 333, 48}, 1), y = torch::empty_like(product), statistics = torch::empty({2, 333, 2});
  product[0][0].mul_(1e6);
  product[1][5].fill_(3.0);  // no spread at all
  const torch::Tensor bias = draw({2, 48}, 2), gamma = draw({2, 48}, 3) * 30.0, beta = draw({2, 48}, 4), pull = draw({2, 333, 48}, 5);
  std::vector<torch::Tensor> sums;
  for (const int threads : {1, 2}) {
    SetTorchThreads(threads);
    NormActivate(shape, Activation::kMish, product, bias, gamma, beta, y, statistics);
    CHECK(torch::isfinite(y).all().item<bool>());
    const NormGradient gradient = NormActivateBackward(shape, Activation::kMish, pull, product, bias, gamma, beta, statistics);
    CHECK(torch::isfinite(gradient.product).all().item<bool>());
    sums.push_back(torch::cat({gradient.bias, gradient.gamma, gradient.beta}));
  }
  CHECK(torch::equal(sums[0], sums[1]));
}
