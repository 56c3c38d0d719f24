// Cross entropy with class indices: log_softmax and the choice of a column in one pass, without the
// array between them.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/kernels.h"
#include "core/simd/row_loops.h"
#include "core/simd/softmax_kernels.h"

namespace heed::simd {

template <class Arch, class T>
void cross_entropy(T* loss, T* lse, const T* logits, const std::int64_t* target, std::int64_t rows,
                   std::int64_t cols, std::int64_t ignore_index) {
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const T* x = logits + i * cols;
      const double largest = static_cast<double>(max_row<Arch>(x, cols));
      const double log_sum = log_sum_of_exps<Arch>(x, cols, static_cast<T>(largest));
      lse[i] = static_cast<T>(largest + log_sum);
      loss[i] = target[i] == ignore_index
                    ? T(0)
                    : static_cast<T>(largest - static_cast<double>(x[target[i]]) + log_sum);
    }
  });
}

template <class Arch, class T>
void cross_entropy_backward(T* dx, const T* logits, const T* lse, const std::int64_t* target,
                            const T* scale, std::int64_t scale_step, std::int64_t rows,
                            std::int64_t cols, std::int64_t ignore_index) {
  using B = xsimd::batch<T, Arch>;
  parallel_for(0, rows, chunk_rows<Arch>(cols), [=](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const bool ignored = target[i] == ignore_index;
      const T s = ignored ? T(0) : scale[i * scale_step];
      const T* x = logits + i * cols;
      T* d = dx + i * cols;
      if (ignored) {
        for_registers<Arch, T>(
            cols, [&](std::int64_t j, const auto& lanes) { lanes.store(d + j, B(T(0))); });
        continue;
      }
      const T chosen = x[target[i]];  // before dx, which may be logits, is written
      for_registers<Arch, T>(cols, [&](std::int64_t j, const auto& lanes) {
        fetch_ahead(x + j);
        fetch_ahead_to_write(d + j);
        // Rounding may put a logit above its lse by a hair: still in range.
        lanes.store(d + j, math::exp_of_negative(lanes.load(x + j) - B(lse[i])) * B(s));
      });
      const B probability = math::exp_of_negative(B(chosen) - B(lse[i]));
      d[target[i]] = s * (probability.data[0] - T(1));
    }
  });
}

template <class Arch, class T>
void fill_loss_of(KernelsOf<T>& table) {
  table.cross_entropy = &cross_entropy<Arch, T>;
  table.cross_entropy_backward = &cross_entropy_backward<Arch, T>;
}

/// Fills in this instruction set's losses.
template <class Arch>
void fill_loss(Kernels& table) {
  fill_loss_of<Arch>(table.f32);
  fill_loss_of<Arch>(table.f64);
}

}  // namespace heed::simd
