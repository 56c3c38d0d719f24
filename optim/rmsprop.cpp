#include "optim/rmsprop.h"

#include <cmath>

#include "optim/update.h"

namespace heed::optim {

std::vector<OptionRef> RMSpropOptions::option_refs() {
  return {{"lr", &lr},
          {"alpha", &alpha},
          {"eps", &eps},
          {"weight_decay", &weight_decay},
          {"momentum", &momentum},
          {"centered", &centered},
          {"maximize", &maximize}};
}

void RMSpropOptions::check() const {
  detail::check_lr(lr);
  detail::check_not_negative("epsilon", eps);
  detail::check_not_negative("momentum", momentum);
  detail::check_not_negative("weight_decay", weight_decay);
  detail::check_not_negative("alpha", alpha);
}

namespace {

// grad_avg null: not centered; momentum_buffer null: no momentum.
template <class T>
void rmsprop(const RMSpropOptions& o, T* param, const T* grad, T* square_avg, T* grad_avg,
             T* momentum_buffer, std::int64_t n) {
  const T lr = static_cast<T>(o.lr), alpha = static_cast<T>(o.alpha);
  const T rest = static_cast<T>(1 - o.alpha), eps = static_cast<T>(o.eps);
  const T weight_decay = static_cast<T>(o.weight_decay), momentum = static_cast<T>(o.momentum);
  const T sign = o.maximize ? T{-1} : T{1};
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = sign * grad[i] + weight_decay * param[i];
    T v = square_avg[i] = alpha * square_avg[i] + rest * g * g;
    if (grad_avg) {
      grad_avg[i] = alpha * grad_avg[i] + rest * g;
      v -= grad_avg[i] * grad_avg[i];
    }
    T d = g / (std::sqrt(v) + eps);
    if (momentum_buffer) d = momentum_buffer[i] = momentum * momentum_buffer[i] + d;
    param[i] -= lr * d;
  }
}

}  // namespace

std::span<const char* const> RMSprop::buffer_names() const {
  static constexpr const char* kNames[] = {"square_avg", "grad_avg", "momentum_buffer"};
  return kNames;
}

void RMSprop::step() {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const RMSpropOptions& o = options_[g];
    detail::for_each_with_grad(groups_[g], [&](const Tensor& param, ParamState& state) {
      Tensor &square_avg = state.buffers[0], &grad_avg = state.buffers[1],
             &momentum_buffer = state.buffers[2];
      detail::ensure_buffer(square_avg, param);
      if (o.centered) detail::ensure_buffer(grad_avg, param);
      if (o.momentum > 0) detail::ensure_buffer(momentum_buffer, param);
      ++state.step;
      detail::update_in_place(
          param, [&]<class T>(T* values, const T* gradient, std::int64_t begin, std::int64_t n) {
            rmsprop(o, values, gradient, square_avg.data<T>() + begin,
                    o.centered ? grad_avg.data<T>() + begin : nullptr,
                    o.momentum > 0 ? momentum_buffer.data<T>() + begin : nullptr, n);
          });
    });
  }
}

}  // namespace heed::optim
