// The losses as modules: their options are given once, each call takes input and target.
#pragma once

#include "core/ops/ops.h"
#include "nn/module.h"

namespace heed::nn {

struct LossOptions {
  Reduction reduction = Reduction::Mean;
};

class MSELoss : public ModuleOf<MSELoss> {
 public:
  explicit MSELoss(const LossOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return mse_loss(input, target, options.reduction);
  }

  LossOptions options;
};

class L1Loss : public ModuleOf<L1Loss> {
 public:
  explicit L1Loss(const LossOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return l1_loss(input, target, options.reduction);
  }

  LossOptions options;
};

struct SmoothL1LossOptions {
  Reduction reduction = Reduction::Mean;
  double beta = 1;
};

class SmoothL1Loss : public ModuleOf<SmoothL1Loss> {
 public:
  explicit SmoothL1Loss(const SmoothL1LossOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return smooth_l1_loss(input, target, options.reduction, options.beta);
  }

  SmoothL1LossOptions options;
};

class CrossEntropyLoss : public ModuleOf<CrossEntropyLoss> {
 public:
  explicit CrossEntropyLoss(const CrossEntropyOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return cross_entropy(input, target, options);
  }
  void visit(Visitor& parts) override { parts.buffer("weight", options.weight); }

  CrossEntropyOptions options;
};

class NLLLoss : public ModuleOf<NLLLoss> {
 public:
  explicit NLLLoss(const NllLossOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return nll_loss(input, target, options);
  }
  void visit(Visitor& parts) override { parts.buffer("weight", options.weight); }

  NllLossOptions options;
};

class BCEWithLogitsLoss : public ModuleOf<BCEWithLogitsLoss> {
 public:
  explicit BCEWithLogitsLoss(const BceOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return binary_cross_entropy_with_logits(input, target, options);
  }
  void visit(Visitor& parts) override {
    parts.buffer("weight", options.weight).buffer("pos_weight", options.pos_weight);
  }

  BceOptions options;
};

class KLDivLoss : public ModuleOf<KLDivLoss> {
 public:
  explicit KLDivLoss(const KlDivOptions& given = {}) : options(given) {}
  Tensor forward(const Tensor& input, const Tensor& target) const {
    return kl_div(input, target, options);
  }

  KlDivOptions options;
};

}  // namespace heed::nn
