#include "worldmodel/latent_network.h"

#include <cmath>

namespace reverie {
namespace {

// Narrower products gain nothing in bfloat16, and what a network reads and says is exact in float32.
constexpr int64_t kHalfWidth = 64;

at::Tensor Product(const at::Tensor& x, const at::Tensor& weight) {
  return weight.dim() == 2 ? at::mm(x, weight) : at::bmm(x, weight);
}

NormShape ShapeOf(const Layer& layer, const at::Tensor& x) {
  return {.heads = layer.heads, .rows = x.size(-2), .width = layer.outputs,
          .interleaved = layer.shared_input && layer.heads > 1};
}

// The layer in Torch's own operations: for devices that the kernels are not written for.
at::Tensor Composed(const Layer& layer, const at::Tensor& x, bool frozen) {
  const auto parameter = [&](const at::Tensor& tensor) { return frozen ? tensor.detach() : tensor; };
  const at::Tensor weight = parameter(layer.weight), bias = parameter(layer.bias);
  at::Tensor h;
  if (layer.shared_input && layer.heads > 1) {
    h = at::mm(x, weight).view({x.size(0), layer.heads, layer.outputs}).permute({1, 0, 2}) + bias.unsqueeze(1);
  } else if (layer.heads > 1) {
    h = at::baddbmm(bias.unsqueeze(1), x, weight);
  } else {
    h = at::addmm(bias, x, weight);
  }
  if (layer.activation == Activation::kNone) return h;
  h = at::layer_norm(h, {layer.outputs}, {}, {}, kLayerNormEpsilon);
  const auto per_head = [&](const at::Tensor& tensor) {
    return layer.heads > 1 ? parameter(tensor).unsqueeze(1) : parameter(tensor);
  };
  h = h * per_head(layer.gamma) + per_head(layer.beta);
  if (layer.activation == Activation::kMish) return at::mish(h);
  std::vector<int64_t> shape = h.sizes().vec(), groups = shape;
  groups.back() = layer.outputs / kSimNormGroup;
  groups.push_back(kSimNormGroup);
  return h.reshape(groups).softmax(-1).reshape(shape);
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Product and normalised activation as one step for the gradient. Weights enter twice: in float32, to which the
// gradient belongs, and as they are multiplied.
class NormedLayer : public torch::autograd::Function<NormedLayer> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& gamma, const at::Tensor& beta,
                            const at::Tensor& multiplied, int64_t heads, bool shared, int64_t activation,
                            bool half_output) {
    const NormShape shape = {.heads = heads, .rows = x.size(-2), .width = bias.size(-1),
                             .interleaved = shared && heads > 1};
    const at::Tensor product = Product(x, multiplied);
    const auto options = x.options().dtype(half_output ? at::kBFloat16 : at::kFloat);
    at::Tensor y = heads > 1 ? at::empty({heads, shape.rows, shape.width}, options)
                             : at::empty({shape.rows, shape.width}, options);
    at::Tensor statistics = at::empty({heads, shape.rows, 2}, x.options().dtype(at::kFloat));
    NormActivate(shape, static_cast<Activation>(activation), product, bias, gamma, beta, y, statistics);
    context->save_for_backward({x, product, bias, gamma, beta, multiplied, statistics});
    context->saved_data["heads"] = heads;
    context->saved_data["shared"] = shared;
    context->saved_data["activation"] = activation;
    (void)weight;
    return y;
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &product = saved[1], &multiplied = saved[5];
    const int64_t heads = context->saved_data["heads"].toInt();
    const NormShape shape = {.heads = heads, .rows = x.size(-2), .width = saved[2].size(-1),
                             .interleaved = context->saved_data["shared"].toBool() && heads > 1};
    const NormGradient gradient =
        NormActivateBackward(shape, static_cast<Activation>(context->saved_data["activation"].toInt()),
                             gradients[0].contiguous(), product, saved[2], saved[3], saved[4], saved[6]);
    variable_list result(10);
    if (context->needs_input_grad(0)) result[0] = Product(gradient.product, multiplied.transpose(-1, -2));
    if (context->needs_input_grad(1)) {
      result[1] = Product(x.transpose(-1, -2), gradient.product).to(at::kFloat);
      result[2] = gradient.bias;
      result[3] = gradient.gamma;
      result[4] = gradient.beta;
    }
    return result;
  }
};

// The last layer of a network: product and bias.
class PlainLayer : public torch::autograd::Function<PlainLayer> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& x, const at::Tensor& weight,
                            const at::Tensor& bias, const at::Tensor& multiplied) {
    context->save_for_backward({x, multiplied});
    (void)weight;
    return Product(x, multiplied).to(at::kFloat).add_(multiplied.dim() == 2 ? bias : bias.unsqueeze(1));
  }

  static variable_list backward(AutogradContext* context, variable_list gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &x = saved[0], &multiplied = saved[1];
    const at::Tensor given = gradients[0].to(multiplied.scalar_type()).contiguous();
    variable_list result(4);
    if (context->needs_input_grad(0)) result[0] = Product(given, multiplied.transpose(-1, -2));
    if (context->needs_input_grad(1)) {
      result[1] = Product(x.transpose(-1, -2), given).to(at::kFloat);
      result[2] = gradients[0].sum(-2).view({-1, gradients[0].size(-1)});
    }
    return result;
  }
};

at::Tensor ForwardLayer(const Layer& layer, const at::Tensor& x, bool half_output, bool frozen) {
  if (!x.is_cpu()) return Composed(layer, x, frozen);
  const auto parameter = [&](const at::Tensor& tensor) { return frozen ? tensor.detach() : tensor; };
  const at::Tensor multiplied = layer.half.defined() ? layer.half : layer.weight.detach();
  const at::Tensor input = x.to(multiplied.scalar_type());
  if (layer.activation != Activation::kNone) {
    return NormedLayer::apply(input, parameter(layer.weight), parameter(layer.bias), parameter(layer.gamma),
                              parameter(layer.beta), multiplied, layer.heads, layer.shared_input,
                              static_cast<int64_t>(layer.activation), half_output);
  }
  return PlainLayer::apply(input, parameter(layer.weight), parameter(layer.bias), multiplied);
}

}  // namespace

bool ProcessorHasBfloat16() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512bf16");
#else
  return false;
#endif
}

void ParameterStore::Allocate(int64_t count, at::Device device, bool with_half, bool with_gradients) {
  const auto options = at::TensorOptions().dtype(at::kFloat).device(device);
  values = at::zeros({count}, options);
  if (with_half) half = at::zeros({count}, options.dtype(at::kBFloat16));
  if (!with_gradients) return;
  gradients = at::zeros({count}, options);
  first_moments = at::zeros({count}, options);
  second_moments = at::zeros({count}, options);
}

void ParameterStore::Refresh(int64_t first, int64_t count) {
  if (half.defined()) half.narrow(0, first, count).copy_(values.narrow(0, first, count));
}

int64_t Layer::Parameters() const {
  return heads * outputs * (inputs + (activation == Activation::kNone ? 1 : 3));
}

Network::Network(const Shape& shape) : exact_(shape.exact), exact_input_(shape.exact_input) {
  std::vector<int64_t> widths = {shape.inputs};
  widths.insert(widths.end(), shape.hidden.begin(), shape.hidden.end());
  widths.push_back(shape.outputs);
  for (size_t i = 0; i + 1 < widths.size(); ++i) {
    Layer layer;
    layer.heads = shape.heads;
    layer.inputs = widths[i];
    layer.outputs = widths[i + 1];
    layer.activation = i + 2 < widths.size() ? Activation::kMish : shape.last;
    layer.shared_input = i == 0 || shape.heads == 1;
    layers_.push_back(layer);
  }
}

int64_t Network::Parameters() const {
  int64_t count = 0;
  for (const Layer& layer : layers_) count += layer.Parameters();
  return count;
}

void Network::Bind(const ParameterStore& store, int64_t first, bool train) {
  for (Layer& layer : layers_) {
    const auto take = [&](at::IntArrayRef shape, at::Tensor* half) {
      int64_t count = 1;
      for (const int64_t size : shape) count *= size;
      at::Tensor view = store.values.narrow(0, first, count).view(shape).detach();
      if (half && store.half.defined()) *half = store.half.narrow(0, first, count).view(shape);
      if (train) {
        view.requires_grad_(true);
        view.mutable_grad() = store.gradients.narrow(0, first, count).view(shape);
      }
      first += count;
      return view;
    };
    const bool exact = exact_ || (exact_input_ && &layer == &layers_.front());
    const bool wide = !exact && layer.inputs >= kHalfWidth && layer.outputs >= kHalfWidth;
    const int64_t heads = layer.heads;
    layer.weight = layer.shared_input ? take({layer.inputs, heads * layer.outputs}, wide ? &layer.half : nullptr)
                                      : take({heads, layer.inputs, layer.outputs}, wide ? &layer.half : nullptr);
    layer.bias = take({heads, layer.outputs}, nullptr);
    if (layer.activation == Activation::kNone) continue;
    layer.gamma = take({heads, layer.outputs}, nullptr);
    layer.beta = take({heads, layer.outputs}, nullptr);
  }
}

void Network::Initialize(Random& random, bool zero_last) {
  at::NoGradGuard no_grad;
  for (size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    at::Tensor weight = at::zeros(layer.weight.sizes(), at::kFloat);
    if (!zero_last || i + 1 < layers_.size()) {
      float* values = weight.data_ptr<float>();
      for (int64_t k = 0; k < weight.numel(); ++k) {
        double z = random.Normal();
        while (std::abs(z) > 2.0) z = random.Normal();
        values[k] = static_cast<float>(0.02 * z);
      }
    }
    layer.weight.copy_(weight);
    layer.bias.zero_();
    if (layer.gamma.defined()) layer.gamma.fill_(1.0);
    if (layer.beta.defined()) layer.beta.zero_();
  }
}

at::Tensor Network::Forward(const at::Tensor& x, bool frozen) const {
  at::Tensor y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const bool half_output = i + 1 < layers_.size() && layers_[i + 1].half.defined();
    y = ForwardLayer(layers_[i], y, half_output, frozen);
  }
  // The plain layer of a single head gives (rows, outputs) and a bias of (1, outputs) broadcasts over it.
  return y;
}

at::Tensor Network::ForwardPair(const at::Tensor& x, const at::Tensor& index, bool frozen) const {
  if (heads() <= 2) return Forward(x, frozen);
  Network pair = *this;
  for (Layer& layer : pair.layers_) {
    const auto two = [&](const at::Tensor& tensor) {
      if (!tensor.defined()) return tensor;
      if (tensor.dim() == 2 && tensor.size(0) == layer.inputs && tensor.size(1) == layer.heads * layer.outputs &&
          layer.shared_input) {
        return tensor.view({layer.inputs, layer.heads, layer.outputs}).index_select(1, index)
            .reshape({layer.inputs, 2 * layer.outputs});
      }
      return tensor.index_select(0, index);
    };
    const auto vector = [&](const at::Tensor& tensor) { return tensor.defined() ? tensor.index_select(0, index) : tensor; };
    layer.weight = two(layer.weight);
    layer.half = two(layer.half);
    layer.bias = vector(layer.bias);
    layer.gamma = vector(layer.gamma);
    layer.beta = vector(layer.beta);
  }
  for (Layer& layer : pair.layers_) layer.heads = 2;
  return pair.Forward(x, frozen);
}

at::Tensor Network::Infer(const at::Tensor& x, Scratch& scratch) const {
  if (!x.is_cpu()) return Forward(x, true);
  constexpr size_t kPerLayer = 4;  // input as multiplied, product, statistics, output
  if (scratch.size() < kPerLayer * layers_.size()) scratch.resize(kPerLayer * layers_.size());
  const auto shaped = [&](size_t layer, size_t which, at::IntArrayRef shape, at::ScalarType type) {
    at::Tensor& tensor = scratch[kPerLayer * layer + which];
    if (!tensor.defined() || tensor.scalar_type() != type) tensor = at::empty(shape, x.options().dtype(type));
    return tensor.resize_(shape);
  };
  at::Tensor y = x;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const Layer& layer = layers_[i];
    const bool last = i + 1 == layers_.size();
    // What a network says is multiplied in float32: a plan turns on small differences between values.
    const bool half = layer.half.defined() && layer.activation != Activation::kNone;
    const at::Tensor weight = half ? layer.half : layer.weight.detach();
    if (y.scalar_type() != weight.scalar_type()) {
      at::Tensor converted = shaped(i, 0, y.sizes(), weight.scalar_type());
      y = converted.copy_(y);
    }
    const int64_t rows = y.size(-2);
    at::Tensor product;
    if (weight.dim() == 2) {
      product = shaped(i, 1, {rows, weight.size(1)}, weight.scalar_type());
      at::mm_out(product, y, weight);
    } else {
      product = shaped(i, 1, {layer.heads, rows, layer.outputs}, weight.scalar_type());
      at::bmm_out(product, y, weight);
    }
    if (layer.activation == Activation::kNone) {
      y = product.add_(weight.dim() == 2 ? layer.bias.detach().view({1, -1}) : layer.bias.detach().unsqueeze(1));
      continue;
    }
    const bool half_output =
        !last && layers_[i + 1].half.defined() && layers_[i + 1].activation != Activation::kNone;
    at::Tensor statistics = shaped(i, 2, {layer.heads, rows, 2}, at::kFloat);
    y = layer.heads > 1 ? shaped(i, 3, {layer.heads, rows, layer.outputs}, half_output ? at::kBFloat16 : at::kFloat)
                        : shaped(i, 3, {rows, layer.outputs}, half_output ? at::kBFloat16 : at::kFloat);
    NormActivate(ShapeOf(layer, product), layer.activation, product, layer.bias.detach(), layer.gamma.detach(),
                 layer.beta.detach(), y, statistics);
  }
  return y;
}

std::map<std::string, at::Tensor> Network::Named(const std::string& prefix) const {
  std::map<std::string, at::Tensor> named;
  for (size_t i = 0; i < layers_.size(); ++i) {
    const std::string layer = prefix + "." + std::to_string(i) + ".";
    named[layer + "weight"] = layers_[i].weight;
    named[layer + "bias"] = layers_[i].bias;
    if (!layers_[i].gamma.defined()) continue;
    named[layer + "norm.weight"] = layers_[i].gamma;
    named[layer + "norm.bias"] = layers_[i].beta;
  }
  return named;
}

double Network::OperationsPerRow() const {
  double operations = 0.0;
  for (const Layer& layer : layers_) operations += 2.0 * static_cast<double>(layer.heads * layer.inputs * layer.outputs);
  return operations;
}

}  // namespace reverie
