// The product of two matrices that both run along k, as of a few rows with the weights of a linear
// layer: by dot products of a few rows of A with a few columns of B. Nothing is turned, which takes
// longer than the arithmetic of few rows; and no lane is left empty by few columns.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_vector.h"
#include "core/simd/kernels.h"

namespace heed::simd {

/// Whether the product is better done so. Turning B costs a share of the time by m, adding up lanes
/// one by k. (Zen 5: they meet at m = 8 for k = 64, 16 for 128, 32 for 256, and no further on.)
template <class Arch, class T>
[[gnu::always_inline]] inline bool is_gemm_dots(const Gemm<T>& g) {
  if (g.b_row != 1 || g.b_col == 1 || g.a_col != 1) return false;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  constexpr std::int64_t most = lanes >= 16 ? 32 : 16, steps = lanes >= 16 ? 8 : 16;
  if (g.m <= most && g.m * steps <= g.k) return true;
  return (2 * g.n <= lanes && g.k >= 64) || (8 * g.n <= 5 * lanes && g.k >= 128);
}

// Rows rows of A, from row i on, with columns [begin, end) of B.
template <class Arch, int Rows, class T>
void gemm_dots_rows(const Gemm<T>& g, std::int64_t i, std::int64_t begin, std::int64_t end) {
  const GemmVector<T> v{g.n, g.k,    nullptr, 1,           g.b, 1, g.b_col, g.c + i * g.c_row,
                        1,   g.bias, 1,       g.accumulate};
  gemm_vector_by_dots<Arch, Rows>(v, g.a + i * g.a_row, {g.a_row, g.c_row, 0}, begin, end);
}

// The product, as many columns at a time for all rows as half of the first cache holds.
template <class Arch, class T>
void gemm_dots_piece(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  constexpr std::int64_t rows = lanes >= 8 ? 4 : 2;
  const GemmBlocks<Arch, T> blocks;
  const std::int64_t hold = blocks.cache.first / 2 / (g.k * blocks.size) / lanes * lanes;
  const std::int64_t columns = hold > lanes ? hold : lanes;
  for (std::int64_t j = 0; j < g.n; j += columns) {
    const std::int64_t end = g.n - j < columns ? g.n : j + columns;
    std::int64_t i = 0;
    for (; i + rows <= g.m; i += rows) gemm_dots_rows<Arch, rows>(g, i, j, end);
    if (g.m - i == 1) gemm_dots_rows<Arch, 1>(g, i, j, end);
    if constexpr (rows == 4) {
      if (g.m - i == 2) gemm_dots_rows<Arch, 2>(g, i, j, end);
      if (g.m - i == 3) gemm_dots_rows<Arch, 3>(g, i, j, end);
    }
  }
}

/// The product by dot products, its columns, or where there are few its rows, shared between
/// threads.
template <class Arch, class T>
[[gnu::noinline]] void gemm_dots(const Gemm<T>& g) {
  const bool columns = g.n >= g.m || g.n >= 64;
  const std::int64_t extent = columns ? g.n : g.m;
  const std::int64_t one = g.k * (columns ? g.m : g.n);
  const std::int64_t grain = (kGemmChunk / one / 16 + 1) * 16;
  parallel_for(0, extent, grain, [&](std::int64_t begin, std::int64_t end) {
    gemm_dots_piece<Arch>(columns ? some_columns<Arch>(g, begin, end - begin)
                                  : some_rows<Arch>(g, begin, end - begin));
  });
}

}  // namespace heed::simd
