#include "nn/self_attention.h"

#include <cmath>
#include <limits>

#include "core/factory.h"
#include "core/ops/ops.h"

namespace heed::nn {

SelfAttention::SelfAttention(std::int64_t dim, const SelfAttentionOptions& options)
    : query(dim, options.key_dim.value_or(dim),
            {.bias = options.bias, .dtype = options.dtype, .generator = options.generator}),
      key(dim, options.key_dim.value_or(dim),
          {.bias = options.bias, .dtype = options.dtype, .generator = options.generator}),
      value(dim, options.value_dim.value_or(dim),
            {.bias = options.bias, .dtype = options.dtype, .generator = options.generator}),
      causal(options.causal) {}

AttentionResult SelfAttention::attend(const Tensor& x) const {
  HEED_CHECK(x.dim() >= 2, "expected a sequence (…, T, ", query.in_features(), "), got ",
             x.sizes());
  const Tensor Q = query(x), K = key(x), V = value(x);  // (…, T, key_dim), V (…, T, value_dim)
  Tensor scores = matmul(Q, K.transpose(-2, -1)) / std::sqrt(static_cast<double>(Q.size(-1)));
  if (causal) {
    const std::int64_t length = x.size(-2);
    const Tensor ahead = ones({length, length}, {.dtype = boolean}).triu(1);
    scores = scores.masked_fill(ahead, -std::numeric_limits<double>::infinity());
  }
  Tensor weights = softmax(scores, -1);  // (…, T, T)
  Tensor output = matmul(weights, V);
  return {std::move(output), std::move(weights)};
}

AttentionResult SelfAttention::with_weights(const Tensor& x) const {
  return call([&] { return attend(x); });
}

}  // namespace heed::nn
