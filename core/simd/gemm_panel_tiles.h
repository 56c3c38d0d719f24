// The tiles of one panel: a B of no more columns than a tile has, read in place.
#pragma once

#include <cstdint>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_micro.h"
#include "core/simd/lanes.h"

namespace heed::simd {

// The rows of a panel that is not cut, at most.
inline constexpr std::int64_t kGemmPanelRows = 192;

// How the rows of a panel are cut into tiles: the first few are a row higher than the others.
struct PanelRows {
  std::uint8_t tiles, rows;  // how many; rows of the others
};

// For tiles of so many registers: as few as will do, all about as high, or up to six more if those
// are all as high. One loop does them then, where a second call takes as long as two or three steps
// of k, or several tiles' beginnings; but lower tiles, too, have to keep two units of four cycles
// busy, and if there are many, with some to spare. (32 rows of two registers by 8, rather than by
// 11 and 10: 0.93 of the time at k = 32; 64 rows of four by 4, rather than by 6 and 5: 0.99 at
// k = 64; Zen 5, AVX-512.)
template <class Arch, int Vectors>
constexpr PanelRows panel_rows(std::int64_t m) {
  EvenCut cut = even_cut<Arch>(m, GemmTiles<Arch>::rows(Vectors));
  for (std::int64_t more = 1; cut.extra > 0 && more <= 6; ++more) {
    const std::int64_t tiles = cut.pieces + more, chains = m / tiles * Vectors;
    if (m % tiles == 0 && chains >= (more <= 2 ? 8 : 12)) cut = {tiles, m / tiles, 0};
  }
  return {static_cast<std::uint8_t>(cut.pieces), static_cast<std::uint8_t>(cut.size)};
}

template <class Arch, int Vectors>
struct PanelRowTable {
  PanelRows of[kGemmPanelRows + 1];  // [m]
  constexpr PanelRowTable() : of{} {
    for (std::int64_t m = 1; m <= kGemmPanelRows; ++m) of[m] = panel_rows<Arch, Vectors>(m);
  }
};
template <class Arch, int Vectors>
inline constexpr PanelRowTable<Arch, Vectors> kPanelRows;

// The tiles that read a B of n columns in place, of up to as many rows as its registers allow.
template <class Arch, class T>
struct GemmPanelTiles {
  static constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  static constexpr std::int64_t widest = lanes * GemmTiles<Arch>::max_vectors;
  // Of a product that is one panel wherever its operands lie. (Tiles of four registers are lower,
  // and so read B oftener.)
  static constexpr std::int64_t max_columns = widest < lanes * 3 ? widest : lanes * 3;
  struct Width {
    std::int64_t rows;
    const PanelRows* cut;                   // [m]
    const GemmTileFunction<T>*once, *many;  // [rows - 1]
  };
  Width width[widest];  // [n - 1]

  template <bool own>
  constexpr explicit GemmPanelTiles(std::bool_constant<own> /*own*/) : width{} {
    constexpr const PanelRows* cuts[] = {kPanelRows<Arch, 1>.of, kPanelRows<Arch, 2>.of,
                                         kPanelRows<Arch, 3>.of, kPanelRows<Arch, 4>.of};
    for (std::int64_t n = 1; n <= widest; ++n) {
      const std::int64_t vectors = (n + lanes - 1) / lanes, last = n - (vectors - 1) * lanes;
      const Tail tail = tail_of<Arch, T>(vectors, last, false);
      width[n - 1] = {GemmTiles<Arch>::rows(static_cast<int>(vectors)), cuts[vectors - 1],
                      gemm_tiles<Arch, T, false, own>(tail).tile[vectors - 1],
                      gemm_tiles<Arch, T, true, own>(tail).tile[vectors - 1]};
    }
  }
};

template <class Arch, class T, bool own>
inline constexpr GemmPanelTiles<Arch, T> kGemmPanelTiles{std::bool_constant<own>{}};
template <class Arch, class T>
[[gnu::always_inline]] inline const GemmPanelTiles<Arch, T>& gemm_panel_tiles() {
  return own_broadcasts<Arch>() ? kGemmPanelTiles<Arch, T, kHasHalf<Arch>>
                                : kGemmPanelTiles<Arch, T, false>;
}

}  // namespace heed::simd
