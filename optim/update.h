// How an update reaches a parameter: one pass over parameter, gradient and state. Not for users.
#pragma once

#include "core/autograd/grad_mode.h"
#include "core/factory.h"
#include "core/parallel.h"
#include "core/tensor.h"

namespace heed::optim::detail {

/// Elements that one thread updates in a row: below it, a step stays on the calling thread.
inline constexpr std::int64_t kGrain = std::int64_t{1} << 15;

/// Makes a state buffer of the parameter's shape and dtype, at its first use.
inline void ensure_buffer(Tensor& buffer, const Tensor& param, double value = 0) {
  if (!buffer.defined()) [[unlikely]]
    buffer = full(param.sizes(), value, {.dtype = param.dtype()});
}

/// Calls update(values, gradient, begin, n) for pieces of n elements; the pointers are typed and
/// point at element `begin`.
template <class T, class Update>
void update_pieces(T* values, const T* gradient, std::int64_t n, Update& update) {
  if (n <= kGrain) {
    update(values, gradient, std::int64_t{0}, n);
    return;
  }
  parallel_for(0, n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    update(values + begin, gradient + begin, begin, end - begin);
  });
}

template <class Update>
void update_contiguous(const Tensor& param, const TensorImpl& grad, Update& update) {
  if (param.dtype() == DType::Float32) {
    update_pieces(param.data<float>(), reinterpret_cast<const float*>(grad.bytes()), grad.numel,
                  update);
  } else {
    update_pieces(param.data<double>(), reinterpret_cast<const double*>(grad.bytes()), grad.numel,
                  update);
  }
  heed::detail::bump_version(param);
}

/// Updates a parameter that has a gradient by update (see update_pieces). State buffers are
/// contiguous, so `begin` finds their elements too; a parameter or gradient that is not contiguous
/// goes through a copy that is.
template <class Update>
void update_in_place(const Tensor& param, Update&& update) {
  const TensorImpl& grad = *param.impl()->grad;
  if (param.is_contiguous() && grad.contiguous) [[likely]] {
    update_contiguous(param, grad, update);
    return;
  }
  NoGradGuard no_grad;
  const Tensor values = empty(param.sizes(), {.dtype = param.dtype()});
  values.copy_(param);
  const Tensor gradient = param.grad().detach().contiguous();
  update_contiguous(values, *gradient.impl(), update);
  param.copy_(values);
}

/// Calls body(param, state) for each parameter of the group that has a gradient.
template <class Group, class Body>
void for_each_with_grad(Group& group, Body&& body) {
  for (std::size_t i = 0; i < group.params.size(); ++i) {
    if (group.params[i].impl()->grad) body(group.params[i], group.states[i]);
  }
}

}  // namespace heed::optim::detail
