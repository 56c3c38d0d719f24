// How a reduction reads its input: as (outer, n, inner), n being reduced.
#pragma once

#include <cstdint>

#include "core/simd/kernels.h"
#include "core/tensor.h"

namespace heed::detail {

/// A reduction over any set of dims, brought to one over the middle of three. Where the reduced
/// dims are adjacent and x is contiguous, x is read where it lies; otherwise it is copied with the
/// reduced dims last.
struct ReducePlan {
  Tensor x;  // contiguous (outer, n, inner), without history
  std::int64_t outer = 1, n = 1, inner = 1;
  Dims sizes;  // of the result

  /// Results to compute.
  std::int64_t count() const { return outer * inner; }
};

enum class ReduceLayout : std::uint8_t {
  Any,   // inner may be larger than 1
  Rows,  // inner is 1: what is reduced is adjacent in memory
};

enum class ReduceOrder : std::uint8_t {
  Free,      // where all of x is reduced, its elements may be met as they lie in memory
  RowMajor,  // in the order of their indices: which one is first matters
};

/// mask: bit d set where dim d is reduced.
ReducePlan plan_reduction(const Tensor& x, std::uint32_t mask, bool keepdim,
                          ReduceLayout layout = ReduceLayout::Any,
                          ReduceOrder order = ReduceOrder::Free);

/// The bit of one dim; a scalar may be reduced along dim 0 or -1.
std::uint32_t one_dim_mask(const Tensor& x, std::int64_t dim);

/// All dims of x.
inline std::uint32_t all_dims_mask(const Tensor& x) { return (1u << x.dim()) - 1; }

/// The elements that a reduction over `mask` brings together.
std::int64_t reduced_count(const Dims& sizes, std::uint32_t mask);

/// y, reduced over `mask` without keepdim, with the reduced dims of size 1 put back, so that it
/// broadcasts against the input.
Tensor restore_dims(const Tensor& y, const Dims& input_sizes, std::uint32_t mask, bool keepdim);

/// The dims of a mask as a list.
Dims mask_dims(std::uint32_t mask, std::int64_t ndim);

/// A contiguous x without history: x itself if it is contiguous.
Tensor plain_contiguous(const Tensor& x);

/// Reduces a float32 or float64 plan with the table's kernel.
template <class T>
void reduce_floating(simd::ReduceOp op, T* out, const ReducePlan& plan);
extern template void reduce_floating<float>(simd::ReduceOp, float*, const ReducePlan&);
extern template void reduce_floating<double>(simd::ReduceOp, double*, const ReducePlan&);

/// out[o][i] = combine over n of x[o][n][i], starting from `first`, in order of n.
template <class Out, class In, class Combine>
void fold(Out* out, const In* x, const ReducePlan& plan, Out first, Combine&& combine) {
  for (std::int64_t o = 0; o < plan.outer; ++o) {
    for (std::int64_t i = 0; i < plan.inner; ++i) {
      Out value = first;
      const In* from = x + o * plan.n * plan.inner + i;
      for (std::int64_t k = 0; k < plan.n; ++k) value = combine(value, from[k * plan.inner]);
      out[o * plan.inner + i] = value;
    }
  }
}

}  // namespace heed::detail
