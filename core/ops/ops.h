// Every operation on tensors, one declaration each; <family>.cpp defines forward and backward side
// by side. All of them: take non-contiguous, empty and scalar (0-dim) tensors; count negative dims
// from the end; record themselves for backward when grad mode is on and an input asks for it; throw
// heed::Error with the shapes on misuse. Semantics and names are PyTorch's
// (https://pytorch.org/docs/1.13/torch.html), cited once here.
//
// Notation: y is the result, dy its gradient, dx what x receives; shapes in parentheses.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/tensor.h"

namespace heed {

// ---- Arithmetic (arithmetic.cpp)
// ----------------------------------------------------------------- Two tensors are broadcast
// against each other: aligned at the last dim, sizes equal or 1. Types are promoted (bool < int64 <
// float32 < float64); int64 / int64 divides as float32.

/// a + alpha b.
Tensor add(const Tensor& a, const Tensor& b, Scalar alpha = 1);
Tensor add(const Tensor& a, Scalar b);
/// a - alpha b.
Tensor sub(const Tensor& a, const Tensor& b, Scalar alpha = 1);
Tensor sub(const Tensor& a, Scalar b);
/// b - a, for a number on the left.
Tensor rsub(const Tensor& a, Scalar b);
/// a b, element by element.
Tensor mul(const Tensor& a, const Tensor& b);
Tensor mul(const Tensor& a, Scalar b);
/// a / b, a true division.
Tensor div(const Tensor& a, const Tensor& b);
Tensor div(const Tensor& a, Scalar b);
/// a ^ b. The gradient of the exponent is 0 where a is 0 and b >= 0, as in PyTorch.
Tensor pow(const Tensor& a, const Tensor& b);
Tensor pow(const Tensor& a, Scalar b);
Tensor pow(Scalar a, const Tensor& b);
/// The larger, the smaller of two; NaN wins. Equal elements share the gradient by halves.
Tensor maximum(const Tensor& a, const Tensor& b);
Tensor minimum(const Tensor& a, const Tensor& b);

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator+(const Tensor& a, Scalar b);
Tensor operator+(Scalar a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, Scalar b);
Tensor operator-(Scalar a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, Scalar b);
Tensor operator*(Scalar a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, Scalar b);
Tensor operator/(Scalar a, const Tensor& b);
Tensor operator-(const Tensor& a);

// ---- Element by element (elementwise.cpp)
// -------------------------------------------------------- An integer input is computed as float32,
// except for neg, abs, sign, square, relu and clamp.

Tensor neg(const Tensor& x);         ///< -x; error for bool
Tensor abs(const Tensor& x);         ///< dx = dy sign(x), 0 at 0
Tensor sign(const Tensor& x);        ///< -1, 0 or 1; dx is 0
Tensor exp(const Tensor& x);         ///< e^x
Tensor log(const Tensor& x);         ///< the natural logarithm: -inf at 0, NaN below
Tensor log1p(const Tensor& x);       ///< log(1 + x), exact near 0
Tensor expm1(const Tensor& x);       ///< exp(x) - 1, exact near 0
Tensor sqrt(const Tensor& x);        ///< NaN below 0; dx is infinite at 0
Tensor rsqrt(const Tensor& x);       ///< 1 / sqrt(x)
Tensor reciprocal(const Tensor& x);  ///< 1 / x
Tensor square(const Tensor& x);      ///< x²
Tensor tanh(const Tensor& x);        ///< (e^x - e^-x) / (e^x + e^-x)
Tensor sigmoid(const Tensor& x);     ///< 1 / (1 + exp(-x))
Tensor relu(const Tensor& x);        ///< max(x, 0); dx 0 at 0
/// x where x > 0, else negative_slope x.
Tensor leaky_relu(const Tensor& x, double negative_slope = 0.01);
/// x Φ(x), Φ the normal distribution function (Hendrycks and Gimpel 2016); approximate "tanh" for
/// the tanh form of GPT-2, "none" for the exact one.
Tensor gelu(const Tensor& x, const std::string& approximate = "none");
Tensor silu(const Tensor& x);  ///< x sigmoid(x)
/// log(1 + exp(beta x)) / beta, and x itself where beta x > threshold.
Tensor softplus(const Tensor& x, double beta = 1, double threshold = 20);
Tensor erf(const Tensor& x);  ///< 2/sqrt(π) times the integral of exp(-t²) from 0 to x
Tensor sin(const Tensor& x);  ///< of radians
Tensor cos(const Tensor& x);  ///< of radians
/// x held between min and max; either may be left out. dx is dy inside and on the bounds, else 0.
Tensor clamp(const Tensor& x, std::optional<Scalar> min, std::optional<Scalar> max = {});
/// condition ? a : b, broadcast; condition is bool.
Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b);
Tensor where(const Tensor& condition, const Tensor& a, Scalar b);
Tensor where(const Tensor& condition, Scalar a, const Tensor& b);
/// x with value where mask (bool, broadcast to x) is true.
Tensor masked_fill(const Tensor& x, const Tensor& mask, Scalar value);
/// The same values in another type. Gradients are converted back.
Tensor to(const Tensor& x, DType dtype);

// ---- Comparison and logic (compare.cpp): bool results, no gradient
// -------------------------------

// Tensors are broadcast and their types promoted, as in arithmetic; a comparison with NaN is false,
// save ne.

Tensor eq(const Tensor& a, const Tensor& b);
Tensor eq(const Tensor& a, Scalar b);
Tensor ne(const Tensor& a, const Tensor& b);
Tensor ne(const Tensor& a, Scalar b);
Tensor lt(const Tensor& a, const Tensor& b);
Tensor lt(const Tensor& a, Scalar b);
Tensor le(const Tensor& a, const Tensor& b);
Tensor le(const Tensor& a, Scalar b);
Tensor gt(const Tensor& a, const Tensor& b);
Tensor gt(const Tensor& a, Scalar b);
Tensor ge(const Tensor& a, const Tensor& b);
Tensor ge(const Tensor& a, Scalar b);
/// Of any type: what is not 0 is true. Broadcast.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);
Tensor isnan(const Tensor& x);     ///< false for integers
Tensor isinf(const Tensor& x);     ///< of either sign
Tensor isfinite(const Tensor& x);  ///< neither NaN nor infinite
Tensor operator==(const Tensor& a, const Tensor& b);
Tensor operator==(const Tensor& a, Scalar b);
Tensor operator!=(const Tensor& a, const Tensor& b);
Tensor operator!=(const Tensor& a, Scalar b);
Tensor operator<(const Tensor& a, const Tensor& b);
Tensor operator<(const Tensor& a, Scalar b);
Tensor operator<=(const Tensor& a, const Tensor& b);
Tensor operator<=(const Tensor& a, Scalar b);
Tensor operator>(const Tensor& a, const Tensor& b);
Tensor operator>(const Tensor& a, Scalar b);
Tensor operator>=(const Tensor& a, const Tensor& b);
Tensor operator>=(const Tensor& a, Scalar b);
Tensor operator&(const Tensor& a, const Tensor& b);  ///< logical_and of bool tensors
Tensor operator|(const Tensor& a, const Tensor& b);
Tensor operator^(const Tensor& a, const Tensor& b);
Tensor operator!(const Tensor& x);
/// True where both have the same shape and equal elements.
bool equal(const Tensor& a, const Tensor& b);
/// |a - b| <= atol + rtol |b| everywhere (NaN equal to NaN only if asked).
bool allclose(const Tensor& a, const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
              bool equal_nan = false);

// ---- Reductions (reduce.cpp, sort.cpp)
// ----------------------------------------------------------- Without a dim: over all elements. A
// list of dims: over these together. keepdim leaves size 1.

struct ValuesIndices {
  Tensor values, indices;
};

Tensor sum(const Tensor& x);  ///< int64 for integer and bool input; 0 when empty
Tensor sum(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor sum(const Tensor& x, const Dims& dims, bool keepdim = false);
Tensor mean(const Tensor& x);  ///< NaN when empty; error for integers
Tensor mean(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor mean(const Tensor& x, const Dims& dims, bool keepdim = false);
/// The product, 1 when empty; int64 for integers. dx is right where elements are 0, too.
Tensor prod(const Tensor& x);
Tensor prod(const Tensor& x, std::int64_t dim, bool keepdim = false);
/// The largest element; error when empty. Equal ones share the gradient evenly.
Tensor max(const Tensor& x);
Tensor min(const Tensor& x);
/// Values and the index of the first largest along dim, which gets the whole gradient.
ValuesIndices max(const Tensor& x, std::int64_t dim, bool keepdim = false);
ValuesIndices min(const Tensor& x, std::int64_t dim, bool keepdim = false);
/// max, min over dims; equal ones share the gradient evenly.
Tensor amax(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
Tensor amin(const Tensor& x, const Dims& dims = {}, bool keepdim = false);
/// The index of the first largest, smallest along dim, or in the flattened tensor. int64. Error
/// when there is nothing to choose from.
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim = {}, bool keepdim = false);
/// Sum of squared deviations over n - 1 (unbiased) or n; std its square root. NaN where that is 0.
/// Error for integers.
Tensor var(const Tensor& x, bool unbiased = true);
Tensor var(const Tensor& x, const Dims& dims, bool unbiased = true, bool keepdim = false);
Tensor std(const Tensor& x, bool unbiased = true);
Tensor std(const Tensor& x, const Dims& dims, bool unbiased = true, bool keepdim = false);
/// Over one dim, as PyTorch's var(1): a number is a dim, and only a bool says `unbiased`.
template <DimNumber Dim>
Tensor var(const Tensor& x, Dim dim, bool unbiased = true, bool keepdim = false) {
  return var(x, Dims(dim), unbiased, keepdim);
}
template <DimNumber Dim>
Tensor std(const Tensor& x, Dim dim, bool unbiased = true, bool keepdim = false) {
  return std(x, Dims(dim), unbiased, keepdim);
}
/// log(sum(exp(x))), computed from the maximum.
Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim = false);
/// (sum |x|^p)^(1/p); p = inf: the largest |x|; p = 0: how many are not 0.
Tensor norm(const Tensor& x, double p = 2);
Tensor norm(const Tensor& x, double p, const Dims& dims, bool keepdim = false);
/// y[i] = x[0] + … + x[i] along dim; int64 for integer and bool input.
Tensor cumsum(const Tensor& x, std::int64_t dim);
/// Whether all are not 0 (true when empty), any is not 0. bool.
Tensor all(const Tensor& x);
Tensor all(const Tensor& x, std::int64_t dim, bool keepdim = false);
Tensor any(const Tensor& x);
Tensor any(const Tensor& x, std::int64_t dim, bool keepdim = false);
/// The k largest (or smallest) along dim, in order when sorted.
ValuesIndices topk(const Tensor& x, std::int64_t k, std::int64_t dim = -1, bool largest = true,
                   bool sorted = true);
/// A stable sort along dim; NaN counts as the largest.
ValuesIndices sort(const Tensor& x, std::int64_t dim = -1, bool descending = false);
/// The indices of sort.
Tensor argsort(const Tensor& x, std::int64_t dim = -1, bool descending = false);

// ---- Linear algebra (matmul.cpp, einsum.cpp)
// -----------------------------------------------------

/// The product by the ranks of its operands: (n)·(n) → scalar, (m,k)·(k) → (m), (k)·(k,n) → (n),
/// (m,k)·(k,n) → (m,n), and batches (…,m,k)·(…,k,n) with … broadcast.
/// Error: mat1 and mat2 shapes cannot be multiplied (3x4 and 3x4).
Tensor matmul(const Tensor& a, const Tensor& b);
Tensor mm(const Tensor& a, const Tensor& b);     ///< (m,k)·(k,n)
Tensor bmm(const Tensor& a, const Tensor& b);    ///< (b,m,k)·(b,k,n)
Tensor mv(const Tensor& a, const Tensor& x);     ///< (m,k)·(k)
Tensor dot(const Tensor& a, const Tensor& b);    ///< (n)·(n)
Tensor outer(const Tensor& a, const Tensor& b);  ///< (m), (n) → (m,n)
/// beta input + alpha a b, input broadcast to (m,n).
Tensor addmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta = 1,
             double alpha = 1);
/// beta input + alpha a b, for batches (b,m,k)·(b,k,n); input broadcast to (b,m,n).
Tensor baddbmm(const Tensor& input, const Tensor& a, const Tensor& b, double beta = 1,
               double alpha = 1);
/// x Wᵀ + bias: x (…, in), weight (out, in), bias (out) or undefined → (…, out).
Tensor linear(const Tensor& x, const Tensor& weight, const Tensor& bias = {});
/// Einstein's notation: "bhtd,bhsd->bhts". Repeated letters, …-batches and any number of operands.
Tensor einsum(const std::string& equation, const std::vector<Tensor>& operands);

// ---- Shape (view.cpp): views share memory where strides allow
// -------------------------------------

Tensor view(const Tensor& x, const Dims& sizes);     ///< one size may be -1; never copies
Tensor reshape(const Tensor& x, const Dims& sizes);  ///< a view if possible, else a copy
/// Dims start_dim to end_dim as one; a scalar becomes (1). A view if possible.
Tensor flatten(const Tensor& x, std::int64_t start_dim = 0, std::int64_t end_dim = -1);
/// One dim as several, whose product it is; one size may be -1.
Tensor unflatten(const Tensor& x, std::int64_t dim, const Dims& sizes);
/// Dims a and b exchanged.
Tensor transpose(const Tensor& x, std::int64_t a, std::int64_t b);
Tensor t(const Tensor& x);  ///< the transpose of at most two dims
/// y's dim i is x's dim dims[i]; each once.
Tensor permute(const Tensor& x, const Dims& dims);
/// Dim source at place destination, the others in their order.
Tensor movedim(const Tensor& x, std::int64_t source, std::int64_t destination);
/// Each dim source[i] at place destination[i], the others in their order. Errors: lists of
/// different lengths, a dim named twice.
Tensor movedim(const Tensor& x, const Dims& source, const Dims& destination);
/// Without all dims of size 1, or without one if its size is 1.
Tensor squeeze(const Tensor& x);
Tensor squeeze(const Tensor& x, std::int64_t dim);
/// With a new dim of size 1 at place dim.
Tensor unsqueeze(const Tensor& x, std::int64_t dim);
/// Dims of size 1 (and new leading ones) seen as larger, without a copy; -1 keeps a size.
Tensor expand(const Tensor& x, const Dims& sizes);
Tensor broadcast_to(const Tensor& x, const Dims& sizes);  ///< expand
/// Copies side by side: repeats[i] times along dim i; more repeats than dims add leading ones.
Tensor repeat(const Tensor& x, const Dims& repeats);
/// x[start : start + length] along dim. Error where that reaches beyond.
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length);
/// x[start:end:step] along dim; bounds are clamped as Python's are.
Tensor slice(const Tensor& x, std::int64_t dim, std::optional<std::int64_t> start,
             std::optional<std::int64_t> end, std::int64_t step = 1);
/// x[index] along dim, which is gone. Error: index out of range.
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index);
/// At most `chunks` slices along dim, of equal size but for the last.
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim = 0);
/// Slices along dim: of `size` but for the last, or of these sizes, which must sum to x's.
std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim = 0);
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes,
                          std::int64_t dim = 0);
/// One after another along dim. Sizes are equal but in dim; types are promoted; one of shape (0)
/// counts for nothing.
Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim = 0);
/// Side by side along a new dim. Sizes are equal.
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim = 0);
/// Elements in reverse order along dims; a copy.
Tensor flip(const Tensor& x, const Dims& dims);
/// Elements shifted along dims, those that fall off coming in at the other end.
Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t dim);
Tensor roll(const Tensor& x, const Dims& shifts, const Dims& dims);
Tensor roll(const Tensor& x, std::int64_t shift);  ///< of the flattened tensor
/// Of each matrix in the last two dims: what lies on and below (triu: above) the diagonal that is
/// `diagonal` above the main one; else 0. Error below two dims.
Tensor tril(const Tensor& x, std::int64_t diagonal = 0);
Tensor triu(const Tensor& x, std::int64_t diagonal = 0);
/// The diagonal of dims dim1 and dim2, `offset` above the main one, as a new last dim. A view.
Tensor diagonal(const Tensor& x, std::int64_t offset = 0, std::int64_t dim1 = 0,
                std::int64_t dim2 = 1);
Tensor contiguous(
    const Tensor& x);           ///< x itself if its elements are row-major in memory, else a copy
Tensor clone(const Tensor& x);  ///< a copy, contiguous
/// Windows of `size` every `step` along dim, as a new last dim.
Tensor unfold(const Tensor& x, std::int64_t dim, std::int64_t size, std::int64_t step);
/// Any geometry on the storage of x.
Tensor as_strided(const Tensor& x, const Dims& sizes, const Dims& strides,
                  std::optional<std::int64_t> offset = {});

// ---- Indexing (index.cpp)
// ------------------------------------------------------------------------

struct NoneIndex {};
struct EllipsisIndex {};
/// A range start:end:step; what is left out reaches to the end.
struct Slice {
  std::optional<std::int64_t> start = {}, end = {};
  std::int64_t step = 1;
  Slice(std::optional<std::int64_t> start_ = {}, std::optional<std::int64_t> end_ = {},
        std::int64_t step_ = 1)
      : start(start_), end(end_), step(step_) {}
};
/// One place of x.index({0, Slice(1, 3), None, Ellipsis, indices}).
class TensorIndex {
 public:
  enum class Kind : std::uint8_t { Integer, Slice, None, Ellipsis, Tensor };
  template <std::integral T>
  TensorIndex(T index) : kind(Kind::Integer), integer(static_cast<std::int64_t>(index)) {}
  TensorIndex(Slice range) : kind(Kind::Slice), slice(range) {}
  TensorIndex(NoneIndex) : kind(Kind::None) {}
  TensorIndex(EllipsisIndex) : kind(Kind::Ellipsis) {}
  TensorIndex(Tensor indices) : kind(Kind::Tensor), tensor(std::move(indices)) {}

  Kind kind;
  std::int64_t integer = 0;
  Slice slice;
  Tensor tensor;  // int64 indices, or a bool mask
};

/// x[indices…] with NumPy's rules: integers, ranges, None and Ellipsis give a view; index tensors
/// (broadcast together) and bool masks gather a copy. Error: index out of range.
Tensor index(const Tensor& x, const std::vector<TensorIndex>& indices);
/// x[indices…] = value (broadcast), in place.
void index_put_(const Tensor& x, const std::vector<TensorIndex>& indices, const Tensor& value);
/// Whole slices of x along dim, by a 1-D int64 index.
Tensor index_select(const Tensor& x, std::int64_t dim, const Tensor& index);
/// y[i][j] = x[index[i][j]][j] (dim 0), and so for other dims.
Tensor gather(const Tensor& x, std::int64_t dim, const Tensor& index);
/// x with src added at index: the adjoint of gather.
Tensor scatter_add(const Tensor& x, std::int64_t dim, const Tensor& index, const Tensor& src);
/// The elements where mask is true, as one dim.
Tensor masked_select(const Tensor& x, const Tensor& mask);
/// Where x is not 0: (count, dim) int64, in row-major order.
Tensor nonzero(const Tensor& x);
/// (…) int64 → (…, classes) int64. classes -1: the largest + 1.
Tensor one_hot(const Tensor& x, std::int64_t num_classes = -1);
/// Rows of weight (n, d) by indices (…) → (…, d). The row of padding_idx (negative: from the end)
/// gets no gradient. Errors: index out of range in self; Padding_idx must be within num_embeddings.
Tensor embedding(const Tensor& weight, const Tensor& indices,
                 std::optional<std::int64_t> padding_idx = {});

// ---- Neural (softmax.cpp, norm.cpp, dropout.cpp, attention.cpp, loss.cpp)
// --------------------------

/// exp(x) / sum(exp(x)) along dim.
Tensor softmax(const Tensor& x, std::int64_t dim);
/// x - log(sum(exp(x))) along dim.
Tensor log_softmax(const Tensor& x, std::int64_t dim);
/// (x - mean) / sqrt(var + eps) * weight + bias over the last dims (Ba et al. 2016).
Tensor layer_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight = {},
                  const Tensor& bias = {}, double eps = 1e-5);
/// x / sqrt(mean(x²) + eps) * weight over the last dims (Zhang and Sennrich 2019).
Tensor rms_norm(const Tensor& x, const Dims& normalized_shape, const Tensor& weight = {},
                double eps = 1e-6);
/// In training: zero with probability p, else x / (1 - p). Otherwise x itself.
Tensor dropout(const Tensor& x, double p = 0.5, bool training = true,
               Generator* generator = nullptr);

struct AttentionOptions {
  Tensor attn_mask = {};  ///< bool (true: may be seen) or additive, broadcast to (B, H, T, S)
  double dropout_p = 0;
  bool is_causal = false;            ///< row i sees columns 0 … i; not together with attn_mask
  std::optional<double> scale = {};  ///< by default 1 / sqrt(D)
  Generator* generator = nullptr;
};
/// softmax(q kᵀ · scale + mask) v in one pass: q (…, T, D), k (…, S, D), v (…, S, Dv) → (…, T, Dv).
/// Memory grows with T + S, not with T·S (Dao et al. 2022).
Tensor scaled_dot_product_attention(const Tensor& q, const Tensor& k, const Tensor& v,
                                    const AttentionOptions& options = {});

enum class Reduction : std::uint8_t { None, Mean, Sum };

/// (input - target)², |input - target|, and between the two: squared/(2 beta) below beta, else less
/// beta/2 (Girshick 2015). None: (…), the broadcast shape; Mean and Sum: a scalar.
Tensor mse_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean);
Tensor l1_loss(const Tensor& input, const Tensor& target, Reduction reduction = Reduction::Mean);
Tensor smooth_l1_loss(const Tensor& input, const Tensor& target,
                      Reduction reduction = Reduction::Mean, double beta = 1);

struct CrossEntropyOptions {
  Tensor weight = {};  ///< (C): a weight a class
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::Mean;
  double label_smoothing = 0;
};
/// -log softmax(input)[target]: input (N, C), (C) or (N, C, d…); target int64 class indices, or
/// probabilities of input's shape. Errors: Target 5 is out of bounds. / Expected input batch_size
/// (2) to match target batch_size (3).
Tensor cross_entropy(const Tensor& input, const Tensor& target,
                     const CrossEntropyOptions& options = {});

struct NllLossOptions {
  Tensor weight = {};
  std::int64_t ignore_index = -100;
  Reduction reduction = Reduction::Mean;
};
/// -input[target]: input holds log-probabilities.
Tensor nll_loss(const Tensor& input, const Tensor& target, const NllLossOptions& options = {});

struct BceOptions {
  Tensor weight = {};
  Tensor pos_weight = {};
  Reduction reduction = Reduction::Mean;
};
/// -(pos_weight target log σ(input) + (1 - target) log(1 - σ(input))) weight, target in [0, 1] and
/// of input's shape.
Tensor binary_cross_entropy_with_logits(const Tensor& input, const Tensor& target,
                                        const BceOptions& options = {});

struct KlDivOptions {
  Reduction reduction = Reduction::Mean;
  bool batch_mean = false;  ///< the sum over the batch size: the mathematical definition
  bool log_target = false;
};
/// target (log target - input), input holding log-probabilities.
Tensor kl_div(const Tensor& input, const Tensor& target, const KlDivOptions& options = {});

// Last, for no enumerator above to shadow them.
inline constexpr NoneIndex None{};          ///< a new dim of size 1
inline constexpr EllipsisIndex Ellipsis{};  ///< as many full dims as are left

}  // namespace heed
