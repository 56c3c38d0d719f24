// softmax and its kin in plain loops, row by row: the oracle of softmax_kernels.h, and a learner's
// text. Computed in double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

/// The largest of n values, from which a row's exponents are counted so that none overflows.
template <class T>
double row_max(const T* x, std::int64_t n) {
  double largest = -std::numeric_limits<double>::infinity();
  for (std::int64_t j = 0; j < n; ++j) {
    const double value = static_cast<double>(x[j]);
    if (value > largest) largest = value;
  }
  return largest;
}

/// The sum of exp(x[j] - largest). A row of all -inf or with +inf gives NaN: inf - inf.
template <class T>
double sum_of_exps(const T* x, std::int64_t n, double largest) {
  double sum = 0;
  for (std::int64_t j = 0; j < n; ++j) sum += std::exp(static_cast<double>(x[j]) - largest);
  return sum;
}

/// y = exp(x - max) / sum(exp(x - max)).   x, y (rows, cols)
template <class T>
void softmax(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i, x += cols, y += cols) {
    const double largest = row_max(x, cols);
    const double sum = sum_of_exps(x, cols, largest);
    for (std::int64_t j = 0; j < cols; ++j) {
      y[j] = static_cast<T>(std::exp(static_cast<double>(x[j]) - largest) / sum);
    }
  }
}

/// y = (x - max) - log(sum(exp(x - max))).   x, y (rows, cols)
template <class T>
void log_softmax(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i, x += cols, y += cols) {
    const double largest = row_max(x, cols);
    const double log_sum = std::log(sum_of_exps(x, cols, largest));
    for (std::int64_t j = 0; j < cols; ++j) {
      y[j] = static_cast<T>(static_cast<double>(x[j]) - largest - log_sum);
    }
  }
}

/// out = max + log(sum(exp(x - max))); an infinite max is the result itself.
/// x (rows, cols), out (rows)
template <class T>
void logsumexp(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i, x += cols) {
    const double largest = row_max(x, cols);
    const double from = std::isinf(largest) ? 0 : largest;
    out[i] = static_cast<T>(from + std::log(sum_of_exps(x, cols, from)));
  }
}

/// dx = y (dy - sum(dy y)).   all (rows, cols)
template <class T>
void softmax_backward(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i, dx += cols, dy += cols, y += cols) {
    double dot = 0;
    for (std::int64_t j = 0; j < cols; ++j) {
      dot += static_cast<double>(dy[j]) * static_cast<double>(y[j]);
    }
    for (std::int64_t j = 0; j < cols; ++j) {
      dx[j] = static_cast<T>(static_cast<double>(y[j]) * (static_cast<double>(dy[j]) - dot));
    }
  }
}

/// dx = dy - exp(y) sum(dy), y the log of the probabilities.   all (rows, cols)
template <class T>
void log_softmax_backward(T* dx, const T* dy, const T* y, std::int64_t rows, std::int64_t cols) {
  for (std::int64_t i = 0; i < rows; ++i, dx += cols, dy += cols, y += cols) {
    double sum = 0;
    for (std::int64_t j = 0; j < cols; ++j) sum += static_cast<double>(dy[j]);
    for (std::int64_t j = 0; j < cols; ++j) {
      dx[j] =
          static_cast<T>(static_cast<double>(dy[j]) - std::exp(static_cast<double>(y[j])) * sum);
    }
  }
}

template <class T>
void fill_softmax(KernelsOf<T>& table) {
  table.softmax = &softmax<T>;
  table.log_softmax = &log_softmax<T>;
  table.softmax_backward = &softmax_backward<T>;
  table.log_softmax_backward = &log_softmax_backward<T>;
  table.logsumexp = &logsumexp<T>;
}

}  // namespace heed::simd::reference
