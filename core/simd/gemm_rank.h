// Products of the smallest depths, of which the time goes into the stores of C: rows of C one after
// the other, with B, a few registers wide, held in registers as far as there are.
#pragma once

#include <cstdint>
#include <utility>
#include <xsimd/xsimd.hpp>

#include "core/simd/gemm_micro.h"
#include "core/simd/kernels.h"
#include "core/simd/lanes.h"

namespace heed::simd {

/// The largest depth of these anywhere, and with the registers that there are.
inline constexpr int kGemmMaxRank = 8;
template <class Arch>
inline constexpr int kGemmRank = kRegisters<Arch> == 32 ? kGemmMaxRank : 4;
/// How many registers of columns a panel has at most, if it is the only one (`alone`) or among
/// others. Lines that lie one behind the other are stored faster than pieces of rows (Zen 5: 1.1 to
/// 1.5 cycles a line that the second cache holds, against 2.1 to 2.5); what of B finds no register
/// is read for every row.
inline constexpr int kGemmRankWidest = 16;
template <class Arch>
constexpr int gemm_rank_vectors(int depth, bool alone = true) {
  if (depth > 4) return 3;
  if (kRegisters<Arch> < 32) return GemmTiles<Arch>::max_vectors;
  constexpr int only[] = {kGemmRankWidest, kGemmRankWidest, kGemmRankWidest, 8},
                one_of[] = {16, 12, 8, 8};
  return alone ? only[depth - 1] : one_of[depth - 1];
}

// g.m rows of C, of at most Vectors registers, the last of them by mask where `masked`. An element
// is summed as in a tile (gemm_micro.h).
template <class Arch, class T, int Depth, int Vectors, bool masked>
void gemm_rank_rows(const Gemm<T>& g) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int lanes = static_cast<int>(Batch::size);
  constexpr int last = Vectors - 1;
  const LaneMask<Arch, T> mask(g.n - last * lanes);
  const auto load = [&](const T* from, int v) {
    return masked && v == last ? mask.load(from + v * lanes)
                               : Batch::load_unaligned(from + v * lanes);
  };
  Batch b[Depth][Vectors], bias[Vectors];
#pragma GCC unroll 8
  for (int p = 0; p < Depth; ++p) {
#pragma GCC unroll 16
    for (int v = 0; v < Vectors; ++v) b[p][v] = load(g.b + p * g.b_row, v);
  }
#pragma GCC unroll 16
  for (int v = 0; v < Vectors; ++v) bias[v] = g.bias == nullptr ? Batch(T(0)) : load(g.bias, v);
  const bool has_bias = g.bias != nullptr, accumulate = g.accumulate;
  const bool more = has_bias || accumulate;
  const auto finish = [&](T* to, int v, Batch sum) {
    if (more) [[unlikely]] {
      if (has_bias) sum = sum + bias[v];
      if (accumulate) sum = sum + load(to, v);
    }
    if (masked && v == last) {
      mask.store(to + v * lanes, sum);
    } else {
      sum.store_unaligned(to + v * lanes);
    }
  };
  const T* a = g.a;
  T* c = g.c;
  for (std::int64_t i = g.m; i > 0; --i, a += g.a_row, c += g.c_row) {
    // Short sums one after the other, which leaves registers to B; of long ones some at a time,
    // that they do not wait for themselves.
    constexpr int together = Depth <= 4 ? 1 : Vectors;
    Batch x[Depth];
#pragma GCC unroll 8
    for (int p = 0; p < Depth; ++p) x[p] = Batch(a[p * g.a_col]);
#pragma GCC unroll 16
    for (int first = 0; first < Vectors; first += together) {
      Batch sum[together];
#pragma GCC unroll 4
      for (int v = 0; v < together; ++v) sum[v] = Batch(T(0));
#pragma GCC unroll 8
      for (int p = 0; p < Depth; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < together; ++v) sum[v] = multiply_add(x[p], b[p][first + v], sum[v]);
      }
#pragma GCC unroll 4
      for (int v = 0; v < together; ++v) finish(c, first + v, sum[v]);
    }
  }
}

template <class T>
using GemmRankFunction = void (*)(const Gemm<T>& rows);

template <class Arch, class T, int Depth, int Vectors, bool masked>
constexpr GemmRankFunction<T> gemm_rank_entry() {
  if constexpr (Depth <= kGemmRank<Arch> && Vectors <= gemm_rank_vectors<Arch>(Depth)) {
    return &gemm_rank_rows<Arch, T, Depth, Vectors, masked>;
  } else {
    return nullptr;
  }
}

template <class T>
struct GemmRankRows {
  GemmRankFunction<T> of[kGemmRankWidest][2];  // [registers - 1][masked]
};

template <class Arch, class T, int Depth, int... V>
constexpr GemmRankRows<T> make_gemm_rank(std::integer_sequence<int, V...>) {
  return {{{gemm_rank_entry<Arch, T, Depth, V + 1, false>(),
            gemm_rank_entry<Arch, T, Depth, V + 1, true>()}...}};
}

template <class T>
struct GemmRankTable {
  GemmRankRows<T> depth[kGemmMaxRank];  // [depth - 1]
};
template <class Arch, class T, int... D>
constexpr GemmRankTable<T> make_gemm_rank_table(std::integer_sequence<int, D...>) {
  return {{make_gemm_rank<Arch, T, D + 1>(std::make_integer_sequence<int, kGemmRankWidest>{})...}};
}
template <class Arch, class T>
inline constexpr GemmRankTable<T> kGemmRankTable =
    make_gemm_rank_table<Arch, T>(std::make_integer_sequence<int, kGemmMaxRank>{});

/// Whether g is better done so. Fewer columns than a register has are better turned into tiles of
/// many rows; and tiles know a half register, of which the saving shows where registers are few.
template <class Arch, class T>
bool is_gemm_rank(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (g.k > kGemmRank<Arch> || g.n < lanes) return false;
  const std::int64_t left = g.n % lanes;
  const bool half = kHasHalf<Arch> && left > 0 && left <= lanes / 2 && g.n < 4 * lanes;
  return !half || g.k <= 4;
}

/// The product g as one panel: of no more columns than gemm_rank_vectors registers have, B's
/// adjacent.
template <class Arch, class T>
void gemm_rank_panel(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const std::int64_t vectors = (g.n + lanes - 1) / lanes;
  kGemmRankTable<Arch, T>.depth[g.k - 1].of[vectors - 1][g.n < vectors * lanes](g);
}

}  // namespace heed::simd
