// Dropout: elements left out at random while training.
#pragma once

#include "core/ops/ops.h"
#include "nn/module.h"

namespace heed::nn {

/// While training: zero with probability p, else x / (1 - p) (Srivastava et al. 2014). After
/// eval(): x itself.
class Dropout : public ModuleOf<Dropout> {
 public:
  explicit Dropout(double probability = 0.5) : p(probability) {
    HEED_CHECK(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p);
  }
  Tensor forward(const Tensor& x) const { return dropout(x, p, training()); }
  std::string extra_repr() const override {
    return heed::detail::concat("p=", p, ", inplace=False");
  }

  double p;
};

}  // namespace heed::nn
