#include "worldmodel/latent_kernels.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include <ATen/Parallel.h>

namespace reverie {
namespace {

// The loops below are written for the compiler to vectorise, once for each kind of processor; CMakeLists.txt lets it
// add up in any order, without which it cannot.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define REVERIE_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define REVERIE_CLONES
#endif
#define REVERIE_INLINE [[gnu::always_inline]] inline

constexpr int64_t kChunk = 64;  // rows whose gradients of bias, gamma and beta are summed together

using Half = uint16_t;  // the bits of a bfloat16

REVERIE_INLINE float Load(const float* p) { return *p; }
REVERIE_INLINE float Load(const Half* p) { return std::bit_cast<float>(static_cast<uint32_t>(*p) << 16); }
REVERIE_INLINE void Store(float* p, float value) { *p = value; }
REVERIE_INLINE void Store(Half* p, float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  // Round to nearest, ties to even; a number that is not one stays one.
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  *p = static_cast<Half>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

// e^x to two units in the last place, for vectors: 2^k times a polynomial on half a binade around 1.
REVERIE_INLINE float Exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float k = std::floor(x * 1.44269504f + 0.5f);
  const float r = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  return p * std::bit_cast<float>((static_cast<int32_t>(k) + 127) << 23);
}

// mish(u) = u tanh(log(1 + e^u)) = u t / (t + 2) with t = e^u (e^u + 2); above 20 that is u.
REVERIE_INLINE float Mish(float u) {
  const float n = Exp(u > 20.0f ? 20.0f : u), t = n * (n + 2.0f);
  return u * (t / (t + 2.0f));
}
REVERIE_INLINE float MishSlope(float u) {
  const float n = Exp(u > 20.0f ? 20.0f : u), t = n * (n + 2.0f), s = 1.0f / (t + 2.0f);
  return t * s + u * (4.0f * (t + 1.0f) * s * s) * (n / (1.0f + n));
}

REVERIE_INLINE void SimNorm(const float* u, float* y, int64_t width) {
  for (int64_t g = 0; g < width; g += kSimNormGroup) {
    float greatest = u[g];
    for (int64_t j = 1; j < kSimNormGroup; ++j) greatest = u[g + j] > greatest ? u[g + j] : greatest;
    float sum = 0.0f;
    for (int64_t j = 0; j < kSimNormGroup; ++j) {
      y[g + j] = Exp(u[g + j] - greatest);
      sum += y[g + j];
    }
    const float scale = 1.0f / sum;
    for (int64_t j = 0; j < kSimNormGroup; ++j) y[g + j] *= scale;
  }
}

struct Rows {
  int64_t first = 0, last = 0, width = 0;
  int64_t product_stride = 0;  // elements from a row of products to the next
  Activation activation = Activation::kMish;
  const float *bias = nullptr, *gamma = nullptr, *beta = nullptr;
  float* statistics = nullptr;  // (rows, 2)
  float* scratch = nullptr;     // (3, width)
};

template <class In, class Out>
REVERIE_INLINE void ForwardRows(const Rows& rows, const In* product, Out* y) {
  const int64_t width = rows.width;
  float *x = rows.scratch, *u = rows.scratch + width;
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const In* in = product + r * rows.product_stride;
    Out* out = y + r * width;
    float sum = 0.0f;
    for (int64_t j = 0; j < width; ++j) {
      x[j] = Load(in + j) + rows.bias[j];
      sum += x[j];
    }
    const float mean = sum / static_cast<float>(width);
    float squares = 0.0f;
    for (int64_t j = 0; j < width; ++j) squares += (x[j] - mean) * (x[j] - mean);
    const float inverse =
        1.0f / std::sqrt(squares / static_cast<float>(width) + static_cast<float>(kLayerNormEpsilon));
    rows.statistics[2 * r] = mean;
    rows.statistics[2 * r + 1] = inverse;
    if (rows.activation == Activation::kMish) {
      for (int64_t j = 0; j < width; ++j) {
        Store(out + j, Mish((x[j] - mean) * inverse * rows.gamma[j] + rows.beta[j]));
      }
    } else {
      for (int64_t j = 0; j < width; ++j) u[j] = (x[j] - mean) * inverse * rows.gamma[j] + rows.beta[j];
      SimNorm(u, x, width);
      for (int64_t j = 0; j < width; ++j) Store(out + j, x[j]);
    }
  }
}

// sums: (3, width), to which the gradients of bias, gamma and beta are added.
template <class In, class Out>
REVERIE_INLINE void BackwardRows(const Rows& rows, const In* product, const Out* y_gradient, In* product_gradient,
                                 float* sums) {
  const int64_t width = rows.width;
  float *x = rows.scratch, *g = rows.scratch + width, *y = rows.scratch + 2 * width;
  float *bias_sum = sums, *gamma_sum = sums + width, *beta_sum = sums + 2 * width;
  for (int64_t r = rows.first; r < rows.last; ++r) {
    const In* in = product + r * rows.product_stride;
    const Out* given = y_gradient + r * width;
    In* out = product_gradient + r * rows.product_stride;
    const float mean = rows.statistics[2 * r], inverse = rows.statistics[2 * r + 1];
    if (rows.activation == Activation::kMish) {
      for (int64_t j = 0; j < width; ++j) {
        x[j] = (Load(in + j) + rows.bias[j] - mean) * inverse;
        g[j] = Load(given + j) * MishSlope(x[j] * rows.gamma[j] + rows.beta[j]);
      }
    } else {
      for (int64_t j = 0; j < width; ++j) {
        x[j] = (Load(in + j) + rows.bias[j] - mean) * inverse;
        g[j] = x[j] * rows.gamma[j] + rows.beta[j];
      }
      SimNorm(g, y, width);
      for (int64_t k = 0; k < width; k += kSimNormGroup) {
        float dot = 0.0f;
        for (int64_t j = k; j < k + kSimNormGroup; ++j) dot += y[j] * Load(given + j);
        for (int64_t j = k; j < k + kSimNormGroup; ++j) g[j] = y[j] * (Load(given + j) - dot);
      }
    }
    float sum = 0.0f, product_sum = 0.0f;
    for (int64_t j = 0; j < width; ++j) {
      beta_sum[j] += g[j];
      gamma_sum[j] += g[j] * x[j];
      g[j] *= rows.gamma[j];
      sum += g[j];
      product_sum += g[j] * x[j];
    }
    sum /= static_cast<float>(width);
    product_sum /= static_cast<float>(width);
    for (int64_t j = 0; j < width; ++j) {
      const float value = inverse * (g[j] - sum - x[j] * product_sum);
      bias_sum[j] += value;
      Store(out + j, value);
    }
  }
}

#define REVERIE_KERNELS(In, Out)                                                                       \
  REVERIE_CLONES void Forward(const Rows& rows, const In* product, Out* y) { ForwardRows(rows, product, y); } \
  REVERIE_CLONES void Backward(const Rows& rows, const In* product, const Out* y_gradient, In* gradient, float* sums) { \
    BackwardRows(rows, product, y_gradient, gradient, sums);                                           \
  }
REVERIE_KERNELS(float, float)
REVERIE_KERNELS(float, Half)
REVERIE_KERNELS(Half, float)
REVERIE_KERNELS(Half, Half)

// Calls body with a null pointer of the element type of `tensor`.
template <class Body>
void WithElements(const at::Tensor& tensor, const Body& body) {
  if (tensor.scalar_type() == at::kBFloat16) body(static_cast<Half*>(tensor.data_ptr()));
  else body(static_cast<float*>(tensor.data_ptr()));
}

// Runs body(rows, head) on pieces of kChunk rows of one head, several at once.
template <class Body>
void OverChunks(const NormShape& shape, Activation activation, const at::Tensor& bias, const at::Tensor& gamma,
                const at::Tensor& beta, const at::Tensor& statistics, const Body& body) {
  const int64_t per_head = (shape.rows + kChunk - 1) / kChunk;
  at::parallel_for(0, shape.heads * per_head, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scratch(static_cast<size_t>(3 * shape.width));
    for (int64_t chunk = begin; chunk < end; ++chunk) {
      const int64_t head = chunk / per_head, first = chunk % per_head * kChunk;
      const Rows rows = {.first = first,
                         .last = std::min(first + kChunk, shape.rows),
                         .width = shape.width,
                         .product_stride = shape.interleaved ? shape.heads * shape.width : shape.width,
                         .activation = activation,
                         .bias = bias.data_ptr<float>() + head * shape.width,
                         .gamma = gamma.data_ptr<float>() + head * shape.width,
                         .beta = beta.data_ptr<float>() + head * shape.width,
                         .statistics = statistics.data_ptr<float>() + 2 * head * shape.rows,
                         .scratch = scratch.data()};
      body(rows, head, chunk);
    }
  });
}

int64_t ProductOffset(const NormShape& shape, int64_t head) {
  return head * shape.width * (shape.interleaved ? 1 : shape.rows);
}

}  // namespace

void NormActivate(const NormShape& shape, Activation activation, const at::Tensor& product, const at::Tensor& bias,
                  const at::Tensor& gamma, const at::Tensor& beta, at::Tensor& y, at::Tensor& statistics) {
  WithElements(product, [&](auto* in) {
    WithElements(y, [&](auto* out) {
      OverChunks(shape, activation, bias, gamma, beta, statistics, [&](const Rows& rows, int64_t head, int64_t) {
        Forward(rows, in + ProductOffset(shape, head), out + head * shape.rows * shape.width);
      });
    });
  });
}

NormGradient NormActivateBackward(const NormShape& shape, Activation activation, const at::Tensor& y_gradient,
                                  const at::Tensor& product, const at::Tensor& bias, const at::Tensor& gamma,
                                  const at::Tensor& beta, const at::Tensor& statistics) {
  NormGradient gradient;
  gradient.product = at::empty_like(product);
  const int64_t per_head = (shape.rows + kChunk - 1) / kChunk;
  at::Tensor sums = at::zeros({shape.heads, per_head, 3, shape.width}, bias.options());
  float* sum = sums.data_ptr<float>();
  WithElements(product, [&](auto* in) {
    WithElements(y_gradient, [&](auto* given) {
      auto* out = static_cast<decltype(in)>(gradient.product.data_ptr());
      OverChunks(shape, activation, bias, gamma, beta, statistics,
                 [&](const Rows& rows, int64_t head, int64_t chunk) {
                   Backward(rows, in + ProductOffset(shape, head), given + head * shape.rows * shape.width,
                            out + ProductOffset(shape, head), sum + chunk * 3 * shape.width);
                 });
    });
  });
  const at::Tensor total = sums.sum(1);
  gradient.bias = total.select(1, 0);
  gradient.gamma = total.select(1, 1);
  gradient.beta = total.select(1, 2);
  return gradient;
}

}  // namespace reverie
