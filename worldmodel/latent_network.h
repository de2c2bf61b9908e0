// The networks of a latent model: layers of product, layer normalisation and activation, several heads in one pass,
// whose parameters lie one after the other in one tensor. Internal: needs Torch.
#pragma once

#include <map>
#include <string>
#include <vector>

#include <torch/torch.h>

#include "sim/random.h"
#include "worldmodel/latent_kernels.h"

namespace reverie {

/// All parameters of a model in a row, with what its optimiser keeps of each.
struct ParameterStore {
  at::Tensor values, gradients, first_moments, second_moments;  // (n) float32
  at::Tensor half;                                              // (n) bfloat16 copy of values; undefined: none

  void Allocate(int64_t count, at::Device device, bool with_half, bool with_gradients);
  /// Brings `half` up to date with what was written to values[first .. first + count].
  void Refresh(int64_t first, int64_t count);
};

struct Layer {
  int64_t heads = 1, inputs = 0, outputs = 0;
  Activation activation = Activation::kNone;
  bool shared_input = true;      // one input for all heads: weights are (inputs, heads * outputs)
  at::Tensor weight, bias;       // (inputs, heads * outputs) or (heads, inputs, outputs); (heads, outputs)
  at::Tensor gamma, beta;        // (heads, outputs); undefined without an activation
  at::Tensor half;               // weight in bfloat16; undefined: the product is in float32

  int64_t Parameters() const;
};

/// Memory that inference uses again from call to call.
using Scratch = std::vector<at::Tensor>;

class Network {
 public:
  struct Shape {
    int64_t heads = 1, inputs = 0;
    std::vector<int64_t> hidden;  // each followed by layer normalisation and Mish
    int64_t outputs = 0;
    Activation last = Activation::kNone;
    bool exact = false;           // products in float32 whatever the store offers
    bool exact_input = false;     // those of the first layer
  };
  explicit Network(const Shape& shape);

  int64_t Parameters() const;
  /// Takes its parameters from `store`, from `first` on. `train`: gradients are written to the store's.
  void Bind(const ParameterStore& store, int64_t first, bool train);
  /// Weights normal with deviation 0.02, cut off at two deviations; those of the last layer zero if asked for.
  void Initialize(Random& random, bool zero_last);

  /// @param x       (rows, inputs).
  /// @param frozen  gradients flow through to x alone.
  /// @return        (rows, outputs), with several heads (heads, rows, outputs); float32 at the end of the network.
  at::Tensor Forward(const at::Tensor& x, bool frozen = false) const;
  /// Of two heads only, or of the one there is. @param pair  (2) which, int64, where x is.
  /// @return (2, rows, outputs), of the one (rows, outputs).
  at::Tensor ForwardPair(const at::Tensor& x, const at::Tensor& pair, bool frozen) const;
  /// Without gradients, into memory that the next call with `scratch` overwrites.
  at::Tensor Infer(const at::Tensor& x, Scratch& scratch) const;

  std::map<std::string, at::Tensor> Named(const std::string& prefix) const;
  /// Multiplications and additions for one row.
  double OperationsPerRow() const;
  int64_t heads() const { return layers_.front().heads; }

 private:
  std::vector<Layer> layers_;
  bool exact_, exact_input_;
};

/// Whether the products inside are faster in bfloat16 on this processor.
bool ProcessorHasBfloat16();

}  // namespace reverie
