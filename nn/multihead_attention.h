// MultiheadAttention: several attentions side by side, each in a part of the width.
#pragma once

#include <optional>

#include "nn/linear.h"
#include "nn/self_attention.h"

namespace heed::nn {

struct MultiheadAttentionOptions {
  double dropout = 0;  ///< of the weights, while training
  bool bias = true;
  bool add_bias_kv = false;               ///< one more key and value, learned, for all to see
  bool add_zero_attn = false;             ///< one more key and value of zeros: seeing nothing
  std::optional<std::int64_t> kdim = {};  ///< width of keys; by default embed_dim
  std::optional<std::int64_t> vdim = {};  ///< width of values; likewise
  bool batch_first = false;               ///< (B, T, E) instead of (T, B, E)
  DType dtype = float32;
  Generator* generator = nullptr;
};

/// What a call of MultiheadAttention may add. Masks are bool (true: may NOT be seen) or floating
/// (added to the scores).
struct AttentionCall {
  Tensor key_padding_mask = {};  ///< (B, S)
  bool need_weights = true;      ///< false is faster and needs less memory
  Tensor attn_mask = {};         ///< (T, S), or (B * H, T, S) for each sequence and head
  bool average_attn_weights = true;
  bool is_causal = false;  ///< position t sees positions up to t, without building a mask
};

/// query (T, B, E), key (S, B, kdim), value (S, B, vdim) → output (T, B, E) and weights (B, T, S),
/// or (B, H, T, S) when not averaged over the heads (Vaswani et al. 2017). Without B: one sequence.
/// add_bias_kv and add_zero_attn each make S one larger, at the end, where no mask reaches. Weights
/// start as xavier_uniform_, biases as zeros, bias_k and bias_v as xavier_normal_.
/// Errors: embed_dim must be divisible by num_heads; widths that differ from those given.
class MultiheadAttention : public ModuleOf<MultiheadAttention> {
 public:
  MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads,
                     const MultiheadAttentionOptions& options = {});

  AttentionResult forward(const Tensor& query, const Tensor& key, const Tensor& value,
                          const AttentionCall& how = {}) const;
  AttentionResult operator()(const Tensor& query, const Tensor& key, const Tensor& value,
                             const AttentionCall& how = {}) const {
    return call([&] { return forward(query, key, value, how); });
  }
  void visit(Visitor& parts) override;
  std::string extra_repr() const override;

  std::int64_t embed_dim() const { return embed_dim_; }
  std::int64_t num_heads() const { return num_heads_; }
  bool batch_first() const { return batch_first_; }

  /// The projections of query, key and value stacked, (3 E, E); where kdim or vdim differ from
  /// embed_dim, the three apart instead.
  Tensor in_proj_weight, q_proj_weight, k_proj_weight, v_proj_weight;
  Tensor in_proj_bias;    // (3 E)
  Tensor bias_k, bias_v;  // (1, 1, E), with add_bias_kv
  Linear out_proj;

 private:
  struct Heads {
    Tensor q, k, v;  // (B, H, T, D), (B, H, S, D), (B, H, S, D)
  };
  Heads project(const Tensor& query, const Tensor& key, const Tensor& value) const;
  Tensor weight_of(int part) const;
  Tensor with_added(const Tensor& heads, const Tensor& bias) const;

  std::int64_t embed_dim_, num_heads_, kdim_, vdim_;
  double dropout_;
  bool add_zero_attn_, batch_first_;
};

}  // namespace heed::nn
