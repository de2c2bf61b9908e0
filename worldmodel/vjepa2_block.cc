#include "worldmodel/vjepa2_block.h"

#include "sim/error.h"

namespace reverie {
namespace {

at::ScalarType TypeOf(const std::string& dtype) {
  if (dtype == "F16") return at::kHalf;
  return dtype == "BF16" ? at::kBFloat16 : at::kFloat;
}

/// Whether no value is infinite or not a number: none has an exponent of ones alone.
template <class Bits>
bool AllFinite(const at::Tensor& tensor, Bits exponent) {
  const auto* bits = static_cast<const Bits*>(tensor.data_ptr());
  bool finite = true;
  for (int64_t i = 0; i < tensor.numel(); ++i) finite &= (bits[i] & exponent) != exponent;
  return finite;
}

bool AllFinite(const at::Tensor& tensor) {
  if (tensor.scalar_type() == at::kFloat) return AllFinite<uint32_t>(tensor, 0x7f800000u);
  return AllFinite<uint16_t>(tensor, tensor.scalar_type() == at::kHalf ? uint16_t{0x7c00} : uint16_t{0x7f80});
}

/// Reads a tensor to where it shall lie, by way of other memory only where type or device differ.
void LoadInto(const WeightFiles& files, const std::string& name, const at::Tensor& tensor) {
  const at::ScalarType type = TypeOf(files.tensors().at(name).dtype);
  const bool direct = tensor.is_cpu() && tensor.scalar_type() == type;
  const at::Tensor stored = direct ? tensor : at::empty(tensor.sizes(), type);
  files.Read(name, {static_cast<std::byte*>(stored.data_ptr()), stored.nbytes()});
  if (!AllFinite(stored)) {
    throw CheckpointError("weights " + files.text() + ": tensor '" + name +
                          "' holds values that are not finite; it is damaged");
  }
  if (!direct) tensor.copy_(stored);
}

/// Elements of a head that one axis turns; the rest of the head stays as it is.
int64_t AxisSize(int64_t head_size) { return 2 * ((head_size / 3) / 2); }

/// Order of a head's elements such that its pairs lie apart: first elements, second elements, the rest. Scores do not
/// depend on the order, and whole runs of memory can be turned at once.
at::Tensor RotaryOrder(int64_t head_size) {
  const int64_t turned = 3 * AxisSize(head_size);
  std::vector<int64_t> order;
  for (int64_t i = 0; i < turned; i += 2) order.push_back(i);
  for (int64_t i = 1; i < turned; i += 2) order.push_back(i);
  for (int64_t i = turned; i < head_size; ++i) order.push_back(i);
  return at::tensor(order, at::kLong);
}

/// Turns the pairs of `x` (B, N, heads, head size) in place.
void Turn(const at::Tensor& x, const Rotary& rotary) {
  const int64_t pairs = rotary.first_cos.size(-1);
  if (pairs == 0) return;
  const at::Tensor first = x.narrow(-1, 0, pairs), second = x.narrow(-1, pairs, pairs);
  const at::Tensor to_first = second * rotary.first_sin, to_second = first * rotary.second_sin;
  first.mul_(rotary.first_cos).sub_(to_first);
  second.mul_(rotary.second_cos).add_(to_second);
}

}  // namespace

Rotary MakeRotary(std::span<const TokenPosition> positions, int64_t head_size, const at::TensorOptions& options) {
  const auto count = static_cast<int64_t>(positions.size());
  const int64_t axis = AxisSize(head_size), half = axis / 2;
  const at::Tensor at_axes =
      at::from_blob(const_cast<TokenPosition*>(positions.data()), {count, 3}, at::kFloat).clone();
  at::Tensor speeds = at::arange(half, at::kFloat);
  if (half > 0) speeds = at::pow(10000.0f, speeds.div(static_cast<double>(axis) / 2.0)).reciprocal();
  const at::Tensor angles = at_axes.unsqueeze(-1) * speeds;  // (N, 3, half)
  // As published, element i of an axis turns at speed i modulo half: the two of a pair turn by different angles.
  const at::Tensor of_elements = at::cat({angles, angles}, -1);  // (N, 3, axis)
  const auto table = [&](int64_t which, bool cosine) {
    const at::Tensor chosen = of_elements.slice(-1, which, axis, 2).reshape({count, 1, 3 * half});
    return (cosine ? chosen.cos() : chosen.sin()).to(options);
  };
  return {table(0, true), table(0, false), table(1, true), table(1, false)};
}

at::Tensor LoadTensor(const WeightFiles& files, const std::string& name, const at::TensorOptions& options) {
  at::Tensor tensor = at::empty(files.tensors().at(name).shape, options);
  LoadInto(files, name, tensor);
  return tensor;
}

NormWeights NormWeights::Load(const WeightFiles& files, const std::string& name, const at::TensorOptions& options) {
  return {LoadTensor(files, name + ".weight", options), LoadTensor(files, name + ".bias", options)};
}

at::Tensor NormWeights::operator()(const at::Tensor& x, double epsilon) const {
  return at::layer_norm(x, {x.size(-1)}, weight, bias, epsilon);
}

LinearWeights LinearWeights::Load(const WeightFiles& files, const std::string& name,
                                  const at::TensorOptions& options) {
  LinearWeights linear{LoadTensor(files, name + ".weight", options), {}};
  if (files.tensors().contains(name + ".bias")) linear.bias = LoadTensor(files, name + ".bias", options);
  return linear;
}

VJepa2Block VJepa2Block::Load(const WeightFiles& files, const std::string& name, const std::vector<std::string>& qkv,
                              const std::string& attention_proj, int64_t heads, double epsilon,
                              const at::TensorOptions& options) {
  VJepa2Block block;
  block.heads = heads;
  block.epsilon = epsilon;
  block.norm1 = NormWeights::Load(files, name + ".norm1", options);
  block.norm2 = NormWeights::Load(files, name + ".norm2", options);
  block.proj = LinearWeights::Load(files, name + attention_proj, options);
  block.fc1 = LinearWeights::Load(files, name + ".mlp.fc1", options);
  block.fc2 = LinearWeights::Load(files, name + ".mlp.fc2", options);
  const int64_t size = block.norm1.weight.size(0), rows = 3 * size / static_cast<int64_t>(qkv.size());
  const bool biased = files.tensors().contains(name + qkv.front() + ".bias");
  block.qkv.weight = at::empty({3 * size, size}, options);
  if (biased) block.qkv.bias = at::empty({3 * size}, options);
  for (size_t i = 0; i < qkv.size(); ++i) {
    const int64_t row = static_cast<int64_t>(i) * rows;
    LoadInto(files, name + qkv[i] + ".weight", block.qkv.weight.narrow(0, row, rows));
    if (biased) LoadInto(files, name + qkv[i] + ".bias", block.qkv.bias.narrow(0, row, rows));
  }
  const int64_t head_size = size / heads;
  const at::Tensor order = RotaryOrder(head_size).to(options.device());
  for (int64_t head = 0; head < 2 * heads; ++head) {  // of queries and keys; values stay in their order
    for (const at::Tensor& tensor : {block.qkv.weight, block.qkv.bias}) {
      if (!tensor.defined()) continue;
      const at::Tensor part = tensor.narrow(0, head * head_size, head_size);
      part.copy_(part.index_select(0, order));
    }
  }
  return block;
}

void VJepa2Block::Apply(at::Tensor& x, const Rotary& rotary, const at::Tensor& mask) const {
  const int64_t batch = x.size(0), tokens = x.size(1), size = x.size(2), head_size = size / heads;
  {
    const at::Tensor all = qkv(norm1(x, epsilon)).view({batch, tokens, 3 * heads, head_size});
    Turn(all.narrow(2, 0, 2 * heads), rotary);
    const auto part = [&](int64_t i) { return all.narrow(2, i * heads, heads).transpose(1, 2); };
    const at::Tensor attended = at::scaled_dot_product_attention(
        part(0), part(1), part(2), mask.defined() ? std::optional<at::Tensor>(mask) : std::nullopt);
    x.add_(proj(attended.transpose(1, 2).reshape({batch, tokens, size})));
  }
  at::Tensor hidden = fc1(norm2(x, epsilon));
  at::gelu_(hidden);
  x.add_(fc2(hidden));
}

}  // namespace reverie
