// Products with transposes as flags, for the derivatives of matmul and attention.
#pragma once

#include "core/tensor.h"

namespace heed::detail {

/// A B, with A = a or aᵀ and B = b or bᵀ: two matrices that fit. Recorded.
Tensor mm(const Tensor& a, const Tensor& b, bool ta, bool tb);

/// The same over leading dims, broadcast against each other.
Tensor batched(const Tensor& a, const Tensor& b, bool ta, bool tb);

}  // namespace heed::detail
