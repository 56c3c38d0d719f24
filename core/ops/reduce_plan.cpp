#include <algorithm>

#include "core/ops/ops.h"
#include "core/ops/reduce.h"
#include "core/parallel.h"

namespace heed::detail {

Tensor plain_contiguous(const Tensor& x) { return x.is_contiguous() ? x : contiguous(x.detach()); }

std::uint32_t one_dim_mask(const Tensor& x, std::int64_t dim) {
  return 1u << wrap_dim(dim, x.dim());
}

std::int64_t reduced_count(const Dims& sizes, std::uint32_t mask) {
  std::int64_t n = 1;
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    if (mask >> d & 1) n *= sizes[d];
  }
  return n;
}

Dims mask_dims(std::uint32_t mask, std::int64_t ndim) {
  Dims dims;
  for (std::int64_t d = 0; d < ndim; ++d) {
    if (mask >> d & 1) dims.push_back(d);
  }
  return dims;
}

Tensor restore_dims(const Tensor& y, const Dims& input_sizes, std::uint32_t mask, bool keepdim) {
  if (keepdim || y.dim() == input_sizes.size()) return y;
  if (y.dim() == 0) return y;
  Dims sizes = input_sizes;
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    if (mask >> d & 1) sizes[d] = 1;
  }
  return reshape(y, sizes);
}

namespace {

// The dims of x from the largest stride to the smallest: x as it lies in memory, if it is a
// transposed contiguous tensor.
Tensor in_memory_order(const Tensor& x) {
  Dims order;
  for (std::int64_t d = 0; d < x.dim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::int64_t a, std::int64_t b) { return x.strides()[a] > x.strides()[b]; });
  Dims sizes, strides;
  for (const std::int64_t d : order) {
    sizes.push_back(x.sizes()[d]);
    strides.push_back(x.strides()[d]);
  }
  return make_alias(x, sizes, strides, x.storage_offset());
}

}  // namespace

ReducePlan plan_reduction(const Tensor& x, std::uint32_t mask, bool keepdim, ReduceLayout layout,
                          ReduceOrder order) {
  ReducePlan plan;
  const Dims& sizes = x.sizes();
  bool block = true, inside = false, after = false;
  for (std::int64_t d = 0; d < sizes.size(); ++d) {
    const std::int64_t size = sizes[d];
    if (mask >> d & 1) {
      if (keepdim) plan.sizes.push_back(1);
      plan.n *= size;
      if (size == 1) continue;
      if (after) block = false;
      inside = true;
    } else {
      plan.sizes.push_back(size);
      if (size == 1) continue;
      if (inside) after = true;
      (inside ? plan.inner : plan.outer) *= size;
    }
  }
  if (block && (layout == ReduceLayout::Any || plan.inner == 1)) {
    // Where all of x becomes one number, its order does not matter.
    const bool whole = plan.outer * plan.inner == 1 && order == ReduceOrder::Free;
    plan.x = plain_contiguous(whole && !x.is_contiguous() ? in_memory_order(x) : x);
    return plan;
  }
  Dims moved_sizes, moved_strides;
  for (const bool reduced : {false, true}) {
    for (std::int64_t d = 0; d < sizes.size(); ++d) {
      if (static_cast<bool>(mask >> d & 1) != reduced) continue;
      moved_sizes.push_back(sizes[d]);
      moved_strides.push_back(x.strides()[d]);
    }
  }
  plan.x = contiguous(make_alias(x, moved_sizes, moved_strides, x.storage_offset()));
  plan.outer *= plan.inner;
  plan.inner = 1;
  return plan;
}

template <class T>
void reduce_floating(simd::ReduceOp op, T* out, const ReducePlan& plan) {
  const auto& kernels = simd::kernels().of<T>();
  const T* x = plan.x.data<T>();
  const auto k = static_cast<int>(op);
  if (plan.inner == 1) return kernels.reduce_rows[k](out, x, plan.outer, plan.n);
  if (plan.outer == 1) return kernels.reduce_cols[k](out, x, plan.n, plan.inner);
  const std::int64_t step = plan.n * plan.inner;
  parallel_for(0, plan.outer, std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, step)),
               [&](std::int64_t begin, std::int64_t end) {
                 for (std::int64_t o = begin; o < end; ++o) {
                   kernels.reduce_cols[k](out + o * plan.inner, x + o * step, plan.n, plan.inner);
                 }
               });
}
template void reduce_floating<float>(simd::ReduceOp, float*, const ReducePlan&);
template void reduce_floating<double>(simd::ReduceOp, double*, const ReducePlan&);

}  // namespace heed::detail
