// The activations as modules, for Sequential. None has parameters.
#pragma once

#include <string>

#include "core/ops/ops.h"
#include "nn/module.h"

namespace heed::nn {

/// What comes in goes out.
class Identity : public ModuleOf<Identity> {
 public:
  Tensor forward(const Tensor& x) const { return x; }
};

class ReLU : public ModuleOf<ReLU> {
 public:
  Tensor forward(const Tensor& x) const { return relu(x); }
};

class LeakyReLU : public ModuleOf<LeakyReLU> {
 public:
  explicit LeakyReLU(double slope = 0.01) : negative_slope(slope) {}
  Tensor forward(const Tensor& x) const { return leaky_relu(x, negative_slope); }
  std::string extra_repr() const override {
    return heed::detail::concat("negative_slope=", negative_slope);
  }

  double negative_slope;
};

struct GELUOptions {
  std::string approximate = "none";  ///< or "tanh", as GPT-2
};

class GELU : public ModuleOf<GELU> {
 public:
  explicit GELU(const GELUOptions& options = {}) : approximate(options.approximate) {
    HEED_CHECK(approximate == "none" || approximate == "tanh",
               "approximate argument must be either none or tanh, but got ", approximate);
  }
  Tensor forward(const Tensor& x) const { return gelu(x, approximate); }
  std::string extra_repr() const override { return "approximate='" + approximate + "'"; }

  std::string approximate;
};

class SiLU : public ModuleOf<SiLU> {
 public:
  Tensor forward(const Tensor& x) const { return silu(x); }
};

class Tanh : public ModuleOf<Tanh> {
 public:
  Tensor forward(const Tensor& x) const { return tanh(x); }
};

class Sigmoid : public ModuleOf<Sigmoid> {
 public:
  Tensor forward(const Tensor& x) const { return sigmoid(x); }
};

class Softplus : public ModuleOf<Softplus> {
 public:
  explicit Softplus(double beta_ = 1, double threshold_ = 20)
      : beta(beta_), threshold(threshold_) {}
  Tensor forward(const Tensor& x) const { return softplus(x, beta, threshold); }
  std::string extra_repr() const override {
    return heed::detail::concat("beta=", beta, ", threshold=", threshold);
  }

  double beta, threshold;
};

class Softmax : public ModuleOf<Softmax> {
 public:
  explicit Softmax(std::int64_t dim_) : dim(dim_) {}
  Tensor forward(const Tensor& x) const { return softmax(x, dim); }
  std::string extra_repr() const override { return heed::detail::concat("dim=", dim); }

  std::int64_t dim;
};

class LogSoftmax : public ModuleOf<LogSoftmax> {
 public:
  explicit LogSoftmax(std::int64_t dim_) : dim(dim_) {}
  Tensor forward(const Tensor& x) const { return log_softmax(x, dim); }
  std::string extra_repr() const override { return heed::detail::concat("dim=", dim); }

  std::int64_t dim;
};

}  // namespace heed::nn
