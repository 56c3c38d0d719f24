#include "nn/clip_grad.h"

#include <cmath>

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/ops/ops.h"

namespace heed::nn::utils {

Tensor clip_grad_norm_(const std::vector<Tensor>& parameters, double max_norm, double norm_type,
                       bool error_if_nonfinite) {
  NoGradGuard no_grad;
  std::vector<Tensor> grads;
  DType dtype = float32;
  // The p-norm of everything is the p-norm of the single norms.
  std::vector<double> norms;
  for (const Tensor& parameter : parameters) {
    const Tensor grad = parameter.grad();
    if (!grad.defined()) continue;
    dtype = grads.empty() ? grad.dtype() : promote(dtype, grad.dtype());
    norms.push_back(grad.norm(norm_type).item());
    grads.push_back(grad);
  }
  const double total = norms.empty() ? 0 : tensor(norms).norm(norm_type).item();
  HEED_CHECK(!error_if_nonfinite || std::isfinite(total), "The total norm of order ", norm_type,
             " for gradients from `parameters` is non-finite, so it cannot be clipped. To disable "
             "this error and scale the gradients by the non-finite norm anyway, set "
             "`error_if_nonfinite=False`");
  const double factor = max_norm / (total + 1e-6);
  if (!(factor >= 1)) {  // so too for NaN
    for (const Tensor& grad : grads) grad.mul_(factor);
  }
  return full({}, total, {.dtype = dtype});
}

void clip_grad_value_(const std::vector<Tensor>& parameters, double clip_value) {
  NoGradGuard no_grad;
  for (const Tensor& parameter : parameters) {
    if (const Tensor grad = parameter.grad(); grad.defined()) grad.clamp_(-clip_value, clip_value);
  }
}

}  // namespace heed::nn::utils
