// The last few columns of a product, which would take a register of their own and leave most of it
// empty: as Cᵀ = Bᵀ Aᵀ, whose registers run along the rows of C. The same sums in the same order.
#pragma once

#include <cstdint>

#include "core/simd/gemm_micro.h"
#include "core/simd/kernels.h"

namespace heed::simd {

/// The most columns that are few. None without masked loads, which read the last rows.
template <class Arch, class T>
inline constexpr std::int64_t kFewColumns =
    kHasMask<Arch> ? static_cast<std::int64_t>(xsimd::batch<T, Arch>::size) * 3 / 8 : 0;

/// How many of the last columns of the product are better done so: those that are left over where
/// registers are full, if A runs across k and they are few, also for what it costs to write down a
/// column; else none.
template <class Arch, class T>
[[gnu::always_inline]] inline std::int64_t few_columns(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (g.n <= lanes || g.a_row != 1 || g.m < 2 * lanes) return 0;
  const std::int64_t left = g.n % lanes;
  return left <= kFewColumns<Arch, T> && g.k >= 11 * left ? left : 0;
}

/// The part of the product that is its n columns from j on.
template <class Arch, class T>
Gemm<T> some_columns(const Gemm<T>& g, std::int64_t j, std::int64_t n) {
  Gemm<T> part = g;
  part.n = n;
  part.b = g.b + j * g.b_col;
  part.c = g.c + j;
  if (g.bias != nullptr) part.bias = g.bias + j;
  return part;
}

/// The product g, of kFewColumns at most, where A runs across k.
template <class Arch, class T>
void gemm_columns(const Gemm<T>& g) {
  if constexpr (kFewColumns<Arch, T> != 0) {
    constexpr std::int64_t high = GemmPanelTiles<Arch, T>::widest;
    alignas(64) T sums[kFewColumns<Arch, T>][high];
    Gemm<T> tile;
    tile.k = g.k;
    tile.a = g.b;
    tile.a_row = g.b_col;
    tile.a_col = g.b_row;
    tile.b_row = g.a_col;
    tile.c = sums[0];
    tile.c_row = high;
    for (std::int64_t i = 0; i < g.m; i += high) {
      const std::int64_t rows = g.m - i < high ? g.m - i : high;
      tile.n = rows;
      tile.b = g.a + i * g.a_row;
      kGemmPanelTiles<Arch, T>.width[rows - 1].many[g.n - 1](tile, 1, 0);
      for (std::int64_t j = 0; j < g.n; ++j) {
        T* const sum = sums[j];
        T* const c = g.c + i * g.c_row + j;
        if (g.bias != nullptr) {
          for (std::int64_t r = 0; r < rows; ++r) sum[r] += g.bias[j];
        }
        if (g.accumulate) {
          for (std::int64_t r = 0; r < rows; ++r) sum[r] += c[r * g.c_row];
        }
        for (std::int64_t r = 0; r < rows; ++r) c[r * g.c_row] = sum[r];
      }
    }
  }
}

}  // namespace heed::simd
