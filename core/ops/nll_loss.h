// What nll_loss and cross_entropy share: the checks of targets, and rows of classes.
#pragma once

#include "core/ops/ops.h"

namespace heed::detail {

/// The classes of a loss input: dim 0 of (C), dim 1 of (N, C) and (N, C, d…).
std::int64_t class_dim(const Tensor& input);

/// Errors: Expected input batch_size (2) to match target batch_size (3). / weight tensor should be
/// defined either for all 3 classes or no classes / Target 5 is out of bounds.
void check_targets(const Tensor& input, const Tensor& target, const Tensor& weight,
                   std::int64_t ignore_index);

/// (C), (N, C), (N, C, d…) as (rows, C), a view where strides allow. Recorded.
Tensor class_rows(const Tensor& input);

/// Targets of any shape as one contiguous dim.
Tensor flat_targets(const Tensor& target);

}  // namespace heed::detail
