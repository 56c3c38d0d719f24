// The reductions in plain loops: the oracle of reduce_kernels.h, and a learner's text. Sums are
// kept in double.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

template <ReduceOp op>
double reduce_start() {
  if constexpr (op == ReduceOp::Prod) return 1;
  if constexpr (op == ReduceOp::Max) return -std::numeric_limits<double>::infinity();
  if constexpr (op == ReduceOp::Min) return std::numeric_limits<double>::infinity();
  return 0;
}

template <ReduceOp op>
double reduce_step(double so_far, double x) {
  if constexpr (op == ReduceOp::Sum) return so_far + x;
  if constexpr (op == ReduceOp::SumSquares) return so_far + x * x;
  if constexpr (op == ReduceOp::Prod) return so_far * x;
  // NaN, once met, stays.
  if constexpr (op == ReduceOp::Max) return x != x || x > so_far ? x : so_far;
  if constexpr (op == ReduceOp::Min) return x != x || x < so_far ? x : so_far;
}

/// out[i] = the reduction of count values that start at x[i * outer_step], inner_step apart.
template <class T, ReduceOp op>
void reduce(T* out, const T* x, std::int64_t outer, std::int64_t outer_step, std::int64_t count,
            std::int64_t inner_step) {
  for (std::int64_t i = 0; i < outer; ++i) {
    double so_far = reduce_start<op>();
    for (std::int64_t j = 0; j < count; ++j) {
      const double value = static_cast<double>(x[i * outer_step + j * inner_step]);
      if (so_far == so_far || op == ReduceOp::Sum) so_far = reduce_step<op>(so_far, value);
    }
    out[i] = static_cast<T>(so_far);
  }
}

/// x (rows, cols) -> out (rows).
template <class T, ReduceOp op>
void reduce_rows(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  reduce<T, op>(out, x, rows, cols, cols, 1);
}

/// x (rows, cols) -> out (cols).
template <class T, ReduceOp op>
void reduce_cols(T* out, const T* x, std::int64_t rows, std::int64_t cols) {
  reduce<T, op>(out, x, cols, 1, rows, cols);
}

template <class T>
void fill_reduce(KernelsOf<T>& table) {
  [&]<int... I>(std::integer_sequence<int, I...>) {
    ((table.reduce_rows[I] = &reduce_rows<T, static_cast<ReduceOp>(I)>), ...);
    ((table.reduce_cols[I] = &reduce_cols<T, static_cast<ReduceOp>(I)>), ...);
  }
  (std::make_integer_sequence<int, static_cast<int>(ReduceOp::kCount)>{});
}

}  // namespace heed::simd::reference
