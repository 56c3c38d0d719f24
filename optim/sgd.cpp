#include "optim/sgd.h"

#include "core/simd/kernels.h"
#include "optim/update.h"

namespace heed::optim {

std::vector<OptionRef> SGDOptions::option_refs() {
  return {{"lr", &lr},
          {"momentum", &momentum},
          {"dampening", &dampening},
          {"weight_decay", &weight_decay},
          {"nesterov", &nesterov},
          {"maximize", &maximize}};
}

void SGDOptions::check() const {
  detail::check_lr(lr);
  detail::check_not_negative("momentum", momentum);
  detail::check_not_negative("weight_decay", weight_decay);
  HEED_CHECK(!nesterov || (momentum > 0 && dampening == 0),
             "Nesterov momentum requires a momentum and zero dampening");
}

std::span<const char* const> SGD::buffer_names() const {
  static constexpr const char* kNames[] = {"momentum_buffer"};
  return kNames;
}

void SGD::step() {
  const simd::Kernels& kernels = simd::kernels();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const SGDOptions& o = options_[g];
    detail::for_each_with_grad(groups_[g], [&](const Tensor& param, ParamState& state) {
      Tensor& momentum_buffer = state.buffers[0];
      const bool first = !momentum_buffer.defined();
      if (o.momentum != 0) detail::ensure_buffer(momentum_buffer, param);
      detail::update_in_place(
          param, [&]<class T>(T* values, const T* gradient, std::int64_t begin, std::int64_t n) {
            kernels.of<T>().sgd(
                {.n = n,
                 .param = values,
                 .grad = gradient,
                 .momentum_buffer = o.momentum != 0 ? momentum_buffer.data<T>() + begin : nullptr,
                 .first = first,
                 .lr = static_cast<T>(o.lr),
                 .momentum = static_cast<T>(o.momentum),
                 .dampening = static_cast<T>(o.dampening),
                 .weight_decay = static_cast<T>(o.weight_decay),
                 .nesterov = o.nesterov,
                 .maximize = o.maximize});
          });
    });
  }
}

}  // namespace heed::optim
