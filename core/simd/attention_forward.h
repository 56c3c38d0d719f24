// The forward of fused attention for some rows of one head. See attention_kernels.h.
#pragma once

#include <cstdint>
#include <limits>

#include "core/parallel.h"
#include "core/simd/attention_softmax.h"
#include "core/simd/gemm_panels.h"
#include "core/simd/kernels.h"

namespace heed::simd {

// Rows that are one piece of work; rows and columns of a tile of scores.
inline constexpr std::int64_t kAttentionPiece = 512;
inline constexpr std::int64_t kForwardRows = 24;
inline constexpr std::int64_t kForwardColumns = 512;

// Cuts one block of scratch into aligned arrays.
template <class Arch, class T>
struct ScratchCutter {
  static constexpr std::int64_t unit = 64 / static_cast<std::int64_t>(sizeof(T));
  T* next;
  static std::int64_t rounded(std::int64_t n) { return (n + unit - 1) / unit * unit; }
  T* take(std::int64_t n) {
    T* taken = next;
    next += rounded(n);
    return taken;
  }
};

template <class Arch, class T>
void attention_rows(const Attention<T>& a, std::int64_t batch, std::int64_t head_in_batch,
                    std::int64_t begin, std::int64_t end) {
  using Panels = GemmPanels<Arch, T>;
  using Batch = xsimd::batch<T, Arch>;
  using Cutter = ScratchCutter<Arch, T>;
  constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
  const AttentionHead<Arch, T> head(a, batch, head_in_batch);
  T* lse = a.lse + (batch * a.heads + head_in_batch) * a.t;
  T* out = a.out + batch * a.out_batch + head_in_batch * a.out_head;
  const T infinity = std::numeric_limits<T>::infinity();

  const std::int64_t keys = a.causal && end < a.s ? end : a.s;  // that any of the rows sees
  if (keys == 0) {
    for (std::int64_t i = begin; i < end; ++i) {
      lse[i] = -infinity;
      for (std::int64_t e = 0; e < a.dv; ++e) out[i * a.out_row + e] = T(0);
    }
    return;
  }
  Cutter scratch{nullptr};
  const std::int64_t k_size = Cutter::rounded(Panels::size(a.d, keys));
  const std::int64_t v_size = Cutter::rounded(Panels::size(keys, a.dv));
  scratch.next =
      static_cast<T*>(thread_scratch(2, static_cast<std::int64_t>(sizeof(T)) *
                                            (k_size + v_size + kForwardRows * kForwardColumns)));
  const Panels k_t = pack_panels<Arch, T>(scratch.take(k_size), head.k, 1, a.k_row, a.d, keys);
  const Panels v = pack_panels<Arch, T>(scratch.take(v_size), head.v, a.v_row, 1, keys, a.dv);
  T* scores = scratch.take(kForwardRows * kForwardColumns);
  const bool masked = head.bool_mask != nullptr || head.additive_mask != nullptr;
  const T scale = masked ? T(1) : a.scale;

  for (std::int64_t i0 = begin; i0 < end; i0 += kForwardRows) {
    const std::int64_t rows = end - i0 < kForwardRows ? end - i0 : kForwardRows;
    constexpr std::int64_t padded_rows = (kForwardRows + lanes - 1) / lanes * lanes;
    alignas(64) T top[padded_rows], sum[padded_rows], logs[padded_rows];
    for (std::int64_t i = 0; i < rows; ++i) top[i] = -infinity, sum[i] = T(0);
    const std::int64_t limit = a.causal && i0 + rows < keys ? i0 + rows : keys;
    T* out_rows = out + i0 * a.out_row;
    for (std::int64_t j0 = 0; j0 < limit; j0 += kForwardColumns) {
      const std::int64_t columns = limit - j0 < kForwardColumns ? limit - j0 : kForwardColumns;
      const ScoreTile<T> tile{scores, kForwardColumns, rows, columns, i0, j0};
      gemm_with_panels<Arch, T>(rows, columns, a.d, head.q + i0 * a.q_row, a.q_row, 1, k_t, 0, j0,
                                scores, tile.stride, false);
      if (masked) apply_masks<Arch>(a, head, tile);
      for (std::int64_t i = 0; i < rows; ++i) {
        T* x = scores + i * tile.stride;
        const std::int64_t padded = hide_columns<Arch>(a, tile, i);
        const T shrink = softmax_step<Arch>(x, padded, scale, top[i], sum[i]);
        if (a.dropout_p > 0) {
          dropout_row<Arch>(
              x, columns, j0,
              dropout_row_seed<Arch>(a.dropout_key, head.index, static_cast<std::uint64_t>(i0 + i)),
              a.dropout_p);
        }
        if (j0 > 0 && shrink != T(1)) {
          T* o = out_rows + i * a.out_row;
          for (std::int64_t e = 0; e < a.dv; ++e) o[e] *= shrink;
        }
      }
      gemm_with_panels<Arch, T>(rows, a.dv, columns, scores, tile.stride, 1, v, j0, 0, out_rows,
                                a.out_row, j0 > 0);
    }
    for (std::int64_t i = rows; i < padded_rows; ++i) sum[i] = T(1);
    for (std::int64_t i = 0; i < padded_rows; i += lanes) {
      xsimd::log(Batch::load_aligned(sum + i)).store_aligned(logs + i);
    }
    for (std::int64_t i = 0; i < rows; ++i) {
      T* o = out_rows + i * a.out_row;
      const T share = T(1) / sum[i];
      lse[i0 + i] = top[i] + logs[i];
      for (std::int64_t e = 0; e < a.dv; ++e) o[e] *= share;
    }
  }
}

}  // namespace heed::simd
