#include "worldmodel/jepa_network.h"

#include "worldmodel/jepa_decoder.h"
#include "worldmodel/jepa_frozen.h"
#include "worldmodel/jepa_scratch.h"

namespace reverie {

double JepaNetwork::InverseRatio(const torch::Tensor&, const torch::Tensor&) { return 0.0; }

std::map<std::string, torch::Tensor> JepaNetwork::Named() {
  std::map<std::string, torch::Tensor> named;
  for (auto& item : named_parameters()) named[item.key()] = item.value();
  for (auto& item : named_buffers()) named[item.key()] = item.value();
  return named;
}

void JepaNetwork::Draw(torch::nn::Linear spread, torch::Generator generator) {
  torch::NoGradGuard no_grad;
  DrawWeights(*this, generator);
  spread->weight.zero_();
  spread->bias.fill_(-3.0);
}

void JepaNetwork::Gather(const torch::Device& device) {
  torch::NoGradGuard no_grad;
  to(device);
  int64_t count = 0;
  for (const torch::Tensor& parameter : parameters()) count += parameter.numel();
  values = torch::empty({count}, torch::TensorOptions(torch::kFloat32).device(device));
  gradients = torch::zeros_like(values);
  first_moments = torch::zeros_like(values);
  second_moments = torch::zeros_like(values);
  int64_t at = 0;
  for (auto& item : named_parameters()) {
    torch::Tensor& parameter = item.value();
    if (item.key() == "spread.weight") shaped = at;
    torch::Tensor view = values.narrow(0, at, parameter.numel()).view(parameter.sizes());
    view.copy_(parameter);
    parameter.set_data(view);
    parameter.mutable_grad() = gradients.narrow(0, at, parameter.numel()).view(parameter.sizes());
    at += parameter.numel();
  }
}

std::unique_ptr<JepaNetwork> MakeJepaNetwork(const JepaOptions& options, const JepaSizes& sizes,
                                             std::shared_ptr<const FrozenEncoder> encoder, const torch::Device& device,
                                             torch::Generator generator) {
  if (encoder) return std::make_unique<JepaFrozen>(options, sizes, std::move(encoder), device, std::move(generator));
  return std::make_unique<JepaScratch>(options, sizes, device, std::move(generator));
}

}  // namespace reverie
