// Checkpointing: a part of a graph that is computed anew in backward instead of being remembered.
#pragma once

#include <functional>
#include <vector>

#include "core/tensor.h"

namespace heed::autograd {

struct CheckpointOptions {
  /// In backward, the segment meets the generator as it was in forward, so that dropout drops the
  /// same elements; afterwards the generator is as before.
  bool preserve_rng_state = true;
  Generator* generator =
      nullptr;  ///< the one that the segment draws from; by default the process's
};

/// segment(inputs), without keeping what its inside would need for backward (Chen et al. 2016).
/// Backward runs the segment again from the inputs. Memory falls from that of the whole segment to
/// that of its inputs; time rises by one forward.
///
/// What the segment's closure captures (a layer's weights, other tensors) gets its gradient too.
/// The segment must do the same each time it is called. Segments nest, and can be differentiated
/// twice.
Tensor checkpoint(std::function<Tensor(const std::vector<Tensor>&)> segment,
                  const std::vector<Tensor>& inputs, const CheckpointOptions& options = {});

}  // namespace heed::autograd
