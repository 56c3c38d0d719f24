#include "optim/adam.h"

#include <cmath>

#include "core/simd/kernels.h"
#include "optim/update.h"

namespace heed::optim {

template <bool kDecoupled>
std::vector<OptionRef> AdamOptionsOf<kDecoupled>::option_refs() {
  return {{"lr", &lr},           {"betas", &betas},
          {"eps", &eps},         {"weight_decay", &weight_decay},
          {"amsgrad", &amsgrad}, {"maximize", &maximize}};
}

template <bool kDecoupled>
void AdamOptionsOf<kDecoupled>::check() const {
  detail::check_lr(lr);
  detail::check_not_negative("epsilon", eps);
  detail::check_betas(betas);
  detail::check_not_negative("weight_decay", weight_decay);
}

template <bool kDecoupled>
std::span<const char* const> AdamOf<kDecoupled>::buffer_names() const {
  static constexpr const char* kNames[] = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq"};
  return kNames;
}

template <bool kDecoupled>
void AdamOf<kDecoupled>::step() {
  const simd::Kernels& kernels = simd::kernels();
  for (std::size_t g = 0; g < this->groups_.size(); ++g) {
    const AdamOptionsOf<kDecoupled>& o = this->options_[g];
    // Parameters nearly always have the same step: the powers are computed once.
    std::int64_t corrected = 0;
    double bias_correction1 = 0, bias_correction2 = 0;
    detail::for_each_with_grad(this->groups_[g], [&](const Tensor& param, auto& state) {
      auto& [exp_avg, exp_avg_sq, max_exp_avg_sq] = state.buffers;
      detail::ensure_buffer(exp_avg, param);
      detail::ensure_buffer(exp_avg_sq, param);
      if (o.amsgrad) detail::ensure_buffer(max_exp_avg_sq, param);
      if (++state.step != corrected) {
        corrected = state.step;
        const double t = static_cast<double>(corrected);
        bias_correction1 = 1 - std::pow(o.betas[0], t);
        bias_correction2 = 1 - std::pow(o.betas[1], t);
      }
      detail::update_in_place(
          param, [&, &m = exp_avg, &v = exp_avg_sq, &max_v = max_exp_avg_sq]<class T>(
                     T* values, const T* gradient, std::int64_t begin, std::int64_t n) {
            kernels.of<T>().adam(
                {.n = n,
                 .param = values,
                 .grad = gradient,
                 .exp_avg = m.template data<T>() + begin,
                 .exp_avg_sq = v.template data<T>() + begin,
                 .max_exp_avg_sq = o.amsgrad ? max_v.template data<T>() + begin : nullptr,
                 .lr = o.lr,
                 .beta1 = o.betas[0],
                 .beta2 = o.betas[1],
                 .eps = o.eps,
                 .weight_decay = o.weight_decay,
                 .bias_correction1 = bias_correction1,
                 .bias_correction2 = bias_correction2,
                 .decoupled = kDecoupled,
                 .maximize = o.maximize});
          });
    });
  }
}

template struct AdamOptionsOf<false>;
template struct AdamOptionsOf<true>;
template class AdamOf<false>;
template class AdamOf<true>;

}  // namespace heed::optim
