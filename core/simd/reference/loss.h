// Cross entropy with class indices in plain loops: the oracle of loss_kernels.h, and a learner's
// text. Computed in double.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/simd/kernels.h"
#include "core/simd/reference/softmax.h"

namespace heed::simd::reference {

/// loss = log(sum(exp(x))) - x[target], 0 for ignored rows.
/// logits (rows, cols); target, loss, lse (rows)
template <class T>
void cross_entropy(T* loss, T* lse, const T* logits, const std::int64_t* target, std::int64_t rows,
                   std::int64_t cols, std::int64_t ignore_index) {
  for (std::int64_t i = 0; i < rows; ++i, logits += cols) {
    const double largest = row_max(logits, cols);
    const double log_sum = std::log(sum_of_exps(logits, cols, largest));
    lse[i] = static_cast<T>(largest + log_sum);
    loss[i] = target[i] == ignore_index
                  ? T(0)
                  : static_cast<T>(largest - static_cast<double>(logits[target[i]]) + log_sum);
  }
}

/// dx = scale (exp(x - lse) - [j == target]), 0 for ignored rows.
/// dx, logits (rows, cols); lse, target (rows); scale (rows), or one value with scale_step 0
template <class T>
void cross_entropy_backward(T* dx, const T* logits, const T* lse, const std::int64_t* target,
                            const T* scale, std::int64_t scale_step, std::int64_t rows,
                            std::int64_t cols, std::int64_t ignore_index) {
  for (std::int64_t i = 0; i < rows; ++i, dx += cols, logits += cols) {
    const double s = static_cast<double>(scale[i * scale_step]);
    for (std::int64_t j = 0; j < cols; ++j) {
      const double probability =
          std::exp(static_cast<double>(logits[j]) - static_cast<double>(lse[i]));
      dx[j] =
          target[i] == ignore_index ? T(0) : static_cast<T>(s * (probability - (j == target[i])));
    }
  }
}

template <class T>
void fill_loss(KernelsOf<T>& table) {
  table.cross_entropy = &cross_entropy<T>;
  table.cross_entropy_backward = &cross_entropy_backward<T>;
}

}  // namespace heed::simd::reference
