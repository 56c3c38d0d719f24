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

// The choices are constants, so that the loop has no branches and becomes vector instructions.
template <bool kCentered, bool kMomentum, class T>
void rmsprop(const RMSpropOptions& o, T* __restrict param, const T* __restrict grad,
             T* __restrict square_avg, T* __restrict grad_avg, T* __restrict momentum_buffer,
             std::int64_t n) {
  const T lr = static_cast<T>(o.lr), alpha = static_cast<T>(o.alpha);
  const T rest = static_cast<T>(1 - o.alpha), eps = static_cast<T>(o.eps);
  const T weight_decay = static_cast<T>(o.weight_decay), momentum = static_cast<T>(o.momentum);
  const T sign = o.maximize ? T{-1} : T{1};
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = sign * grad[i] + weight_decay * param[i];
    T v = square_avg[i] = alpha * square_avg[i] + rest * g * g;
    if constexpr (kCentered) {
      const T mean = grad_avg[i] = alpha * grad_avg[i] + rest * g;
      v -= mean * mean;
    }
    T d = g / (std::sqrt(v) + eps);
    if constexpr (kMomentum) d = momentum_buffer[i] = momentum * momentum_buffer[i] + d;
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
      detail::update_in_place(param, [&]<class T>(T* values, const T* gradient, std::int64_t begin,
                                                  std::int64_t n) {
        T* const square = square_avg.data<T>() + begin;
        T* const mean = o.centered ? grad_avg.data<T>() + begin : nullptr;
        T* const buffer = o.momentum > 0 ? momentum_buffer.data<T>() + begin : nullptr;
        const auto update = mean ? (buffer ? rmsprop<true, true, T> : rmsprop<true, false, T>)
                                 : (buffer ? rmsprop<false, true, T> : rmsprop<false, false, T>);
        update(o, values, gradient, square, mean, buffer, n);
      });
    });
  }
}

}  // namespace heed::optim
