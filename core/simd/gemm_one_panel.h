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

// Whether a product of no more columns than a tile has is one panel: with four registers a row only
// where B is compact, no lines of A share a few places of the caches, and the work is one thread's.
// (64x64 by 64x64 in 0.98 of the time of blocks; out of a B whose rows are pages apart 1.2 to 1.4;
// Zen 5, AVX-512.)
template <class Arch, class T>
[[gnu::always_inline]] inline bool is_one_panel(const Gemm<T>& g) {
  using Tiles = GemmPanelTiles<Arch, T>;
  constexpr std::int64_t compact = 1024 / static_cast<std::int64_t>(sizeof(T));
  if (!kHasMask<Arch> || g.n > Tiles::widest || g.k > kGemmDepth || g.m > kGemmPanelRows) {
    return false;
  }
  if (g.n <= Tiles::max_columns) [[likely]]
    return true;
  return g.k > kGemmThin && g.b_row < compact && !pages_apart<Arch, T>(g.a_col) &&
         g.m * g.n * g.k < 2 * kGemmChunk;
}

// The product by one panel, if it is one. Nothing but the arithmetic and a handful of compares, for
// small products.
template <class Arch, class T>
[[gnu::always_inline]] inline bool gemm_one_panel(const Gemm<T>& g) {
  if (!is_one_panel<Arch>(g)) return false;
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

// The product by one tile, if it is one and tiny: no more columns than a register has and too few
// steps for any other way. Every compare counts here.
template <class Arch, class T>
[[gnu::always_inline]] inline bool gemm_one_tile(const Gemm<T>& g) {
  using Tiles = GemmPanelTiles<Arch, T>;
  constexpr auto within = [](std::int64_t x, std::int64_t least, std::int64_t most) {
    return static_cast<std::uint64_t>(x - least) <= static_cast<std::uint64_t>(most - least);
  };
  if (!kHasMask<Arch> || g.b_col != 1 || !within(g.n, 2, Tiles::lanes) ||
      !within(g.m, 1, GemmTiles<Arch>::rows(1)) || !within(g.k, 1, kGemmTileSteps * g.n - 1)) {
    return false;
  }
  kGemmPanelTiles<Arch, T, false>.width[g.n - 1].once[g.m - 1](g, 1, 0);  // one broadcast a row
  return true;
}

}  // namespace heed::simd
