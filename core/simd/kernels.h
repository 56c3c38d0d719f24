// The kernel table: every inner loop of heed, once for each instruction set.
//
// How a kernel gets here, and instruction-set hygiene:
//  - A family (elementwise, reduce, softmax, norm, loss, gemm, attention, optim) is a header
//    `<family>_kernels.h` that fills its part of the table from templates on an xsimd arch.
//  - The translation units of an instruction set (arch_<set>*.cpp) include the families, are
//    compiled with that set's flags, and expose each one function that fills its part of a table.
//  - Whatever such a unit defines is a template on the arch or has internal linkage, and uses no
//    std container or algorithm: a shared inline function compiled with wide instructions could be
//    the copy the linker keeps for everybody, and crash on a narrower machine.
//  - The plain twins in reference/ fill the same table (HEED_ISA=plain): the oracle in tests, the
//    text a learner reads, and the code where xsimd has nothing to offer.
//  - kernels() picks the widest table that the CPU can run, once; HEED_ISA forces a narrower one.
//
// Conventions: sizes and strides count elements. "Rows" arguments are contiguous row-major
// (rows, cols). An output may be the same array as an input unless said otherwise, but not overlap
// it in part. Kernels never throw except std::bad_alloc for scratch memory.
#pragma once

#include <atomic>
#include <cstdint>

namespace heed::simd {

/// y[i] = f(x[i]).
enum class UnaryOp : std::uint8_t {
  Neg,
  Abs,
  Sign,
  Exp,
  Log,
  Log1p,
  Expm1,
  Sqrt,
  Rsqrt,
  Reciprocal,
  Square,
  Tanh,
  Sigmoid,
  Relu,
  Gelu,
  GeluTanh,
  Silu,
  Softplus,
  Erf,
  Sin,
  Cos,
  kCount
};

/// out[i] = f(a[i], b[i]). The *Grad entries are fused derivatives: a is the gradient of the
/// output, b the saved tensor (the output y for Tanh and Sigmoid, else the input x).
enum class BinaryOp : std::uint8_t {
  Add,
  Sub,
  Mul,
  Div,
  Pow,
  Maximum,
  Minimum,
  TanhGrad,      // a * (1 - y * y)
  SigmoidGrad,   // a * y * (1 - y)
  ReluGrad,      // x <= 0 ? 0 : a   (NaN in x: a, as PyTorch)
  GeluGrad,      // a * d/dx gelu(x)
  GeluTanhGrad,  // a * d/dx gelu_tanh(x)
  SiluGrad,      // a * s * (1 + x * (1 - s)), s = sigmoid(x)
  kCount
};

/// out[i] = a[i] ? b[i], as bool.
enum class CompareOp : std::uint8_t { Eq, Ne, Lt, Le, Gt, Ge, kCount };

enum class ReduceOp : std::uint8_t { Sum, SumSquares, Prod, Max, Min, kCount };

/// C = A B (+ bias), or C += A B. A is (m, k), B is (k, n), with any strides, so that transposes
/// are read in place; the columns of C are adjacent. bias: null, or n values added to each row.
template <class T>
struct Gemm {
  std::int64_t m, n, k;
  const T* a;
  std::int64_t a_row, a_col;
  const T* b;
  std::int64_t b_row, b_col;
  T* c;
  std::int64_t c_row;
  const T* bias = nullptr;
  bool accumulate = false;
  bool far = false;  // C is in no near cache: for the kernels
};

/// `count` such products of the same sizes, each operand of the first advancing by its own step (0:
/// shared).
template <class T>
struct GemmBatch {
  Gemm<T> first;
  std::int64_t count, a_step, b_step, c_step;
};

/// Fused attention: out = softmax(q k^T * scale + mask) v, head by head.
/// q (B, H, T, D), k (B, H, S, D), v (B, H, S, Dv), out (B, H, T, Dv): the last dim adjacent, other
/// strides free (0 allowed on inputs). lse (B, H, T), contiguous, gets the log of the sum of
/// exponentials of each row, which the backward reads.
template <class T>
struct Attention {
  std::int64_t batch, heads, t, s, d, dv;
  const T *q, *k, *v;
  std::int64_t q_batch, q_head, q_row, k_batch, k_head, k_row, v_batch, v_head, v_row;
  T* out;
  std::int64_t out_batch, out_head, out_row;
  T* lse;
  T scale;
  bool causal;             // row i sees columns 0 … i
  const bool* bool_mask;   // null, or true where a column may be seen
  const T* additive_mask;  // null, or added to the scaled scores
  std::int64_t mask_batch, mask_head, mask_row, mask_col;
  double dropout_p;           // 0: none
  std::uint64_t dropout_key;  // names the mask: a counter-based draw of (head, row, column)
};

/// The backward of the same. dq, dk, dv are contiguous, of the shapes of q, k and v, overwritten.
template <class T>
struct AttentionBackward {
  Attention<T> forward;  // its out and lse are read
  const T* dout;
  std::int64_t dout_batch, dout_head, dout_row;
  T *dq, *dk, *dv;
};

/// One parameter's update, fused: see optim/ for the formulas and their sources.
template <class T>
struct SgdStep {
  std::int64_t n;
  T* param;
  const T* grad;
  T* momentum_buffer;  // null when momentum is 0
  bool first;          // the momentum buffer is set to the gradient
  T lr, momentum, dampening, weight_decay;
  bool nesterov, maximize;
};
template <class T>
struct AdamStep {
  std::int64_t n;
  T* param;
  const T* grad;
  T *exp_avg, *exp_avg_sq, *max_exp_avg_sq;  // the last null without amsgrad
  double lr, beta1, beta2, eps, weight_decay;
  double bias_correction1, bias_correction2;
  bool decoupled;  // AdamW: weight decay on the parameter, not in the gradient
  bool maximize;
};

template <class T>
struct KernelsOf {
  using Unary = void (*)(T* out, const T* x, std::int64_t n);
  // a_step, b_step: 1, or 0 for one value used n times.
  using Binary = void (*)(T* out, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step,
                          std::int64_t n);
  using Compare = void (*)(bool* out, const T* a, std::int64_t a_step, const T* b,
                           std::int64_t b_step, std::int64_t n);
  // out[r] = reduction of row r. Sums by a fixed tree (see reduce_kernels.h); Max and Min
  // propagate NaN.
  using Reduce = void (*)(T* out, const T* x, std::int64_t rows, std::int64_t cols);
  using Rows = void (*)(T* out, const T* x, std::int64_t rows, std::int64_t cols);
  using RowsBackward = void (*)(T* dx, const T* dy, const T* y, std::int64_t rows,
                                std::int64_t cols);

  // Elementwise: called on pieces by ops/, never split inside.
  Unary unary[static_cast<int>(UnaryOp::kCount)];
  Binary binary[static_cast<int>(BinaryOp::kCount)];
  // The same, but the result goes to memory past the caches; the ordinary way where `out` is not
  // aligned to a register. For results so large that they leave the caches before they are read.
  Unary unary_streaming[static_cast<int>(UnaryOp::kCount)];
  Binary binary_streaming[static_cast<int>(BinaryOp::kCount)];
  Compare compare[static_cast<int>(CompareOp::kCount)];
  void (*where)(T* out, const bool* mask, const T* a, std::int64_t a_step, const T* b,
                std::int64_t b_step, std::int64_t n);
  void (*clamp)(T* out, const T* x, T low, T high, std::int64_t n);             // NaN stays NaN
  void (*add_scaled)(T* out, const T* a, const T* b, T alpha, std::int64_t n);  // a + alpha b

  // Reductions: split over threads inside.
  Reduce reduce_rows[static_cast<int>(ReduceOp::kCount)];
  Reduce reduce_cols[static_cast<int>(ReduceOp::kCount)];  // out[c] over the rows

  // Row-wise: split over threads inside.
  Rows softmax, log_softmax;
  RowsBackward softmax_backward, log_softmax_backward;
  Rows logsumexp;  // out[r]
  // mean and rstd: one value a row. weight, bias: null or cols values.
  void (*layer_norm)(T* y, T* mean, T* rstd, const T* x, const T* weight, const T* bias,
                     std::int64_t rows, std::int64_t cols, double eps);
  // dx null: not wanted; dweight, dbias likewise.
  void (*layer_norm_backward)(T* dx, T* dweight, T* dbias, const T* dy, const T* x, const T* mean,
                              const T* rstd, const T* weight, std::int64_t rows, std::int64_t cols);
  void (*rms_norm)(T* y, T* rstd, const T* x, const T* weight, std::int64_t rows, std::int64_t cols,
                   double eps);
  void (*rms_norm_backward)(T* dx, T* dweight, const T* dy, const T* x, const T* rstd,
                            const T* weight, std::int64_t rows, std::int64_t cols);
  // Cross entropy with class indices, label smoothing 0, no weight. loss[r] = lse - x[r][target],
  // 0 where target == ignore_index; targets are in range (checked before). lse[r] is kept.
  void (*cross_entropy)(T* loss, T* lse, const T* logits, const std::int64_t* target,
                        std::int64_t rows, std::int64_t cols, std::int64_t ignore_index);
  // dx[r][c] = scale[r * scale_step] * (exp(x - lse[r]) - (c == target[r])); 0 for ignored rows.
  void (*cross_entropy_backward)(T* dx, const T* logits, const T* lse, const std::int64_t* target,
                                 const T* scale, std::int64_t scale_step, std::int64_t rows,
                                 std::int64_t cols, std::int64_t ignore_index);

  // Split over threads inside.
  void (*gemm)(const Gemm<T>& product);
  void (*gemm_batch)(const GemmBatch<T>& batch);
  // out (rows, cols) contiguous from x with any strides, by blocks.
  void (*copy_2d)(T* out, const T* x, std::int64_t rows, std::int64_t cols, std::int64_t row_stride,
                  std::int64_t col_stride);
  void (*copy_streaming)(T* out, const T* x, std::int64_t n);  // past the caches, see above
  // By whole registers, which a cache takes without reading the line first; so never past it.
  void (*fill)(T* out, T value, std::int64_t n);
  void (*attention)(const Attention<T>& args);
  void (*attention_backward)(const AttentionBackward<T>& args);

  void (*sgd)(const SgdStep<T>& step);
  void (*adam)(const AdamStep<T>& step);
};

struct Kernels {
  const char* isa;  // "plain", "sse2", "avx2", "avx512", "neon"
  KernelsOf<float> f32;
  KernelsOf<double> f64;

  template <class T>
  const KernelsOf<T>& of() const {
    if constexpr (sizeof(T) == sizeof(float)) {
      return f32;
    } else {
      return f64;
    }
  }
};

namespace detail {
extern constinit std::atomic<const Kernels*> chosen_kernels;  // null before the first call
const Kernels& choose_kernels();
}  // namespace detail

/// The table in use. Chosen at the first call; throws heed::Error when HEED_ISA names a set that
/// is unknown or that this CPU or build lacks.
inline const Kernels& kernels() {
  const Kernels* chosen = detail::chosen_kernels.load(std::memory_order_acquire);
  return chosen ? *chosen : detail::choose_kernels();
}

/// A table by name, or null when this CPU or build lacks it. For tests and benchmarks.
const Kernels* kernels_for(const char* isa);

}  // namespace heed::simd

namespace heed {
/// The name of the instruction set in use: "avx512", "avx2", "sse2", "neon" or "plain".
const char* simd_isa();
}  // namespace heed
