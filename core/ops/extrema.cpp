// Largest and smallest elements and where they are. NaN wins over every number.
#include <algorithm>
#include <cmath>

#include "core/factory.h"
#include "core/ops/common.h"
#include "core/ops/reduce.h"

namespace heed {

using namespace detail;
using simd::ReduceOp;

namespace {

template <class T>
bool is_nan(T x) {
  return x != x;
}

// True where b takes the place of a: the first of equals stays, and so does the first NaN.
template <bool kLargest, class T>
bool replaces(T a, T b) {
  if (is_nan(a)) return false;
  if (is_nan(b)) return true;
  return kLargest ? b > a : b < a;
}

void check_reducible(const Tensor& x, std::uint32_t mask, const char* op) {
  for (std::int64_t d = 0; d < x.dim(); ++d) {
    HEED_CHECK(!(mask >> d & 1) || x.sizes()[d] != 0, op, "(): Expected reduction dim ", d,
               " to have non-zero size. (input of size ", x.sizes(), ")");
  }
}

template <bool kLargest>
Tensor extreme(const Tensor& x, std::uint32_t mask, bool keepdim) {
  const ReducePlan plan = detail::plan_reduction(x, mask, keepdim);
  const Tensor y = detail::make_tensor(plan.sizes, x.dtype());
  if (y.numel() == 0) return y;
  detail::dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      detail::reduce_floating(kLargest ? ReduceOp::Max : ReduceOp::Min, y.data<T>(), plan);
    } else {
      const T* from = plan.x.data<T>();
      for (std::int64_t i = 0; i < plan.count(); ++i) {
        const T* p = from + (i / plan.inner) * plan.n * plan.inner + i % plan.inner;
        T best = p[0];
        for (std::int64_t k = 1; k < plan.n; ++k) {
          if (replaces<kLargest>(best, p[k * plan.inner])) best = p[k * plan.inner];
        }
        y.data<T>()[i] = best;
      }
    }
  });
  return y;
}

// The index of the first extreme of each row of a plan, and its value.
template <bool kLargest, class T>
void extreme_indices(const ReducePlan& plan, std::int64_t* indices, T* values) {
  const T* from = plan.x.data<T>();
  if constexpr (std::is_floating_point_v<T>) {
    if (plan.inner == 1 && plan.n >= 32) {  // the value by the kernel, then where it is
      detail::reduce_floating(kLargest ? ReduceOp::Max : ReduceOp::Min, values, plan);
      for (std::int64_t r = 0; r < plan.outer; ++r) {
        const T* row = from + r * plan.n;
        const T best = values[r];
        indices[r] = is_nan(best) ? std::find_if(row, row + plan.n, is_nan<T>) - row
                                  : std::find(row, row + plan.n, best) - row;
      }
      return;
    }
  }
  for (std::int64_t i = 0; i < plan.count(); ++i) {
    const T* p = from + (i / plan.inner) * plan.n * plan.inner + i % plan.inner;
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < plan.n; ++k) {
      if (replaces<kLargest>(p[best * plan.inner], p[k * plan.inner])) best = k;
    }
    indices[i] = best;
    values[i] = p[best * plan.inner];
  }
}

// y = max x;  dx = dy / count where x == y: equals share evenly.
template <bool kLargest>
struct ExtremeBackward final : Node {
  SavedTensor x;
  SavedOutput y;
  ExtremeBackward(const Tensor& x_, const Tensor& y_) : x(this, x_), y(this, y_) {}
  const char* name() const override { return kLargest ? "MaxBackward1" : "MinBackward1"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x.get().detach(), best = y.get().detach();
    const Tensor mask = isnan(best).item<bool>() ? isnan(in) : eq(in, best);
    return dy * (to(mask, in.dtype()) / sum(mask).item<double>());
  }
};

// The same over dims.
template <bool kLargest>
struct ExtremeOverDimsBackward final : Node {
  SavedTensor x;
  SavedOutput y;
  std::uint32_t mask;
  bool keepdim;
  ExtremeOverDimsBackward(const Tensor& x_, const Tensor& y_, std::uint32_t mask_, bool keepdim_)
      : x(this, x_), y(this, y_), mask(mask_), keepdim(keepdim_) {}
  const char* name() const override { return kLargest ? "AmaxBackward0" : "AminBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Tensor in = x.get().detach();
    const Tensor best = detail::restore_dims(y.get().detach(), in.sizes(), mask, keepdim);
    const Tensor equals = to(eq(in, best), in.dtype());
    const Tensor g = detail::restore_dims(dy, in.sizes(), mask, keepdim);
    if (in.dim() == 0) return g * equals;
    return g * equals / sum(equals, detail::mask_dims(mask, in.dim()), true);
  }
};

// y, i = max x along dim;  dx[i] = dy.
template <bool kLargest>
struct ExtremeAlongDimBackward final : Node {
  SavedTensor indices;
  std::int64_t dim;
  bool keepdim;
  ExtremeAlongDimBackward(const Tensor& indices_, std::int64_t dim_, bool keepdim_)
      : indices(this, indices_), dim(dim_), keepdim(keepdim_) {}
  const char* name() const override { return kLargest ? "MaxBackward0" : "MinBackward0"; }
  Grads backward(const Tensor& dy) override {
    const Dims& sizes = edge(0).sizes();
    const Tensor zero = zeros(sizes, {.dtype = edge(0).dtype()});
    if (sizes.empty()) return dy;
    Tensor at = indices.get();
    if (keepdim) return scatter_add(zero, dim, at, dy);
    return scatter_add(zero, dim, unsqueeze(at, dim), unsqueeze(dy, dim));
  }
};

template <bool kLargest>
Tensor extreme_of_all(const Tensor& x) {
  HEED_CHECK(x.numel() > 0, kLargest ? "max" : "min",
             "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
             "reduction dim with the 'dim' argument. (input of size ",
             x.sizes(), ")");
  const Tensor y = extreme<kLargest>(x, all_dims_mask(x), false);
  return record<ExtremeBackward<kLargest>>(y, inputs(x), x, y);
}

template <bool kLargest>
ValuesIndices extreme_along_dim(const Tensor& x, std::int64_t dim, bool keepdim) {
  const std::uint32_t mask = one_dim_mask(x, dim);
  check_reducible(x, mask, kLargest ? "max" : "min");
  const ReducePlan plan = detail::plan_reduction(x, mask, keepdim);
  const Tensor values = detail::make_tensor(plan.sizes, x.dtype());
  const Tensor indices = detail::make_tensor(plan.sizes, int64);
  if (values.numel() > 0) {
    detail::dispatch(x.dtype(), [&]<class T>() {
      extreme_indices<kLargest, T>(plan, indices.data<std::int64_t>(), values.data<T>());
    });
  }
  return {record<ExtremeAlongDimBackward<kLargest>>(values, inputs(x), indices,
                                                    wrap_dim(dim, x.dim()), keepdim),
          indices};
}

template <bool kLargest>
Tensor extreme_over_dims(const Tensor& x, const Dims& dims, bool keepdim) {
  const char* const op = kLargest ? "amax" : "amin";
  const std::uint32_t mask = dim_mask(dims, x.dim());
  HEED_CHECK(!dims.empty() || x.numel() > 0, op,
             "(): Expected reduction dim to be specified for input.numel() == 0. Specify the "
             "reduction dim with the 'dim' argument. (input of size ",
             x.sizes(), ")");
  check_reducible(x, mask, op);
  const Tensor y = extreme<kLargest>(x, mask, keepdim);
  return record<ExtremeOverDimsBackward<kLargest>>(y, inputs(x), x, y, mask, keepdim);
}

template <bool kLargest>
Tensor arg_extreme(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  const char* const op = kLargest ? "argmax" : "argmin";
  HEED_CHECK(dim || x.numel() > 0, op,
             "(): Expected reduction dim to be specified for input.numel() == 0. (input of size ",
             x.sizes(), ")");
  const std::uint32_t mask = dim ? one_dim_mask(x, *dim) : all_dims_mask(x);
  check_reducible(x, mask, op);
  const ReducePlan plan = detail::plan_reduction(x, mask, keepdim, detail::ReduceLayout::Any,
                                                 detail::ReduceOrder::RowMajor);
  const Tensor indices = detail::make_tensor(plan.sizes, int64);
  if (indices.numel() == 0) return indices;
  const Tensor values = detail::make_tensor(plan.sizes, x.dtype());
  detail::dispatch(x.dtype(), [&]<class T>() {
    extreme_indices<kLargest, T>(plan, indices.data<std::int64_t>(), values.data<T>());
  });
  return indices;
}

}  // namespace

Tensor max(const Tensor& x) { return extreme_of_all<true>(x); }
Tensor min(const Tensor& x) { return extreme_of_all<false>(x); }
ValuesIndices max(const Tensor& x, std::int64_t dim, bool keepdim) {
  return extreme_along_dim<true>(x, dim, keepdim);
}
ValuesIndices min(const Tensor& x, std::int64_t dim, bool keepdim) {
  return extreme_along_dim<false>(x, dim, keepdim);
}
Tensor amax(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme_over_dims<true>(x, dims, keepdim);
}
Tensor amin(const Tensor& x, const Dims& dims, bool keepdim) {
  return extreme_over_dims<false>(x, dims, keepdim);
}
Tensor argmax(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_extreme<true>(x, dim, keepdim);
}
Tensor argmin(const Tensor& x, std::optional<std::int64_t> dim, bool keepdim) {
  return arg_extreme<false>(x, dim, keepdim);
}

}  // namespace heed
