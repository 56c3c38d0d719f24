// The matrix product in plain loops: the oracle of gemm_kernels.h, and a learner's text.
#pragma once

#include <cstdint>

#include "core/simd/kernels.h"

namespace heed::simd::reference {

/// c[i][j] = sum over p of a[i][p] b[p][j], + bias[j], + what c held where `accumulate`. The sum is
/// kept in double.
template <class T>
void gemm(const Gemm<T>& g) {
  for (std::int64_t i = 0; i < g.m; ++i) {
    for (std::int64_t j = 0; j < g.n; ++j) {
      double sum = 0;
      for (std::int64_t p = 0; p < g.k; ++p) {
        sum += static_cast<double>(g.a[i * g.a_row + p * g.a_col]) *
               static_cast<double>(g.b[p * g.b_row + j * g.b_col]);
      }
      if (g.bias != nullptr) sum += static_cast<double>(g.bias[j]);
      if (g.accumulate) sum += static_cast<double>(g.c[i * g.c_row + j]);
      g.c[i * g.c_row + j] = static_cast<T>(sum);
    }
  }
}

template <class T>
void gemm_batch(const GemmBatch<T>& batch) {
  Gemm<T> g = batch.first;
  for (std::int64_t item = 0; item < batch.count; ++item) {
    gemm(g);
    g.a += batch.a_step;
    g.b += batch.b_step;
    g.c += batch.c_step;
  }
}

/// Fills in the plain matrix products.
inline void fill_gemm(Kernels& table) {
  table.f32.gemm = &gemm<float>;
  table.f64.gemm = &gemm<double>;
  table.f32.gemm_batch = &gemm_batch<float>;
  table.f64.gemm_batch = &gemm_batch<double>;
}

}  // namespace heed::simd::reference
