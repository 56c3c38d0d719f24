// A product as one panel of tiles that read both operands in place, for small products: nothing but
// the arithmetic, and a handful of compares.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/simd/gemm_columns.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_pack.h"
#include "core/simd/gemm_panel_tiles.h"
#include "core/simd/gemm_rank.h"
#include "core/simd/kernels.h"
#include "core/simd/lanes.h"

namespace heed::simd {

// A product of one panel by tiles, or by single rows, if it is of a small depth.
template <class Arch, class T>
[[gnu::noinline]] void gemm_tiles_below(const Gemm<T>& g,
                                        const typename GemmPanelTiles<Arch, T>::Width& panel) {
  if (is_gemm_rank<Arch>(g)) {
    gemm_rank_panel<Arch>(g);
    return;
  }
  const GemmTileFunction<T>* const tiles = panel.many;
  const PanelRows cut = panel.cut[g.m];
  const std::int64_t rows = cut.rows, extra = g.m - rows * cut.tiles;
  if (extra == 0) {
    tiles[rows - 1](g, cut.tiles, rows * g.a_row);
    return;
  }
  tiles[rows](g, extra, (rows + 1) * g.a_row);
  Gemm<T> rest = g;
  rest.a += extra * (rows + 1) * g.a_row;
  rest.c += extra * (rows + 1) * g.c_row;
  tiles[rows - 1](rest, cut.tiles - extra, rows * g.a_row);
}

// The product as one panel of tiles that read both operands in place: no more columns than a tile
// has. Part of its caller, for tiny products.
template <class Arch, class T>
[[gnu::always_inline]] inline void gemm_panel(const Gemm<T>& g) {
  const auto& panel = gemm_panel_tiles<Arch, T>().width[g.n - 1];
  if (g.m <= panel.rows) {
    panel.once[g.m - 1](g, 1, 0);
  } else {
    gemm_tiles_below<Arch>(g, panel);
  }
}

// Elements of a B that is turned on the stack.
inline constexpr std::int64_t kGemmTurned = 4096;

// One panel and the few columns behind its last whole register. A function of its own, for its
// stack.
template <class Arch, class T>
[[gnu::noinline]] void gemm_panel_and_few(const Gemm<T>& g, std::int64_t few) {
  Gemm<T> whole = g;
  whole.n -= few;
  gemm_panel<Arch>(whole);
  gemm_columns<Arch>(some_columns<Arch>(g, whole.n, few));
}

// The same for a small B that runs along k. A function of its own, for its stack.
template <class Arch, class T>
[[gnu::noinline]] void gemm_turned_panel(const Gemm<T>& g, std::int64_t few) {
  alignas(64) T turned[kGemmTurned + static_cast<std::int64_t>(xsimd::batch<T, Arch>::size)];
  Gemm<T> whole = g;
  whole.n -= few;
  pack_b<Arch>(turned, g.b, 1, g.b_col, g.k, whole.n);
  whole.b = turned;
  whole.b_row = packed_width<Arch, T>(whole.n);
  whole.b_col = 1;
  gemm_panel<Arch>(whole);
  if (few > 0) gemm_columns<Arch>(some_columns<Arch>(g, whole.n, few));
}

// The product by one panel, if it is one. Nothing but the arithmetic and a handful of compares, for
// tiny products.
template <class Arch, class T>
[[gnu::always_inline]] inline bool gemm_one_panel(const Gemm<T>& g) {
  if (!kHasMask<Arch> || g.n > GemmPanelTiles<Arch, T>::max_columns || g.k > kGemmDepth ||
      g.m > kGemmPanelRows) {
    return false;
  }
  const std::int64_t few = few_columns<Arch>(g);
  if (g.b_col != 1) [[unlikely]] {
    if (g.b_row != 1 || packed_width<Arch, T>(g.n) * g.k > kGemmTurned) return false;
    gemm_turned_panel<Arch>(g, few);
    return true;
  }
  if (few > 0) {
    gemm_panel_and_few<Arch>(g, few);
    return true;
  }
  gemm_panel<Arch>(g);
  return true;
}

}  // namespace heed::simd
