// The fused optimizer steps: every array of a parameter is read once and written once.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/row_loops.h"

namespace heed::simd {

inline constexpr std::int64_t kOptimGrain = 32768;

template <class Arch, class T>
void sgd_piece(const SgdStep<T>& s, std::int64_t begin, std::int64_t end) {
  using B = xsimd::batch<T, Arch>;
  const B sign(s.maximize ? T(-1) : T(1)), decay(s.weight_decay), step(-s.lr);
  const B momentum(s.momentum), fresh(s.first ? T(1) : T(1) - s.dampening);
  T* param = s.param + begin;
  const T* grad = s.grad + begin;
  T* buffer = s.momentum_buffer == nullptr ? nullptr : s.momentum_buffer + begin;
  const auto update = [&]<bool decays, bool has_buffer>() {
    for_registers<Arch, T>(end - begin, [&](std::int64_t j, const auto& lanes) {
      fetch_ahead(param + j);
      fetch_ahead(grad + j);
      if constexpr (has_buffer) fetch_ahead(buffer + j);
      const B p = lanes.load(param + j);
      B d = lanes.load(grad + j) * sign;
      if constexpr (decays) d = multiply_add(decay, p, d);
      if constexpr (has_buffer) {
        B m = d * fresh;
        if (!s.first) m = multiply_add(momentum, lanes.load(buffer + j), m);
        lanes.store(buffer + j, m);
        d = s.nesterov ? multiply_add(momentum, m, d) : m;
      }
      lanes.store(param + j, multiply_add(step, d, p));
    });
  };
  const bool decays = s.weight_decay != T(0);
  if (buffer != nullptr) {
    decays ? update.template operator()<true, true>() : update.template operator()<false, true>();
  } else {
    decays ? update.template operator()<true, false>() : update.template operator()<false, false>();
  }
}

template <class Arch, class T>
void sgd(const SgdStep<T>& s) {
  parallel_for(0, s.n, kOptimGrain,
               [&](std::int64_t begin, std::int64_t end) { sgd_piece<Arch>(s, begin, end); });
}

template <class Arch, class T>
void adam_piece(const AdamStep<T>& s, std::int64_t begin, std::int64_t end) {
  using B = xsimd::batch<T, Arch>;
  const B sign(s.maximize ? T(-1) : T(1));
  const B decay = constant<B>(s.decoupled ? 0 : s.weight_decay);
  const B keep = constant<B>(s.decoupled ? 1 - s.lr * s.weight_decay : 1);
  const B beta1 = constant<B>(s.beta1), fresh1 = constant<B>(1 - s.beta1);
  const B beta2 = constant<B>(s.beta2), fresh2 = constant<B>(1 - s.beta2);
  const B correction2 = constant<B>(1 / __builtin_sqrt(s.bias_correction2));
  const B eps = constant<B>(s.eps), step = constant<B>(s.lr / s.bias_correction1);
  T *param = s.param + begin, *exp_avg = s.exp_avg + begin, *exp_avg_sq = s.exp_avg_sq + begin;
  T* largest = s.max_exp_avg_sq == nullptr ? nullptr : s.max_exp_avg_sq + begin;
  const T* grad = s.grad + begin;
  for_registers<Arch, T>(end - begin, [&](std::int64_t j, const auto& lanes) {
    fetch_ahead(param + j);
    fetch_ahead(grad + j);
    fetch_ahead(exp_avg + j);
    fetch_ahead(exp_avg_sq + j);
    const B p = lanes.load(param + j);
    const B g = multiply_add(decay, p, lanes.load(grad + j) * sign);
    const B m = multiply_add(beta1, lanes.load(exp_avg + j), fresh1 * g);
    B v = multiply_add(beta2, lanes.load(exp_avg_sq + j), fresh2 * g * g);
    lanes.store(exp_avg + j, m);
    lanes.store(exp_avg_sq + j, v);
    if (largest != nullptr) {
      const B before = lanes.load(largest + j);
      v = xsimd::select(v < before, before, v);
      lanes.store(largest + j, v);
    }
    const B denominator = multiply_add(square_root(v), correction2, eps);
    lanes.store(param + j, p * keep - divide(step * m, denominator));
  });
}

template <class Arch, class T>
void adam(const AdamStep<T>& s) {
  parallel_for(0, s.n, kOptimGrain,
               [&](std::int64_t begin, std::int64_t end) { adam_piece<Arch>(s, begin, end); });
}

/// Fills in this instruction set's optimizer steps.
template <class Arch>
void fill_optim(Kernels& table) {
  table.f32.sgd = &sgd<Arch, float>;
  table.f64.sgd = &sgd<Arch, double>;
  table.f32.adam = &adam<Arch, float>;
  table.f64.adam = &adam<Arch, double>;
}

}  // namespace heed::simd
