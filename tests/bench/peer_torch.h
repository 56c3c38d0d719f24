// A tensor of heed's values as libtorch's, and the largest difference between the two kinds.
#pragma once

#if HEED_HAVE_TORCH
#include <torch/torch.h>

#include "heed.h"

namespace heed::bench {

/// Shares the memory of a contiguous tensor.
inline torch::Tensor as_torch(const Tensor& x) {
  std::vector<std::int64_t> sizes(x.sizes().begin(), x.sizes().end());
  const auto type = x.dtype() == float64   ? torch::kFloat64
                    : x.dtype() == int64   ? torch::kInt64
                    : x.dtype() == float32 ? torch::kFloat32
                                           : torch::kBool;
  return torch::from_blob(x.impl()->bytes(), sizes, torch::TensorOptions().dtype(type)).clone();
}

inline double difference(const Tensor& ours, const torch::Tensor& peer) {
  const Tensor flat = ours.detach().contiguous();
  const torch::Tensor mine = as_torch(flat), theirs = peer.detach().contiguous();
  const double scale = theirs.abs().max().item<double>() + 1e-30;
  return (mine - theirs).abs().max().item<double>() / scale;
}

}  // namespace heed::bench
#endif
