// Products by dot products of a few rows of A with a few columns of B, where lanes would stay empty
// or B would have to be turned. Of two matrices that both run along k, as of a few rows with the
// weights of a linear layer: nothing is turned, which takes longer than the arithmetic of few rows.
// And of an A along k with a few columns, which are turned if need be.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_pack.h"
#include "core/simd/gemm_vector.h"
#include "core/simd/kernels.h"

namespace heed::simd {

/// Whether columns along k are few enough for dot products: k decides, and n, for the sums over
/// lanes.
template <class Arch, class T>
[[gnu::always_inline]] inline bool has_few_dots(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (4 * g.n <= lanes) return g.k >= 5 * g.n;
  return 2 * g.n <= lanes ? g.k >= 48 : 8 * g.n <= 5 * lanes && g.k >= 96;
}

/// Whether columns that are not are worth turning for it. Only n and k decide: a row keeps the bits
/// that it has among other rows. So one to eight rows lose by it, which 128 rows gain: at the
/// smallest of these depths 50 ns, a quarter at the largest. (128 rows take 0.3 to 0.9 of the time
/// of tiles; Zen 5, AVX-512.)
template <class Arch, class T>
[[gnu::always_inline]] inline bool turns_few(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  constexpr std::int64_t kLongest = 4096;  // the turned ones leave room in the second cache
  if (g.k < 2 * kGemmTileSteps * g.n || g.a_col != 1 || g.b_row == 1 || g.n < 2 || g.k > kLongest)
    return false;
  if (4 * g.n <= lanes) return true;
  return 2 * g.n <= lanes ? g.k >= 12 * g.n
                          : lanes >= 16 && 8 * g.n <= 5 * lanes && g.k >= 32 * g.n;
}

/// Whether the product is better done by dot products. Turning B costs a share of the time by m,
/// adding up lanes one by k. (Zen 5: they meet at m = 8 for k = 64, 16 for 128, 32 for 256, and no
/// further on.)
template <class Arch, class T>
[[gnu::always_inline]] inline bool is_gemm_dots(const Gemm<T>& g) {
  if (g.b_row != 1 || g.b_col == 1 || g.a_col != 1) return false;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  constexpr std::int64_t most = lanes >= 16 ? 32 : 16, steps = lanes >= 16 ? 8 : 16;
  return (g.m <= most && g.m * steps <= g.k) || has_few_dots<Arch>(g);
}

// The dot products of Xs vectors, from the i-th on, with columns [begin, end) of v.
template <class Arch, int Xs, class T>
void gemm_dots_of(GemmVector<T> v, const T* x, const GemmVectors& next, std::int64_t i,
                  std::int64_t begin, std::int64_t end) {
  v.y += i * next.y;
  if (v.bias != nullptr) v.bias += i * next.bias;
  gemm_vector_by_dots<Arch, Xs>(v, x + i * next.x, next, begin, end);
}

// The product, of rows of A as vectors with B, whose columns are adjacent in C, as many of them at
// a time for all rows as half of the first cache holds. Two or three columns are the vectors
// rather, of which so few fill a register of sums with the rows.
template <class Arch, class T>
void gemm_dots_piece(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  constexpr std::int64_t together = lanes >= 8 ? 4 : 2;
  const bool rows = g.n > 3 || g.n > g.m;
  GemmVector<T> v{g.n, g.k, nullptr, 1, g.b, 1, g.b_col, g.c, 1, g.bias, 1, g.accumulate};
  GemmVectors next{g.a_row, g.c_row, 0};
  if (!rows) {
    v = {g.m, g.k, nullptr, 1, g.a, 1, g.a_row, g.c, g.c_row, g.bias, 0, g.accumulate};
    next = {g.b_col, 1, 1};
  }
  const T* const x = rows ? g.a : g.b;
  const std::int64_t count = rows ? g.m : g.n;
  const GemmBlocks<Arch, T> blocks;
  const std::int64_t near = blocks.cache.first / 2 / blocks.size;
  std::int64_t columns = v.n;  // without a division, for the smallest
  if (v.n * g.k > near) {
    const std::int64_t hold = near / g.k / lanes * lanes;
    columns = hold > lanes ? hold : lanes;
  }
  for (std::int64_t j = 0; j < v.n; j += columns) {
    const std::int64_t end = v.n - j < columns ? v.n : j + columns;
    std::int64_t i = 0;
    for (; i + together <= count; i += together) {
      gemm_dots_of<Arch, together>(v, x, next, i, j, end);
    }
    if (count - i == 1) gemm_dots_of<Arch, 1>(v, x, next, i, j, end);
    if constexpr (together == 4) {
      if (count - i == 2) gemm_dots_of<Arch, 2>(v, x, next, i, j, end);
      if (count - i == 3) gemm_dots_of<Arch, 3>(v, x, next, i, j, end);
    }
  }
}

// out (n, k) = the transpose of B, of n columns, a register at most.
template <class Arch, class T>
void turn_columns(T* out, const T* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k,
                  std::int64_t n) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  if constexpr (kHasHalf<Arch>) {
    if (2 * n <= lanes) return turn_columns<Half<Arch>>(out, b, b_row, b_col, k, n);
  }
  if (b_col == 1 && k >= lanes) {
    for (std::int64_t next = 0; next < k; next += lanes) {
      const std::int64_t p = next + lanes <= k ? next : k - lanes;  // the last square is full, too
      Batch square[lanes];
      load_transposed<Arch>(square, b + p * b_row, b_row, lanes, n);
#pragma GCC unroll 16
      for (std::int64_t j = 0; j < lanes; ++j) {
        if (j < n) square[j].store_unaligned(out + j * k + p);
      }
    }
    return;
  }
  for (std::int64_t p = 0; p < k; ++p) {
    for (std::int64_t j = 0; j < n; ++j) out[j * k + p] = b[p * b_row + j * b_col];
  }
}

/// The product by dot products, its columns, or where there are few its rows, shared between
/// threads.
template <class Arch, class T>
[[gnu::noinline]] void gemm_dots(const Gemm<T>& g) {
  if (g.m * g.n * g.k < 2 * kGemmChunk) return gemm_dots_piece<Arch>(g);
  const bool columns = g.n >= g.m || g.n >= 64;
  const std::int64_t extent = columns ? g.n : g.m;
  const std::int64_t one = g.k * (columns ? g.m : g.n);
  const std::int64_t grain = (kGemmChunk / one / 16 + 1) * 16;
  parallel_for(0, extent, grain, [&](std::int64_t begin, std::int64_t end) {
    gemm_dots_piece<Arch>(columns ? some_columns<Arch>(g, begin, end - begin)
                                  : some_rows<Arch>(g, begin, end - begin));
  });
}

/// The same of the few columns that turns_few said.
template <class Arch, class T>
[[gnu::noinline]] void gemm_turned_dots(const Gemm<T>& g) {
  const std::int64_t bytes = static_cast<std::int64_t>(sizeof(T)) * g.n * g.k;
  T* const columns = static_cast<T*>(thread_scratch(1, bytes));
  turn_columns<Arch>(columns, g.b, g.b_row, g.b_col, g.k, g.n);
  Gemm<T> turned = g;
  turned.b = columns;
  turned.b_row = 1;
  turned.b_col = g.k;
  gemm_dots<Arch>(turned);
}

}  // namespace heed::simd
