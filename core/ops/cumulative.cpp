// Running sums.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "core/ops/common.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"

namespace heed {

using namespace detail;

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

// Adds up in double for float32, as PyTorch, and in unsigned for int64, so that an overflow wraps.
template <class T>
using Total = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

// Along the rows of (n, width), `step` apart (negative: from the last row), a few columns at a
// time.
template <class T>
void run(T* y, const T* x, std::int64_t n, std::int64_t width, std::int64_t step) {
  if (width == 1) {
    Total<T> total{};
    for (std::int64_t k = 0; k < n; ++k) {
      total += static_cast<Total<T>>(x[k * step]);
      y[k * step] = static_cast<T>(total);
    }
    return;
  }
  constexpr std::int64_t kColumns = 64;
  Total<T> totals[kColumns];
  for (std::int64_t first = 0; first < width; first += kColumns) {
    const std::int64_t columns = std::min(kColumns, width - first);
    std::fill(totals, totals + columns, Total<T>{});
    for (std::int64_t k = 0; k < n; ++k) {
      const std::int64_t row = k * step + first;
      for (std::int64_t c = 0; c < columns; ++c) {
        totals[c] += static_cast<Total<T>>(x[row + c]);
        y[row + c] = static_cast<T>(totals[c]);
      }
    }
  }
}

Tensor running_sum(const Tensor& input, std::int64_t dim, bool from_the_end) {
  const Tensor x = input.dtype() == DType::Bool ? to(input, int64) : input;
  const detail::ReducePlan plan = detail::plan_reduction(x, detail::one_dim_mask(x, dim), true);
  const Tensor y = detail::make_tensor(x.sizes(), x.dtype());
  const auto body = [&]<class T>() {
    const std::int64_t size = plan.n * plan.inner;
    const std::int64_t last = from_the_end && plan.n > 0 ? size - plan.inner : 0;
    parallel_for(0, plan.outer, std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(size, 1)),
                 [&](std::int64_t begin, std::int64_t end) {
                   for (std::int64_t o = begin; o < end; ++o) {
                     run(y.data<T>() + o * size + last, plan.x.data<T>() + o * size + last, plan.n,
                         plan.inner, from_the_end ? -plan.inner : plan.inner);
                   }
                 });
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
