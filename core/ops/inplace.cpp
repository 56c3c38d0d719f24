// In-place operations, and what they do to the graph.
//
// Writing into a tensor changes three things: its values, the version of its bytes, and, while grad
// mode is on, its history: from now on it is the result of the write. The rule that keeps
// gradients right is always the same: the result is computed out of place with its node, and then
// `self` takes over values and node (assign). A node whose backward reads the old values of self is
// given a copy of them (before_write), since self's own bytes are about to change. Without grad
// mode the frequent ones write directly.
//
// Views. The write into a view v of a base b also changes b, and every other view of b. b gets the
// node CopySlices: its gradient is that of b outside the slice, and inside it flows to the result.
// v and the other views are out of date (TensorImpl::history) and are given a new node, AsStrided
// of the new b, when next asked (gradient_edge). This is PyTorch's scheme (autograd/README of views
// and in-place, torch/csrc/autograd/variable.h).
#include "core/ops/inplace.h"

#include "core/autograd/node.h"
#include "core/factory.h"
#include "core/ops/common.h"

namespace heed {

using namespace detail;

// ---- b with its slice replaced by r;  db = db outside the slice,  dr = the slice of db

struct CopySlices final : Node {
  Dims sizes, strides;
  std::int64_t offset;
  CopySlices(const Dims& sizes_, const Dims& strides_, std::int64_t offset_)
      : sizes(sizes_), strides(strides_), offset(offset_) {}
  const char* name() const override { return "CopySlices"; }
  Grads backward(const Tensor& dy_) override {
    const Tensor dy = contiguous(dy_);
    Tensor outside;
    if (needs(0)) {
      const Tensor mask = zeros(dy.sizes(), {.dtype = DType::Bool});
      copy_values(make_alias(mask, sizes, strides, offset), scalar_tensor(true, DType::Bool));
      outside = masked_fill(dy, mask, 0);
    }
    return {outside, needs(1) ? as_strided(dy, sizes, strides, offset) : Tensor()};
  }
};

// ---- y = s, whatever x was;  dx = 0,  ds = dy

struct CopyBackward final : Node {
  const char* name() const override { return "CopyBackwards"; }
  // Zeros, not nothing: x was used, and its .grad says so.
  Grads backward(const Tensor& dy) override { return {needs(0) ? zeros_like(dy) : Tensor(), dy}; }
};

// ---- y = a constant, whatever x was;  dx = 0

struct OverwriteBackward final : Node {
  const char* label;
  explicit OverwriteBackward(const char* label_) : label(label_) {}
  const char* name() const override { return label; }
  Grads backward(const Tensor& dy) override { return zeros_like(dy); }
};

namespace detail {
namespace {

bool overlaps_itself(const Tensor& x) {
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    if (x.sizes()[d] > 1 && x.strides()[d] == 0) return true;
  }
  return false;
}

}  // namespace

void check_writable(const Tensor& self) {
  const TensorImpl& impl = self.checked();
  if (grad_enabled()) {
    HEED_CHECK(!impl.requires_grad,
               "a leaf Variable that requires grad is being used in an in-place operation. (size ",
               impl.sizes, ")");
    HEED_CHECK(!impl.base || !impl.base->requires_grad,
               "a view of a leaf Variable that requires grad is being used in an in-place "
               "operation. (size ",
               impl.sizes, ")");
  }
  HEED_CHECK(!overlaps_itself(self),
             "unsupported operation: more than one element of the written-to tensor refers to a "
             "single memory location. Please clone() the tensor before performing the operation.");
}

Tensor before_write(const Tensor& self, bool backward_reads_it) {
  return grad_enabled() && backward_reads_it ? clone(self) : self;
}

const Tensor& assign(const Tensor& self, const Tensor& result) {
  check_writable(self);
  HEED_CHECK(is_broadcastable_to(result.sizes(), self.sizes()), "output with shape ", self.sizes(),
             " doesn't match the broadcast shape ", result.sizes());
  HEED_CHECK(!result.is_floating_point() || self.is_floating_point(), "result type ",
             scalar_type_name(result.dtype()), " can't be cast to the desired output type ",
             scalar_type_name(self.dtype()));
  const bool records = grad_enabled() && (result.requires_grad() || self.requires_grad());
  Tensor r = result;
  if (records) {
    if (r.dtype() != self.dtype()) r = to(r, self.dtype());
    if (r.sizes() != self.sizes()) r = expand(r, self.sizes());
  }
  copy_values(self, r);
  bump_version(self);
  if (!records) return self;

  TensorImpl* impl = self.impl();
  if (impl->base) {
    const Tensor base(impl->base);
    const Tensor* const from[] = {&base, &r};
    autograd::detail::attach(
        base, autograd::NodeRef::adopt(new CopySlices(impl->sizes, impl->strides, impl->offset)),
        from, 2);
    ++base.impl()->history;
    return self;
  }
  if (impl->retains_grad) {
    // The gradient to keep is that of the new value.
    impl->grad_fn->hooks->retained = nullptr;
    impl->retains_grad = false;
    impl->grad_fn = r.grad_fn();
    if (impl->grad_fn) self.retain_grad();
  } else {
    impl->grad_fn = r.grad_fn();
  }
  ++impl->history;
  return self;
}

void add_in_place(const Tensor& target, const Tensor& source_) {
  const Tensor source =
      source_.dtype() == target.dtype() ? source_ : to(source_.detach(), target.dtype());
  dispatch_floating(target.dtype(), "add_", [&]<class T>() {
    const auto& table = simd::kernels().of<T>();
    binary_into<T>(target, table.binary[static_cast<int>(simd::BinaryOp::Add)], target, source);
  });
  bump_version(target);
}

}  // namespace detail

namespace {

/// Nothing to record: the kernel may write where it reads.
bool writes_directly(const Tensor& self, const Tensor& other) {
  return (!grad_enabled() || (!self.requires_grad() && !other.requires_grad())) &&
         self.is_floating_point() && other.dtype() == self.dtype() &&
         is_broadcastable_to(other.sizes(), self.sizes()) &&
         self.impl()->storage.get() != other.impl()->storage.get();
}

const Tensor& binary_directly(simd::BinaryOp op, const Tensor& self, const Tensor& other) {
  check_writable(self);
  dispatch_floating(self.dtype(), "in-place arithmetic", [&]<class T>() {
    binary_into<T>(self, simd::kernels().of<T>().binary[static_cast<int>(op)], self, other);
  });
  bump_version(self);
  return self;
}

const Tensor& scalar_directly(simd::BinaryOp op, const Tensor& self, Scalar number) {
  return binary_directly(op, self, scalar_tensor(number, self.dtype()));
}

bool plain(const Tensor& self) {
  return self.is_floating_point() && (!grad_enabled() || !self.requires_grad());
}

/// self = f(self), for functions whose backward reads self (old values) or only the result.
template <class F>
const Tensor& unary_in_place(const Tensor& self, bool reads_input, F f) {
  check_writable(self);
  return assign(self, f(before_write(self, reads_input && self.requires_grad())));
}

}  // namespace

const Tensor& Tensor::copy_(const Tensor& source) const {
  HEED_CHECK(broadcast_shapes(sizes(), source.sizes()) == sizes(), "output with shape ", sizes(),
             " doesn't match the broadcast shape ", broadcast_shapes(sizes(), source.sizes()));
  check_writable(*this);
  if (!grad_enabled() || (!requires_grad() && !source.requires_grad())) {
    const bool aliased = source.impl()->storage.get() == impl_->storage.get();
    copy_values(*this, aliased ? heed::clone(source.detach()) : source);
    bump_version(*this);
    return *this;
  }
  // self receives nothing back, source everything.
  const Tensor values = heed::expand(as_type(source, dtype()), sizes());
  return assign(
      *this, autograd::record<CopyBackward>(heed::clone(values.detach()), inputs(*this, values)));
}

namespace {
const Tensor& overwrite(const Tensor& self, Scalar value, const char* label) {
  check_writable(self);
  if (!grad_enabled() || !self.requires_grad()) {
    copy_values(self, scalar_tensor(value, self.dtype()));
    bump_version(self);
    return self;
  }
  return assign(self, autograd::record<OverwriteBackward>(
                          full(self.sizes(), value, {.dtype = self.dtype()}), inputs(self), label));
}
}  // namespace

const Tensor& Tensor::fill_(Scalar value) const { return overwrite(*this, value, "FillBackward2"); }
const Tensor& Tensor::zero_() const { return overwrite(*this, 0, "ZeroBackward0"); }

const Tensor& Tensor::add_(const Tensor& b, Scalar alpha) const {
  if (alpha.to_double() == 1 && writes_directly(*this, b)) {
    return binary_directly(simd::BinaryOp::Add, *this, b);
  }
  return assign(*this, heed::add(*this, b, alpha));
}
const Tensor& Tensor::add_(Scalar b) const {
  if (plain(*this)) return scalar_directly(simd::BinaryOp::Add, *this, b);
  return assign(*this, heed::add(*this, b));
}
const Tensor& Tensor::sub_(const Tensor& b, Scalar alpha) const {
  if (alpha.to_double() == 1 && writes_directly(*this, b)) {
    return binary_directly(simd::BinaryOp::Sub, *this, b);
  }
  return assign(*this, heed::sub(*this, b, alpha));
}
const Tensor& Tensor::sub_(Scalar b) const {
  if (plain(*this)) return scalar_directly(simd::BinaryOp::Sub, *this, b);
  return assign(*this, heed::sub(*this, b));
}
const Tensor& Tensor::mul_(const Tensor& b) const {
  if (writes_directly(*this, b)) return binary_directly(simd::BinaryOp::Mul, *this, b);
  return assign(*this, heed::mul(before_write(*this, b.requires_grad()), b));
}
const Tensor& Tensor::mul_(Scalar b) const {
  if (plain(*this)) return scalar_directly(simd::BinaryOp::Mul, *this, b);
  return assign(*this, heed::mul(*this, b));
}
const Tensor& Tensor::div_(const Tensor& b) const {
  if (writes_directly(*this, b)) return binary_directly(simd::BinaryOp::Div, *this, b);
  return assign(*this, heed::div(before_write(*this, b.requires_grad()), b));
}
const Tensor& Tensor::div_(Scalar b) const {
  if (plain(*this)) return scalar_directly(simd::BinaryOp::Div, *this, b);
  return assign(*this, heed::div(*this, b));
}

const Tensor& Tensor::pow_(Scalar b) const {
  return unary_in_place(*this, true, [b](const Tensor& x) { return heed::pow(x, b); });
}
const Tensor& Tensor::neg_() const { return unary_in_place(*this, false, heed::neg); }
const Tensor& Tensor::abs_() const { return unary_in_place(*this, true, heed::abs); }
const Tensor& Tensor::exp_() const { return unary_in_place(*this, false, heed::exp); }
const Tensor& Tensor::expm1_() const { return unary_in_place(*this, false, heed::expm1); }
const Tensor& Tensor::log_() const { return unary_in_place(*this, true, heed::log); }
const Tensor& Tensor::log1p_() const { return unary_in_place(*this, true, heed::log1p); }
const Tensor& Tensor::erf_() const { return unary_in_place(*this, true, heed::erf); }
const Tensor& Tensor::sin_() const { return unary_in_place(*this, true, heed::sin); }
const Tensor& Tensor::cos_() const { return unary_in_place(*this, true, heed::cos); }
const Tensor& Tensor::sign_() const { return unary_in_place(*this, false, heed::sign); }
const Tensor& Tensor::sqrt_() const { return unary_in_place(*this, false, heed::sqrt); }
const Tensor& Tensor::rsqrt_() const { return unary_in_place(*this, false, heed::rsqrt); }
const Tensor& Tensor::reciprocal_() const { return unary_in_place(*this, false, heed::reciprocal); }
const Tensor& Tensor::square_() const { return unary_in_place(*this, true, heed::square); }
const Tensor& Tensor::tanh_() const { return unary_in_place(*this, false, heed::tanh); }
const Tensor& Tensor::sigmoid_() const { return unary_in_place(*this, false, heed::sigmoid); }
const Tensor& Tensor::relu_() const { return unary_in_place(*this, false, heed::relu); }
const Tensor& Tensor::clamp_(std::optional<Scalar> min, std::optional<Scalar> max) const {
  return unary_in_place(*this, true, [&](const Tensor& x) { return heed::clamp(x, min, max); });
}
const Tensor& Tensor::masked_fill_(const Tensor& mask, Scalar value) const {
  broadcast_shapes(sizes(), mask.sizes());  // so that an error names this tensor first
  return unary_in_place(*this, false,
                        [&](const Tensor& x) { return heed::masked_fill(x, mask, value); });
}
const Tensor& Tensor::tril_(std::int64_t diagonal) const {
  return unary_in_place(*this, false, [=](const Tensor& x) { return heed::tril(x, diagonal); });
}
const Tensor& Tensor::triu_(std::int64_t diagonal) const {
  return unary_in_place(*this, false, [=](const Tensor& x) { return heed::triu(x, diagonal); });
}
const Tensor& Tensor::scatter_add_(std::int64_t dim, const Tensor& index, const Tensor& src) const {
  return unary_in_place(*this, false,
                        [&](const Tensor& x) { return heed::scatter_add(x, dim, index, src); });
}
const Tensor& Tensor::index_put_(const std::vector<TensorIndex>& indices,
                                 const Tensor& value) const {
  heed::index_put_(*this, indices, value);
  return *this;
}

}  // namespace heed
