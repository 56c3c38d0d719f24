// Adagrad.
#pragma once

#include "optim/optimizer.h"

namespace heed::optim {

struct AdagradOptions {
  double lr = 1e-2;
  double lr_decay = 0;
  double weight_decay = 0;
  double initial_accumulator_value = 0;
  double eps = 1e-10;
  bool maximize = false;

  std::vector<OptionRef> option_refs();
  /// Errors: Invalid learning rate / lr_decay / weight_decay / initial_accumulator_value / epsilon
  /// value.
  void check() const;
};

/// Duchi, Hazan and Singer 2011, in PyTorch's form
/// (https://pytorch.org/docs/stable/generated/torch.optim.Adagrad.html): g ← g + weight_decay·θ;
/// s ← s + g²;  θ ← θ − lr / (1 + (t − 1)·lr_decay) · g / (√s + eps). s starts as
/// initial_accumulator_value; maximize takes −g for g.
class Adagrad final : public OptimizerWith<AdagradOptions> {
 public:
  explicit Adagrad(std::vector<Tensor> params, const AdagradOptions& options = {})
      : OptimizerWith(std::move(params), options) {}
  explicit Adagrad(std::vector<Group> groups) : OptimizerWith(std::move(groups)) {}

  using Optimizer::step;
  void step() override;

 protected:
  std::span<const char* const> buffer_names() const override;
  const char* kind() const override { return "Adagrad"; }
};

}  // namespace heed::optim
