#include "nn/norm.h"

#include <limits>
#include <string>

#include "core/factory.h"
#include "core/ops/ops.h"

namespace heed::nn {
namespace {

// As Python prints a tuple: (4,) and (3, 4).
std::string as_tuple(const Dims& shape) {
  std::string text = "(";
  for (std::int64_t i = 0; i < shape.size(); ++i) {
    text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  }
  return text + (shape.size() == 1 ? ",)" : ")");
}

}  // namespace

LayerNorm::LayerNorm(const Dims& shape, const LayerNormOptions& options)
    : normalized_shape(shape), eps(options.eps) {
  if (!options.elementwise_affine) return;
  weight = ones(shape, {.dtype = options.dtype, .requires_grad = true});
  if (options.bias) bias = zeros(shape, {.dtype = options.dtype, .requires_grad = true});
}

Tensor LayerNorm::forward(const Tensor& x) const {
  return layer_norm(x, normalized_shape, weight, bias, eps);
}

std::string LayerNorm::extra_repr() const {
  return heed::detail::concat(as_tuple(normalized_shape), ", eps=", eps,
                              ", elementwise_affine=", weight.defined() ? "True" : "False");
}

RMSNorm::RMSNorm(const Dims& shape, const RMSNormOptions& options)
    : normalized_shape(shape), eps(options.eps) {
  if (options.elementwise_affine) {
    weight = ones(shape, {.dtype = options.dtype, .requires_grad = true});
  }
}

Tensor RMSNorm::forward(const Tensor& x) const {
  const double spacing = x.dtype() == float64
                             ? std::numeric_limits<double>::epsilon()
                             : static_cast<double>(std::numeric_limits<float>::epsilon());
  return rms_norm(x, normalized_shape, weight, eps.value_or(spacing));
}

std::string RMSNorm::extra_repr() const {
  return heed::detail::concat(as_tuple(normalized_shape),
                              ", eps=", eps ? heed::detail::concat(*eps) : std::string("None"),
                              ", elementwise_affine=", weight.defined() ? "True" : "False");
}

}  // namespace heed::nn
