#include "nn/linear.h"

#include <algorithm>
#include <cmath>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "nn/init.h"

namespace heed::nn {

Linear::Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options)
    : weight(empty({out_features, in_features}, {.dtype = options.dtype})) {
  // With a = sqrt(5) the bound of kaiming_uniform_ is 1 / sqrt(in).
  init::kaiming_uniform_(weight, {.a = std::sqrt(5.0), .generator = options.generator});
  weight.requires_grad_();
  if (options.bias) {
    bias = empty({out_features}, {.dtype = options.dtype});
    const double bound = in_features > 0 ? 1 / std::sqrt(static_cast<double>(in_features)) : 0;
    init::uniform_(bias, -bound, bound, options.generator);
    bias.requires_grad_();
  }
}

Tensor Linear::forward(const Tensor& x) const {
  const Dims& sizes = x.sizes();
  HEED_CHECK(!sizes.empty(), "expected last dimension ", in_features(), ", got a scalar");
  HEED_CHECK(sizes.back() == in_features(), "expected last dimension ", in_features(), ", got ",
             sizes.back(), " (mat1 and mat2 shapes cannot be multiplied (",
             x.numel() / std::max<std::int64_t>(sizes.back(), 1), 'x', sizes.back(), " and ",
             in_features(), 'x', out_features(), "))");
  return linear(x, weight, bias);
}

std::string Linear::extra_repr() const {
  return heed::detail::concat("in_features=", in_features(), ", out_features=", out_features(),
                              ", bias=", bias.defined() ? "True" : "False");
}

}  // namespace heed::nn
