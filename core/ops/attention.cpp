// Scaled dot-product attention (Vaswani et al. 2017): softmax(q kᵀ · scale + mask) v.
//
// Normally one fused kernel that never holds the (T, S) weights. The plain graph of matmul and
// softmax below says the same for the learner; it is used where the mask itself wants a gradient,
// and under create_graph the backward is written in its terms.
#include <algorithm>
#include <cmath>
#include <mutex>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/reduce.h"
#include "core/random.h"
#include "core/simd/attention_dropout.h"

namespace heed {

using namespace detail;

namespace {

// What a call is about besides its tensors. batch: the dims before (T, D), at most two.
struct Setting {
  Dims batch;
  std::int64_t t = 0, s = 0, d = 0, dv = 0;
  double scale = 1, dropout_p = 0;
  bool causal = false;
  std::uint64_t dropout_key = 0;

  Dims sizes(std::int64_t rows, std::int64_t columns) const {
    Dims out = batch;
    out.push_back(rows);
    out.push_back(columns);
    return out;
  }
};

// True in the upper triangle: what row i of (T, S) must not see when attention is causal.
Tensor hidden_by_causality(const Setting& a) {
  return logical_not(tril(ones({a.t, a.s}, {.dtype = boolean})));
}

// 1 / (1 - p) where a weight is kept, else 0: the mask that the kernel draws from the key.
Tensor dropout_mask(const Setting& a, DType dtype) {
  const Tensor mask = ones(a.sizes(a.t, a.s), {.dtype = dtype});
  detail::dispatch_floating(dtype, "attention", [&]<class T>() {
    for (std::int64_t row = 0; row < mask.numel() / std::max<std::int64_t>(a.s, 1); ++row) {
      const std::uint32_t seed =
          simd::dropout_row_seed<void>(a.dropout_key, static_cast<std::uint64_t>(row / a.t),
                                       static_cast<std::uint64_t>(row % a.t));
      simd::dropout_row<void>(mask.data<T>() + row * a.s, a.s, 0, seed, a.dropout_p);
    }
  });
  return mask;
}

// The weights (…, T, S) before dropout.
Tensor attention_weights(const Tensor& q, const Tensor& k, const Tensor& mask, const Setting& a) {
  constexpr double kHidden = -INFINITY;
  Tensor scores = matmul(q * a.scale, transpose(k, -2, -1));
  if (a.causal) scores = masked_fill(scores, hidden_by_causality(a), kHidden);
  if (mask.defined() && mask.dtype() == DType::Bool) {
    if (scores.sizes() != a.sizes(a.t, a.s)) scores = expand(scores, a.sizes(a.t, a.s));
    scores = masked_fill(scores, logical_not(mask), kHidden);
  } else if (mask.defined()) {
    scores = scores + mask;
  }
  return softmax(scores, -1);
}

Tensor plain_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask,
                       const Setting& a) {
  Tensor weights = attention_weights(q, k, mask, a);
  if (a.dropout_p > 0) weights = weights * dropout_mask(a, q.dtype());
  return matmul(weights, v);
}

// x with its last dim adjacent, as the kernel wants it.
Tensor with_adjacent_rows(const Tensor& x) {
  const std::int64_t last = x.dim() - 1;
  return x.sizes()[last] <= 1 || x.strides()[last] == 1 ? x : contiguous(x.detach());
}

// Strides of x (…, rows, columns) broadcast to (batch, heads, rows, columns).
Dims strides_4d(const Tensor& x, const Dims& sizes) {
  Dims strides = broadcast_strides(x.sizes(), x.strides(), sizes);
  while (strides.size() < 4) strides.insert(sizes.size() - 2, 0);
  return strides;
}

// The kernel's arguments but for out and lse. The tensors must outlive them.
template <class T>
simd::Attention<T> kernel_arguments(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const Tensor& mask, const Setting& a) {
  const Dims qs = strides_4d(q, a.sizes(a.t, a.d)), ks = strides_4d(k, a.sizes(a.s, a.d));
  const Dims vs = strides_4d(v, a.sizes(a.s, a.dv));
  const Dims ms = mask.defined() ? strides_4d(mask, a.sizes(a.t, a.s)) : Dims{0, 0, 0, 0};
  simd::Attention<T> args{};
  args.batch = a.batch.empty() ? 1 : a.batch[0];
  args.heads = a.batch.size() == 2 ? a.batch[1] : 1;
  args.t = a.t, args.s = a.s, args.d = a.d, args.dv = a.dv;
  args.q = q.data<T>(), args.q_batch = qs[0], args.q_head = qs[1], args.q_row = qs[2];
  args.k = k.data<T>(), args.k_batch = ks[0], args.k_head = ks[1], args.k_row = ks[2];
  args.v = v.data<T>(), args.v_batch = vs[0], args.v_head = vs[1], args.v_row = vs[2];
  args.out_head = a.t * a.dv, args.out_row = a.dv;
  args.out_batch = args.heads * args.out_head;
  args.scale = static_cast<T>(a.scale);
  args.causal = a.causal;
  if (mask.defined() && mask.dtype() == DType::Bool) args.bool_mask = mask.data<bool>();
  if (mask.defined() && mask.dtype() != DType::Bool) args.additive_mask = mask.data<T>();
  args.mask_batch = ms[0], args.mask_head = ms[1], args.mask_row = ms[2], args.mask_col = ms[3];
  args.dropout_p = a.dropout_p;
  args.dropout_key = a.dropout_key;
  return args;
}

// P = softmax(S), S = q kᵀ scale + mask, Z the dropout's factors, y = (P Z) v.
// dP = (dy vᵀ) Z, dS = P (dP - Σ dP P):  dq = scale dS k, dk = scale dSᵀ q, dv = (P Z)ᵀ dy.
struct AttentionBackward final : Node {
  SavedTensor q, k, v, mask, lse;
  SavedOutput y;
  Setting setting;
  AttentionBackward(const Tensor& q_, const Tensor& k_, const Tensor& v_, const Tensor& mask_,
                    const Tensor& lse_, const Tensor& y_, const Setting& setting_)
      : q(this, q_),
        k(this, k_),
        v(this, v_),
        mask(this, mask_),
        lse(this, lse_),
        y(this, y_),
        setting(setting_) {}
  const char* name() const override { return "ScaledDotProductAttentionBackward0"; }

  Grads backward(const Tensor& dy) override { return grad_enabled() ? composed(dy) : fused(dy); }

  Grads fused(const Tensor& dy_in) {
    const Setting& a = setting;
    const Tensor query = with_adjacent_rows(q.get()), key = with_adjacent_rows(k.get());
    const Tensor value = with_adjacent_rows(v.get()), dy = with_adjacent_rows(dy_in);
    const Tensor seen = mask.get(), out = y.get(), sums = lse.get();
    const Tensor dq = detail::make_tensor(a.sizes(a.t, a.d), dy.dtype());
    const Tensor dk = detail::make_tensor(a.sizes(a.s, a.d), dy.dtype());
    const Tensor dv = detail::make_tensor(a.sizes(a.s, a.dv), dy.dtype());
    detail::dispatch_floating(dy.dtype(), "attention", [&]<class T>() {
      simd::AttentionBackward<T> args{};
      args.forward = kernel_arguments<T>(query, key, value, seen, a);
      args.forward.out = out.data<T>();
      args.forward.lse = sums.data<T>();
      const Dims strides = strides_4d(dy, a.sizes(a.t, a.dv));
      args.dout = dy.data<T>();
      args.dout_batch = strides[0], args.dout_head = strides[1], args.dout_row = strides[2];
      args.dq = dq.data<T>(), args.dk = dk.data<T>(), args.dv = dv.data<T>();
      simd::kernels().of<T>().attention_backward(args);
    });
    return {needs(0) ? dq : Tensor(), needs(1) ? dk : Tensor(), needs(2) ? dv : Tensor()};
  }

  Grads composed(const Tensor& dy) {
    const Tensor query = q.get(), key = k.get(), value = v.get();
    const Tensor weights = attention_weights(query, key, mask.get(), setting);
    Tensor dropped = weights, dweights = matmul(dy, transpose(value, -2, -1));
    if (setting.dropout_p > 0) {
      const Tensor kept = dropout_mask(setting, dy.dtype());
      dropped = weights * kept;
      dweights = dweights * kept;
    }
    const Tensor dscores = weights * (dweights - sum(dweights * weights, -1, true)) * setting.scale;
    Grads grads{Tensor(), Tensor(), Tensor()};
    if (needs(0)) grads[0] = matmul(dscores, key);
    if (needs(1)) grads[1] = matmul(transpose(dscores, -2, -1), query);
    if (needs(2)) grads[2] = matmul(transpose(dropped, -2, -1), dy);
    return grads;
  }
};

bool has_kernel(DType dtype) {
  const simd::Kernels& table = simd::kernels();
  return dtype == float32 ? table.f32.attention && table.f32.attention_backward
                          : table.f64.attention && table.f64.attention_backward;
}

Tensor fused_attention(const Tensor& q_in, const Tensor& k_in, const Tensor& v_in,
                       const Tensor& mask, const Setting& a) {
  const Tensor q = with_adjacent_rows(q_in), k = with_adjacent_rows(k_in);
  const Tensor v = with_adjacent_rows(v_in);
  const Tensor y = detail::make_tensor(a.sizes(a.t, a.dv), q.dtype());
  Dims rows = a.batch;
  rows.push_back(a.t);
  const Tensor lse = detail::make_tensor(rows, q.dtype());
  detail::dispatch_floating(q.dtype(), "attention", [&]<class T>() {
    simd::Attention<T> args = kernel_arguments<T>(q, k, v, mask, a);
    args.out = y.data<T>();
    args.lse = lse.data<T>();
    simd::kernels().of<T>().attention(args);
  });
  return record<AttentionBackward>(y, inputs(q_in, k_in, v_in), q_in, k_in, v_in, mask, lse, y, a);
}

Dims leading(const Tensor& x) { return Dims(x.sizes().begin(), x.sizes().end() - 2); }

Setting checked_setting(const Tensor& q, const Tensor& k, const Tensor& v,
                        const AttentionOptions& options) {
  HEED_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2,
             "scaled_dot_product_attention needs q (..., T, D), k (..., S, D) and v (..., S, Dv), "
             "but got sizes ",
             q.sizes(), ", ", k.sizes(), " and ", v.sizes());
  HEED_CHECK(q.size(-1) == k.size(-1) && k.size(-2) == v.size(-2),
             "scaled_dot_product_attention: q ", q.sizes(), ", k ", k.sizes(), " and v ", v.sizes(),
             " do not fit: the last sizes of q and k, and the lengths of k and v, must be equal");
  for (const Tensor* x : {&k, &v}) {
    HEED_CHECK(x->dtype() == q.dtype(), "expected scalar type ", scalar_type_name(q.dtype()),
               " but found ", scalar_type_name(x->dtype()));
  }
  HEED_CHECK(!(options.is_causal && options.attn_mask.defined()),
             "scaled_dot_product_attention: Explicit attn_mask should not be set when "
             "is_causal=True");
  HEED_CHECK(options.dropout_p >= 0 && options.dropout_p <= 1,
             "dropout probability has to be between 0 and 1, but got ", options.dropout_p);
  Setting a;
  a.batch = broadcast_shapes(broadcast_shapes(leading(q), leading(k)), leading(v));
  a.t = q.size(-2), a.s = k.size(-2), a.d = q.size(-1), a.dv = v.size(-1);
  a.scale = options.scale.value_or(1 / std::sqrt(static_cast<double>(a.d)));
  a.causal = options.is_causal;
  a.dropout_p = options.dropout_p;
  if (options.attn_mask.defined()) {
    HEED_CHECK(is_broadcastable_to(options.attn_mask.sizes(), a.sizes(a.t, a.s)),
               "scaled_dot_product_attention: attn_mask of size ", options.attn_mask.sizes(),
               " cannot be broadcast to the scores of size ", a.sizes(a.t, a.s));
  }
  return a;
}

// More than two dims before (T, D): all but the last of them become one.
Tensor fold_batch(const Tensor& x, const Dims& batch) {
  Dims full = batch;
  full.push_back(x.size(-2));
  full.push_back(x.size(-1));
  std::int64_t first = 1;
  for (std::int64_t d = 0; d + 1 < batch.size(); ++d) first *= batch[d];
  return reshape(expand(x, full), {first, batch.back(), x.size(-2), x.size(-1)});
}

}  // namespace

Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& options) {
  Setting a = checked_setting(q, k, v, options);
  Tensor mask = options.attn_mask;
  if (a.batch.size() > 2) {
    AttentionOptions folded = options;
    if (mask.defined()) {
      while (mask.dim() < 2) mask = unsqueeze(mask, 0);
      mask = expand(mask, a.sizes(a.t, a.s));
      folded.attn_mask = fold_batch(mask, a.batch);
    }
    return reshape(scaled_dot_product_attention(fold_batch(q, a.batch), fold_batch(k, a.batch),
                                                fold_batch(v, a.batch), folded),
                   a.sizes(a.t, a.dv));
  }
  if (mask.defined() && mask.dtype() != DType::Bool && mask.dtype() != q.dtype()) {
    mask = to(mask, q.dtype());
  }
  if (a.dropout_p > 0) {
    Generator& generator = options.generator ? *options.generator : default_generator();
    const std::lock_guard lock(generator.mutex());
    a.dropout_key = generator.random64();
  }
  const bool empty = q.numel() == 0 || k.numel() == 0 || v.numel() == 0;
  const bool mask_wants_grad = mask.defined() && autograd::recording(mask);
  if (empty || mask_wants_grad || !has_kernel(q.dtype())) {
    return plain_attention(q, k, v, mask, a);
  }
  return fused_attention(q, k, v, mask, a);
}

}  // namespace heed
