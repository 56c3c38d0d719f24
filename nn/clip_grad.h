// Gradients held to a size, between backward() and step().
#pragma once

#include <vector>

#include "core/tensor.h"

namespace heed::nn::utils {

/// Scales all gradients by one factor, so that their norm taken together is at most max_norm, and
/// returns what it was (Pascanu et al. 2013): factor = min(1, max_norm / (norm + 1e-6)). norm_type:
/// p of the norm, infinity for the largest magnitude. Parameters without a gradient are skipped.
/// Error: error_if_nonfinite and the norm is NaN or infinite.
Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type = 2,
                       bool error_if_nonfinite = false);

/// Holds each element of each gradient to [-clip_value, clip_value].
void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value);

}  // namespace heed::nn::utils
