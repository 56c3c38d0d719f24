// How views are made, and the scatter that undoes them.
#pragma once

#include <optional>

#include "core/tensor.h"

namespace heed::detail {

/// A view of x: another geometry on its bytes, remembering the tensor that owns them, so that a
/// write in place reaches the history of all (see inplace.cpp).
Tensor make_view(const Tensor& x, const Dims& sizes, const Dims& strides, std::int64_t offset);

/// Zeros of base_sizes with `values` added at (values.sizes, strides, offset) of its contiguous
/// memory: the adjoint of as_strided, hence of select, slice, diagonal and unfold. Recorded.
Tensor place(const Tensor& values, const Dims& base_sizes, const Dims& strides,
             std::int64_t offset);

/// The sizes with -1 replaced by what makes their product numel.
/// Error: shape '[5, -1]' is invalid for input of size 12.
Dims infer_sizes(const Dims& sizes, std::int64_t numel);

/// Strides that read (sizes, strides) as `to` without a copy, if there are any.
std::optional<Dims> view_strides(const Dims& sizes, const Dims& strides, const Dims& to);

}  // namespace heed::detail
