// softmax and log_softmax along a dim.
#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/inplace.h"

namespace heed {

using namespace detail;

namespace {

/// Calls kernel(rows, cols) on tensors whose `dim` is last; others are turned around it.
template <class Kernel>
Tensor along_last(const Tensor& x, std::int64_t dim, Kernel&& kernel) {
  const std::int64_t last = x.dim() - 1;
  if (dim >= last) return kernel(x.is_contiguous() ? x : contiguous(x));
  const Tensor turned = contiguous(transpose(x, dim, last));
  return contiguous(transpose(kernel(turned), dim, last));
}

std::int64_t cols_of(const Tensor& x) { return x.dim() ? x.sizes().back() : 1; }

enum class Kind { Softmax, LogSoftmax };

template <Kind kKind>
Tensor forward_values(const Tensor& x, std::int64_t dim) {
  const NoGradGuard values_only;
  return along_last(x, dim, [](const Tensor& rows) {
    Tensor y = make_tensor(rows.sizes(), rows.dtype());
    if (rows.numel() == 0) return y;
    dispatch_floating(rows.dtype(), "softmax_lastdim_kernel_impl", [&]<class T>() {
      const auto& table = simd::kernels().of<T>();
      const auto kernel = kKind == Kind::Softmax ? table.softmax : table.log_softmax;
      const std::int64_t cols = cols_of(rows);
      kernel(y.data<T>(), rows.data<T>(), rows.numel() / cols, cols);
    });
    return y;
  });
}

template <Kind kKind>
Tensor backward_values(const Tensor& dy_, const Tensor& y_, std::int64_t dim) {
  const std::int64_t last = y_.dim() - 1;
  if (dim < last) {
    return contiguous(
        transpose(backward_values<kKind>(transpose(dy_, dim, last), transpose(y_, dim, last), last),
                  dim, last));
  }
  const Tensor dy = contiguous(dy_), y = contiguous(y_);
  Tensor dx = make_tensor(y.sizes(), y.dtype());
  if (y.numel() == 0) return dx;
  dispatch_floating(y.dtype(), "softmax_backward", [&]<class T>() {
    const auto& table = simd::kernels().of<T>();
    const auto kernel =
        kKind == Kind::Softmax ? table.softmax_backward : table.log_softmax_backward;
    const std::int64_t cols = cols_of(y);
    kernel(dx.data<T>(), dy.data<T>(), y.data<T>(), y.numel() / cols, cols);
  });
  return dx;
}

}  // namespace

// ---- y = exp(x) / Σ exp(x);  dx = y (dy - Σ dy y)

struct SoftmaxBackward final : Node {
  SavedOutput y;
  std::int64_t dim;
  SoftmaxBackward(const Tensor& y_, std::int64_t dim_) : y(this, y_), dim(dim_) {}
  const char* name() const override { return "SoftmaxBackward0"; }
  std::string detail() const override { return concat("dim=", dim); }
  Grads backward(const Tensor& dy) override {
    const Tensor p = y;
    if (!autograd::recording(dy, p)) return backward_values<Kind::Softmax>(dy, p, dim);
    return mul(p, sub(dy, sum(mul(dy, p), dim, true)));
  }
};

Tensor softmax(const Tensor& x, std::int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  const Tensor y = forward_values<Kind::Softmax>(x, dim);
  return record<SoftmaxBackward>(y, inputs(x), y, dim);
}

// ---- y = x - log Σ exp(x);  dx = dy - exp(y) Σ dy

struct LogSoftmaxBackward final : Node {
  SavedOutput y;
  std::int64_t dim;
  LogSoftmaxBackward(const Tensor& y_, std::int64_t dim_) : y(this, y_), dim(dim_) {}
  const char* name() const override { return "LogSoftmaxBackward0"; }
  std::string detail() const override { return concat("dim=", dim); }
  Grads backward(const Tensor& dy) override {
    const Tensor logp = y;
    if (!autograd::recording(dy, logp)) return backward_values<Kind::LogSoftmax>(dy, logp, dim);
    return sub(dy, mul(exp(logp), sum(dy, dim, true)));
  }
};

Tensor log_softmax(const Tensor& x, std::int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  const Tensor y = forward_values<Kind::LogSoftmax>(x, dim);
  return record<LogSoftmaxBackward>(y, inputs(x), y, dim);
}

}  // namespace heed
