// A block of the matrix product: tiles over operands that are packed or read in place.
#pragma once

#include <cstdint>

#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_micro.h"
#include "core/simd/gemm_pack.h"
#include "core/simd/gemm_pack_across.h"

namespace heed::simd {

/// An operand of a block. Packed: panel by panel, each k long; the strides are not used. B may also
/// give a place where each of its panels is packed when it is its turn.
template <class T>
struct GemmOperand {
  const T* data;
  std::int64_t row, col;
  bool packed;
  T* panel = nullptr;
};

/// How n columns are cut into panels of at most `most` registers: narrow ones and wide ones, of a
/// register more. The wide ones come last where they know a better way with few columns.
struct PanelCut {
  std::int64_t narrow, vectors, wide;  // how many; registers of a narrow one; how many
};
template <class Arch, class T>
PanelCut panel_cut(std::int64_t n, std::int64_t most) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const std::int64_t all = (n + lanes - 1) / lanes;
  // Panels of three are best full, those of four about even: tiles of three begin and end fastest.
  // A panel of one would load a register a multiply-add: twice two, rather.
  if (most == 3 && all > 1) {
    const std::int64_t twos = (3 - all % 3) % 3;
    return {twos, 2, (all - 2 * twos) / 3};
  }
  const std::int64_t pieces = (all + most - 1) / most, vectors = all / pieces;
  const std::int64_t wide = all - vectors * pieces;
  return {pieces - wide, vectors, wide};
}

/// The columns of a block, panel by panel: calls body(first column, registers, columns).
template <class Arch, class T, class Body>
void for_each_panel(std::int64_t n, std::int64_t most, Body&& body) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (n <= lanes) {
    body(std::int64_t{0}, std::int64_t{1}, n);
    return;
  }
  const PanelCut cut = panel_cut<Arch, T>(n, most);
  for (std::int64_t i = 0, j = 0; j < n; ++i) {
    const bool wide = kHasHalf<Arch> ? i >= cut.narrow : i < cut.wide;
    const std::int64_t vectors = cut.vectors + wide;
    const std::int64_t width = vectors * lanes, left = n - j;
    body(j, vectors, width < left ? width : left);
    j += width;
  }
}

/// The rows of a tile in a block of n columns, decided by its widest panel.
template <class Arch, class T>
std::int64_t tile_rows(std::int64_t n, std::int64_t most) {
  const PanelCut cut = panel_cut<Arch, T>(n, most);
  return GemmTiles<Arch>::rows(static_cast<int>(cut.vectors + (cut.wide > 0)));
}

/// C (m, n) = A (m, k) B (k, n), + bias, + C where `accumulate`, in panels of at most `most`
/// registers. `far`: C is in no near cache.
template <class Arch, class T>
void gemm_block(std::int64_t m, std::int64_t n, std::int64_t k, const GemmOperand<T>& a,
                const GemmOperand<T>& b, T* c, std::int64_t c_row, const T* bias, bool accumulate,
                std::int64_t most = GemmTiles<Arch>::max_vectors, bool far = false) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const EvenCut cut = even_cut<Arch>(m, tile_rows<Arch, T>(n, most));
  for_each_panel<Arch, T>(n, most, [&](std::int64_t j, std::int64_t vectors, std::int64_t columns) {
    Gemm<T> tile;
    tile.n = columns;
    tile.k = k;
    tile.a = a.data;
    tile.a_row = a.packed ? 1 : a.row;
    tile.a_col = a.col;
    if (b.panel != nullptr) {
      pack_b<Arch>(b.panel, b.data + j * b.col, b.row, b.col, k, columns);
    }
    const T* const panel = b.packed ? b.data + j * k : b.panel;
    const bool in_place = panel == nullptr;
    tile.b = in_place ? b.data + j : panel;
    tile.b_row = in_place ? b.row : packed_width<Arch, T>(columns);
    tile.c = c + j;
    tile.c_row = c_row;
    tile.bias = bias == nullptr ? nullptr : bias + j;
    tile.accumulate = accumulate;
    tile.far = far;
    const std::int64_t last = columns - (vectors - 1) * lanes;
    const GemmTileFunction<T>* const tiles =
        gemm_tiles<Arch, T>(tail_of<Arch, T>(vectors, last, !in_place)).tile[vectors - 1];
    // The pieces that are a row higher, then the others.
    const auto pieces_of = [&](std::int64_t rows, std::int64_t count) {
      if (count == 0) return;
      if (a.packed) tile.a_col = rows;
      const std::int64_t a_next = a.packed ? rows * k : rows * a.row;
      tiles[rows - 1](tile, count, a_next);
      tile.a += count * a_next;
      tile.c += count * rows * c_row;
    };
    pieces_of(cut.size + 1, cut.extra);
    pieces_of(cut.size, cut.pieces - cut.extra);
  });
}

/// Packs A (m, k) for a gemm_block of n columns.
template <class Arch, class T>
void pack_a_block(T* out, const T* a, std::int64_t a_row, std::int64_t a_col, std::int64_t m,
                  std::int64_t k, std::int64_t n, std::int64_t most) {
  const EvenCut cut = even_cut<Arch>(m, tile_rows<Arch, T>(n, most));
  if (a_row == 1) {
    pack_a_across<Arch>(out, a, a_col, k, cut);
    return;
  }
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
                  std::int64_t n, std::int64_t most) {
  for_each_panel<Arch, T>(n, most, [&](std::int64_t j, std::int64_t, std::int64_t columns) {
    pack_b<Arch>(out + j * k, b + j * b_col, b_row, b_col, k, columns);
  });
}

}  // namespace heed::simd
