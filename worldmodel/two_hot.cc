#include "worldmodel/two_hot.h"

namespace reverie {
namespace {

constexpr double kBinWidth = (kGreatestBin - kLeastBin) / (kBins - 1);

}  // namespace

torch::Tensor Symlog(const torch::Tensor& x) { return x.sign() * x.abs().log1p(); }
torch::Tensor Symexp(const torch::Tensor& x) { return x.sign() * x.abs().expm1(); }

torch::Tensor FromLogits(const torch::Tensor& logits) {
  const torch::Tensor bins = torch::linspace(kLeastBin, kGreatestBin, kBins, logits.options());
  return Symexp(torch::matmul(torch::softmax(logits, -1), bins));
}

torch::Tensor TwoHotLoss(const torch::Tensor& logits, const torch::Tensor& target) {
  const torch::Tensor position = (Symlog(target).clamp(kLeastBin, kGreatestBin) - kLeastBin) / kBinWidth;
  // A target that is not a number has no bin; through its share the loss is then not a number either.
  const torch::Tensor below = position.floor().nan_to_num(0.0).clamp_max(kBins - 2);
  const torch::Tensor share = position - below;  // of the bin above
  const std::vector<int64_t> leading = logits.sizes().slice(0, logits.dim() - 1).vec();
  const torch::Tensor index =
      torch::stack({below, below + 1.0}, -1).to(torch::kInt64).expand([&] {
        std::vector<int64_t> shape = leading;
        shape.push_back(2);
        return shape;
      }());
  const torch::Tensor weights = torch::stack({1.0 - share, share}, -1);
  const torch::Tensor chosen = logits.gather(-1, index);
  return torch::logsumexp(logits, -1) - (chosen * weights).sum(-1);
}

}  // namespace reverie
