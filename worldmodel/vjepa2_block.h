// The pre-norm transformer layer that V-JEPA 2's encoder, its masked predictor and its action-conditioned predictor
// are made of, with rotary positions along time, height and width. Internal: needs Torch.
#pragma once

#include <ATen/ATen.h>

#include <span>
#include <string>
#include <vector>

#include "worldmodel/weight_files.h"

namespace reverie {

/// Where a token lies. A coordinate of a token that lies nowhere (an action) is 0, which turns nothing.
struct TokenPosition {
  float time = 0, height = 0, width = 0;
};

/// Cosines and sines of what positions turn the pairs of queries and keys by: of pairs' first elements and of their
/// second ones. Each (N, 1, pairs).
struct Rotary {
  at::Tensor first_cos, first_sin, second_cos, second_sin;
};
Rotary MakeRotary(std::span<const TokenPosition> positions, int64_t head_size, const at::TensorOptions& options);

/// Reads one tensor onto a device as a type. @throws CheckpointError for a value that is not finite.
at::Tensor LoadTensor(const WeightFiles& files, const std::string& name, const at::TensorOptions& options);

struct NormWeights {
  at::Tensor weight, bias;

  static NormWeights Load(const WeightFiles& files, const std::string& name, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x, double epsilon) const;
};

struct LinearWeights {
  at::Tensor weight, bias;  // (outputs, inputs), (outputs) or undefined

  static LinearWeights Load(const WeightFiles& files, const std::string& name, const at::TensorOptions& options);
  at::Tensor operator()(const at::Tensor& x) const { return at::linear(x, weight, bias); }
};

struct VJepa2Block {
  int64_t heads = 1;
  double epsilon = 1e-6;
  NormWeights norm1, norm2;
  LinearWeights qkv, proj, fc1, fc2;

  /// Reads the layer NAME. @param qkv  names below it of queries, keys and values, or of all three in one.
  static VJepa2Block Load(const WeightFiles& files, const std::string& name, const std::vector<std::string>& qkv,
                          const std::string& attention_proj, int64_t heads, double epsilon,
                          const at::TensorOptions& options);

  /// Changes x (B, N, size). @param mask  (N, N) true where a row may look at a column; undefined: everywhere.
  void Apply(at::Tensor& x, const Rotary& rotary, const at::Tensor& mask = {}) const;
};

}  // namespace reverie
