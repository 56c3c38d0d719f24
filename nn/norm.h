// LayerNorm and RMSNorm: each vector brought to a common scale.
#pragma once

#include <optional>

#include "nn/module.h"

namespace heed::nn {

struct LayerNormOptions {
  double eps = 1e-5;
  bool elementwise_affine = true;  ///< with weight, and
  bool bias = true;                ///< with bias
  DType dtype = float32;
};

/// (x - mean) / sqrt(var + eps) * weight + bias over the last dims (Ba et al. 2016). weight starts
/// as ones, bias as zeros.
class LayerNorm : public ModuleOf<LayerNorm> {
 public:
  explicit LayerNorm(const Dims& normalized_shape, const LayerNormOptions& options = {});
  explicit LayerNorm(std::int64_t normalized_size, const LayerNormOptions& options = {})
      : LayerNorm(Dims{normalized_size}, options) {}

  Tensor forward(const Tensor& x) const;
  void visit(Visitor& parts) override { parts("weight", weight)("bias", bias); }
  std::string extra_repr() const override;

  Tensor weight, bias;  // undefined without them
  Dims normalized_shape;
  double eps;
};

struct RMSNormOptions {
  std::optional<double> eps = {};  ///< by default the spacing of the input's type at 1
  bool elementwise_affine = true;
  DType dtype = float32;
};

/// x / sqrt(mean(x²) + eps) * weight over the last dims (Zhang and Sennrich 2019).
class RMSNorm : public ModuleOf<RMSNorm> {
 public:
  explicit RMSNorm(const Dims& normalized_shape, const RMSNormOptions& options = {});
  explicit RMSNorm(std::int64_t normalized_size, const RMSNormOptions& options = {})
      : RMSNorm(Dims{normalized_size}, options) {}

  Tensor forward(const Tensor& x) const;
  void visit(Visitor& parts) override { parts("weight", weight); }
  std::string extra_repr() const override;

  Tensor weight;
  Dims normalized_shape;
  std::optional<double> eps;
};

}  // namespace heed::nn
