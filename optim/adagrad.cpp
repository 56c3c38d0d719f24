#include "optim/adagrad.h"

#include <cmath>

#include "optim/update.h"

namespace heed::optim {

std::vector<OptionRef> AdagradOptions::option_refs() {
  return {{"lr", &lr},
          {"lr_decay", &lr_decay},
          {"weight_decay", &weight_decay},
          {"initial_accumulator_value", &initial_accumulator_value},
          {"eps", &eps},
          {"maximize", &maximize}};
}

void AdagradOptions::check() const {
  detail::check_lr(lr);
  detail::check_not_negative("lr_decay", lr_decay);
  detail::check_not_negative("weight_decay", weight_decay);
  detail::check_not_negative("initial_accumulator_value", initial_accumulator_value);
  detail::check_not_negative("epsilon", eps);
}

namespace {

template <class T>
void adagrad(const AdagradOptions& o, double decayed_lr, T* __restrict param,
             const T* __restrict grad, T* __restrict sum, std::int64_t n) {
  const T lr = static_cast<T>(decayed_lr), eps = static_cast<T>(o.eps);
  const T weight_decay = static_cast<T>(o.weight_decay), sign = o.maximize ? T{-1} : T{1};
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = sign * grad[i] + weight_decay * param[i];
    sum[i] += g * g;
    param[i] -= lr * (g / (std::sqrt(sum[i]) + eps));
  }
}

}  // namespace

std::span<const char* const> Adagrad::buffer_names() const {
  static constexpr const char* kNames[] = {"sum"};
  return kNames;
}

void Adagrad::step() {
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const AdagradOptions& o = options_[g];
    detail::for_each_with_grad(groups_[g], [&](const Tensor& param, ParamState& state) {
      Tensor& sum = state.buffers[0];
      detail::ensure_buffer(sum, param, o.initial_accumulator_value);
      const double decayed_lr = o.lr / (1 + static_cast<double>(state.step++) * o.lr_decay);
      detail::update_in_place(
          param, [&]<class T>(T* values, const T* gradient, std::int64_t begin, std::int64_t n) {
            adagrad(o, decayed_lr, values, gradient, sum.data<T>() + begin, n);
          });
    });
  }
}

}  // namespace heed::optim
