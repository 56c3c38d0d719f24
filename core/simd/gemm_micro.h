// The innermost loop of the matrix product: a tile of C held in registers.
//
// A tile is Rows x Vectors registers. Each step of k loads Vectors registers of a row of B,
// broadcasts Rows elements of a column of A, and does Rows * Vectors fused multiply-adds, so that a
// large tile makes few loads for much arithmetic (Goto and van de Geijn, "Anatomy of
// High-Performance Matrix Multiplication", 2008). With 32 registers 6 x 4 leaves eight for B and A;
// with 16, 6 x 2. The loads of A are broadcasts, so A is read at any strides at no cost.
//
// An element of C is summed over k in order, by one chain of fused multiply-adds, whatever tile it
// falls in: the bits of a product do not depend on how it was cut.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/simd/lanes.h"

namespace heed::simd {

template <class T>
struct GemmTile {
  std::int64_t k;
  const T* a;  // element (i, p) at a[i * a_row + p * a_col]
  std::int64_t a_row, a_col;
  const T* b;  // row p at b + p * b_row, its columns adjacent
  std::int64_t b_row;
  T* c;
  std::int64_t c_row;
  const T* bias;      // null, or added to each row
  bool accumulate;    // C is added to, rather than set
  std::int64_t last;  // columns in the last register of a row, 1 … lanes (Tail::Half: lanes / 2)
};

// How the last register of a row of B is read: whole (also when it is packed, and padded by zeros);
// by mask, when B ends before its last lane; or as a register of half the width, by mask.
enum class Tail { Whole, Masked, Half };

template <class T>
using GemmTileFunction = void (*)(const GemmTile<T>& tile);

// The last register of each row of a tile.
template <class Arch, class T, Tail tail>
struct TailOf {
  using type = xsimd::batch<T, Arch>;
  using Mask = LaneMask<Arch, T>;
};
template <class Arch, class T>
requires(kHasHalf<Arch>) struct TailOf<Arch, T, Tail::Half> {
  using type = xsimd::batch<T, Half<Arch>>;
  using Mask = LaneMask<Half<Arch>, T>;
};

template <class Arch, class T, int Rows, int Vectors, Tail tail>
void gemm_tile(const GemmTile<T>& tile) {
  using Batch = xsimd::batch<T, Arch>;
  using Last = typename TailOf<Arch, T, tail>::type;
  using Mask = typename TailOf<Arch, T, tail>::Mask;
  constexpr int lanes = static_cast<int>(Batch::size);
  constexpr int whole = Vectors - 1;  // registers before the last
  constexpr int group = 4;            // rows of A addressed from one pointer
  constexpr int groups = (Rows + group - 1) / group;

  Batch sum[Rows][whole + 1];
  Last sum_last[Rows];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < whole; ++v) sum[i][v] = Batch(T(0));
    sum_last[i] = Last(T(0));
  }

  const Mask mask(tile.last);
  const std::int64_t a_row = tile.a_row, a_col = tile.a_col, b_row = tile.b_row;
  const T* a[groups];
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) a[g] = tile.a + g * group * a_row;
  const T* b = tile.b;
  T* c = tile.c;
  if (tile.accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) __builtin_prefetch(c + i * tile.c_row + v * lanes, 1);
    }
  }

  for (std::int64_t p = tile.k; p > 0; --p) {
    Batch row[whole + 1];
    Last row_last;
#pragma GCC unroll 4
    for (int v = 0; v < whole; ++v) row[v] = Batch::load_unaligned(b + v * lanes);
    if constexpr (tail == Tail::Whole) {
      row_last = Last::load_unaligned(b + whole * lanes);
    } else {
      row_last = mask.load(b + whole * lanes);
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const T x = a[i / group][(i % group) * a_row];
      [[maybe_unused]] const Batch wide(x);
#pragma GCC unroll 4
      for (int v = 0; v < whole; ++v) sum[i][v] = multiply_add(wide, row[v], sum[i][v]);
      if constexpr (tail == Tail::Half && whole > 1) {
        sum_last[i] = multiply_add(Last(low_half(wide.data)), row_last, sum_last[i]);
      } else {
        sum_last[i] = multiply_add(Last(x), row_last, sum_last[i]);
      }
    }
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) a[g] += a_col;
    b += b_row;
  }

  const bool full = tile.last == static_cast<std::int64_t>(Last::size);
  constexpr int at = whole * lanes;
  if (tile.bias != nullptr || tile.accumulate) {
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const T* before = c + i * tile.c_row;
#pragma GCC unroll 4
      for (int v = 0; v < whole; ++v) {
        Batch& x = sum[i][v];
        if (tile.bias != nullptr) x = x + Batch::load_unaligned(tile.bias + v * lanes);
        if (tile.accumulate) x = x + Batch::load_unaligned(before + v * lanes);
      }
      Last& x = sum_last[i];
      if (tile.bias != nullptr) x = x + mask.load(tile.bias + at);
      if (tile.accumulate) x = x + mask.load(before + at);
    }
  }
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < whole; ++v) sum[i][v].store_unaligned(c + v * lanes);
    if (full) {
      sum_last[i].store_unaligned(c + at);
    } else {
      mask.store(c + at, sum_last[i]);
    }
    c += tile.c_row;
  }
}

// The tiles of an instruction set: how many registers wide, and how many rows go with a width.
template <class Arch>
struct GemmTiles {
  static constexpr int max_vectors = kRegisters<Arch> == 32 ? 4 : 2;
  static constexpr int max_rows = 12;
  static constexpr int rows(int vectors) {
    if (kRegisters<Arch> == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : 12;
    return vectors == 2 ? 6 : 12;
  }
};

template <class T>
struct GemmTileTable {
  GemmTileFunction<T> tile[4][12];
};

template <class Arch, class T, Tail tail, int Vectors, int Rows>
constexpr GemmTileFunction<T> gemm_tile_entry() {
  if constexpr (Vectors <= GemmTiles<Arch>::max_vectors && Rows <= GemmTiles<Arch>::rows(Vectors) &&
                (tail != Tail::Masked || kHasMask<Arch>)&&(tail != Tail::Half || kHasHalf<Arch>)) {
    return &gemm_tile<Arch, T, Rows, Vectors, tail>;
  } else {
    return nullptr;
  }
}

template <class Arch, class T, Tail tail, int... R>
constexpr GemmTileTable<T> make_gemm_tiles(std::integer_sequence<int, R...>) {
  return {{{gemm_tile_entry<Arch, T, tail, 1, R + 1>()...},
           {gemm_tile_entry<Arch, T, tail, 2, R + 1>()...},
           {gemm_tile_entry<Arch, T, tail, 3, R + 1>()...},
           {gemm_tile_entry<Arch, T, tail, 4, R + 1>()...}}};
}

template <class Arch, class T, Tail tail>
inline constexpr GemmTileTable<T> kGemmTiles =
    make_gemm_tiles<Arch, T, tail>(std::make_integer_sequence<int, 12>{});

}  // namespace heed::simd
