// A block of the matrix product: tiles over operands that are packed or read in place.
#pragma once

#include <cstdint>

#include "core/simd/gemm_micro.h"
#include "core/simd/gemm_pack.h"

namespace heed::simd {

/// `total` cut into as few pieces of at most `most` as will do, as even as can be: the first
/// `extra` pieces are one larger than the others.
struct EvenCut {
  std::int64_t pieces, size, extra;
};
template <class Arch>
EvenCut even_cut(std::int64_t total, std::int64_t most) {
  if (total <= most) return {1, total, 0};
  const std::int64_t pieces = (total + most - 1) / most;
  const std::int64_t size = total / pieces;
  return {pieces, size, total - size * pieces};
}

/// An operand of a block. Packed: panel by panel, each k long; the strides are not used.
template <class T>
struct GemmOperand {
  const T* data;
  std::int64_t row, col;
  bool packed;
};

/// The columns of a block, panel by panel: calls body(first column, registers, columns).
template <class Arch, class T, class Body>
void for_each_panel(std::int64_t n, Body&& body) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (n <= lanes) {
    body(std::int64_t{0}, std::int64_t{1}, n);
    return;
  }
  const EvenCut cut = even_cut<Arch>((n + lanes - 1) / lanes, GemmTiles<Arch>::max_vectors);
  std::int64_t j = 0;
  for (std::int64_t panel = 0; panel < cut.pieces; ++panel) {
    const std::int64_t vectors = cut.size + (panel < cut.extra);
    const std::int64_t width = vectors * lanes;
    body(j, vectors, width < n - j ? width : n - j);
    j += width;
  }
}

/// The rows of a tile in a block of n columns, decided by its widest panel.
template <class Arch, class T>
std::int64_t tile_rows(std::int64_t n) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const EvenCut cut = even_cut<Arch>((n + lanes - 1) / lanes, GemmTiles<Arch>::max_vectors);
  return GemmTiles<Arch>::rows(static_cast<int>(cut.size + (cut.extra > 0)));
}

/// C (m, n) = A (m, k) B (k, n), + bias, + C where `accumulate`.
template <class Arch, class T>
void gemm_block(std::int64_t m, std::int64_t n, std::int64_t k, const GemmOperand<T>& a,
                const GemmOperand<T>& b, T* c, std::int64_t c_row, const T* bias, bool accumulate) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const EvenCut cut = even_cut<Arch>(m, tile_rows<Arch, T>(n));
  for_each_panel<Arch, T>(n, [&](std::int64_t j, std::int64_t vectors, std::int64_t columns) {
    GemmTile<T> tile;
    tile.k = k;
    tile.b = b.data + (b.packed ? j * k : j);
    tile.b_row = b.packed ? packed_width<Arch, T>(columns) : b.row;
    tile.c = c + j;
    tile.c_row = c_row;
    tile.bias = bias == nullptr ? nullptr : bias + j;
    tile.accumulate = accumulate;
    tile.last = columns - (vectors - 1) * lanes;
    tile.a = a.data;
    tile.a_row = a.packed ? 1 : a.row;
    tile.a_col = a.col;
    const GemmTileTable<T>* table = &kGemmTiles<Arch, T, Tail::Whole>;
    if (kHasHalf<Arch> && tile.last <= lanes / 2) {
      table = &kGemmTiles<Arch, T, Tail::Half>;
    } else if (kHasMask<Arch> && !b.packed && tile.last < lanes) {
      table = &kGemmTiles<Arch, T, Tail::Masked>;
    }
    for (std::int64_t piece = 0; piece < cut.pieces; ++piece) {
      const std::int64_t rows = cut.size + (piece < cut.extra);
      if (a.packed) tile.a_col = rows;
      table->tile[vectors - 1][rows - 1](tile);
      tile.a += a.packed ? rows * k : rows * a.row;
      tile.c += rows * c_row;
    }
  });
}

/// Packs A (m, k) for a gemm_block of n columns.
template <class Arch, class T>
void pack_a_block(T* out, const T* a, std::int64_t a_row, std::int64_t a_col, std::int64_t m,
                  std::int64_t k, std::int64_t n) {
  const EvenCut cut = even_cut<Arch>(m, tile_rows<Arch, T>(n));
  for (std::int64_t piece = 0; piece < cut.pieces; ++piece) {
    const std::int64_t rows = cut.size + (piece < cut.extra);
    pack_a<Arch>(out, a, a_row, a_col, k, rows);
    out += rows * k;
    a += rows * a_row;
  }
}

/// Packs B (k, n) for gemm_block.
template <class Arch, class T>
void pack_b_block(T* out, const T* b, std::int64_t b_row, std::int64_t b_col, std::int64_t k,
                  std::int64_t n) {
  for_each_panel<Arch, T>(n, [&](std::int64_t j, std::int64_t, std::int64_t columns) {
    pack_b<Arch>(out + j * k, b + j * b_col, b_row, b_col, k, columns);
  });
}

}  // namespace heed::simd
