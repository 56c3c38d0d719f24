// The fused optimizer steps in plain loops: the oracle of optim_kernels.h, and a learner's text.
// The formulas are those of PyTorch's pages on torch.optim.SGD, Adam and AdamW.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

/// d = grad + weight_decay param;  buffer = momentum buffer + (1 - dampening) d;
/// param -= lr buffer, or with nesterov lr (d + momentum buffer).
template <class T>
void sgd(const SgdStep<T>& s) {
  const double lr = static_cast<double>(s.lr), momentum = static_cast<double>(s.momentum);
  for (std::int64_t i = 0; i < s.n; ++i) {
    const double param = static_cast<double>(s.param[i]);
    double d = static_cast<double>(s.grad[i]);
    if (s.maximize) d = -d;
    d += static_cast<double>(s.weight_decay) * param;
    if (s.momentum_buffer != nullptr) {
      double buffer = d;
      if (!s.first) {
        buffer = momentum * static_cast<double>(s.momentum_buffer[i]) +
                 (1 - static_cast<double>(s.dampening)) * d;
      }
      s.momentum_buffer[i] = static_cast<T>(buffer);
      d = s.nesterov ? d + momentum * buffer : buffer;
    }
    s.param[i] = static_cast<T>(param - lr * d);
  }
}

/// m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2;
/// param -= lr (m / correction1) / (sqrt(v / correction2) + eps), with the largest v so far for
/// amsgrad. Weight decay joins the gradient (Adam) or shrinks the parameter (AdamW, decoupled).
template <class T>
void adam(const AdamStep<T>& s) {
  for (std::int64_t i = 0; i < s.n; ++i) {
    double param = static_cast<double>(s.param[i]);
    double g = static_cast<double>(s.grad[i]);
    if (s.maximize) g = -g;
    if (s.decoupled) {
      param *= 1 - s.lr * s.weight_decay;
    } else {
      g += s.weight_decay * param;
    }
    const double m = s.beta1 * static_cast<double>(s.exp_avg[i]) + (1 - s.beta1) * g;
    double v = s.beta2 * static_cast<double>(s.exp_avg_sq[i]) + (1 - s.beta2) * g * g;
    s.exp_avg[i] = static_cast<T>(m);
    s.exp_avg_sq[i] = static_cast<T>(v);
    if (s.max_exp_avg_sq != nullptr) {
      const double largest = static_cast<double>(s.max_exp_avg_sq[i]);
      v = v < largest ? largest : v;
      s.max_exp_avg_sq[i] = static_cast<T>(v);
    }
    const double denominator = std::sqrt(v) / std::sqrt(s.bias_correction2) + s.eps;
    s.param[i] = static_cast<T>(param - s.lr / s.bias_correction1 * m / denominator);
  }
}

template <class T>
void fill_optim(KernelsOf<T>& table) {
  table.sgd = &sgd<T>;
  table.adam = &adam<T>;
}

}  // namespace heed::simd::reference
