// Loops over a row in registers, and the tree by which a row is summed.
//
// A body is written once, for `lanes` that may be a whole register or its first few lanes: what is
// left of a row costs one masked step. Lanes that are not selected read 0 and are never written.
//
// The tree: a row is cut into blocks of kSumBlock elements. Within a block four registers take
// turns, so that no lane adds up more than a few dozen numbers in the precision of the elements;
// they are added in pairs, their lanes in halves, and the blocks in double, in order. The shape
// depends on the length of the row alone: neither threads nor other rows can change a bit, and a
// sum of millions of floats is as good as its first block.
//
// Loops are inlined where they are used: what a body captures is in memory otherwise, where a store
// of a register may have changed it, and is read again for every register (log_softmax's last pass:
// twice the time).
#pragma once

#include <cstdint>

#include "core/simd/caches.h"
#include "core/simd/kernels.h"
#include "core/simd/prefetch.h"
#include "core/simd/registers.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

/// All lanes of a register, with LaneMask's interface.
template <class Arch, class T>
struct AllLanes {
  using Batch = xsimd::batch<T, Arch>;
  static Batch load(const T* p) { return Batch::load_unaligned(p); }
  static void store(T* p, Batch x) { x.store_unaligned(p); }
  static Batch select(Batch x, Batch) { return x; }
};

/// Whether the rows of a result are so large that they leave the caches, and may be streamed.
template <class Arch, class T>
bool can_stream_rows(const T* out, std::int64_t rows, std::int64_t cols) {
  constexpr std::int64_t size = xsimd::batch<T, Arch>::size;
  return past_caches(rows * cols * static_cast<std::int64_t>(sizeof(T))) && cols % size == 0 &&
         can_stream<Arch>(out);
}

/// lanes.store(p, x); whole registers past the caches where `streaming`.
template <bool streaming, class Arch, class T>
void store_row(const AllLanes<Arch, T>&, T* p, xsimd::batch<T, Arch> x) {
  if constexpr (streaming) {
    stream(p, x);
  } else {
    x.store_unaligned(p);
  }
}
template <bool streaming, class Arch, class T>
void store_row(const LaneMask<Arch, T>& lanes, T* p, xsimd::batch<T, Arch> x) {
  lanes.store(p, x);
}

/// step(j, lanes) for each register of [0, n).
template <class Arch, class T, class Step>
[[gnu::always_inline]] inline void for_registers(std::int64_t n, const Step& step) {
  constexpr std::int64_t size = xsimd::batch<T, Arch>::size;
  std::int64_t j = 0;
  for (; j + size <= n; j += size) step(j, AllLanes<Arch, T>{});
  if (j < n) step(j, LaneMask<Arch, T>(n - j));
}

/// Folds step(accumulator, j, lanes) over the registers of [begin, end) with four accumulators in
/// turn, then merge(accumulator, accumulator).
template <class Arch, class T, class State, class Step, class Merge>
[[gnu::always_inline]] inline State fold_registers(std::int64_t begin, std::int64_t end,
                                                   const State& start, const Step& step,
                                                   const Merge& merge) {
  constexpr std::int64_t size = xsimd::batch<T, Arch>::size;
  constexpr AllLanes<Arch, T> all;
  State a = start, b = start, c = start, d = start;
  std::int64_t j = begin;
  for (; j + 4 * size <= end; j += 4 * size) {
    step(a, j, all);
    step(b, j + size, all);
    step(c, j + 2 * size, all);
    step(d, j + 3 * size, all);
  }
  for (; j + size <= end; j += size) step(a, j, all);
  if (j < end) step(b, j, LaneMask<Arch, T>(end - j));
  merge(a, b);
  merge(c, d);
  merge(a, c);
  return a;
}

inline constexpr std::int64_t kSumBlock = 4096;

/// The sum of term(j, lanes) over a row of n; what term gives in lanes not selected is not counted.
template <class Arch, class T, class Term>
[[gnu::always_inline]] inline double sum_row(std::int64_t n, const Term& term) {
  using B = xsimd::batch<T, Arch>;
  double total = 0;
  for (std::int64_t begin = 0; begin < n; begin += kSumBlock) {
    const std::int64_t end = n - begin > kSumBlock ? begin + kSumBlock : n;
    const B sum = fold_registers<Arch, T>(
        begin, end, B(T(0)),
        [&](B& so_far, std::int64_t j, const auto& lanes) {
          so_far += lanes.select(term(j, lanes), B(T(0)));
        },
        [](B& a, const B& b) { a += b; });
    total += static_cast<double>(sum_lanes(sum));
  }
  return total;
}

/// Two sums in one pass: add(u, v, j, lanes) adds to each what is 0 in lanes not selected.
template <class T>
struct TwoSums {
  double first = 0, second = 0;
};
template <class Arch, class T, class Add>
[[gnu::always_inline]] inline TwoSums<T> two_sums_row(std::int64_t n, const Add& add) {
  using B = xsimd::batch<T, Arch>;
  struct Both {
    B u, v;
  };
  TwoSums<T> total;
  for (std::int64_t begin = 0; begin < n; begin += kSumBlock) {
    const std::int64_t end = n - begin > kSumBlock ? begin + kSumBlock : n;
    const Both sums = fold_registers<Arch, T>(
        begin, end, Both{B(T(0)), B(T(0))},
        [&](Both& so_far, std::int64_t j, const auto& lanes) { add(so_far.u, so_far.v, j, lanes); },
        [](Both& a, const Both& b) {
          a.u += b.u;
          a.v += b.v;
        });
    total.first += static_cast<double>(sum_lanes(sums.u));
    total.second += static_cast<double>(sum_lanes(sums.v));
  }
  return total;
}

/// The largest of n values; with a NaN among them, some value or NaN.
template <class Arch, class T>
T max_row(const T* x, std::int64_t n) {
  using B = xsimd::batch<T, Arch>;
  const B least = constant<B>(-kInfinity);
  return max_lanes(fold_registers<Arch, T>(
      0, n, least,
      [&](B& so_far, std::int64_t j, const auto& lanes) {
        so_far = xsimd::max(so_far, lanes.select(lanes.load(x + j), least));
      },
      [](B& a, const B& b) { a = xsimd::max(a, b); }));
}

/// Rows for one chunk of a parallel loop: some 30 µs of work at about a nanosecond an element.
template <class Arch>
std::int64_t chunk_rows(std::int64_t cols) {
  constexpr std::int64_t elements = 32768;
  return cols >= elements ? 1 : elements / (cols > 0 ? cols : 1);
}

}  // namespace heed::simd
