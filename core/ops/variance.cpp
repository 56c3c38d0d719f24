// Variance and standard deviation.
#include <algorithm>
#include <cmath>
#include <limits>

#include "core/ops/common.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"

namespace heed {

using namespace detail;

namespace {

// The sum of squared deviations of n values, in two passes: the mean first, then its differences,
// whose squares do not cancel (Chan, Golub and LeVeque 1983).
template <class T>
double squared_deviations(const T* x, std::int64_t n) {
  constexpr std::int64_t kPiece = 1024;
  const auto& kernels = simd::kernels().of<T>();
  T total;
  kernels.reduce_rows[static_cast<int>(simd::ReduceOp::Sum)](&total, x, 1, n);
  const T mean = total / static_cast<T>(n);
  T piece[kPiece];
  double sum = 0;
  for (std::int64_t i = 0; i < n; i += kPiece) {
    const std::int64_t length = std::min(kPiece, n - i);
    kernels.binary[static_cast<int>(simd::BinaryOp::Sub)](piece, x + i, 1, &mean, 0, length);
    T squares;
    kernels.reduce_rows[static_cast<int>(simd::ReduceOp::SumSquares)](&squares, piece, 1, length);
    sum += static_cast<double>(squares);
  }
  return sum;
}

Tensor variance(const Tensor& x, std::uint32_t mask, bool unbiased, bool keepdim, bool root) {
  HEED_CHECK(x.is_floating_point(), "std and var only support floating point and complex dtypes");
  const ReducePlan plan = detail::plan_reduction(x, mask, keepdim, detail::ReduceLayout::Rows);
  const Tensor y = detail::make_tensor(plan.sizes, x.dtype());
  const auto over = static_cast<double>(plan.n - (unbiased ? 1 : 0));
  detail::dispatch_floating(x.dtype(), "var", [&]<class T>() {
    const T* from = plan.x.data<T>();
    T* out = y.data<T>();
    const std::int64_t grain = std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(plan.n, 1));
    parallel_for(0, plan.count(), grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t r = begin; r < end; ++r) {
        const double sum = plan.n > 0 ? squared_deviations(from + r * plan.n, plan.n) : 0;
        const double var = over > 0 ? sum / over : std::numeric_limits<double>::quiet_NaN();
        out[r] = static_cast<T>(root ? std::sqrt(var) : var);
      }
    });
  });
  return y;
}

// dx = 2 / (n - 1) dy (x - mean)
Tensor variance_backward(const Tensor& dy, const Tensor& x, std::uint32_t mask, bool unbiased,
                         bool keepdim) {
  const auto over =
      static_cast<double>(detail::reduced_count(x.sizes(), mask) - (unbiased ? 1 : 0));
  const Tensor g = detail::restore_dims(dy, x.sizes(), mask, keepdim) * (2 / over);
  if (x.dim() == 0) return g * (x - mean(x));
  return g * (x - mean(x, detail::mask_dims(mask, x.dim()), true));
}

// y = sum (x - mean)² / (n - 1)
struct VarBackward final : Node {
  SavedTensor x;
  std::uint32_t mask;
  bool unbiased, keepdim;
  VarBackward(const Tensor& x_, std::uint32_t mask_, bool unbiased_, bool keepdim_)
      : x(this, x_), mask(mask_), unbiased(unbiased_), keepdim(keepdim_) {}
  const char* name() const override { return "VarBackward0"; }
  Grads backward(const Tensor& dy) override {
    return variance_backward(dy, x.get(), mask, unbiased, keepdim);
  }
};

// y = sqrt(var);  dvar = dy / (2 y), 0 where y is 0
struct StdBackward final : Node {
  SavedTensor x;
  SavedOutput y;
  std::uint32_t mask;
  bool unbiased, keepdim;
  StdBackward(const Tensor& x_, const Tensor& y_, std::uint32_t mask_, bool unbiased_,
              bool keepdim_)
      : x(this, x_), y(this, y_), mask(mask_), unbiased(unbiased_), keepdim(keepdim_) {}
  const char* name() const override { return "StdBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor root = y.get();
    const Tensor dvar = masked_fill(dy / (root * 2), eq(root, 0), 0);
    return variance_backward(dvar, x.get(), mask, unbiased, keepdim);
  }
};

Tensor var_over(const Tensor& x, std::uint32_t mask, bool unbiased, bool keepdim) {
  const Tensor y = variance(x, mask, unbiased, keepdim, false);
  return record<VarBackward>(y, inputs(x), x, mask, unbiased, keepdim);
}
Tensor std_over(const Tensor& x, std::uint32_t mask, bool unbiased, bool keepdim) {
  const Tensor y = variance(x, mask, unbiased, keepdim, true);
  return record<StdBackward>(y, inputs(x), x, y, mask, unbiased, keepdim);
}

}  // namespace

Tensor var(const Tensor& x, bool unbiased) {
  return var_over(x, all_dims_mask(x), unbiased, false);
}
Tensor var(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim) {
  return var_over(x, dim_mask(dims, x.dim()), unbiased, keepdim);
}
Tensor std(const Tensor& x, bool unbiased) {
  return std_over(x, all_dims_mask(x), unbiased, false);
}
Tensor std(const Tensor& x, const Dims& dims, bool unbiased, bool keepdim) {
  return std_over(x, dim_mask(dims, x.dim()), unbiased, keepdim);
}

}  // namespace heed
