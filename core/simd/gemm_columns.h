// The last few columns of a product, or all if they are few, which would take a register of their
// own and leave most of it empty. Where A runs across k they are done as Cᵀ = Bᵀ Aᵀ, whose
// registers run along the rows of C: the same sums in the same order. Where A runs along k, as dot
// products of its rows with a column of B, of which n and k alone decide: so up to k = kGemmDepth a
// row keeps the bits that it has among other rows (but for a bias or what C held, to which a row
// alone is added).
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_micro.h"
#include "core/simd/gemm_panel_tiles.h"
#include "core/simd/gemm_vector.h"
#include "core/simd/kernels.h"
#include "core/simd/processor.h"

namespace heed::simd {

/// The most columns that are few where A runs across k. None without masked loads, which read the
/// last rows.
template <class Arch, class T>
inline constexpr std::int64_t kFewColumns =
    kHasMask<Arch> ? static_cast<std::int64_t>(xsimd::batch<T, Arch>::size) * 3 / 8 : 0;

/// And where it runs along k: fewer where tiles do two rows with a register (kPairColumns).
template <class Arch, class T>
inline constexpr std::int64_t kFewDots = [] {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  return kHasHalf<Arch> ? lanes / 16 * 2 : lanes / 4;  // two at most
}();

/// How many of the last columns of the product are better done so: those that are left over where
/// registers are full, if they are few; else none. Few also for what it costs to write down a
/// column, or to copy one and to sum over lanes.
template <class Arch, class T>
[[gnu::always_inline]] inline std::int64_t few_columns(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const std::int64_t left = g.n % lanes;
  if (g.n <= lanes) return 0;
  if (g.a_col == 1) {
    constexpr std::int64_t steps = kHasHalf<Arch> ? 3 * lanes : 2 * lanes;
    return left <= kFewDots<Arch, T> && g.k > kGemmThin && g.k >= steps * left ? left : 0;
  }
  if (g.a_row != 1 || g.m < 2 * lanes || left > kFewColumns<Arch, T>) return 0;
  // A full pair of rows is about as good: better where half a register is half the work.
  if (left == kPairColumns<Arch, T>) return !kHalves512 && g.k >= 22 * left ? left : 0;
  return g.k >= 11 * left ? left : 0;
}

// The product g, of kFewDots columns at most, where A runs along k, which is kGemmDepth at most.
template <class Arch, class T>
void gemm_column_dots(const Gemm<T>& g) {
  constexpr std::int64_t most = kFewDots<Arch, T>;
  if constexpr (most != 0) {
    alignas(64) T copy[most * kGemmDepth];
    const T* x = g.b;
    std::int64_t x_next = g.b_col;
    if (g.b_row != 1) {
      for (std::int64_t p = 0; p < g.k; ++p) {
        for (std::int64_t j = 0; j < g.n; ++j) copy[p + j * g.k] = g.b[p * g.b_row + j * g.b_col];
      }
      x = copy;
      x_next = g.k;
    }
    const GemmVector<T> dots{g.m,     g.k, x,       1,      g.a, 1,
                             g.a_row, g.c, g.c_row, g.bias, 0,   g.accumulate};
    if constexpr (most > 1) {
      if (g.n == 2) return gemm_vector_by_dots<Arch, 2>(dots, x, {x_next, 1, 1}, 0, g.m);
    }
    gemm_vector_by_dots<Arch>(dots, x, {}, 0, g.m);
  }
}

/// The most columns of a product that are all done across.
template <class Arch, class T>
inline constexpr std::int64_t kAllColumns =
    kHasMask<Arch> ? static_cast<std::int64_t>(xsimd::batch<T, Arch>::size) * 5 / 8 : 0;

// The product g, of kAllColumns at most, where A runs across k.
template <class Arch, class T>
void gemm_columns_across(const Gemm<T>& g) {
  if constexpr (kAllColumns<Arch, T> != 0) {
    constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
    constexpr int widest = GemmTiles<Arch>::max_vectors;
    int vectors = widest;  // wide tiles have few rows
    while (GemmTiles<Arch>::rows(vectors) < g.n) --vectors;
    const std::int64_t high = vectors * lanes;
    alignas(64) T sums[kAllColumns<Arch, T>][widest * lanes];
    Gemm<T> tile;
    tile.k = g.k;
    tile.a = g.b;
    tile.a_row = g.b_col;
    tile.a_col = g.b_row;
    tile.b_row = g.a_col;
    tile.c = sums[0];
    tile.c_row = widest * lanes;
    for (std::int64_t i = 0; i < g.m; i += high) {
      const std::int64_t rows = g.m - i < high ? g.m - i : high;
      tile.n = rows;
      tile.b = g.a + i * g.a_row;
      gemm_panel_tiles<Arch, T>().width[rows - 1].many[g.n - 1](tile, 1, 0);
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

/// Whether a product of few columns is better done across as a whole.
template <class Arch, class T>
[[gnu::always_inline]] inline bool is_gemm_across(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  return g.a_row == 1 && g.a_col != 1 && g.n <= kAllColumns<Arch, T> && g.m >= 2 * lanes &&
         g.k >= g.n * (4 * g.n <= lanes ? kGemmTileSteps : 2 * kGemmTileSteps);
}

/// That product, its rows shared between threads.
template <class Arch, class T>
[[gnu::noinline]] void gemm_across(const Gemm<T>& g) {
  const EvenCut cut = even_cut<Arch>(g.k, kGemmDepth);
  const std::int64_t grain = (kGemmChunk / (g.n * g.k) / 192 + 1) * 192;
  parallel_for(0, g.m, grain, [&](std::int64_t begin, std::int64_t end) {
    const Gemm<T> rows = some_rows<Arch>(g, begin, end - begin);
    for (std::int64_t pc = 0, p = 0; pc < cut.pieces; ++pc) {
      const std::int64_t k = cut.size + (pc < cut.extra);
      gemm_columns_across<Arch>(some_depth<Arch>(rows, p, k));
      p += k;
    }
  });
}

/// The product g, of as many columns as few_columns said.
template <class Arch, class T>
void gemm_columns(const Gemm<T>& g) {
  if (g.a_col == 1) {
    gemm_column_dots<Arch>(g);
  } else {
    gemm_columns_across<Arch>(g);
  }
}

}  // namespace heed::simd
