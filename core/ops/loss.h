// What losses share: bringing the losses of the elements to one number.
#pragma once

#include "core/ops/ops.h"

namespace heed::detail {

/// None: losses as they are; otherwise their sum or mean.
Tensor reduce_loss(const Tensor& losses, Reduction reduction);

/// The same backwards: the gradient of each element's loss, in a shape that broadcasts.
Tensor spread_loss(const Tensor& dy, std::int64_t numel, Reduction reduction);

}  // namespace heed::detail
