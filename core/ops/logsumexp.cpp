#include <algorithm>
#include <limits>

#include "core/ops/common.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;

namespace {

// y = log sum exp x;  dx = dy e / sum(e), e = exp(x - y). The sum is 1 but for the rounding of y,
// which for a large y is a large part of the difference; where y is infinite it is left out.
struct LogsumexpBackward final : Node {
  SavedTensor x;
  SavedOutput y;
  std::uint32_t mask;
  bool keepdim;
  LogsumexpBackward(const Tensor& x_, const Tensor& y_, std::uint32_t mask_, bool keepdim_)
      : x(this, x_), y(this, y_), mask(mask_), keepdim(keepdim_) {}
  const char* name() const override { return "LogsumexpBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x.get();
    const Tensor lse = detail::restore_dims(y.get(), in.sizes(), mask, keepdim);
    const Tensor e = exp(in - lse);
    const Tensor total =
        in.dim() == 0 ? e : sum(e, detail::mask_dims(mask, in.dim()), /*keepdim=*/true);
    const Tensor g = detail::restore_dims(dy, in.sizes(), mask, keepdim);
    return g * e / masked_fill(total, logical_not(isfinite(lse)), 1);
  }
};

}  // namespace

Tensor logsumexp(const Tensor& x, const Dims& dims, bool keepdim) {
  const std::uint32_t mask = dim_mask(dims, x.dim());
  HEED_CHECK(x.is_floating_point(),
             "logsumexp(): Expected floating point type for result tensor, but got: ",
             scalar_type_name(x.dtype()));
  const detail::ReducePlan plan =
      detail::plan_reduction(x, mask, keepdim, detail::ReduceLayout::Rows);
  const Tensor y = detail::make_tensor(plan.sizes, x.dtype());
  detail::dispatch_floating(x.dtype(), "logsumexp", [&]<class T>() {
    T* out = y.data<T>();
    if (plan.n == 0) {
      std::fill(out, out + y.numel(), -std::numeric_limits<T>::infinity());
    } else {
      simd::kernels().of<T>().logsumexp(out, plan.x.data<T>(), plan.outer, plan.n);
    }
  });
  return record<LogsumexpBackward>(y, inputs(x), x, y, mask, keepdim);
}

}  // namespace heed
