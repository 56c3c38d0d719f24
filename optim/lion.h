// Lion.
#pragma once

#include "optim/optimizer.h"

namespace heed::optim {

struct LionOptions {
  double lr = 1e-4;
  Betas betas = {0.9, 0.99};
  double weight_decay = 0;
  bool maximize = false;

  std::vector<OptionRef> option_refs();
  /// Errors: Invalid learning rate / beta parameter at index 0 / weight_decay value.
  void check() const;
};

/// Chen et al. 2023 (arXiv:2302.06675, algorithm 2): only the sign of an interpolation between
/// momentum and gradient moves a weight. u = sign(β1·m + (1 − β1)·g);
/// θ ← θ − lr·(u + weight_decay·θ);  m ← β2·m + (1 − β2)·g. maximize takes −g for g.
class Lion final : public OptimizerWith<LionOptions> {
 public:
  explicit Lion(std::vector<Tensor> params, const LionOptions& options = {})
      : OptimizerWith(std::move(params), options) {}
  explicit Lion(std::vector<Group> groups) : OptimizerWith(std::move(groups)) {}

  using Optimizer::step;
  void step() override;

 protected:
  std::span<const char* const> buffer_names() const override;
  const char* kind() const override { return "Lion"; }
};

}  // namespace heed::optim
