// Stochastic gradient descent with momentum.
#pragma once

#include "optim/optimizer.h"

namespace heed::optim {

struct SGDOptions {
  double lr = kRequired;
  double momentum = 0;
  double dampening = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;

  std::vector<OptionRef> option_refs();
  /// Errors: Invalid learning rate / momentum value / weight_decay value; Nesterov momentum
  /// requires a momentum and zero dampening.
  void check() const;
};

/// θ ← θ − lr·d, in PyTorch's form
/// (https://pytorch.org/docs/stable/generated/torch.optim.SGD.html): d = g + weight_decay·θ; with
/// momentum b ← momentum·b + (1 − dampening)·d (at first b = d), and d ← b, or with nesterov d ← d
/// + momentum·b. maximize takes −g for g. Momentum: Polyak 1964; Nesterov's: Sutskever et al. 2013.
class SGD final : public OptimizerWith<SGDOptions> {
 public:
  SGD(std::vector<Tensor> params, const SGDOptions& options)
      : OptimizerWith(std::move(params), options) {}
  explicit SGD(std::vector<Group> groups) : OptimizerWith(std::move(groups)) {}

  using Optimizer::step;
  void step() override;

 protected:
  std::span<const char* const> buffer_names() const override;
  std::size_t lasting_buffers() const override { return 0; }
  const char* kind() const override { return "SGD"; }
};

}  // namespace heed::optim
