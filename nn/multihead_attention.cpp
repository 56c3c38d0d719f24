#include "nn/multihead_attention.h"

#include <cmath>
#include <limits>

#include "core/factory.h"
#include "core/ops/ops.h"
#include "nn/init.h"

namespace heed::nn {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// The mask of a call as one tensor that broadcasts to (B, H, T, S): bool, true for what may not be
// seen, or floating, to be added. Undefined where nothing is masked.
struct MaskShape {
  std::int64_t batch, heads, queries, keys;
  std::int64_t added;  // keys behind the sequence's own, which everybody sees
  DType dtype;
};

Tensor as_additive(const Tensor& mask, DType dtype) {
  if (mask.dtype() != boolean) return mask;
  return zeros(mask.sizes(), {.dtype = dtype}).masked_fill(mask, -kInfinity);
}

void check_mask_type(const Tensor& mask, const char* name) {
  HEED_CHECK(mask.dtype() == boolean || mask.is_floating_point(), name,
             " is bool or floating, got ", dtype_name(mask.dtype()));
}

Tensor merge_masks(const AttentionCall& how, const MaskShape& shape) {
  Tensor mask = how.attn_mask;
  if (mask.defined()) {
    check_mask_type(mask, "attn_mask");
    const Dims flat{shape.queries, shape.keys};
    const Dims each{shape.batch * shape.heads, shape.queries, shape.keys};
    HEED_CHECK(mask.sizes() == flat || mask.sizes() == each, "The shape of the attn_mask is ",
               mask.sizes(), ", but should be ", flat, " or ", each);
    if (mask.dim() == 3) {
      mask = mask.reshape({shape.batch, shape.heads, shape.queries, shape.keys});
    }
  }
  if (how.is_causal) {
    const Tensor ahead = ones({shape.queries, shape.keys}, {.dtype = boolean}).triu(1);
    mask = !mask.defined()           ? ahead
           : mask.dtype() == boolean ? logical_or(mask, ahead)
                                     : mask.masked_fill(ahead, -kInfinity);
  }
  if (Tensor padding = how.key_padding_mask; padding.defined()) {
    check_mask_type(padding, "key_padding_mask");
    const Dims expected{shape.batch, shape.keys};
    HEED_CHECK(padding.numel() == shape.batch * shape.keys &&
                   (padding.sizes() == expected || padding.dim() == 1),
               "expecting key_padding_mask shape of ", expected, ", but got ", padding.sizes());
    padding = padding.reshape({shape.batch, 1, 1, shape.keys});
    if (!mask.defined()) {
      mask = padding;
    } else if (mask.dtype() == boolean && padding.dtype() == boolean) {
      mask = logical_or(mask, padding);
    } else {
      mask = as_additive(mask, shape.dtype) + as_additive(padding, shape.dtype);
    }
  }
  if (mask.defined() && shape.added > 0) {
    Dims seen = mask.sizes();
    seen.back() = shape.added;
    mask = cat({mask, zeros(seen, {.dtype = mask.dtype()})}, -1);
  }
  return mask;
}

// (B, T, H D) → (B, H, T, D)
Tensor split_heads(const Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

}  // namespace

MultiheadAttention::MultiheadAttention(std::int64_t embed_dim, std::int64_t num_heads,
                                       const MultiheadAttentionOptions& options)
    // PyTorch draws the output projection first.
    : out_proj(embed_dim, embed_dim,
               {.bias = options.bias, .dtype = options.dtype, .generator = options.generator}),
      embed_dim_(embed_dim),
      num_heads_(num_heads),
      kdim_(options.kdim.value_or(embed_dim)),
      vdim_(options.vdim.value_or(embed_dim)),
      dropout_(options.dropout),
      add_zero_attn_(options.add_zero_attn),
      batch_first_(options.batch_first) {
  HEED_CHECK(num_heads > 0 && embed_dim % num_heads == 0,
             "embed_dim must be divisible by num_heads, got ", embed_dim, " and ", num_heads);
  HEED_CHECK(dropout_ >= 0 && dropout_ <= 1,
             "dropout probability has to be between 0 and 1, but got ", dropout_);
  const auto weight = [&](std::int64_t out, std::int64_t in) {
    const Tensor made = empty({out, in}, {.dtype = options.dtype});
    return init::xavier_uniform_(made, 1, options.generator).requires_grad_();
  };
  if (kdim_ == embed_dim && vdim_ == embed_dim) {
    in_proj_weight = weight(3 * embed_dim, embed_dim);
  } else {
    q_proj_weight = weight(embed_dim, embed_dim);
    k_proj_weight = weight(embed_dim, kdim_);
    v_proj_weight = weight(embed_dim, vdim_);
  }
  if (options.bias) {
    in_proj_bias = zeros({3 * embed_dim}, {.dtype = options.dtype, .requires_grad = true});
    init::zeros_(out_proj.bias);
  }
  if (options.add_bias_kv) {
    const auto bias = [&] {
      const Tensor made = empty({1, 1, embed_dim}, {.dtype = options.dtype});
      return init::xavier_normal_(made, 1, options.generator).requires_grad_();
    };
    bias_k = bias();
    bias_v = bias();
  }
}

void MultiheadAttention::visit(Visitor& parts) {
  parts("q_proj_weight", q_proj_weight)("k_proj_weight", k_proj_weight);
  parts("v_proj_weight", v_proj_weight)("in_proj_weight", in_proj_weight);
  parts("in_proj_bias", in_proj_bias)("bias_k", bias_k)("bias_v", bias_v);
  parts("out_proj", out_proj);
}

Tensor MultiheadAttention::weight_of(int part) const {
  if (in_proj_weight.defined()) return in_proj_weight.narrow(0, part * embed_dim_, embed_dim_);
  return part == 0 ? q_proj_weight : part == 1 ? k_proj_weight : v_proj_weight;
}

MultiheadAttention::Heads MultiheadAttention::project(const Tensor& query, const Tensor& key,
                                                      const Tensor& value) const {
  if (in_proj_weight.defined() && query.is(key) && key.is(value)) {
    // (B, T, 3 E) → (B, T, 3, H, D) → three times (B, H, T, D)
    const Tensor all = linear(query, in_proj_weight, in_proj_bias)
                           .unflatten(-1, {3, num_heads_, -1})
                           .permute({2, 0, 3, 1, 4});
    return {all.select(0, 0), all.select(0, 1), all.select(0, 2)};
  }
  const auto bias = [&](int part) {
    return in_proj_bias.defined() ? in_proj_bias.narrow(0, part * embed_dim_, embed_dim_)
                                  : Tensor();
  };
  return {split_heads(linear(query, weight_of(0), bias(0)), num_heads_),
          split_heads(linear(key, weight_of(1), bias(1)), num_heads_),
          split_heads(linear(value, weight_of(2), bias(2)), num_heads_)};
}

// Keys or values (B, H, S, D) and behind them the learned one and the one of zeros, if there are.
Tensor MultiheadAttention::with_added(const Tensor& heads, const Tensor& bias) const {
  std::vector<Tensor> all{heads};
  const Dims one{heads.size(0), heads.size(1), 1, heads.size(3)};
  if (bias.defined()) all.push_back(bias.reshape({1, num_heads_, 1, -1}).expand(one));
  if (add_zero_attn_) all.push_back(zeros(one, {.dtype = heads.dtype()}));
  return all.size() > 1 ? cat(all, 2) : heads;
}

AttentionResult MultiheadAttention::forward(const Tensor& query, const Tensor& key,
                                            const Tensor& value, const AttentionCall& how) const {
  const bool one_sequence = query.dim() == 2;
  HEED_CHECK(one_sequence || query.dim() == 3,
             "query should be unbatched 2D or batched 3D, but received ", query.sizes());
  HEED_CHECK(key.dim() == query.dim() && value.dim() == query.dim(),
             "query, key and value should have as many dimensions, got ", query.sizes(), ", ",
             key.sizes(), " and ", value.sizes());
  HEED_CHECK(query.size(-1) == embed_dim_, "query: expected last dimension ", embed_dim_, ", got ",
             query.size(-1));
  HEED_CHECK(key.size(-1) == kdim_, "key: expected last dimension ", kdim_, ", got ", key.size(-1));
  HEED_CHECK(value.size(-1) == vdim_, "value: expected last dimension ", vdim_, ", got ",
             value.size(-1));

  const auto batch_before_time = [&](const Tensor& x) {
    return one_sequence ? x.unsqueeze(0) : batch_first_ ? x : x.transpose(0, 1);
  };
  const Tensor q_in = batch_before_time(query);  // (B, T, E)
  const Tensor k_in = key.is(query) ? q_in : batch_before_time(key);
  const Tensor v_in = value.is(query) ? q_in : value.is(key) ? k_in : batch_before_time(value);
  HEED_CHECK(
      k_in.size(0) == q_in.size(0) && v_in.size(0) == q_in.size(0) && k_in.size(1) == v_in.size(1),
      "query ", query.sizes(), ", key ", key.sizes(), " and value ", value.sizes(),
      " do not belong together: batch sizes, and lengths of key and value, must agree");

  auto [q, k, v] = project(q_in, k_in, v_in);
  const std::int64_t keys = k.size(2);
  k = with_added(k, bias_k);
  v = with_added(v, bias_v);
  const MaskShape shape{q.size(0), num_heads_, q.size(2), keys, k.size(2) - keys, q.dtype()};
  const bool dropping = dropout_ > 0 && training();

  AttentionResult result;
  if (how.need_weights || dropping) {
    const double scale = 1 / std::sqrt(static_cast<double>(embed_dim_ / num_heads_));
    Tensor scores = matmul(q * scale, k.transpose(-2, -1));  // (B, H, T, S)
    if (const Tensor mask = merge_masks(how, shape); mask.defined()) {
      scores = mask.dtype() == boolean ? scores.masked_fill(mask, -kInfinity) : scores + mask;
    }
    Tensor weights = dropout(softmax(scores, -1), dropout_, training());
    result.output = matmul(weights, v);
    if (how.need_weights) {
      result.weights = how.average_attn_weights ? weights.mean(1) : weights;
      if (one_sequence) result.weights = result.weights.squeeze(0);
    }
  } else if (how.is_causal && !how.attn_mask.defined() && !how.key_padding_mask.defined() &&
             shape.added == 0) {
    result.output = scaled_dot_product_attention(q, k, v, {.is_causal = true});
  } else {
    Tensor mask = merge_masks(how, shape);
    if (mask.defined() && mask.dtype() == boolean) mask = logical_not(mask);
    result.output = scaled_dot_product_attention(q, k, v, {.attn_mask = mask});
  }

  result.output = out_proj(result.output.transpose(1, 2).flatten(-2));  // (B, T, E)
  if (one_sequence) {
    result.output = result.output.squeeze(0);
  } else if (!batch_first_) {
    result.output = result.output.transpose(0, 1);
  }
  return result;
}

std::string MultiheadAttention::extra_repr() const {
  return heed::detail::concat("embed_dim=", embed_dim_, ", num_heads=", num_heads_);
}

}  // namespace heed::nn
