// Discrete regression: numbers as distributions over bins that are evenly spaced in symlog, so that a loss treats
// rewards and returns of every size alike. Internal: needs Torch.
// Source: Hafner et al. 2023, "Mastering Diverse Domains through World Models"; bins as Hansen et al. 2024.
#pragma once

#include <torch/torch.h>

namespace reverie {

inline constexpr int64_t kBins = 101;
inline constexpr double kLeastBin = -10.0, kGreatestBin = 10.0;  // symlog

/// sign(x) log(1 + |x|), and back.
torch::Tensor Symlog(const torch::Tensor& x);
torch::Tensor Symexp(const torch::Tensor& x);

/// The number that logits over bins stand for: symexp of the mean bin.
/// @param logits  (..., kBins).
/// @return        (...).
torch::Tensor FromLogits(const torch::Tensor& logits);

/// Cross-entropy between the two bins that a number lies between, by how near it is to each, and predicted logits.
/// @param logits  (..., kBins). @param target  (...), broadcast over the logits' leading dimensions.
/// @return        (...).
torch::Tensor TwoHotLoss(const torch::Tensor& logits, const torch::Tensor& target);

}  // namespace reverie
