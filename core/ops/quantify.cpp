// all and any: whether every element, or at least one, is not 0.
#include "core/ops/dispatch.h"
#include "core/ops/ops.h"
#include "core/ops/reduce.h"

namespace heed {

namespace {

template <bool kAll>
Tensor quantify(const Tensor& x, std::uint32_t mask, bool keepdim) {
  const detail::ReducePlan plan = detail::plan_reduction(x, mask, keepdim);
  const Tensor y = detail::make_tensor(plan.sizes, DType::Bool);
  detail::dispatch(x.dtype(), [&]<class T>() {
    const T* from = plan.x.data<T>();
    bool* out = y.data<bool>();
    for (std::int64_t i = 0; i < plan.count(); ++i) {
      const T* p = from + (i / plan.inner) * plan.n * plan.inner + i % plan.inner;
      std::int64_t k = 0;
      while (k < plan.n && (p[k * plan.inner] != T{0}) == kAll) ++k;
      out[i] = (k == plan.n) == kAll;
    }
  });
  return y;
}

}  // namespace

Tensor all(const Tensor& x) { return quantify<true>(x, detail::all_dims_mask(x), false); }
Tensor all(const Tensor& x, std::int64_t dim, bool keepdim) {
  return quantify<true>(x, detail::one_dim_mask(x, dim), keepdim);
}
Tensor any(const Tensor& x) { return quantify<false>(x, detail::all_dims_mask(x), false); }
Tensor any(const Tensor& x, std::int64_t dim, bool keepdim) {
  return quantify<false>(x, detail::one_dim_mask(x, dim), keepdim);
}

}  // namespace heed
