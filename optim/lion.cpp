#include "optim/lion.h"

#include "optim/update.h"

namespace heed::optim {

std::vector<OptionRef> LionOptions::option_refs() {
  return {{"lr", &lr}, {"betas", &betas}, {"weight_decay", &weight_decay}, {"maximize", &maximize}};
}

void LionOptions::check() const {
  detail::check_lr(lr);
  detail::check_betas(betas);
  detail::check_not_negative("weight_decay", weight_decay);
}

namespace {

template <class T>
void lion(const LionOptions& o, T* __restrict param, const T* __restrict grad,
          T* __restrict exp_avg, std::int64_t n) {
  const T lr = static_cast<T>(o.lr), weight_decay = static_cast<T>(o.weight_decay);
  const T beta1 = static_cast<T>(o.betas[0]), rest1 = static_cast<T>(1 - o.betas[0]);
  const T beta2 = static_cast<T>(o.betas[1]), rest2 = static_cast<T>(1 - o.betas[1]);
  const T sign = o.maximize ? T{-1} : T{1};
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = sign * grad[i];
    const T mixed = beta1 * exp_avg[i] + rest1 * g;
    // NaN moves on to the weight, as it does in every optimizer.
    const T u = mixed > 0 ? T{1} : mixed < 0 ? T{-1} : mixed;
    param[i] -= lr * (u + weight_decay * param[i]);
    exp_avg[i] = beta2 * exp_avg[i] + rest2 * g;
  }
}

}  // namespace

std::span<const char* const> Lion::buffer_names() const {
  static constexpr const char* kNames[] = {"exp_avg"};
  return kNames;
}

void Lion::step() {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const LionOptions& o = options_[g];
    detail::for_each_with_grad(groups_[g], [&](const Tensor& param, ParamState& state) {
      Tensor& exp_avg = state.buffers[0];
      detail::ensure_buffer(exp_avg, param);
      ++state.step;
      detail::update_in_place(
          param, [&]<class T>(T* values, const T* gradient, std::int64_t begin, std::int64_t n) {
            lion(o, values, gradient, exp_avg.data<T>() + begin, n);
          });
    });
  }
}

}  // namespace heed::optim
