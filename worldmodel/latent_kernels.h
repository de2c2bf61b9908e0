// Bias, layer normalisation and activation of a layer in one pass over its rows on the processor, and the way back:
// between the products of a small network these passes are most of the time. Internal: needs Torch.
#pragma once

#include <ATen/ATen.h>

namespace reverie {

/// kSimNorm: a softmax over each group of 8. Source: Lavoie et al. 2023, "Simplicial Embeddings".
enum class Activation { kNone, kMish, kSimNorm };

inline constexpr int64_t kSimNormGroup = 8;
inline constexpr double kLayerNormEpsilon = 1e-5;

struct NormShape {
  int64_t heads = 1, rows = 0, width = 0;
  bool interleaved = false;  // products lie as (rows, heads, width), else as (heads, rows, width)
};

/// y = activation(gamma * normalised(product + bias) + beta), each row normalised on its own.
/// @param product           float32 or bfloat16, contiguous, laid out as `shape` says.
/// @param bias, gamma, beta  (heads, width) float32.
/// @param y                 (heads, rows, width), float32 or bfloat16: filled.
/// @param statistics        (heads, rows, 2) float32: filled with mean and inverse deviation.
void NormActivate(const NormShape& shape, Activation activation, const at::Tensor& product, const at::Tensor& bias,
                  const at::Tensor& gamma, const at::Tensor& beta, at::Tensor& y, at::Tensor& statistics);

struct NormGradient {
  at::Tensor product;                                  // as the product is
  at::Tensor bias, gamma, beta;                        // (heads, width) float32
};
/// The gradient of NormActivate from that of y. Sums over rows are in fixed pieces: the same with any number of threads.
NormGradient NormActivateBackward(const NormShape& shape, Activation activation, const at::Tensor& y_gradient,
                                  const at::Tensor& product, const at::Tensor& bias, const at::Tensor& gamma,
                                  const at::Tensor& beta, const at::Tensor& statistics);

}  // namespace reverie
