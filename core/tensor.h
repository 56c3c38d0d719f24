// Tensor: a handle on a strided view of shared bytes, with its place in the autograd graph.
//
// The operations are free functions in ops/ops.h; those that PyTorch also has as methods are
// declared here and do the same.
#pragma once

#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "core/dtype.h"
#include "core/error.h"
#include "core/intrusive.h"
#include "core/scalar.h"
#include "core/shape.h"
#include "core/storage.h"

namespace heed {

class Generator;
class Tensor;
class TensorIndex;
struct ValuesIndices;
using TensorList = std::vector<Tensor>;

namespace autograd {
class Node;
struct LeafHooks;
using NodeRef = Ref<Node>;
/// Called with a gradient; what it returns, if defined, takes the gradient's place.
using TensorHook = std::function<Tensor(const Tensor& grad)>;
}  // namespace autograd

/// What Tensor points at. Users have no need of it; ops and the engine do.
struct TensorImpl {
  RefCount refs;
  // Of a tensor: how often an in-place write changed its history. Of a view: its base's count at
  // the time its own grad_fn was right (see ops/inplace.cpp).
  std::uint32_t history = 0;
  bool contiguous = true;
  bool requires_grad = false;  // of a leaf; a tensor with a grad_fn requires grad by having it
  bool retains_grad = false;
  bool in_storage;  // lies in the room of its storage, which frees it
  DType dtype = DType::Float32;
  std::int64_t numel = 1;
  std::int64_t offset = 0;  // elements
  Dims sizes, strides;
  Ref<Storage> storage;
  Ref<TensorImpl> base;       // the tensor that this one is a view of (never itself a view)
  autograd::NodeRef grad_fn;  // null for a leaf
  Ref<TensorImpl> grad;
  std::uint64_t number = 0;  // of a leaf that requires grad: its place in the order (node.h)
  autograd::LeafHooks* hooks = nullptr;

  /// Takes over a count of the storage.
  TensorImpl(const Dims& sizes, const Dims& strides, std::int64_t numel, DType dtype,
             Storage* storage, bool in_storage) noexcept;

  static void destroy(TensorImpl* impl) noexcept;
  /// Whether it has more than its bytes.
  bool has_company() const {
    const auto is_set = [](const void* pointer) {
      return reinterpret_cast<std::uintptr_t>(pointer);
    };
    return is_set(base.get()) | is_set(grad_fn.get()) | is_set(grad.get()) | is_set(hooks);
  }
  /// A view whose base has been given a new history since.
  bool is_stale_view() const { return base && history != base->history; }
  bool wants_grad() const { return requires_grad || grad_fn || (is_stale_view() && base->grad_fn); }
  std::byte* bytes() const {
    return storage->data + offset * static_cast<std::int64_t>(element_size(dtype));
  }
  /// The first element, T being the element type.
  template <class T>
  T* elements() const {
    return reinterpret_cast<T*>(storage->data) + offset;
  }
};

/// A hook's registration: remove() takes it back. Copyable; does nothing once its tensor is gone.
class HookHandle {
 public:
  HookHandle() = default;
  explicit HookHandle(std::function<void()> remove) : remove_(std::move(remove)) {}
  void remove() {
    if (remove_) std::exchange(remove_, nullptr)();
  }

 private:
  std::function<void()> remove_;
};

class Tensor {
 public:
  /// An undefined tensor: no shape, no values. Only defined() may be asked of it.
  Tensor() = default;
  explicit Tensor(Ref<TensorImpl> impl) : impl_(std::move(impl)) {}

  bool defined() const { return static_cast<bool>(impl_); }
  TensorImpl* impl() const { return impl_.get(); }
  const Ref<TensorImpl>& ref() const { return impl_; }
  Ref<TensorImpl> take() && { return std::move(impl_); }
  /// True where both are handles on the same tensor.
  bool is(const Tensor& other) const { return impl_ == other.impl_; }

  // Shape and values.
  const Dims& sizes() const { return checked().sizes; }
  /// The size along a dim; negative dims count from the end.
  std::int64_t size(std::int64_t d) const;
  const Dims& strides() const { return checked().strides; }
  std::int64_t stride(std::int64_t d) const;
  std::int64_t dim() const { return checked().sizes.size(); }
  std::int64_t numel() const { return checked().numel; }
  std::int64_t storage_offset() const { return checked().offset; }
  DType dtype() const { return checked().dtype; }
  bool is_contiguous() const { return checked().contiguous; }
  bool is_floating_point() const { return heed::is_floating_point(dtype()); }
  /// The first element's address. An error when T is not the element type. Elements follow the
  /// strides: read contiguous().data<T>() unless is_contiguous().
  template <class T>
  T* data() const {
    check_dtype(dtype_of<T>);
    return impl_->elements<T>();
  }
  /// The value of a tensor with one element, converted to T. Error for any other size.
  template <class T = double>
  T item() const {
    return item_scalar().to<T>();
  }
  Scalar item_scalar() const;
  /// The elements in row-major order, converted to T.
  template <class T>
  std::vector<T> to_vector() const;

  // Autograd.
  bool requires_grad() const { return checked().wants_grad(); }
  /// Makes a leaf record what is done with it. Errors: an integer tensor; switching it off on a
  /// tensor that is a result.
  const Tensor& requires_grad_(bool requires_grad = true) const;
  bool is_leaf() const { return !requires_grad() || checked().requires_grad; }
  /// The node that made this tensor, or null for a leaf.
  autograd::NodeRef grad_fn() const;
  /// The gradient accumulated by backward(); undefined before.
  Tensor grad() const { return Tensor(checked().grad); }
  /// Replaces the gradient; an undefined tensor clears it. Errors: another shape or dtype.
  void set_grad(const Tensor& grad) const;
  /// Adds the derivative of this tensor to .grad of every leaf that it was computed from.
  /// gradient: what to start from; 1 for a tensor with one element, required for any other.
  void backward(const Tensor& gradient = {}, std::optional<bool> retain_graph = {},
                bool create_graph = false) const;
  /// The same values without the graph; shares memory and the version counter.
  Tensor detach() const;
  /// Makes backward keep .grad on a tensor that is not a leaf.
  void retain_grad() const;
  bool retains_grad() const { return checked().retains_grad; }
  /// Calls hook(grad) when the gradient of this tensor has been computed; see TensorHook.
  HookHandle register_hook(autograd::TensorHook hook) const;
  /// How often the bytes have been written in place (see Storage).
  std::uint32_t version() const { return checked().storage->version.load(); }

  // Methods of the operations in ops/ops.h, where they are documented.
  Tensor add(const Tensor& b, Scalar alpha = 1) const;
  Tensor add(Scalar b) const;
  Tensor sub(const Tensor& b, Scalar alpha = 1) const;
  Tensor sub(Scalar b) const;
  Tensor mul(const Tensor& b) const;
  Tensor mul(Scalar b) const;
  Tensor div(const Tensor& b) const;
  Tensor div(Scalar b) const;
  Tensor pow(const Tensor& b) const;
  Tensor pow(Scalar b) const;
  Tensor maximum(const Tensor& b) const;
  Tensor minimum(const Tensor& b) const;
  Tensor neg() const;
  Tensor abs() const;
  Tensor sign() const;
  Tensor exp() const;
  Tensor log() const;
  Tensor log1p() const;
  Tensor expm1() const;
  Tensor sqrt() const;
  Tensor rsqrt() const;
  Tensor reciprocal() const;
  Tensor square() const;
  Tensor tanh() const;
  Tensor sigmoid() const;
  Tensor relu() const;
  Tensor erf() const;
  Tensor sin() const;
  Tensor cos() const;
  Tensor clamp(std::optional<Scalar> min, std::optional<Scalar> max = {}) const;
  Tensor where(const Tensor& condition, const Tensor& other) const;
  Tensor masked_fill(const Tensor& mask, Scalar value) const;
  Tensor to(DType dtype) const;
  Tensor eq(const Tensor& b) const;
  Tensor ne(const Tensor& b) const;
  Tensor lt(const Tensor& b) const;
  Tensor le(const Tensor& b) const;
  Tensor gt(const Tensor& b) const;
  Tensor ge(const Tensor& b) const;
  Tensor eq(Scalar b) const;
  Tensor ne(Scalar b) const;
  Tensor lt(Scalar b) const;
  Tensor le(Scalar b) const;
  Tensor gt(Scalar b) const;
  Tensor ge(Scalar b) const;
  Tensor logical_and(const Tensor& b) const;
  Tensor logical_or(const Tensor& b) const;
  Tensor logical_xor(const Tensor& b) const;
  Tensor logical_not() const;
  Tensor isnan() const;
  Tensor isinf() const;
  Tensor isfinite() const;
  bool equal(const Tensor& b) const;
  bool allclose(const Tensor& b, double rtol = 1e-5, double atol = 1e-8,
                bool equal_nan = false) const;
  Tensor sum() const;
  Tensor sum(std::int64_t dim, bool keepdim = false) const;
  Tensor sum(const Dims& dims, bool keepdim = false) const;
  Tensor mean() const;
  Tensor mean(std::int64_t dim, bool keepdim = false) const;
  Tensor mean(const Dims& dims, bool keepdim = false) const;
  Tensor prod() const;
  Tensor prod(std::int64_t dim, bool keepdim = false) const;
  Tensor max() const;
  Tensor min() const;
  ValuesIndices max(std::int64_t dim, bool keepdim = false) const;
  ValuesIndices min(std::int64_t dim, bool keepdim = false) const;
  Tensor amax(const Dims& dims = {}, bool keepdim = false) const;
  Tensor amin(const Dims& dims = {}, bool keepdim = false) const;
  Tensor argmax(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor argmin(std::optional<std::int64_t> dim = {}, bool keepdim = false) const;
  Tensor var(bool unbiased = true) const;
  Tensor var(const Dims& dims, bool unbiased = true, bool keepdim = false) const;
  Tensor std(bool unbiased = true) const;
  Tensor std(const Dims& dims, bool unbiased = true, bool keepdim = false) const;
  template <DimNumber Dim>
  Tensor var(Dim dim, bool unbiased = true, bool keepdim = false) const {
    return var(Dims(dim), unbiased, keepdim);
  }
  template <DimNumber Dim>
  Tensor std(Dim dim, bool unbiased = true, bool keepdim = false) const {
    return std(Dims(dim), unbiased, keepdim);
  }
  Tensor logsumexp(const Dims& dims, bool keepdim = false) const;
  Tensor norm(double p = 2) const;
  Tensor norm(double p, const Dims& dims, bool keepdim = false) const;
  Tensor cumsum(std::int64_t dim) const;
  Tensor all() const;
  Tensor all(std::int64_t dim, bool keepdim = false) const;
  Tensor any() const;
  Tensor any(std::int64_t dim, bool keepdim = false) const;
  ValuesIndices topk(std::int64_t k, std::int64_t dim = -1, bool largest = true,
                     bool sorted = true) const;
  ValuesIndices sort(std::int64_t dim = -1, bool descending = false) const;
  Tensor argsort(std::int64_t dim = -1, bool descending = false) const;
  Tensor matmul(const Tensor& b) const;
  Tensor mm(const Tensor& b) const;
  Tensor bmm(const Tensor& b) const;
  Tensor mv(const Tensor& b) const;
  Tensor dot(const Tensor& b) const;
  Tensor outer(const Tensor& b) const;
  Tensor addmm(const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1) const;
  Tensor baddbmm(const Tensor& a, const Tensor& b, double beta = 1, double alpha = 1) const;
  Tensor view(const Dims& sizes) const;
  Tensor reshape(const Dims& sizes) const;
  Tensor flatten(std::int64_t start_dim = 0, std::int64_t end_dim = -1) const;
  Tensor unflatten(std::int64_t dim, const Dims& sizes) const;
  Tensor transpose(std::int64_t a, std::int64_t b) const;
  Tensor t() const;
  Tensor T() const;   ///< all dims reversed
  Tensor mT() const;  ///< the last two dims exchanged
  Tensor permute(const Dims& dims) const;
  Tensor movedim(std::int64_t source, std::int64_t destination) const;
  Tensor movedim(const Dims& source, const Dims& destination) const;
  Tensor squeeze() const;
  Tensor squeeze(std::int64_t dim) const;
  Tensor unsqueeze(std::int64_t dim) const;
  Tensor expand(const Dims& sizes) const;
  Tensor broadcast_to(const Dims& sizes) const;
  Tensor repeat(const Dims& repeats) const;
  Tensor narrow(std::int64_t dim, std::int64_t start, std::int64_t length) const;
  Tensor slice(std::int64_t dim, std::optional<std::int64_t> start, std::optional<std::int64_t> end,
               std::int64_t step = 1) const;
  Tensor select(std::int64_t dim, std::int64_t index) const;
  Tensor operator[](std::int64_t index) const;
  std::vector<Tensor> chunk(std::int64_t chunks, std::int64_t dim = 0) const;
  std::vector<Tensor> split(std::int64_t size, std::int64_t dim = 0) const;
  std::vector<Tensor> split(const std::vector<std::int64_t>& sizes, std::int64_t dim = 0) const;
  Tensor flip(const Dims& dims) const;
  Tensor roll(std::int64_t shift, std::int64_t dim) const;
  Tensor roll(const Dims& shifts, const Dims& dims) const;
  Tensor roll(std::int64_t shift) const;
  Tensor tril(std::int64_t diagonal = 0) const;
  Tensor triu(std::int64_t diagonal = 0) const;
  Tensor diagonal(std::int64_t offset = 0, std::int64_t dim1 = 0, std::int64_t dim2 = 1) const;
  Tensor contiguous() const;
  Tensor clone() const;
  Tensor unfold(std::int64_t dim, std::int64_t size, std::int64_t step) const;
  Tensor as_strided(const Dims& sizes, const Dims& strides,
                    std::optional<std::int64_t> offset = {}) const;
  Tensor index(const std::vector<TensorIndex>& indices) const;
  Tensor index_select(std::int64_t dim, const Tensor& index) const;
  Tensor gather(std::int64_t dim, const Tensor& index) const;
  Tensor scatter_add(std::int64_t dim, const Tensor& index, const Tensor& src) const;
  Tensor masked_select(const Tensor& mask) const;
  Tensor nonzero() const;
  Tensor softmax(std::int64_t dim) const;
  Tensor log_softmax(std::int64_t dim) const;

  // In place (ops/inplace.cpp): the result is written into this tensor, which is returned. A leaf
  // that requires grad refuses while grad mode is on; see inplace.cpp for views and saved tensors.
  const Tensor& copy_(const Tensor& source) const;
  const Tensor& fill_(Scalar value) const;
  const Tensor& zero_() const;
  const Tensor& add_(const Tensor& b, Scalar alpha = 1) const;
  const Tensor& add_(Scalar b) const;
  const Tensor& sub_(const Tensor& b, Scalar alpha = 1) const;
  const Tensor& sub_(Scalar b) const;
  const Tensor& mul_(const Tensor& b) const;
  const Tensor& mul_(Scalar b) const;
  const Tensor& div_(const Tensor& b) const;
  const Tensor& div_(Scalar b) const;
  const Tensor& pow_(Scalar b) const;
  const Tensor& neg_() const;
  const Tensor& abs_() const;
  const Tensor& exp_() const;
  const Tensor& expm1_() const;
  const Tensor& log_() const;
  const Tensor& log1p_() const;
  const Tensor& erf_() const;
  const Tensor& sin_() const;
  const Tensor& cos_() const;
  const Tensor& sign_() const;
  const Tensor& sqrt_() const;
  const Tensor& rsqrt_() const;
  const Tensor& reciprocal_() const;
  const Tensor& square_() const;
  const Tensor& tanh_() const;
  const Tensor& sigmoid_() const;
  const Tensor& relu_() const;
  const Tensor& clamp_(std::optional<Scalar> min, std::optional<Scalar> max = {}) const;
  const Tensor& masked_fill_(const Tensor& mask, Scalar value) const;
  const Tensor& tril_(std::int64_t diagonal = 0) const;
  const Tensor& triu_(std::int64_t diagonal = 0) const;
  const Tensor& index_put_(const std::vector<TensorIndex>& indices, const Tensor& value) const;
  const Tensor& scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& src) const;
  const Tensor& uniform_(double low = 0, double high = 1, Generator* generator = nullptr) const;
  const Tensor& normal_(double mean = 0, double std = 1, Generator* generator = nullptr) const;
  const Tensor& bernoulli_(double p = 0.5, Generator* generator = nullptr) const;

  const TensorImpl& checked() const {
    if (!impl_) [[unlikely]]
      undefined();
    return *impl_;
  }

 private:
  [[noreturn]] static void undefined();
  [[noreturn]] void wrong_dtype(DType wanted) const;
  void check_dtype(DType wanted) const {
    if (dtype() != wanted) [[unlikely]]
      wrong_dtype(wanted);
  }

  Ref<TensorImpl> impl_;
};

/// How a new tensor is made: zeros({2, 3}, {.dtype = float64, .requires_grad = true}).
struct TensorOptions {
  std::optional<DType> dtype = {};  ///< by default float32, or the type of the given values
  bool requires_grad = false;
  Generator* generator = nullptr;  ///< of random tensors; by default the one of manual_seed()
};

namespace detail {
/// An uninitialised contiguous tensor. sizes must be valid (checked_numel).
Tensor make_tensor(const Dims& sizes, DType dtype);
/// A contiguous tensor on given bytes, its sizes known to be valid.
Tensor make_tensor_on(Ref<Storage> storage, const Dims& sizes, std::int64_t numel, DType dtype);
/// Another geometry on the storage of x, without autograd.
Tensor make_alias(const Tensor& x, const Dims& sizes, const Dims& strides, std::int64_t offset);
/// After writing into x's bytes: raises the version.
void bump_version(const Tensor& x);
}  // namespace detail

}  // namespace heed
