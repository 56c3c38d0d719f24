// Taking places of one dim, and its adjoint: what index, index_select and embedding have in common.
//
// x is seen as (outer, count, inner), contiguous; places are indices into `count`:
//   take:  y[o][i][a] = x[o][places[i]][a]
//   put:   x[o][n][a] = sum of y[o][i][a] over the i with places[i] = n
// put adds in order of i, so that its bits do not depend on threads. Each is the other's backward.
#pragma once

#include <cstdint>

#include "core/tensor.h"

namespace heed::detail {

struct TakeGeometry {
  std::int64_t outer = 1, count = 1, inner = 1;
  Dims x_sizes;               // sizes with numel outer * count * inner
  Dims y_sizes;               // sizes with numel outer * places * inner
  const char* name;           // of the backward of take: "IndexBackward0"
  std::int64_t ignored = -1;  // a place whose rows get no gradient (embedding's padding_idx)
};

/// places: int64, contiguous, each in [0, count).
Tensor take(const Tensor& x, const Tensor& places, const TakeGeometry& geometry);
Tensor put(const Tensor& y, const Tensor& places, const TakeGeometry& geometry);

/// Indices as they come (any shape, negative allowed) to contiguous places in [0, size). Error:
/// index 3 is out of bounds for dimension 0 with size 3.
Tensor checked_places(const Tensor& index, std::int64_t dim, std::int64_t size);

}  // namespace heed::detail
