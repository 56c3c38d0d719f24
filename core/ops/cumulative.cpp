// Running sums.
#include <cstdint>

#include "core/autograd/node.h"
#include "core/ops/dispatch.h"
#include "core/ops/ops.h"
#include "core/ops/reduce.h"

namespace heed {

using autograd::Grads;
using autograd::inputs;
using autograd::Node;
using autograd::record;

namespace {

Tensor running_sum(const Tensor& x, std::int64_t dim, bool from_the_end);

// y_i = x_0 + … + x_i;  dx_i = dy_i + … + dy_n: the running sum from the other end.
struct CumsumBackward final : Node {
  std::int64_t dim;
  bool from_the_end;
  CumsumBackward(std::int64_t dim_, bool from_the_end_) : dim(dim_), from_the_end(from_the_end_) {}
  const char* name() const override { return "CumsumBackward0"; }
  Grads backward(const Tensor& dy) override { return running_sum(dy, dim, !from_the_end); }
};

// In double for float32, as PyTorch: the error does not grow with the length.
template <class T>
void run(T* y, const T* x, std::int64_t n, std::int64_t stride) {
  if constexpr (std::is_floating_point_v<T>) {
    double total = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      total += static_cast<double>(x[i * stride]);
      y[i * stride] = static_cast<T>(total);
    }
  } else {
    std::uint64_t total = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      total += static_cast<std::uint64_t>(x[i * stride]);
      y[i * stride] = static_cast<T>(total);
    }
  }
}

Tensor running_sum(const Tensor& input, std::int64_t dim, bool from_the_end) {
  const Tensor x = input.dtype() == DType::Bool ? to(input, int64) : input;
  const detail::ReducePlan plan = detail::plan_reduction(x, detail::one_dim_mask(x, dim), true);
  const Tensor y = detail::make_tensor(x.sizes(), x.dtype());
  const auto body = [&]<class T>() {
    for (std::int64_t i = 0; i < plan.count() && plan.n > 0; ++i) {
      std::int64_t at = (i / plan.inner) * plan.n * plan.inner + i % plan.inner;
      if (from_the_end) at += (plan.n - 1) * plan.inner;
      run(y.data<T>() + at, plan.x.data<T>() + at, plan.n, from_the_end ? -plan.inner : plan.inner);
    }
  };
  detail::dispatch(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) body.template operator()<T>();
  });
  return record<CumsumBackward>(y, inputs(x), dim, from_the_end);
}

}  // namespace

Tensor cumsum(const Tensor& x, std::int64_t dim) {
  return running_sum(x, wrap_dim(dim, x.dim()), false);
}

}  // namespace heed
