// The matrix product of the kernel table.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/gemm_block.h"
#include "core/simd/gemm_pack.h"
#include "core/simd/kernels.h"

namespace heed::simd {

// C = 0, or the bias: the product of an empty k.
template <class Arch, class T>
void gemm_without_k(const Gemm<T>& g) {
  if (g.accumulate && g.bias == nullptr) return;
  for (std::int64_t i = 0; i < g.m; ++i) {
    T* c = g.c + i * g.c_row;
    for (std::int64_t j = 0; j < g.n; ++j) {
      c[j] = (g.bias == nullptr ? T(0) : g.bias[j]) + (g.accumulate ? c[j] : T(0));
    }
  }
}

#ifndef TUNE
#define TUNE_KC 384
#define TUNE_MC 192
#define TUNE_NC 4096
#define TUNE_PB (g.m > 48 && g.k * g.n * 4 > 32768)
#define TUNE_PA (g.a_col != 1 && g.n > 64)
#endif

// One product, cut for the caches.
template <class Arch, class T>
void gemm_single(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const EvenCut k_cut = even_cut<Arch>(g.k, TUNE_KC);
  const EvenCut n_cut = even_cut<Arch>(g.n, TUNE_NC);
  const EvenCut m_cut = even_cut<Arch>(g.m, TUNE_MC);
  const bool pack_b = g.b_col != 1 || (!kHasMask<Arch> && g.n % lanes != 0) || (TUNE_PB);
  const bool pack_a = TUNE_PA;
  T* packed_b = nullptr;
  T* packed_a = nullptr;
  if (pack_b) {
    packed_b = static_cast<T*>(thread_scratch(
        1, static_cast<std::int64_t>(sizeof(T)) * (k_cut.size + 1) * (n_cut.size + 1 + lanes)));
  }
  if (pack_a) {
    packed_a = static_cast<T*>(thread_scratch(
        0, static_cast<std::int64_t>(sizeof(T)) * ((k_cut.size + 1) * (m_cut.size + 1) + lanes)));
  }
  for (std::int64_t jc = 0, j = 0; jc < n_cut.pieces; ++jc) {
    const std::int64_t n = n_cut.size + (jc < n_cut.extra);
    for (std::int64_t pc = 0, p = 0; pc < k_cut.pieces; ++pc) {
      const std::int64_t k = k_cut.size + (pc < k_cut.extra);
      GemmOperand<T> b{g.b + p * g.b_row + j * g.b_col, g.b_row, g.b_col, pack_b};
      if (pack_b) {
        pack_b_block<Arch>(packed_b, b.data, g.b_row, g.b_col, k, n);
        b.data = packed_b;
      }
      const T* bias = pc == 0 && g.bias != nullptr ? g.bias + j : nullptr;
      for (std::int64_t ic = 0, i = 0; ic < m_cut.pieces; ++ic) {
        const std::int64_t m = m_cut.size + (ic < m_cut.extra);
        GemmOperand<T> a{g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col, pack_a};
        if (pack_a) {
          pack_a_block<Arch>(packed_a, a.data, g.a_row, g.a_col, m, k, n);
          a.data = packed_a;
        }
        gemm_block<Arch, T>(m, n, k, a, b, g.c + i * g.c_row + j, g.c_row, bias,
                            pc > 0 || g.accumulate);
        i += m;
      }
      p += k;
    }
    j += n;
  }
}

template <class Arch, class T>
void gemm(const Gemm<T>& g) {
  if (g.m <= 0 || g.n <= 0) return;
  Gemm<T> one = g;
  for (std::int64_t i = 0; i < g.batch; ++i) {
    if (g.k == 0) {
      gemm_without_k<Arch>(one);
    } else {
      gemm_single<Arch>(one);
    }
    one.a += g.a_step;
    one.b += g.b_step;
    one.c += g.c_step;
  }
}

/// Fills in this instruction set's matrix products.
template <class Arch>
void fill_gemm(Kernels& table) {
  table.f32.gemm = &gemm<Arch, float>;
  table.f64.gemm = &gemm<Arch, double>;
}

}  // namespace heed::simd
