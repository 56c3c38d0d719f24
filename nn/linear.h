// Linear: y = x Wᵀ + b.
#pragma once

#include "nn/module.h"

namespace heed::nn {

struct LinearOptions {
  bool bias = true;
  DType dtype = float32;
  Generator* generator = nullptr;  ///< of the initial weights; by default the process's
};

/// x (…, in_features) → (…, out_features). weight (out, in) and bias (out) start uniform in
/// ±1/sqrt(in), drawn in this order.
class Linear : public ModuleOf<Linear> {
 public:
  Linear(std::int64_t in_features, std::int64_t out_features, const LinearOptions& options = {});

  Tensor forward(const Tensor& x) const;
  void visit(Visitor& parts) override { parts("weight", weight)("bias", bias); }
  std::string extra_repr() const override;

  std::int64_t in_features() const { return weight.size(1); }
  std::int64_t out_features() const { return weight.size(0); }

  Tensor weight, bias;  // bias undefined without one
};

}  // namespace heed::nn
