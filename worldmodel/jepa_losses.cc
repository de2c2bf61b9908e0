#include "worldmodel/jepa_losses.h"

#include <cmath>
#include <vector>

namespace reverie {
namespace {

constexpr int kFrequencies = 17;
constexpr double kHighest = 3.0;
constexpr double kEpsilon = 1e-4;  // in the standard deviation's root

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// The statistic and its gradient in closed form. Frequencies are multiples of the first, so cosine and sine of each
// come from those before by one rotation, where a general gradient would compute and keep them all.
class EppsPulley : public torch::autograd::Function<EppsPulley> {
 public:
  /// @param projections  (groups, rows, M). @return  the mean over groups and directions.
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& projections) {
    const int64_t rows = projections.size(1);
    const double step = kHighest / (kFrequencies - 1);
    const double samples = static_cast<double>(projections.size(0) * projections.size(2));
    const torch::Tensor angle = projections * step;
    const torch::Tensor first_cosine = angle.cos(), first_sine = angle.sin();
    torch::Tensor cosine = torch::ones_like(angle), sine = torch::zeros_like(angle);
    torch::Tensor gradient = torch::zeros_like(angle), statistic = torch::zeros({}, angle.options());
    torch::Tensor next_cosine = torch::empty_like(angle), next_sine = torch::empty_like(angle);
    for (int j = 1; j < kFrequencies; ++j) {  // at frequency 0 every sample agrees
      at::mul_out(next_cosine, cosine, first_cosine);
      next_cosine.addcmul_(sine, first_sine, -1.0);
      at::mul_out(next_sine, sine, first_cosine);
      next_sine.addcmul_(cosine, first_sine);
      std::swap(cosine, next_cosine);
      std::swap(sine, next_sine);
      const double t = step * j, gaussian = std::exp(-0.5 * t * t);
      // Trapezoids over the whole axis, of which this half is one: all but the ends count twice.
      const double weight = gaussian * step * (j + 1 < kFrequencies ? 2.0 : 1.0);
      const torch::Tensor real = cosine.mean(1, true) - gaussian, imaginary = sine.mean(1, true);  // (groups, 1, M)
      statistic += (weight * static_cast<double>(rows) / samples) * (real.square() + imaginary.square()).sum();
      const double scale = 2.0 * weight * t / samples;  // the rows' number and the mean's division cancel
      gradient.addcmul_(sine, real, -scale);
      gradient.addcmul_(cosine, imaginary, scale);
    }
    context->save_for_backward({gradient});
    return statistic;
  }
  static variable_list backward(AutogradContext* context, variable_list outer) {
    return {context->get_saved_variables()[0] * outer[0]};
  }
};

}  // namespace

torch::Tensor SigReg(const torch::Tensor& latents, const torch::Tensor& directions) {
  return EppsPulley::apply(torch::matmul(latents, directions));
}

torch::Tensor RandomDirections(int64_t dimensions, int64_t count, torch::Generator& generator) {
  const torch::Tensor drawn = torch::randn({dimensions, count}, generator, torch::kFloat32);
  return drawn / drawn.norm(2, 0, true).clamp_min(1e-12);
}

std::pair<torch::Tensor, torch::Tensor> VicReg(const torch::Tensor& latents) {
  const int64_t rows = latents.size(1), dimensions = latents.size(2);
  const torch::Tensor centred = latents - latents.mean(1, true);
  const double divisor = static_cast<double>(std::max<int64_t>(1, rows - 1));
  const torch::Tensor deviation = (centred.square().sum(1) / divisor + kEpsilon).sqrt();
  const torch::Tensor covariance = torch::matmul(centred.transpose(1, 2), centred) / divisor;
  const torch::Tensor off_diagonal =
      covariance.square().sum({1, 2}) - torch::diagonal(covariance, 0, 1, 2).square().sum(1);
  return {torch::relu(1.0 - deviation).mean(), (off_diagonal / static_cast<double>(dimensions)).mean()};
}

}  // namespace reverie
