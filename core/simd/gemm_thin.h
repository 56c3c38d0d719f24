// Matrix products of a small depth: all stores, so row after row of C.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/gemm_block.h"
#include "core/simd/gemm_columns.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_pack.h"
#include "core/simd/gemm_panel_tiles.h"
#include "core/simd/gemm_rank.h"
#include "core/simd/kernels.h"

namespace heed::simd {

// body(part) for the columns of g, as many at a time as the third cache holds of B.
template <class Arch, class T, class Body>
void for_column_blocks(const Gemm<T>& g, Body&& body) {
  const std::int64_t columns = GemmBlocks<Arch, T>().columns();
  if (g.n <= columns) return body(g);
  for (std::int64_t j = 0; j < g.n; j += columns) {
    body(some_columns<Arch>(g, j, g.n - j < columns ? g.n - j : columns));
  }
}

// The product of a small k: a few tiles high along the rows of C, whose lines are so written about
// in the order in which they lie; one tile where the second cache does not hold C. B is read in
// place.
template <class Arch, class T>
void gemm_thin(const Gemm<T>& g) {
  constexpr std::int64_t widest = GemmTiles<Arch>::max_vectors;
  const std::int64_t most = widest > 3 ? 3 : widest;
  const auto& width = gemm_panel_tiles<Arch, T>().width;
  const GemmBlocks<Arch, T> blocks;
  const std::int64_t high = g.m * g.n * blocks.size > blocks.stores() ? 1 : 4;
  const EvenCut m_cut = even_cut<Arch>(g.m, tile_rows<Arch, T>(g.n, most));
  Gemm<T> tile = g;
  for (std::int64_t piece = 0, count; piece < m_cut.pieces; piece += count) {
    const bool higher = piece < m_cut.extra;
    const std::int64_t rows = m_cut.size + higher;
    const std::int64_t left = (higher ? m_cut.extra : m_cut.pieces) - piece;
    count = left < high ? left : high;
    T* const c = tile.c;
    for_each_panel<Arch, T>(g.n, most, [&](std::int64_t j, std::int64_t, std::int64_t columns) {
      tile.n = columns;
      tile.b = g.b + j;
      tile.c = c + j;
      if (g.bias != nullptr) tile.bias = g.bias + j;
      width[columns - 1].many[rows - 1](tile, count, rows * g.a_row);
    });
    tile.a += count * rows * g.a_row;
    tile.c = c + count * rows * g.c_row;
  }
}

// The product of a depth of kGemmRank at most, likewise, of any B: one that does not run along its
// rows is packed.
template <class Arch, class T>
void gemm_rank(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const int depth = static_cast<int>(g.k);
  const bool alone = g.n <= gemm_rank_vectors<Arch>(depth) * lanes;
  if (alone && g.b_col == 1) return gemm_rank_panel<Arch>(g);
  const std::int64_t most = gemm_rank_vectors<Arch>(depth, alone);
  const GemmBlocks<Arch, T> blocks;
  T* packed = nullptr;
  if (g.b_col != 1) {
    packed = static_cast<T*>(thread_scratch(1, blocks.size * (g.k * (g.n + lanes) + lanes)));
    pack_b_block<Arch>(packed, g.b, g.b_row, g.b_col, g.k, g.n, most);
  }
  // Few rows at a time where their lines find few places in the caches, or none.
  const bool apart = pages_apart<Arch, T>(g.c_row);
  const std::int64_t high = apart || g.m * g.n * blocks.size > blocks.stores() ? 6 : 48;
  Gemm<T> rows = g;
  for (std::int64_t i = 0; i < g.m; i += high) {
    rows.m = g.m - i < high ? g.m - i : high;
    for_each_panel<Arch, T>(g.n, most, [&](std::int64_t j, std::int64_t, std::int64_t columns) {
      rows.n = columns;
      rows.b = packed == nullptr ? g.b + j : packed + j * g.k;
      if (packed != nullptr) rows.b_row = packed_width<Arch, T>(columns);
      rows.c = g.c + i * g.c_row + j;
      if (g.bias != nullptr) rows.bias = g.bias + j;
      gemm_rank_panel<Arch>(rows);
    });
    rows.a += high * g.a_row;
  }
}

}  // namespace heed::simd
