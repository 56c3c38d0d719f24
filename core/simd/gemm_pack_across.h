// Packing of an A that runs across k, as a gradient of a weight does: its lines hold the rows of
// several pieces of the panel.
//
// A step of a piece is 5 to 8 values, less than a register of them, and a copy step by step takes a
// load and a store for each. Several steps lie one behind the other in the panel, though: a
// register of it is put together from parts of two or three of them, each loaded to where it comes
// to lie and blended over what is right of the part before. (Of the time of step by step 0.65 in
// the caches.)
#pragma once

#include <cstdint>
#include <xsimd/xsimd.hpp>

#include "core/simd/caches.h"
#include "core/simd/gemm_cuts.h"
#include "core/simd/lanes.h"
#include "core/simd/prefetch.h"

namespace heed::simd {

// The steps of k that are packed for all rows before the next: their lines are in the first cache
// meanwhile, of which rows a page apart find few places.
inline constexpr int kPackSteps = 8;

// The lanes before `count`.
template <int count>
struct FirstLanes {
  static constexpr bool get(unsigned lane, unsigned) { return static_cast<int>(lane) < count; }
};

// The register of the panel that starts with element `at`, put together from step `step` on; x is
// where the first step is read, `before` what the steps before have put there.
template <class Batch, int rows, int at, int step, class T>
[[gnu::always_inline]] inline Batch joined(const T* x, std::int64_t a_col, Batch before) {
  constexpr int begin = step * rows - at;  // the lane where the step begins
  if constexpr (begin >= static_cast<int>(Batch::size)) {
    return before;
  } else {
    Batch part = Batch::load_unaligned(x + step * a_col - begin);
    if constexpr (begin > 0) {
      constexpr auto left = xsimd::make_batch_bool_constant<Batch, FirstLanes<begin>>();
      part = xsimd::select(left, before, part);
    }
    return joined<Batch, rows, at, step + 1>(x, a_col, part);
  }
}

// Packs kPackSteps steps of `rows` rows, whole registers. Reads less than a register before each
// step but the first and behind each but the last: with lines at least a register apart, nothing
// before the first step or behind the last.
template <class Arch, class T, int rows, int at = 0>
[[gnu::always_inline]] inline void pack_joined(T* out, const T* x, std::int64_t a_col) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr int lanes = static_cast<int>(Batch::size);
  static_assert(kPackSteps * rows % lanes == 0);
  if constexpr (at < kPackSteps * rows) {
    joined<Batch, rows, at, at / rows>(x, a_col, Batch(T(0))).store_unaligned(out + at);
    pack_joined<Arch, T, rows, at + lanes>(out, x, a_col);
  }
}

// The rows of a piece of a large A: up to them steps are joined.
inline constexpr int kJoinedRows = 8;

// Packs kPackSteps steps so, if they are of as many rows as that; else false.
template <class Arch, class T>
[[gnu::always_inline]] inline bool pack_if_joined(T* out, const T* x, std::int64_t a_col,
                                                  std::int64_t rows) {
  if constexpr (!kHasHalf<Arch>) {
    switch (rows) {
      case 5: pack_joined<Arch, T, 5>(out, x, a_col); return true;
      case 6: pack_joined<Arch, T, 6>(out, x, a_col); return true;
      case 7: pack_joined<Arch, T, 7>(out, x, a_col); return true;
      case kJoinedRows: pack_joined<Arch, T, kJoinedRows>(out, x, a_col); return true;
    }
  }
  return false;
}

// Packs up to kPackSteps of the last `left` steps of a piece, one by one, as pack_a does: stores
// run into what is written later. Those that would leave the piece do not.
template <class Arch, class T>
void pack_steps(T* out, const T* x, std::int64_t a_col, std::int64_t left, std::int64_t rows) {
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  for (std::int64_t i = (rows - 1) / lanes * lanes; i >= 0; i -= lanes) {
    const LaneMask<Arch, T> mask(rows - i < lanes ? rows - i : lanes);
    for (std::int64_t q = 0; q < kPackSteps && q < left; ++q) {
      const auto values = mask.load(x + q * a_col + i);
      T* const to = out + q * rows + i;
      if ((left - q) * rows - i >= lanes) {
        values.store_unaligned(to);
      } else {
        mask.store(to, values);
      }
    }
  }
}

/// Packs an A that runs across k for the pieces of its rows one after the other, each as pack_a
/// does.
template <class Arch, class T>
void pack_a_across(T* out, const T* a, std::int64_t a_col, std::int64_t k, const EvenCut& cut) {
  if constexpr (kHasHalf<Arch>) {  // shorter loads and stores meet fewer ends of lines
    if (cut.size + (cut.extra > 0) <= kJoinedRows) {
      pack_a_across<Half<Arch>>(out, a, a_col, k, cut);
      return;
    }
  }
  constexpr std::int64_t line = 64 / static_cast<std::int64_t>(sizeof(T));
  constexpr std::int64_t lanes = static_cast<std::int64_t>(xsimd::batch<T, Arch>::size);
  const std::int64_t all = cut.size * cut.pieces + cut.extra;
  const bool far = k * a_col * static_cast<std::int64_t>(sizeof(T)) > caches().second;
  for (std::int64_t p = 0; p < k; p += kPackSteps) {
    const T* from = a + p * a_col;
    for (std::int64_t q = kPackSteps; far && q < 2 * kPackSteps; ++q) {
      for (std::int64_t i = 0; i < all; i += line) fetch(from + q * a_col + i);
    }
    T* to = out;
    for (std::int64_t piece = 0, done = 0; piece < cut.pieces; ++piece) {
      const std::int64_t rows = cut.size + (piece < cut.extra);
      // What is read beside a piece is A's, too: another thread may write what is not.
      const bool within = a_col == all || (done >= lanes && all - done - rows >= lanes);
      if (k - p < kPackSteps || a_col < lanes || !within ||
          !pack_if_joined<Arch>(to + p * rows, from + done, a_col, rows)) {
        pack_steps<Arch>(to + p * rows, from + done, a_col, k - p, rows);
      }
      to += rows * k;
      done += rows;
    }
  }
}

}  // namespace heed::simd
