// RMSprop.
#pragma once

#include "optim/optimizer.h"

namespace heed::optim {

struct RMSpropOptions {
  double lr = 1e-2;
  double alpha = 0.99;
  double eps = 1e-8;
  double weight_decay = 0;
  double momentum = 0;
  bool centered = false;
  bool maximize = false;

  std::vector<OptionRef> option_refs();
  /// Errors: Invalid learning rate / epsilon / momentum / weight_decay / alpha value.
  void check() const;
};

/// Tieleman and Hinton 2012 (lecture 6e), in PyTorch's form
/// (https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html): g ← g + weight_decay·θ;
/// v ← α·v + (1 − α)·g²;  a = √v + eps, or centered (Graves 2013), with ḡ ← α·ḡ + (1 − α)·g,
/// a = √(v − ḡ²) + eps;  θ ← θ − lr·g/a, or with momentum b ← momentum·b + g/a, θ ← θ − lr·b.
/// maximize takes −g for g.
class RMSprop final : public OptimizerWith<RMSpropOptions> {
 public:
  explicit RMSprop(std::vector<Tensor> params, const RMSpropOptions& options = {})
      : OptimizerWith(std::move(params), options) {}
  explicit RMSprop(std::vector<Group> groups) : OptimizerWith(std::move(groups)) {}

  using Optimizer::step;
  void step() override;

 protected:
  std::span<const char* const> buffer_names() const override;
  const char* kind() const override { return "RMSprop"; }
};

}  // namespace heed::optim
