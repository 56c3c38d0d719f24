// A Tensor as text, the way PyTorch prints it:
//
//   tensor([[ 0.5762, -0.3826],
//           [ 0.5757, -0.3829]], grad_fn=<MmBackward0>)
#pragma once

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>

#include "core/tensor.h"

namespace heed {

/// Writes the tensor, as to_string does.
std::ostream& operator<<(std::ostream& out, const Tensor& x);

/// The values in nested brackets, aligned, with `...` in the middle of what is too long, and then
/// what is not obvious: size of an empty tensor, dtype other than float32, int64 and bool, grad_fn
/// or requires_grad. An undefined tensor gives "tensor(undefined)".
std::string to_string(const Tensor& x);

/// What set_printoptions changes; what is left out stays as it is, except sci_mode.
struct PrintOptions {
  std::optional<std::int64_t> precision = {};  ///< digits after the point; at first 4
  std::optional<std::int64_t> threshold = {};  ///< more elements are summarised; at first 1000
  std::optional<std::int64_t> edgeitems = {};  ///< shown at each end of a summary; at first 3
  std::optional<std::int64_t> linewidth = {};  ///< characters before a line is broken; at first 80
  /// "default", "short" (2 digits, 2 items at each end) or "full" (no summary); applied first.
  std::optional<std::string> profile = {};
  /// Always or never in scientific notation; when left out, where the values ask for it.
  std::optional<bool> sci_mode = {};
};

/// How tensors are printed from now on, by every thread. Errors: an unknown profile, a negative
/// number, edgeitems or linewidth below 1.
void set_printoptions(const PrintOptions& options);

}  // namespace heed
