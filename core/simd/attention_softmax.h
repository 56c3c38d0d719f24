// The row work of attention: weights from scores, and their gradients.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>
#include <xsimd/xsimd.hpp>

#include "core/simd/attention_dropout.h"
#include "core/simd/kernels.h"
#include "core/simd/lanes.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

// exp(x) for x <= 88 (double: 709), within 2e-7 (double: 2e-16) relative; 0 where the true value is
// below the normal numbers; NaN stays NaN. With x = n log 2 + r, |r| <= log(2)/2:
// exp(x) = 2^n (1 + r + r^2 P(r)), P minimax of degree 3 for float and Taylor's for double. n is
// rounded by adding 1.5 * 2^mantissa, which leaves it in the low bits, from where it moves into an
// exponent.
template <class T, class Arch>
xsimd::batch<T, Arch> exp_weight(xsimd::batch<T, Arch> x) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr bool single = sizeof(T) == sizeof(float);
  using Bits = std::conditional_t<single, std::int32_t, std::int64_t>;
  using IntBatch = xsimd::batch<Bits, Arch>;
  constexpr T magic = single ? T(12582912.0) : T(6755399441055744.0);
  x = xsimd::max(Batch(single ? T(-88) : T(-709.1)), x);  // the second when one is NaN
  const Batch shifted = multiply_add(x, Batch(T(1.4426950408889634)), Batch(magic));
  const Batch n = shifted - Batch(magic);
  Batch r = multiply_add(n, Batch(single ? T(-0.693145751953125) : T(-0.693147180369123816)), x);
  r = multiply_add(n, Batch(single ? T(-1.42860677e-6) : T(-1.90821492927058770e-10)), r);
  Batch p;
  if constexpr (single) {
    p = multiply_add(r, Batch(T(0.008312049321830273)), Batch(T(0.04189449921250343)));
    p = multiply_add(r, p, Batch(T(0.16667133569717407)));
    p = multiply_add(r, p, Batch(T(0.4999920129776001)));
  } else {
    constexpr double taylor[] = {1. / 479001600, 1. / 39916800, 1. / 3628800, 1. / 362880,
                                 1. / 40320,     1. / 5040,     1. / 720,     1. / 120,
                                 1. / 24,        1. / 6,        1. / 2};
    p = Batch(T(1. / 6227020800.));
    for (double coefficient : taylor) p = multiply_add(r, p, Batch(T(coefficient)));
  }
  p = multiply_add(r * r, p, r) + Batch(T(1));
  const IntBatch bits(__builtin_bit_cast(typename IntBatch::register_type, shifted.data));
  const IntBatch exponent = (bits + IntBatch(Bits(single ? 127 : 1023))) << (single ? 23 : 52);
  return p * Batch(__builtin_bit_cast(typename Batch::register_type, exponent.data));
}

// A tile of scores: rows of `stride` elements (whole registers), columns `first` … of one head.
template <class T>
struct ScoreTile {
  T* data;
  std::int64_t stride;
  std::int64_t rows, columns;            // of them in use
  std::int64_t first_row, first_column;  // the place of the tile in the head's scores
};

// Where one head's inputs begin, and its row of the mask.
template <class Arch, class T>
struct AttentionHead {
  const T *q, *k, *v;
  const bool* bool_mask;
  const T* additive_mask;
  std::uint64_t index;

  AttentionHead(const Attention<T>& a, std::int64_t batch, std::int64_t head)
      : q(a.q + batch * a.q_batch + head * a.q_head),
        k(a.k + batch * a.k_batch + head * a.k_head),
        v(a.v + batch * a.v_batch + head * a.v_head),
        bool_mask(nullptr),
        additive_mask(nullptr),
        index(static_cast<std::uint64_t>(batch * a.heads + head)) {
    const std::int64_t at = batch * a.mask_batch + head * a.mask_head;
    if (a.bool_mask != nullptr) bool_mask = a.bool_mask + at;
    if (a.additive_mask != nullptr) additive_mask = a.additive_mask + at;
  }
};

// Scales the scores and applies the masks that are given as arrays.
template <class Arch, class T>
void apply_masks(const Attention<T>& a, const AttentionHead<Arch, T>& head,
                 const ScoreTile<T>& tile) {
  for (std::int64_t i = 0; i < tile.rows; ++i) {
    T* x = tile.data + i * tile.stride;
    const std::int64_t at = (tile.first_row + i) * a.mask_row + tile.first_column * a.mask_col;
    for (std::int64_t j = 0; j < tile.columns; ++j) x[j] *= a.scale;
    if (head.additive_mask != nullptr) {
      const T* mask = head.additive_mask + at;
      for (std::int64_t j = 0; j < tile.columns; ++j) x[j] += mask[j * a.mask_col];
    }
    if (head.bool_mask != nullptr) {
      const bool* mask = head.bool_mask + at;
      for (std::int64_t j = 0; j < tile.columns; ++j) {
        x[j] = mask[j * a.mask_col] ? x[j] : -std::numeric_limits<T>::infinity();
      }
    }
  }
}

// Puts -inf behind the columns that row i of the tile sees, up to a whole register. Returns the
// columns, in whole registers, that are to be worked on.
template <class Arch, class T>
std::int64_t hide_columns(const Attention<T>& a, const ScoreTile<T>& tile, std::int64_t i) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  std::int64_t seen = tile.columns;
  if (a.causal) {
    const std::int64_t causal = tile.first_row + i - tile.first_column + 1;
    if (causal < seen) seen = causal < 0 ? 0 : causal;
  }
  T* x = tile.data + i * tile.stride;
  const std::int64_t padded = (tile.columns + lanes - 1) / lanes * lanes;
  const Batch hidden(-std::numeric_limits<T>::infinity());
  std::int64_t j = seen / lanes * lanes;
  if (j < seen) {
    LaneMask<Arch, T>(seen - j).select(Batch::load_aligned(x + j), hidden).store_aligned(x + j);
    j += lanes;
  }
  for (; j < padded; j += lanes) hidden.store_aligned(x + j);
  return padded;
}

/// One step of the running softmax of a row (Milakov and Gimelshein, "Online normalizer calculation
/// for softmax", 2018): x becomes exp(x * scale - top), top and sum are brought up to date. Returns
/// the factor by which what was summed before has shrunk.
template <class Arch, class T>
T softmax_step(T* x, std::int64_t padded, T scale, T& top, T& sum) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const Batch factor(scale);
  Batch largest = Batch::load_aligned(x) * factor;
  for (std::int64_t j = lanes; j < padded; j += lanes) {
    largest = xsimd::max(largest, Batch::load_aligned(x + j) * factor);
  }
  const T here = max_lanes(largest);
  const T next = here > top ? here : top;
  const T infinity = std::numeric_limits<T>::infinity();
  const T base = next == -infinity ? T(0) : next;  // all hidden so far: exp(-inf) = 0, not NaN
  const Batch offset(-base);
  Batch total(T(0));
  for (std::int64_t j = 0; j < padded; j += lanes) {
    const Batch p = exp_weight(multiply_add(Batch::load_aligned(x + j), factor, offset));
    p.store_aligned(x + j);
    total = total + p;
  }
  T shrink = T(1);
  if (top == -infinity) {
    shrink = T(0);
  } else if (next != top) {
    shrink = exp_weight(Batch(top - base)).data[0];
  }
  top = next;
  sum = sum * shrink + sum_lanes(total);
  return shrink;
}

/// x becomes p = exp(x * scale - lse), dx becomes p (dx - inner) * out_scale.
template <class Arch, class T>
void softmax_gradient(T* x, T* dx, std::int64_t padded, T scale, T lse, T inner, T out_scale) {
  using Batch = xsimd::batch<T, Arch>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const Batch factor(scale), offset(-lse), center(inner), after(out_scale);
  for (std::int64_t j = 0; j < padded; j += lanes) {
    const Batch p = exp_weight(multiply_add(Batch::load_aligned(x + j), factor, offset));
    p.store_aligned(x + j);
    ((Batch::load_aligned(dx + j) - center) * (p * after)).store_aligned(dx + j);
  }
}

}  // namespace heed::simd
