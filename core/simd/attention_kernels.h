// Fused attention: out = softmax(q k^T * scale + mask) v without the T x S matrix of weights.
//
// Forward (Dao et al., "FlashAttention", 2022, and "FlashAttention-2", 2023): a few rows of q meet
// the keys block by block; a running maximum and sum make the softmax exact, and out is scaled down
// whenever the maximum grows. Of the weights only the log of each row's sum is kept.
// Backward: a block of weights is computed again from that, and used at once for its share of dq,
// dk and dv. Both skip the blocks that a causal mask hides.
//
// Bits: a head's blocks are taken in one order whichever thread has them, and no sum crosses a
// piece of work.
//
// A row of which everything is hidden has, like PyTorch's softmax of all -inf, NaN for its output
// and gradients.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/attention_backward.h"
#include "core/simd/attention_forward.h"
#include "core/simd/kernels.h"

namespace heed::simd {

template <class Arch, class T>
void attention(const Attention<T>& a) {
  if (a.batch * a.heads * a.t == 0) return;
  // Pieces of one head's rows: whole heads where they are short.
  const std::int64_t pieces = (a.t + kAttentionPiece - 1) / kAttentionPiece;
  const std::int64_t work =
      (a.t < kAttentionPiece ? a.t : kAttentionPiece) * (a.s * (a.d + a.dv) + 1);
  const std::int64_t grain = (std::int64_t{1} << 20) / work + 1;
  parallel_for(0, a.batch * a.heads * pieces, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t item = begin; item < end; ++item) {
      const std::int64_t head = item / pieces, first = item % pieces * kAttentionPiece;
      const std::int64_t last = first + kAttentionPiece < a.t ? first + kAttentionPiece : a.t;
      attention_rows<Arch>(a, head / a.heads, head % a.heads, first, last);
    }
  });
}

template <class Arch, class T>
void attention_backward(const AttentionBackward<T>& a) {
  const Attention<T>& f = a.forward;
  const std::int64_t work = f.t * f.s * (3 * f.d + 2 * f.dv) + 1;
  const std::int64_t grain = (std::int64_t{1} << 20) / work + 1;
  parallel_for(0, f.batch * f.heads, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t head = begin; head < end; ++head) {
      attention_head_backward<Arch>(a, head / f.heads, head % f.heads);
    }
  });
}

/// Fills in this instruction set's fused attention.
template <class Arch, class T>
void fill_attention(KernelsOf<T>& table) {
  table.attention = &attention<Arch, T>;
  table.attention_backward = &attention_backward<Arch, T>;
}

}  // namespace heed::simd
