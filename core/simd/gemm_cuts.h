// Where the matrix product is cut: depths that decide bits, and sizes of blocks that do not.
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/simd/caches.h"
#include "core/simd/kernels.h"
#include "core/simd/lanes.h"

namespace heed::simd {

// The longest piece of k that is summed before it is added to C. Not the machine's: it decides the
// order of sums, which is the same everywhere.
inline constexpr std::int64_t kGemmDepth = 512;
// The depth up to which the time goes into the stores of C.
inline constexpr std::int64_t kGemmThin = 16;
// Steps of k a column, below which a B that runs along n, of few columns, is left to tiles: the
// other ways for few columns (turns_few, is_gemm_across) ask for at least as many.
inline constexpr std::int64_t kGemmTileSteps = 4;
// Multiply-adds that are worth a thread: some 30 µs.
inline constexpr std::int64_t kGemmChunk = std::int64_t{1} << 20;

/// `total` cut into as few pieces of at most `most` as will do, as even as can be: the first
/// `extra` pieces are one larger than the others.
struct EvenCut {
  std::int64_t pieces, size, extra;
};
template <class Arch>
constexpr EvenCut even_cut(std::int64_t total, std::int64_t most) {
  if (total <= most) return {1, total, 0};
  const std::int64_t pieces = (total + most - 1) / most;
  const std::int64_t size = total / pieces;
  return {pieces, size, total - size * pieces};
}

/// The part of the product that is its n columns from j on.
template <class Arch, class T>
Gemm<T> some_columns(const Gemm<T>& g, std::int64_t j, std::int64_t n) {
  Gemm<T> part = g;
  part.n = n;
  part.b = g.b + j * g.b_col;
  part.c = g.c + j;
  if (g.bias != nullptr) part.bias = g.bias + j;
  return part;
}

/// The part that is its m rows from i on.
template <class Arch, class T>
Gemm<T> some_rows(const Gemm<T>& g, std::int64_t i, std::int64_t m) {
  Gemm<T> part = g;
  part.m = m;
  part.a = g.a + i * g.a_row;
  part.c = g.c + i * g.c_row;
  return part;
}

/// The part that is its k steps from p on, added to what those before left in C.
template <class Arch, class T>
Gemm<T> some_depth(const Gemm<T>& g, std::int64_t p, std::int64_t k) {
  Gemm<T> part = g;
  part.k = k;
  part.a = g.a + p * g.a_col;
  part.b = g.b + p * g.b_row;
  if (p > 0) {
    part.bias = nullptr;
    part.accumulate = true;
  }
  return part;
}

/// Whether lines a step of so many elements apart lie whole pages apart, and so share a few places
/// of the caches.
template <class Arch, class T>
bool pages_apart(std::int64_t step) {
  return step != 0 && step * static_cast<std::int64_t>(sizeof(T)) % 4096 == 0;
}

// Where to cut and what to copy, from the machine's caches: none of it shows in the bits. The
// shares are those that measured best with caches of 32 KiB, 1 MiB and 32 MiB
// (docs/performance.md).
template <class Arch, class T>
struct GemmBlocks {
  const Caches& cache = caches();
  static constexpr std::int64_t size = static_cast<std::int64_t>(sizeof(T));

  /// Rows and columns of the blocks into which C is cut: A's block, k deep, takes three eighths of
  /// the second cache, B's a quarter of the third. Columns in whole registers of any set.
  std::int64_t rows(std::int64_t k) const { return cache.second * 3 / 8 / (k * size); }
  std::int64_t columns() const { return cache.third / 4 / (kGemmDepth * size) / 16 * 16; }
  /// Bytes of a B that is read in place, from its first to its last. Measured with second caches of
  /// one and of two MiB; narrow panels read a line a row.
  std::int64_t in_place() const {
    const bool twice = kRegisters<Arch> == 32 && cache.second > (std::int64_t{1} << 20);
    return cache.second * (twice ? 10 : 5) / 32;
  }
  /// Bytes of a C that is written by single rows of tiles.
  std::int64_t stores() const { return cache.second; }
  /// The depth up to which three registers of columns are panel enough: their B stays in the first
  /// cache, about, and tiles of eight rows begin and end fastest. Beyond, A would be read too
  /// often.
  std::int64_t narrow() const {
    constexpr std::int64_t register_bytes = sizeof(xsimd::batch<T, Arch>);
    return cache.first * 2 / 3 / register_bytes;
  }
};

}  // namespace heed::simd
