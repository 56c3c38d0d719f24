// The matrix product of the kernel table: which of the ways to take, and how to share the work.
//
//  - One tile, one panel: no more columns than a tile has. Nothing but the arithmetic.
//  - A row or a column: gemm_vector.h. Few rows of operands along k, few columns with an A along k:
//    gemm_dots.h. Few columns with an A across k: gemm_columns.h.
//  - A small k: all stores, so row after row of C (gemm_thin.h).
//  - Else blocks (gemm_block.h), cut along k and n for the caches, with B read in place where that
//    is as fast, else packed.
// Columns that whole registers leave over, and few columns without others, may go a way of their
// own (gemm_columns.h).
//
// Bits: the way, the columns that are few, and the cuts along k depend on the whole product's sizes
// alone; cuts along m and n do not touch an element's sum. So threads may share C in any pieces.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/caches.h"
#include "core/simd/gemm_block.h"
#include "core/simd/gemm_columns.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/gemm_dots.h"
#include "core/simd/gemm_one_panel.h"
#include "core/simd/gemm_pack.h"
#include "core/simd/gemm_rank.h"
#include "core/simd/gemm_thin.h"
#include "core/simd/gemm_vector.h"
#include "core/simd/kernels.h"
#include "core/simd/prefetch.h"
#include "core/simd/processor.h"

namespace heed::simd {

// C = 0, or the bias: the product of an empty k.
template <class Arch, class T>
[[gnu::noinline]] void gemm_without_k(const Gemm<T>& g) {
  if (g.accumulate && g.bias == nullptr) return;
  for (std::int64_t i = 0; i < g.m; ++i) {
    T* c = g.c + i * g.c_row;
    for (std::int64_t j = 0; j < g.n; ++j) {
      c[j] = (g.bias == nullptr ? T(0) : g.bias[j]) + (g.accumulate ? c[j] : T(0));
    }
  }
}

// A is read in place, mostly. Where it does not run along k that takes a line a step, which wide
// tiles leave time for while those lines are in the caches, or the core fetches them by itself,
// unless its units are as wide as registers and a large A is read often; tiles of half the
// registers leave no time. Lines that lie whole pages apart share a few places of the caches: they
// are copied for fewer columns, of which wide tiles need some hundred on most cores and those
// others hardly any.
template <class Arch, class T>
bool gemm_packs_a(const Gemm<T>& g) {
  constexpr bool wide = kRegisters<Arch> == 32;
  constexpr std::int64_t size = static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t panel = GemmPanelTiles<Arch, T>::max_columns;
  constexpr std::int64_t widest = GemmPanelTiles<Arch, T>::widest;
  const std::int64_t bytes = g.m * g.k * size;
  if (g.k <= kGemmThin) return false;
  if (g.a_col == 1) return !kCoreFetches && g.n >= 1024 && pages_apart<Arch, T>(g.a_row);
  const bool no_time = kCoreFetches && !kHalves512;
  if (pages_apart<Arch, T>(g.a_col)) {
    const bool soon = no_time && g.n > panel && (g.n > widest || g.m >= 32);
    if (wide && (g.n > 384 || soon)) return true;
    if (!wide && g.n >= widest && g.m >= 12) return true;
  }
  if (!wide && g.n > 160) return !kCoreFetches || bytes > caches().second * 5 / 8;
  if (wide && kCoreFetches) return no_time && g.n >= 768 && bytes > (std::int64_t{13} << 28) / g.n;
  // A copy costs A once, and saves something for every panel of columns that reads A.
  if (g.n <= panel) return false;
  const std::int64_t worth = std::int64_t{1} << (g.a_col * size >= 8192 ? 27 : 29);
  return bytes > worth / g.n;
}

// A product on this thread, cut for the caches; `pack_a` as gemm_packs_a says of the whole, and
// the last `few` columns as gemm_columns does them.
template <class Arch, class T>
[[gnu::noinline]] void gemm_blocks(const Gemm<T>& g, bool pack_a, std::int64_t few) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const std::int64_t whole = g.n - few;
  const bool masked = whole % lanes != 0;
  constexpr std::int64_t size = static_cast<std::int64_t>(sizeof(T));
  const EvenCut k_cut = even_cut<Arch>(g.k, kGemmDepth);
  const GemmBlocks<Arch, T> blocks;
  // In whole registers, so that only the last piece may end inside one.
  const EvenCut n_cut = even_cut<Arch>((whole + lanes - 1) / lanes, blocks.columns() / lanes);
  const EvenCut m_cut = even_cut<Arch>(g.m, blocks.rows(k_cut.size));
  const std::int64_t bytes_b = ((g.k - 1) * g.b_row + g.n) * size;
  const bool pack_b =
      g.b_col != 1 || (!kHasMask<Arch> && masked) || (g.m > 48 && bytes_b > blocks.in_place());
  constexpr std::int64_t widest = GemmTiles<Arch>::max_vectors;
  const bool four = whole > 3 * lanes && whole <= 4 * lanes;  // one panel, without a narrow second
  const std::int64_t most = g.k <= blocks.narrow() && widest > 3 && !four ? 3 : widest;
  T* packed_b = nullptr;
  T* packed_a = nullptr;
  // A, B and C do not fit the second cache together: C is asked for while a tile is summed, if that
  // takes long enough.
  const std::int64_t bytes = (g.m * g.k + g.k * g.n + g.m * g.n) * size;
  const bool far = g.k >= 256 && bytes > blocks.cache.second;
  // One block of rows: each panel of B is packed just before it is multiplied, always to the same
  // place, which so stays in the second cache.
  const bool by_panel = pack_b && m_cut.pieces == 1;
  if (pack_b) {
    const std::int64_t columns = (by_panel ? widest : n_cut.size + 1) * lanes;
    packed_b =
        static_cast<T*>(thread_scratch(1, size * ((k_cut.size + 1) * (columns + lanes) + lanes)));
  }
  if (pack_a) {
    packed_a =
        static_cast<T*>(thread_scratch(0, size * ((k_cut.size + 1) * (m_cut.size + 1) + lanes)));
  }
  for (std::int64_t jc = 0, j = 0; jc < n_cut.pieces; ++jc) {
    const std::int64_t wide = (n_cut.size + (jc < n_cut.extra)) * lanes;
    const std::int64_t n = whole - j < wide ? whole - j : wide;
    for (std::int64_t pc = 0, p = 0; pc < k_cut.pieces; ++pc) {
      const std::int64_t k = k_cut.size + (pc < k_cut.extra);
      GemmOperand<T> b{g.b + p * g.b_row + j * g.b_col, g.b_row, g.b_col, pack_b && !by_panel,
                       by_panel ? packed_b : nullptr};
      if (b.packed) {
        pack_b_block<Arch>(packed_b, b.data, g.b_row, g.b_col, k, n, most);
        b.data = packed_b;
      }
      const T* bias = pc == 0 && g.bias != nullptr ? g.bias + j : nullptr;
      for (std::int64_t ic = 0, i = 0; ic < m_cut.pieces; ++ic) {
        const std::int64_t m = m_cut.size + (ic < m_cut.extra);
        GemmOperand<T> a{g.a + i * g.a_row + p * g.a_col, g.a_row, g.a_col, pack_a};
        if (pack_a) {
          pack_a_block<Arch>(packed_a, a.data, g.a_row, g.a_col, m, k, n, most);
          a.data = packed_a;
        }
        gemm_block<Arch, T>(m, n, k, a, b, g.c + i * g.c_row + j, g.c_row, bias,
                            pc > 0 || g.accumulate, most, far);
        if (few > 0 && jc == n_cut.pieces - 1) {
          const Gemm<T> rest = some_rows<Arch>(some_columns<Arch>(g, whole, few), i, m);
          gemm_columns<Arch>(some_depth<Arch>(rest, p, k));
        }
        i += m;
      }
      p += k;
    }
    j += n;
  }
}

// A product of a small depth, on this thread; false if it is not one.
template <class Arch, class T>
bool gemm_of_small_depth(const Gemm<T>& g) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  if (g.k > kGemmThin) return false;
  if (is_gemm_rank<Arch>(g)) {
    for_column_blocks<Arch>(g, &gemm_rank<Arch, T>);
    return true;
  }
  if (g.b_col != 1 || (!kHasMask<Arch> && g.n % lanes != 0)) return false;
  for_column_blocks<Arch>(g, &gemm_thin<Arch, T>);
  return true;
}

// The product of a row or a column with a matrix that runs along one of its dims; false if it is
// not one, or so small that a tile does it as well.
template <class Arch, class T>
[[gnu::noinline]] bool gemm_as_vector(const Gemm<T>& g) {
  if ((g.m + g.n) * g.k < 128) return false;
  GemmVector<T> v{g.n, g.k, g.a, g.a_col, g.b, g.b_row, g.b_col, g.c, 1, g.bias, 1, g.accumulate};
  if (g.m != 1) {
    v = {g.m, g.k, g.b, g.b_row, g.a, g.a_col, g.a_row, g.c, g.c_row, g.bias, 0, g.accumulate};
  }
  if (v.b_row != 1 && !(v.b_col == 1 && v.y_step == 1)) return false;
  // One row of one panel.
  if (v.b_col == 1 && v.n <= GemmPanelTiles<Arch, T>::max_columns && g.m == 1) return false;
  const std::int64_t few = v.b_col == 1 && g.m == 1 && g.k <= kGemmDepth ? few_columns<Arch>(g) : 0;
  v.n -= few;
  // Memory-bound: what a core reads in 30 µs is less than what it multiplies.
  const std::int64_t grain = (kGemmChunk / 4 / v.k / 256 + 1) * 256;
  if (v.n <= grain || num_threads() == 1) {
    gemm_vector_piece<Arch>(v, 0, v.n);
  } else {
    parallel_for(0, v.n, grain, [&](std::int64_t begin, std::int64_t end) {
      gemm_vector_piece<Arch>(v, begin, end);
    });
  }
  if (few > 0) gemm_columns<Arch>(some_columns<Arch>(g, v.n, few));
  return true;
}

// One product of several panels, its columns (or, where there are few, its rows) shared between
// threads. Pieces along n pack different columns of B, so that nothing is packed twice; where A is
// packed, pieces along m, unless its rows are too few for half of the threads.
template <class Arch, class T>
[[gnu::noinline]] void gemm_shared(const Gemm<T>& g) {
  const std::int64_t work = g.m * g.n * g.k;
  const bool pack_a = gemm_packs_a<Arch>(g);
  const std::int64_t few = few_columns<Arch>(g);
  const auto alone = [](const Gemm<T>& part, bool with_copy, std::int64_t with_few) {
    if (!gemm_of_small_depth<Arch>(part)) gemm_blocks<Arch>(part, with_copy, with_few);
  };
  if (work < 2 * kGemmChunk || num_threads() == 1) return alone(g, pack_a, few);
  constexpr std::int64_t kRows = 192, kColumns = 64;  // of a piece, at least
  const bool few_rows = 2 * g.m < kRows * num_threads();
  const bool columns = (g.a_col == 1 || !pack_a || few_rows) && (g.n >= g.m || g.n >= 512);
  const std::int64_t extent = columns ? g.n - few : g.m;  // the few with the last piece
  // An even number of pieces, as threads mostly are, each worth a thread. A piece of columns reads
  // all of A: four a thread even out. A piece of rows packs B again: no more of those than threads.
  const std::int64_t by_size = extent / (columns ? kColumns : kRows), by_work = work / kGemmChunk;
  const std::int64_t pieces = ((by_size < by_work ? by_size : by_work) + 1) / 2 * 2;
  const std::int64_t limit = columns ? 4 * num_threads() : num_threads();
  const std::int64_t most = pieces < 2 ? 2 : pieces > limit ? limit : pieces;
  parallel_for(0, extent, (extent / most + 15) / 16 * 16,
               [&](std::int64_t begin, std::int64_t end) {
                 if (columns) {  // each piece reads, or copies, all of A for itself
                   const std::int64_t with = end == extent ? few : 0;
                   const Gemm<T> piece = some_columns<Arch>(g, begin, end + with - begin);
                   alone(piece, gemm_packs_a<Arch>(piece), with);
                   return;
                 }
                 alone(some_rows<Arch>(g, begin, end - begin), pack_a, few);
               });
}

template <class Arch, class T>
void gemm(const Gemm<T>& g) {
  if (gemm_one_tile<Arch>(g)) return;
  if (g.m <= 0 || g.n <= 0) return;
  if (g.k <= 0) return gemm_without_k<Arch>(g);
  if (turns_few<Arch>(g)) return gemm_turned_dots<Arch>(g);
  if ((g.m == 1 || g.n == 1) && gemm_as_vector<Arch>(g)) return;
  if (is_gemm_dots<Arch>(g)) return gemm_dots<Arch>(g);
  if (is_gemm_across<Arch>(g)) return gemm_across<Arch>(g);
  if (gemm_one_panel<Arch>(g)) return;
  gemm_shared<Arch>(g);
}

template <class Arch, class T>
void gemm_batch(const GemmBatch<T>& batch) {
  const Gemm<T>& first = batch.first;
  if (batch.b_step == 0 && batch.a_step == first.m * first.a_row &&
      batch.c_step == first.m * first.c_row) {
    Gemm<T> joined = first;
    joined.m *= batch.count;  // one product of all the rows
    gemm<Arch>(joined);
    return;
  }
  const auto products = [&](std::int64_t begin, std::int64_t end) {
    Gemm<T> one = first;
    one.a += begin * batch.a_step;
    one.b += begin * batch.b_step;
    one.c += begin * batch.c_step;
    for (std::int64_t i = begin; i < end; ++i) {
      gemm<Arch>(one);
      one.a += batch.a_step;
      one.b += batch.b_step;
      one.c += batch.c_step;
    }
  };
  const std::int64_t work = first.m * first.n * first.k;
  const std::int64_t grain = work > 0 ? kGemmChunk / work + 1 : batch.count;
  if (grain >= batch.count) {
    products(0, batch.count);
  } else {
    parallel_for(0, batch.count, grain, products);
  }
}

/// Fills in this instruction set's matrix products.
template <class Arch, class T>
void fill_gemm(KernelsOf<T>& table) {
  table.gemm = &gemm<Arch, T>;
  table.gemm_batch = &gemm_batch<Arch, T>;
}

}  // namespace heed::simd
