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
  std::int64_t last;  // columns in the last register of a row, 1 … lanes
};

template <class T>
using GemmTileFunction = void (*)(const GemmTile<T>& tile);

// Partial: the last register of a row of B ends before its last lane, so it is loaded by mask.
template <class Arch, class T, int Rows, int Vectors, bool Partial>
void gemm_tile(const GemmTile<T>& tile) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int lanes = static_cast<int>(Batch::size);
  constexpr int group = 4;  // rows of A addressed from one pointer
  constexpr int groups = (Rows + group - 1) / group;

  Batch sum[Rows][Vectors];
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) sum[i][v] = Batch(T(0));
  }

  const LaneMask<Arch, T> mask(tile.last);
  const std::int64_t a_row = tile.a_row, a_col = tile.a_col, b_row = tile.b_row;
  const T* a[groups];
#pragma GCC unroll 4
  for (int g = 0; g < groups; ++g) a[g] = tile.a + g * group * a_row;
  const T* b = tile.b;

  for (std::int64_t p = tile.k; p > 0; --p) {
    Batch row[Vectors];
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      if (Partial && v == Vectors - 1) {
        row[v] = mask.load(b + v * lanes);
      } else {
        row[v] = Batch::load_unaligned(b + v * lanes);
      }
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      const Batch x(a[i / group][(i % group) * a_row]);
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sum[i][v] = multiply_add(x, row[v], sum[i][v]);
    }
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) a[g] += a_col;
    b += b_row;
  }

  const bool whole = tile.last == lanes;
  T* c = tile.c;
#pragma GCC unroll 16
  for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < Vectors; ++v) {
      Batch x = sum[i][v];
      if (v < Vectors - 1 || whole) {
        if (tile.bias != nullptr) x = x + Batch::load_unaligned(tile.bias + v * lanes);
        if (tile.accumulate) x = x + Batch::load_unaligned(c + v * lanes);
        x.store_unaligned(c + v * lanes);
      } else {
        if (tile.bias != nullptr) x = x + mask.load(tile.bias + v * lanes);
        if (tile.accumulate) x = x + mask.load(c + v * lanes);
        mask.store(c + v * lanes, x);
      }
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

template <class Arch, class T, bool Partial, int Vectors, int Rows>
constexpr GemmTileFunction<T> gemm_tile_entry() {
  if constexpr (Vectors <= GemmTiles<Arch>::max_vectors && Rows <= GemmTiles<Arch>::rows(Vectors) &&
                (!Partial || kHasMask<Arch>)) {
    return &gemm_tile<Arch, T, Rows, Vectors, Partial>;
  } else {
    return nullptr;
  }
}

template <class Arch, class T, bool Partial, int... R>
constexpr GemmTileTable<T> make_gemm_tiles(std::integer_sequence<int, R...>) {
  return {{{gemm_tile_entry<Arch, T, Partial, 1, R + 1>()...},
           {gemm_tile_entry<Arch, T, Partial, 2, R + 1>()...},
           {gemm_tile_entry<Arch, T, Partial, 3, R + 1>()...},
           {gemm_tile_entry<Arch, T, Partial, 4, R + 1>()...}}};
}

template <class Arch, class T, bool Partial>
inline constexpr GemmTileTable<T> kGemmTiles =
    make_gemm_tiles<Arch, T, Partial>(std::make_integer_sequence<int, 12>{});

}  // namespace heed::simd
