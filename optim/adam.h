// Adam and AdamW.
#pragma once

#include "optim/optimizer.h"

namespace heed::optim {

/// kDecoupled: of AdamW.
template <bool kDecoupled>
struct AdamOptionsOf {
  double lr = 1e-3;
  Betas betas = {0.9, 0.999};
  double eps = 1e-8;
  double weight_decay = kDecoupled ? 1e-2 : 0;
  bool amsgrad = false;
  bool maximize = false;

  std::vector<OptionRef> option_refs();
  /// Errors: Invalid learning rate / epsilon value / beta parameter at index 0 / weight_decay
  /// value.
  void check() const;
};

template <bool kDecoupled>
class AdamOf final : public OptimizerWith<AdamOptionsOf<kDecoupled>> {
 public:
  using typename OptimizerWith<AdamOptionsOf<kDecoupled>>::Group;
  explicit AdamOf(std::vector<Tensor> params, const AdamOptionsOf<kDecoupled>& options = {})
      : OptimizerWith<AdamOptionsOf<kDecoupled>>(std::move(params), options) {}
  explicit AdamOf(std::vector<Group> groups)
      : OptimizerWith<AdamOptionsOf<kDecoupled>>(std::move(groups)) {}

  using Optimizer::step;
  void step() override;

 protected:
  std::span<const char* const> buffer_names() const override;
  std::size_t lasting_buffers() const override { return 2; }
  const char* kind() const override { return kDecoupled ? "AdamW" : "Adam"; }
};

/// Kingma and Ba 2015, algorithm 1, in PyTorch's form
/// (https://pytorch.org/docs/stable/generated/torch.optim.Adam.html): g ← g + weight_decay·θ;
/// m ← β1·m + (1 − β1)·g;  v ← β2·v + (1 − β2)·g²;
/// θ ← θ − lr·(m / (1 − β1^t)) / (√(v / (1 − β2^t)) + eps). amsgrad (Reddi et al. 2018) takes the
/// largest v so far in place of v; maximize takes −g for g.
using Adam = AdamOf<false>;
using AdamOptions = AdamOptionsOf<false>;

/// Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019): first
/// θ ← θ − lr·weight_decay·θ, then the update above with g alone.
using AdamW = AdamOf<true>;
using AdamWOptions = AdamOptionsOf<true>;

extern template class AdamOf<false>;
extern template class AdamOf<true>;

}  // namespace heed::optim
