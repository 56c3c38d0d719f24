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
#include <type_traits>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "core/simd/kernels.h"
#include "core/simd/lanes.h"
#include "core/simd/prefetch.h"
#include "core/simd/processor.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

// How the last register of a row of B is read: whole (also when it is packed, and padded);
// by mask, when B ends before its last lane; as a register of half the width, by mask; or, again by
// mask, a few columns twice, so that one register of 256 bits does them for two rows.
enum class Tail { Whole, Masked, Half, Pair };

// `count` tiles, one below the other, A advancing by a_next elements from one to the next. The
// columns of B are adjacent, and at most Vectors registers wide; m is not read, Rows being the
// rows.
template <class T>
using GemmTileFunction = void (*)(const Gemm<T>& tile, std::int64_t count, std::int64_t a_next);

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
template <class Arch, class T>
requires(kHasHalf<Arch>) struct TailOf<Arch, T, Tail::Pair> : TailOf<Arch, T, Tail::Half> {
};

// The columns for which a pair of rows shares a register, behind a whole one at least. (With AVX2's
// registers, of which half are spent in loads and blends, it is even.)
template <class Arch, class T>
inline constexpr std::int64_t kPairColumns =
    kHasHalf<Arch> ? TailOf<Arch, T, Tail::Pair>::type::size / 2 : 0;

// The tail of a B of `last` columns in the last of its `vectors` registers; `whole`: it may be read
// beyond them.
template <class Arch, class T>
constexpr Tail tail_of(std::int64_t vectors, std::int64_t last, bool whole) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (last <= kPairColumns<Arch, T> && vectors > 1) return Tail::Pair;
  if (kHasHalf<Arch> && last <= lanes / 2) return Tail::Half;
  return kHasMask<Arch> && !whole && last < lanes ? Tail::Masked : Tail::Whole;
}

// Steps of k for which a line of A is asked before it is read.
inline constexpr std::int64_t kGemmAhead = 8;

// The loop over tiles is inside: between two of them the multiply-adds wait for some 10 cycles,
// and for 45 where each is a call.
// `many` false: of one only, for the smallest products, with fewer registers to save.
// `own`: where a row is a whole register and part of one, each has a broadcast of its own.
template <class Arch, class T, int Rows, int Vectors, Tail tail, bool many, bool own>
void gemm_tile(const Gemm<T>& tile, [[maybe_unused]] std::int64_t count,
               [[maybe_unused]] std::int64_t a_next) {
  using Batch = xsimd::batch<T, Arch>;
  using Last = typename TailOf<Arch, T, tail>::type;
  using Mask = typename TailOf<Arch, T, tail>::Mask;
  constexpr int lanes = static_cast<int>(Batch::size);
  constexpr int whole = Vectors - 1;  // registers before the last
  constexpr int group = 4;            // rows of A addressed from one pointer
  constexpr int groups = (Rows + group - 1) / group;
  constexpr int at = whole * lanes;
  constexpr int lasts = tail == Tail::Pair ? (Rows + 1) / 2 : Rows;

  const std::int64_t last = tile.n - at;  // columns in the last register of a row
  const Mask mask(last);
  [[maybe_unused]] const Mask lower(static_cast<std::int64_t>(Last::size / 2));  // of a pair
  const std::int64_t a_row = tile.a_row, a_col = tile.a_col, b_row = tile.b_row;
  const T* first = tile.a;
  T* c = tile.c;
  do {
    Batch sum[Rows][whole + 1];
    Last sum_last[lasts];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < whole; ++v) sum[i][v] = Batch(T(0));
    }
#pragma GCC unroll 16
    for (int i = 0; i < lasts; ++i) sum_last[i] = Last(T(0));
    if (tile.accumulate || (many && tile.far)) {  // C is on its way while the tile is summed
      T* line = c;
      for (int i = 0; i < Rows; ++i, line += tile.c_row) {
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) fetch_to_write(line + v * lanes);
      }
    }
    const T* a[groups];
#pragma GCC unroll 4
    for (int g = 0; g < groups; ++g) a[g] = first + g * group * a_row;
    const T* b = tile.b;
#pragma GCC unroll 4
    for (std::int64_t p = tile.k; p > 0; --p) {
      Batch row[whole + 1];
      Last row_last;
#pragma GCC unroll 4
      for (int v = 0; v < whole; ++v) row[v] = Batch::load_unaligned(b + v * lanes);
      if constexpr (tail == Tail::Whole) {
        row_last = Last::load_unaligned(b + at);
      } else {
        row_last = mask.load(b + at);
      }
      if constexpr (tail == Tail::Pair) row_last = lower_half_twice(row_last);
      [[maybe_unused]] Last even;
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
        const T x = a[i / group][(i % group) * a_row];
        [[maybe_unused]] const Batch wide(x);
#pragma GCC unroll 4
        for (int v = 0; v < whole; ++v) sum[i][v] = multiply_add(wide, row[v], sum[i][v]);
        Last low;
        if constexpr (whole > 0 && !own && (tail == Tail::Pair || tail == Tail::Half)) {
          low = Last(low_half<typename Last::register_type>(wide.data));
        } else {
          low = Last(x);
        }
        if constexpr (tail == Tail::Pair) {
          if (i % 2 == 0) even = low;
          if (i % 2 == 1 || i + 1 == Rows) {
            sum_last[i / 2] = multiply_add(lower.select(even, low), row_last, sum_last[i / 2]);
          }
        } else {
          sum_last[i] = multiply_add(low, row_last, sum_last[i]);
        }
      }
#pragma GCC unroll 4
      for (int g = 0; g < groups; ++g) a[g] += a_col;
      // Where A runs across k every step is a line of its own, which the core would ask for too
      // late: multiply-adds that wait for their operands leave it no room to look ahead. (With half
      // the registers, and so half the arithmetic a step, asking costs 3 %; a large A is packed.)
      if constexpr (many && Rows >= 4 && kRegisters<Arch> == 32) fetch(a[0] + kGemmAhead * a_col);
      b += b_row;
    }

    // Read again, and only now: values kept over the loop take registers, and saving those of the
    // caller costs as much as a step of a small tile.
    const Gemm<T>& to = *forget_origin(&tile);
    const std::int64_t c_row = to.c_row;
    Last end[Rows];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
      if constexpr (tail == Tail::Pair) {
        end[i] = i % 2 == 0 ? sum_last[i / 2] : exchange_halves(sum_last[i / 2]);
      } else {
        end[i] = sum_last[i];
      }
    }
    if (to.bias != nullptr) {
#pragma GCC unroll 4
      for (int v = 0; v < whole; ++v) {
        const Batch bias = Batch::load_unaligned(to.bias + v * lanes);
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) sum[i][v] = sum[i][v] + bias;
      }
      const Last bias = mask.load(to.bias + at);
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) end[i] = end[i] + bias;
    }
    if (to.accumulate) {
#pragma GCC unroll 16
      for (int i = 0; i < Rows; ++i) {
        const T* before = c + i * c_row;
#pragma GCC unroll 4
        for (int v = 0; v < whole; ++v) {
          sum[i][v] = sum[i][v] + Batch::load_unaligned(before + v * lanes);
        }
        end[i] = end[i] + mask.load(before + at);
      }
    }
    const bool full = last == static_cast<std::int64_t>(Last::size);
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < whole; ++v) sum[i][v].store_unaligned(c + v * lanes);
      if (full) {
        end[i].store_unaligned(c + at);
      } else {
        mask.store(c + at, end[i]);
      }
      c += c_row;
    }
    if constexpr (many) first += a_next;
  } while (many && --count > 0);
}

// The tiles of an instruction set: how many registers wide, and how many rows go with a width.
template <class Arch>
struct GemmTiles {
  static constexpr int max_vectors = kRegisters<Arch> == 32 ? 4 : 2;
  static constexpr int rows(int vectors) {
    if (kRegisters<Arch> == 32) return vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 16;
    return vectors == 2 ? 6 : 12;
  }
};
inline constexpr int kGemmMaxRows = 16;

template <class T>
struct GemmTileTable {
  GemmTileFunction<T> tile[4][kGemmMaxRows];
};

// Whether this machine's cores are better with `own`: a load each, which goes with the
// multiply-add, costs Zen 4's nothing, and a register to be shared 0.4 of one. Cores whose units
// are as wide as registers have two loads a cycle to two multiply-adds, and wait for them (Zen 5:
// 24x64 by 64x20 in 0.65 of the time without).
template <class Arch>
bool own_broadcasts() {
  return kHasHalf<Arch> && kHalves512;
}

template <class Arch, class T, Tail tail, bool many, bool own, int Vectors, int Rows>
constexpr GemmTileFunction<T> gemm_tile_entry() {
  constexpr bool has_pair = kPairColumns<Arch, T> != 0 && Vectors > 1;
  constexpr bool has_tail = tail == Tail::Pair   ? has_pair
                            : tail == Tail::Half ? kHasHalf<Arch>
                                                 : kHasMask<Arch> || tail == Tail::Whole;
  if constexpr (has_tail && Vectors <= GemmTiles<Arch>::max_vectors &&
                Rows <= GemmTiles<Arch>::rows(Vectors)) {
    constexpr bool each = own && Vectors == 2 && (tail == Tail::Pair || tail == Tail::Half);
    return &gemm_tile<Arch, T, Rows, Vectors, tail, many, each>;
  } else {
    return nullptr;
  }
}

template <class Arch, class T, Tail tail, bool many, bool own, int... R>
constexpr GemmTileTable<T> make_gemm_tiles(std::integer_sequence<int, R...>) {
  return {{{gemm_tile_entry<Arch, T, tail, many, own, 1, R + 1>()...},
           {gemm_tile_entry<Arch, T, tail, true, own, 2, R + 1>()...},
           {gemm_tile_entry<Arch, T, tail, true, own, 3, R + 1>()...},
           {gemm_tile_entry<Arch, T, tail, true, own, 4, R + 1>()...}}};
}

template <class Arch, class T, Tail tail, bool many, bool own>
inline constexpr GemmTileTable<T> kGemmTiles =
    make_gemm_tiles<Arch, T, tail, many, own>(std::make_integer_sequence<int, kGemmMaxRows>{});

// The tiles of a kind of tail.
template <class Arch, class T, bool many, bool own>
constexpr const GemmTileTable<T>& gemm_tiles(Tail tail) {
  switch (tail) {
    case Tail::Masked: return kGemmTiles<Arch, T, Tail::Masked, many, own>;
    case Tail::Half: return kGemmTiles<Arch, T, Tail::Half, many, own>;
    case Tail::Pair: return kGemmTiles<Arch, T, Tail::Pair, many, own>;
    case Tail::Whole: break;
  }
  return kGemmTiles<Arch, T, Tail::Whole, many, own>;
}
template <class Arch, class T>
const GemmTileTable<T>& gemm_tiles(Tail tail) {
  return own_broadcasts<Arch>() ? gemm_tiles<Arch, T, true, kHasHalf<Arch>>(tail)
                                : gemm_tiles<Arch, T, true, false>(tail);
}

}  // namespace heed::simd
