// SelfAttention: a sequence whose elements listen to one another, as plainly as it can be written.
#pragma once

#include <optional>

#include "nn/linear.h"

namespace heed::nn {

struct SelfAttentionOptions {
  std::optional<std::int64_t> key_dim = {};    ///< width of queries and keys; by default dim
  std::optional<std::int64_t> value_dim = {};  ///< width of values and of the output; likewise
  bool bias = false;
  bool causal = false;  ///< each element listens to itself and to those before it only
  DType dtype = float32;
  Generator* generator = nullptr;
};

/// What attention computes, and what it weighed it by.
struct AttentionResult {
  Tensor output, weights;
};

/// x (…, T, dim) → softmax(Q Kᵀ / sqrt(key_dim)) V (…, T, value_dim), where Q, K and V are linear
/// in x (Vaswani et al. 2017, one head, without an output projection).
class SelfAttention : public ModuleOf<SelfAttention> {
 public:
  explicit SelfAttention(std::int64_t dim, const SelfAttentionOptions& options = {});

  Tensor forward(const Tensor& x) const { return attend(x).output; }
  /// The output, and the weights (…, T, T): row t says how much t listens to each element.
  AttentionResult with_weights(const Tensor& x) const;

  void visit(Visitor& parts) override { parts("query", query)("key", key)("value", value); }
  std::string extra_repr() const override { return causal ? "causal=True" : ""; }

  Linear query, key, value;
  bool causal;

 private:
  AttentionResult attend(const Tensor& x) const;
};

}  // namespace heed::nn
