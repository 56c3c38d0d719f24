// Where elements are not 0, and the elements that a mask picks.
#include <cstdint>

#include "core/autograd/node.h"
#include "core/ops/dispatch.h"
#include "core/ops/ops.h"
#include "core/ops/reduce.h"
#include "core/ops/take.h"

namespace heed {

namespace {

// The row-major places of the elements that are not 0.
Tensor nonzero_places(const Tensor& x) {
  const Tensor from = detail::plain_contiguous(x);
  Tensor places;
  detail::dispatch(x.dtype(), [&]<class T>() {
    const T* in = from.data<T>();
    std::int64_t count = 0;
    for (std::int64_t i = 0; i < x.numel(); ++i) count += in[i] != T{0};
    places = detail::make_tensor({count}, int64);
    auto* out = places.data<std::int64_t>();
    // Writes at every element and moves on where it counts: no branch to guess wrong.
    for (std::int64_t i = 0, next = 0; next < count; ++i) {
      out[next] = i;
      next += in[i] != T{0};
    }
  });
  return places;
}

}  // namespace

Tensor nonzero(const Tensor& x) {
  const Tensor places = nonzero_places(x);
  const std::int64_t count = places.numel(), ndim = x.dim();
  const Tensor y = detail::make_tensor({count, ndim}, int64);
  const auto* in = places.data<std::int64_t>();
  auto* out = y.data<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t rest = in[i];
    for (std::int64_t d = ndim - 1; d >= 0; --d) {
      out[i * ndim + d] = rest % x.sizes()[d];
      rest /= x.sizes()[d];
    }
  }
  return y;
}

Tensor masked_select(const Tensor& x, const Tensor& mask) {
  HEED_CHECK(mask.dtype() == DType::Bool,
             "masked_select: expected BoolTensor or ByteTensor for mask (got ",
             dtype_name(mask.dtype()), ")");
  const Dims sizes = broadcast_shapes(mask.sizes(), x.sizes());
  const Tensor all_of_x = x.sizes() == sizes ? x : expand(x, sizes);
  const Tensor all_of_mask =
      mask.sizes() == sizes
          ? mask
          : detail::make_alias(mask, sizes, broadcast_strides(mask.sizes(), mask.strides(), sizes),
                               mask.storage_offset());
  const Tensor places = nonzero_places(all_of_mask);
  return detail::take(all_of_x, places,
                      {.count = all_of_x.numel(),
                       .x_sizes = sizes,
                       .y_sizes = {places.numel()},
                       .name = "MaskedSelectBackward0"});
}

}  // namespace heed
