// Products of matrices: mm, bmm, matmul, mv, dot, outer, addmm, baddbmm, linear.
//
// The kernel reads both factors through any strides, so a transpose is a flag, not a copy. With
// A = aᵀ or a and B = bᵀ or b by the flags, y = A B has dA = dy Bᵀ and dB = Aᵀ dy, which are
// products of the same kind with other flags: one node serves all cases, and derivatives of
// derivatives too.
#include "core/ops/matmul.h"

#include "core/factory.h"
#include "core/new_tensor.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

namespace {

std::string by(const Dims& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += (text.empty() ? "" : "x") + std::to_string(size);
  return text;
}

[[noreturn, gnu::cold, gnu::noinline]] void fail_type(const Tensor& a, const Tensor& b,
                                                      const char* op) {
  fail("expected scalar type ", scalar_type_name(a.dtype()), " but found ",
       scalar_type_name(b.dtype()), " (", op, " of ", a.sizes(), " and ", b.sizes(), ")");
}

inline void check_same_type(const Tensor& a, const Tensor& b, const char* op) {
  if (a.dtype() != b.dtype()) [[unlikely]]
    fail_type(a, b, op);
}

/// For int64: the plain triple loop.
void integer_gemm(const simd::Gemm<std::int64_t>& g) {
  for (std::int64_t i = 0; i < g.m; ++i) {
    for (std::int64_t j = 0; j < g.n; ++j) {
      std::uint64_t sum = 0;
      for (std::int64_t k = 0; k < g.k; ++k) {
        sum += static_cast<std::uint64_t>(g.a[i * g.a_row + k * g.a_col]) *
               static_cast<std::uint64_t>(g.b[k * g.b_row + j * g.b_col]);
      }
      g.c[i * g.c_row + j] = static_cast<std::int64_t>(sum);
    }
  }
}

template <class T>
void run_gemm(const simd::Gemm<T>& product) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    integer_gemm(product);
  } else {
    simd::kernels().of<T>().gemm(product);
  }
}

template <class T>
void run_gemm_batch(simd::GemmBatch<T> batch) {
  if constexpr (std::is_same_v<T, std::int64_t>) {
    simd::Gemm<T>& g = batch.first;
    for (; batch.count > 0; --batch.count) {
      integer_gemm(g);
      g.a += batch.a_step;
      g.b += batch.b_step;
      g.c += batch.c_step;
    }
  } else {
    simd::kernels().of<T>().gemm_batch(batch);
  }
}

template <class F>
void dispatch_product(DType dtype, F&& f) {
  if (dtype == DType::Int64) return f.template operator()<std::int64_t>();
  dispatch_floating(dtype, "addmm_impl_cpu_", std::forward<F>(f));
}

/// The last two dims of the operands as the kernel wants them, transposed by the flags; before them
/// come `lead_…` others.
template <class T>
[[gnu::always_inline]] inline simd::Gemm<T> matrix_args(const TensorImpl& c, const TensorImpl& a,
                                                        const TensorImpl& b, bool ta, bool tb,
                                                        std::int64_t lead_c = 0,
                                                        std::int64_t lead_a = 0,
                                                        std::int64_t lead_b = 0) {
  const std::int64_t m = lead_a + (ta ? 1 : 0), ka = lead_a + (ta ? 0 : 1);
  const std::int64_t kb = lead_b + (tb ? 1 : 0), n = lead_b + (tb ? 0 : 1);
  return {.m = a.sizes[m],
          .n = b.sizes[n],
          .k = a.sizes[ka],
          .a = a.elements<T>(),
          .a_row = a.strides[m],
          .a_col = a.strides[ka],
          .b = b.elements<T>(),
          .b_row = b.strides[kb],
          .b_col = b.strides[n],
          .c = c.elements<T>(),
          .c_row = c.strides[lead_c]};
}

template <class T>
[[gnu::always_inline]] inline void mm_into(const TensorImpl& c, const TensorImpl& a,
                                           const TensorImpl& b, bool ta, bool tb, bool accumulate,
                                           const Tensor* bias) {
  simd::Gemm<T> g = matrix_args<T>(c, a, b, ta, tb);
  g.accumulate = accumulate;
  if (bias) g.bias = bias->impl()->elements<T>();
  run_gemm<T>(g);
}

[[gnu::noinline]] void mm_into_of_other_type(const TensorImpl& c, const TensorImpl& a,
                                             const TensorImpl& b, bool ta, bool tb, bool accumulate,
                                             const Tensor* bias) {
  dispatch_product(a.dtype, [&]<class T>() { mm_into<T>(c, a, b, ta, tb, accumulate, bias); });
}

/// c (m,n) contiguous = A B (+ bias), or += A B, all of one type. A part of each of its callers: a
/// small product takes no longer than a few calls.
[[gnu::always_inline]] inline void mm_into(const TensorImpl& c, const TensorImpl& a,
                                           const TensorImpl& b, bool ta, bool tb, bool accumulate,
                                           const Tensor* bias = nullptr) {
  if (a.dtype == DType::Float32) [[likely]] {
    mm_into<float>(c, a, b, ta, tb, accumulate, bias);
  } else {
    mm_into_of_other_type(c, a, b, ta, tb, accumulate, bias);
  }
}

[[gnu::always_inline]] inline Tensor mm_values(const Tensor& a_, const Tensor& b_, bool ta, bool tb,
                                               const Tensor* bias = nullptr) {
  const TensorImpl &a = a_.checked(), &b = b_.checked();
  Tensor c = make_matrix(a.sizes[ta ? 1 : 0], b.sizes[tb ? 0 : 1], a.dtype);
  mm_into(*c.impl(), a, b, ta, tb, false, bias);
  return c;
}

}  // namespace

// ---- y = A B, two matrices

struct MmBackward final : Node {
  SavedTensor a, b;
  bool ta, tb;
  MmBackward(const Tensor& a_, const Tensor& b_, bool ta_, bool tb_)
      : Node(Accumulates{}),
        a(this, b_.requires_grad() ? a_ : Tensor()),
        b(this, a_.requires_grad() ? b_ : Tensor()),
        ta(ta_),
        tb(tb_) {}
  const char* name() const override { return "MmBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {needs(0) ? (ta ? mm(b, dy, tb, true) : mm(dy, b, false, !tb)) : Tensor(),
            needs(1) ? (tb ? mm(dy, a, true, ta) : mm(a, dy, !ta, false)) : Tensor()};
  }
  bool accumulate(int i, const Tensor& dy, const Tensor& grad) override {
    if (dy.dtype() != grad.dtype()) return false;
    const Tensor other = i == 0 ? b.get() : a.get();
    const TensorImpl &sum = *grad.impl(), &y = *dy.impl(), &x = *other.impl();
    if (i == 0) {
      ta ? mm_into(sum, x, y, tb, true, true) : mm_into(sum, y, x, false, !tb, true);
    } else {
      tb ? mm_into(sum, y, x, true, ta, true) : mm_into(sum, x, y, !ta, false, true);
    }
    return true;
  }
};

namespace {

[[gnu::always_inline]] inline Tensor recorded_mm(const Tensor& a, const Tensor& b, bool ta,
                                                 bool tb) {
  Tensor y = mm_values(a, b, ta, tb);
  record_on<MmBackward>(y, inputs(a, b), a, b, ta, tb);
  return y;
}

}  // namespace

namespace detail {

Tensor mm(const Tensor& a, const Tensor& b, bool ta, bool tb) { return recorded_mm(a, b, ta, tb); }

}  // namespace detail

namespace {

[[noreturn, gnu::cold, gnu::noinline]] void fail_matrices(const Tensor& a, const Tensor& b) {
  HEED_CHECK(a.dim() == 2 && b.dim() == 2, a.dim() == 2 ? "mat2" : "self",
             " must be a matrix (got ", a.sizes(), " and ", b.sizes(), ")");
  fail("mat1 and mat2 shapes cannot be multiplied (", by(a.sizes()), " and ", by(b.sizes()), ")");
}

[[gnu::always_inline]] inline void check_matrices(const Tensor& a, const Tensor& b) {
  if (a.dim() != 2 || b.dim() != 2 || a.sizes()[1] != b.sizes()[0]) [[unlikely]]
    fail_matrices(a, b);
  if (a.dtype() != b.dtype()) [[unlikely]]
    fail_type(a, b, "mm");
}

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) {
  check_matrices(a, b);
  return recorded_mm(a, b, false, false);
}

// ---- y = A B, batch by batch: (…, m, k)·(…, k, n), the leading dims broadcast

struct BmmBackward final : Node {
  SavedTensor a, b;
  bool ta, tb;
  BmmBackward(const Tensor& a_, const Tensor& b_, bool ta_, bool tb_)
      : a(this, b_.requires_grad() ? a_ : Tensor()),
        b(this, a_.requires_grad() ? b_ : Tensor()),
        ta(ta_),
        tb(tb_) {}
  const char* name() const override { return "BmmBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {needs(0) ? (ta ? batched(b, dy, tb, true) : batched(dy, b, false, !tb)) : Tensor(),
            needs(1) ? (tb ? batched(dy, a, true, ta) : batched(a, dy, !ta, false)) : Tensor()};
  }
};

namespace detail {

Tensor batched(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  const auto lead = [](const Dims& d) { return Dims(d.begin(), d.end() - 2); };
  const Dims la = lead(a.sizes()), lb = lead(b.sizes());
  const Dims batch = la == lb ? la : broadcast_shapes(la, lb);
  Dims sizes = batch;
  sizes.push_back(a.sizes()[a.dim() - (ta ? 1 : 2)]);
  sizes.push_back(b.sizes()[b.dim() - (tb ? 2 : 1)]);
  Tensor c = make_tensor(sizes, a.dtype());
  if (c.numel() > 0) {
    const LoopNest<3> nest(batch,
                           {lead(c.strides()), broadcast_strides(la, lead(a.strides()), batch),
                            broadcast_strides(lb, lead(b.strides()), batch)});
    dispatch_product(a.dtype(), [&]<class T>() {
      const simd::Gemm<T> first = matrix_args<T>(*c.impl(), *a.impl(), *b.impl(), ta, tb,
                                                 c.dim() - 2, a.dim() - 2, b.dim() - 2);
      simd::GemmBatch<T> row{first, nest.inner_size(), nest.inner_stride(1), nest.inner_stride(2),
                             nest.inner_stride(0)};
      nest.for_rows(0, nest.rows(), [&](const std::array<std::int64_t, 3>& offset) {
        row.first.c = first.c + offset[0];
        row.first.a = first.a + offset[1];
        row.first.b = first.b + offset[2];
        run_gemm_batch<T>(row);
      });
    });
  }
  return record<BmmBackward>(std::move(c), inputs(a, b), a, b, ta, tb);
}

}  // namespace detail

Tensor bmm(const Tensor& a, const Tensor& b) {
  HEED_CHECK(a.dim() == 3 && b.dim() == 3, "batch1 and batch2 must be 3D tensors (got ", a.sizes(),
             " and ", b.sizes(), ")");
  HEED_CHECK(a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1],
             "Expected size for first two dimensions of batch2 tensor to be: [", a.sizes()[0], ", ",
             a.sizes()[2], "] but got: [", b.sizes()[0], ", ", b.sizes()[1], "].");
  check_same_type(a, b, "bmm");
  return batched(a, b, false, false);
}

// ---- y = a · b, two vectors;  da = dy b,  db = dy a

struct DotBackward final : Node {
  SavedTensor a, b;
  DotBackward(const Tensor& a_, const Tensor& b_) : a(this, a_), b(this, b_) {}
  const char* name() const override { return "DotBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {needs(0) ? mul(dy, b) : Tensor(), needs(1) ? mul(dy, a) : Tensor()};
  }
};

Tensor dot(const Tensor& a, const Tensor& b) {
  HEED_CHECK(a.dim() == 1 && b.dim() == 1, "1D tensors expected, but got ", a.dim(), "D and ",
             b.dim(), "D tensors");
  HEED_CHECK(a.numel() == b.numel(), "inconsistent tensor size, expected tensor ", a.sizes(),
             " and src ", b.sizes(), " to have the same number of elements, but got ", a.numel(),
             " and ", b.numel(), " elements respectively");
  HEED_CHECK(a.dtype() == b.dtype(), "dot : expected both vectors to have same dtype, but found ",
             scalar_type_name(a.dtype()), " and ", scalar_type_name(b.dtype()));
  Tensor c = make_tensor({}, a.dtype());
  dispatch_product(a.dtype(), [&]<class T>() {
    simd::Gemm<T> g{};
    g.m = g.n = 1;
    g.k = a.numel();
    g.a = a.data<T>();
    g.a_col = a.strides()[0];
    g.a_row = g.k;
    g.b = b.data<T>();
    g.b_row = b.strides()[0];
    g.b_col = 1;
    g.c = c.data<T>();
    g.c_row = 1;
    run_gemm<T>(g);
  });
  return record<DotBackward>(std::move(c), inputs(a, b), a, b);
}

// ---- y = a x, matrix and vector;  da = dy xᵀ,  dx = aᵀ dy

struct MvBackward final : Node {
  SavedTensor a, x;
  MvBackward(const Tensor& a_, const Tensor& x_) : a(this, a_), x(this, x_) {}
  const char* name() const override { return "MvBackward0"; }
  Grads backward(const Tensor& dy) override {
    return {needs(0) ? outer(dy, x) : Tensor(), needs(1) ? mv(transpose(a, 0, 1), dy) : Tensor()};
  }
};

Tensor mv(const Tensor& a, const Tensor& x) {
  HEED_CHECK(a.dim() == 2 && x.dim() == 1, "vector + matrix @ vector expected, got ", a.dim(), ", ",
             x.dim());
  HEED_CHECK(a.sizes()[1] == x.sizes()[0], "size mismatch, got ", a.sizes()[0], ", ", by(a.sizes()),
             ",", x.sizes()[0]);
  check_same_type(a, x, "mv");
  const Tensor column = make_alias(x, {x.numel(), 1}, {x.strides()[0], 1}, x.storage_offset());
  const Tensor y = mm_values(a, column, false, false);
  return record<MvBackward>(make_alias(y, {a.sizes()[0]}, {1}, 0), inputs(a, x), a, x);
}

Tensor outer(const Tensor& a, const Tensor& b) {
  HEED_CHECK(a.dim() == 1, "outer: Expected 1-D argument self, but got ", a.dim(), "-D");
  HEED_CHECK(b.dim() == 1, "outer: Expected 1-D argument vec2, but got ", b.dim(), "-D");
  return mul(unsqueeze(a, 1), b);
}

// ---- matmul: by the ranks

namespace {

[[gnu::noinline]] Tensor matmul_by_rank(const Tensor& a, const Tensor& b) {
  const std::int64_t da = a.dim(), db = b.dim();
  HEED_CHECK(da > 0 && db > 0, "both arguments to matmul need to be at least 1D, but they are ", da,
             "D and ", db, "D");
  if (da == 1 && db == 1) return dot(a, b);
  if (da == 2 && db == 1) return mv(a, b);
  if (da == 1 && db == 2) return squeeze(mm(unsqueeze(a, 0), b), 0);
  if (db <= 2) {
    // One matrix or vector for all: the leading dims of a are rows.
    const std::int64_t k = a.sizes()[da - 1];
    if (db == 2 && k != b.sizes()[0]) {
      fail("mat1 and mat2 shapes cannot be multiplied (", k ? a.numel() / k : 0, "x", k, " and ",
           by(b.sizes()), ")");
    }
    std::int64_t rows = 1;
    for (std::int64_t d = 0; d < da - 1; ++d) rows *= a.sizes()[d];
    const Tensor flat = reshape(a, {rows, k});
    Dims sizes(a.sizes().begin(), a.sizes().end() - 1);
    if (db == 2) sizes.push_back(b.sizes()[1]);
    return view(db == 2 ? mm(flat, b) : mv(flat, b), sizes);
  }
  check_same_type(a, b, "matmul");
  if (da == 1) return squeeze(matmul(unsqueeze(a, 0), b), -2);
  HEED_CHECK(a.sizes()[da - 1] == b.sizes()[db - 2],
             "Expected size for first two dimensions of batch2 tensor to be: [",
             b.numel() ? b.numel() / (b.sizes()[db - 1] * b.sizes()[db - 2]) : 0, ", ",
             a.sizes()[da - 1], "] but got: [",
             b.numel() ? b.numel() / (b.sizes()[db - 1] * b.sizes()[db - 2]) : 0, ", ",
             b.sizes()[db - 2], "]. (matmul of ", a.sizes(), " and ", b.sizes(), ")");
  return batched(a, b, false, false);
}

}  // namespace

Tensor matmul(const Tensor& a, const Tensor& b) {
  if (a.dim() != 2 || b.dim() != 2) return matmul_by_rank(a, b);
  check_matrices(a, b);
  return recorded_mm(a, b, false, false);
}

// ---- y = β input + α A B

struct AddmmBackward final : Node {
  SavedTensor a, b;
  double beta, alpha;
  AddmmBackward(const Tensor& a_, const Tensor& b_, double beta_, double alpha_)
      : a(this, a_), b(this, b_), beta(beta_), alpha(alpha_) {}
  const char* name() const override {
    return output_sizes().size() == 2 ? "AddmmBackward0" : "BaddbmmBackward0";
  }
  Grads backward(const Tensor& dy) override {
    const auto scaled = [](const Tensor& x, double by) { return by == 1 ? x : mul(x, Scalar(by)); };
    return {needs(0) ? scaled(dy, beta) : Tensor(),
            needs(1) ? scaled(batched(dy, b, false, true), alpha) : Tensor(),
            needs(2) ? scaled(batched(a, dy, true, false), alpha) : Tensor()};
  }
};

namespace {

Tensor add_product(const Tensor& input, const Tensor& a, const Tensor& b, double beta,
                   double alpha) {
  check_same_type(a, b, "addmm");
  check_same_type(a, input, "addmm");
  Tensor y;
  {
    const NoGradGuard values_only;
    y = batched(a, b, false, false);
    HEED_CHECK(is_broadcastable_to(input.sizes(), y.sizes()), "The expanded size of the tensor ",
               y.sizes(), " must match the existing size ", input.sizes(), " of the added input");
    if (alpha != 1) y.mul_(Scalar(alpha));
    // With beta 0 the input is not read at all: a NaN in it does not spread.
    if (beta != 0) y.add_(beta == 1 ? input : mul(input, Scalar(beta)));
  }
  return record<AddmmBackward>(std::move(y), inputs(input, a, b), a, b, beta, alpha);
}

}  // namespace

Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta, double alpha) {
  check_matrices(a, b);
  return add_product(input, a, b, beta, alpha);
}

Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta, double alpha) {
  HEED_CHECK(
      a.dim() == 3 && b.dim() == 3 && a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1],
      "batch1 and batch2 must be 3D tensors that can be multiplied (got ", a.sizes(), " and ",
      b.sizes(), ")");
  return add_product(input, a, b, beta, alpha);
}

// ---- y = x Wᵀ + bias, x (…, in) as rows;  dx = dy W,  dW = dyᵀ x,  dbias = dy summed by the
// engine

struct LinearBackward final : Node {
  SavedTensor x, weight;
  bool has_bias;
  LinearBackward(const Tensor& x_, const Tensor& weight_, bool has_bias_)
      : Node(Accumulates{}),
        x(this, weight_.requires_grad() ? x_ : Tensor()),
        weight(this, x_.requires_grad() ? weight_ : Tensor()),
        has_bias(has_bias_) {}
  const char* name() const override {
    if (output_sizes().size() != 2) return "LinearBackward0";
    return has_bias ? "AddmmBackward0" : "MmBackward0";
  }
  static Tensor rows(const Tensor& t) {
    return t.dim() == 2 ? t
                        : reshape(t, {t.sizes().back() ? t.numel() / t.sizes().back() : 0,
                                      t.sizes().back()});
  }
  Grads backward(const Tensor& dy) override {
    Tensor dx, dw;
    if (needs(0)) {
      dx = mm(rows(dy), weight, false, false);
      if (dy.dim() != 2) {
        Dims sizes(dy.sizes().begin(), dy.sizes().end() - 1);
        sizes.push_back(dx.sizes()[1]);
        dx = view(dx, sizes);
      }
    }
    if (needs(1)) dw = mm(rows(dy), rows(x), true, false);
    if (!has_bias) return {dx, dw};
    return {dx, dw, needs(2) ? dy : Tensor()};
  }
  bool accumulate(int i, const Tensor& dy, const Tensor& grad) override {
    if (i == 2 || dy.dtype() != grad.dtype()) return false;
    if (i == 0) {
      mm_into(*rows(grad).impl(), *rows(dy).impl(), *weight.get().impl(), false, false, true);
    } else {
      mm_into(*grad.impl(), *rows(dy).impl(), *rows(x).impl(), true, false, true);
    }
    return true;
  }
};

namespace {

[[noreturn]] void linear_mismatch(const Tensor& x, const Tensor& weight) {
  const std::int64_t in = x.dim() ? x.sizes().back() : 0;
  fail("mat1 and mat2 shapes cannot be multiplied (", in ? x.numel() / in : 0, "x", in, " and ",
       weight.sizes()[1], "x", weight.sizes()[0], ")");
}

}  // namespace

Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias) {
  HEED_CHECK(weight.dim() == 2, "linear(): weight must be a matrix, got size ", weight.sizes());
  HEED_CHECK(x.dim() > 0,
             "both arguments to linear need to be at least 1D, but they are 0D and 2D");
  if (x.sizes().back() != weight.sizes()[1]) linear_mismatch(x, weight);
  check_same_type(x, weight, "linear");
  const std::int64_t out = weight.sizes()[0];
  const bool has_bias = bias.defined();
  if (has_bias) {
    check_same_type(x, bias, "linear");
    HEED_CHECK(bias.dim() == 1 && bias.numel() == out, "linear(): bias of size ", bias.sizes(),
               " does not fit weight of size ", weight.sizes());
  }
  // Pointers, for the usual operands are read as they are: a copy of a handle counts twice.
  const Tensor *rows = &x, *added = has_bias ? &bias : nullptr;
  Tensor flat_x, flat_bias;
  if (x.dim() != 2) {
    const NoGradGuard values_only;
    flat_x = LinearBackward::rows(x);
    rows = &flat_x;
  }
  if (has_bias && !bias.is_contiguous()) {
    flat_bias = bias.detach().contiguous();
    added = &flat_bias;
  }
  Tensor y = mm_values(*rows, weight, false, true, added);
  if (x.dim() != 2) {
    Dims sizes(x.sizes().begin(), x.sizes().end() - 1);
    sizes.push_back(out);
    y = make_alias(y, sizes, contiguous_strides(sizes), 0);
  }
  if (!has_bias) return record<LinearBackward>(std::move(y), inputs(x, weight), x, weight, false);
  return record<LinearBackward>(std::move(y), inputs(x, weight, bias), x, weight, true);
}

}  // namespace heed
