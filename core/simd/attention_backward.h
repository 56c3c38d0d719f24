// The backward of fused attention for one head. See attention_kernels.h.
//
// With P the weights, Z the dropout's factors (1 without), O the output and dO its gradient:
//   D_i = sum_e dO_ie O_ie                    (= sum_j P_ij Z_ij dO_i . V_j)
//   dV = (P Z)^T dO,  dS_ij = P_ij (Z_ij dO_i . V_j - D_i),  dQ = scale dS K,  dK = scale dS^T Q.
#pragma once

#include <cstdint>

#include "core/parallel.h"
#include "core/simd/attention_forward.h"
#include "core/simd/attention_softmax.h"
#include "core/simd/gemm_panels.h"
#include "core/simd/kernels.h"
#include "core/simd/shuffles.h"

namespace heed::simd {

// Rows and columns of a tile of weights, and the rows of the strips into which a tile on the
// diagonal of a causal mask is cut.
inline constexpr std::int64_t kBackwardRows = 64;
inline constexpr std::int64_t kBackwardColumns = 128;
inline constexpr std::int64_t kBackwardStrip = 16;

// One head's operands, packed where they stand on the right of a product.
template <class Arch, class T>
struct HeadBackward {
  GemmPanels<Arch, T> q, k, k_t, v_t, dout_right;
  const T *dout, *inner, *lse;
  T *dq, *dk, *dv;
  T *weights, *gradients;  // tiles
};

// Rows [i0, i0 + rows) against columns [j0, j0 + columns): recomputes the weights and their
// gradients into the tiles.
template <class Arch, class T>
void backward_tile(const AttentionBackward<T>& args, const AttentionHead<Arch, T>& head,
                   const HeadBackward<Arch, T>& work, std::int64_t i0, std::int64_t rows,
                   std::int64_t j0, std::int64_t columns, T* weights, T* gradients) {
  const Attention<T>& a = args.forward;
  const ScoreTile<T> tile{weights, kBackwardColumns, rows, columns, i0, j0};
  gemm_with_panels<Arch, T>(rows, columns, a.d, head.q + i0 * a.q_row, a.q_row, 1, work.k_t, 0, j0,
                            weights, tile.stride, false);
  gemm_with_panels<Arch, T>(rows, columns, a.dv, work.dout + i0 * args.dout_row, args.dout_row, 1,
                            work.v_t, 0, j0, gradients, tile.stride, false);
  const bool masked = head.bool_mask != nullptr || head.additive_mask != nullptr;
  if (masked) apply_masks<Arch>(a, head, tile);
  for (std::int64_t i = 0; i < rows; ++i) {
    T* p = weights + i * tile.stride;
    T* ds = gradients + i * tile.stride;
    const std::int64_t padded = hide_columns<Arch>(a, tile, i);
    const bool drop = a.dropout_p > 0;
    const std::uint32_t seed =
        drop ? dropout_row_seed<Arch>(a.dropout_key, head.index, static_cast<std::uint64_t>(i0 + i))
             : 0;
    if (drop) dropout_row<Arch>(ds, columns, j0, seed, a.dropout_p);
    softmax_gradient<Arch>(p, ds, padded, masked ? T(1) : a.scale, work.lse[i0 + i],
                           work.inner[i0 + i], a.scale);
    if (drop) dropout_row<Arch>(p, columns, j0, seed, a.dropout_p);
  }
}

template <class Arch, class T>
void attention_head_backward(const AttentionBackward<T>& args, std::int64_t batch,
                             std::int64_t head_in_batch) {
  using Panels = GemmPanels<Arch, T>;
  using Cutter = ScratchCutter<Arch, T>;
  const Attention<T>& a = args.forward;
  const AttentionHead<Arch, T> head(a, batch, head_in_batch);
  const std::int64_t index = batch * a.heads + head_in_batch;
  HeadBackward<Arch, T> work;
  work.dq = args.dq + index * a.t * a.d;
  work.dk = args.dk + index * a.s * a.d;
  work.dv = args.dv + index * a.s * a.dv;
  work.dout = args.dout + batch * args.dout_batch + head_in_batch * args.dout_head;
  work.lse = a.lse + index * a.t;

  const std::int64_t sizes[] = {Panels::size(a.t, a.d),           Panels::size(a.s, a.d),
                                Panels::size(a.d, a.s),           Panels::size(a.dv, a.s),
                                Panels::size(a.t, a.dv),          a.t,
                                kBackwardRows * kBackwardColumns, kBackwardRows * kBackwardColumns};
  std::int64_t total = 0;
  for (std::int64_t size : sizes) total += Cutter::rounded(size);
  Cutter scratch{static_cast<T*>(thread_scratch(2, static_cast<std::int64_t>(sizeof(T)) * total))};
  work.q = pack_panels<Arch, T>(scratch.take(sizes[0]), head.q, a.q_row, 1, a.t, a.d);
  work.k = pack_panels<Arch, T>(scratch.take(sizes[1]), head.k, a.k_row, 1, a.s, a.d);
  work.k_t = pack_panels<Arch, T>(scratch.take(sizes[2]), head.k, 1, a.k_row, a.d, a.s);
  work.v_t = pack_panels<Arch, T>(scratch.take(sizes[3]), head.v, 1, a.v_row, a.dv, a.s);
  work.dout_right =
      pack_panels<Arch, T>(scratch.take(sizes[4]), work.dout, args.dout_row, 1, a.t, a.dv);
  T* inner = scratch.take(sizes[5]);
  work.weights = scratch.take(sizes[6]);
  work.gradients = scratch.take(sizes[7]);
  work.inner = inner;

  const T* out = a.out + batch * a.out_batch + head_in_batch * a.out_head;
  for (std::int64_t i = 0; i < a.t; ++i) {
    using Batch = xsimd::batch<T, Arch>;
    constexpr std::int64_t lanes = static_cast<std::int64_t>(Batch::size);
    const T* o = out + i * a.out_row;
    const T* d_o = work.dout + i * args.dout_row;
    Batch dot(T(0));
    for (std::int64_t e = 0; e < a.dv; e += lanes) {
      const LaneMask<Arch, T> mask(a.dv - e < lanes ? a.dv - e : lanes);
      dot = multiply_add(mask.load(o + e), mask.load(d_o + e), dot);
    }
    inner[i] = sum_lanes(dot);
  }
  if (a.s == 0) {
    for (std::int64_t e = 0; e < a.t * a.d; ++e) work.dq[e] = T(0);
    return;
  }

  constexpr std::int64_t stride = kBackwardColumns;
  for (std::int64_t j0 = 0; j0 < a.s; j0 += kBackwardColumns) {
    const std::int64_t columns = a.s - j0 < kBackwardColumns ? a.s - j0 : kBackwardColumns;
    const std::int64_t start = a.causal ? j0 / kBackwardRows * kBackwardRows : 0;
    if (start >= a.t) {  // no row sees these columns
      for (std::int64_t e = 0; e < columns * a.d; ++e) work.dk[j0 * a.d + e] = T(0);
      for (std::int64_t e = 0; e < columns * a.dv; ++e) work.dv[j0 * a.dv + e] = T(0);
      continue;
    }
    for (std::int64_t i0 = start; i0 < a.t; i0 += kBackwardRows) {
      const std::int64_t rows = a.t - i0 < kBackwardRows ? a.t - i0 : kBackwardRows;
      const bool diagonal = a.causal && i0 < j0 + columns;
      const std::int64_t strip = diagonal ? kBackwardStrip : rows;
      for (std::int64_t r = 0; r < rows; r += strip) {
        const std::int64_t strip_rows = rows - r < strip ? rows - r : strip;
        // Columns that the strip sees where causal, or would, were it a whole one: the column
        // strips below read as far.
        const std::int64_t seen = i0 + r + strip - j0;
        const std::int64_t width = diagonal && seen < columns ? seen : columns;
        T* weights = work.weights + r * stride;
        T* gradients = work.gradients + r * stride;
        backward_tile<Arch>(args, head, work, i0 + r, strip_rows, j0, width, weights, gradients);
        gemm_with_panels<Arch, T>(strip_rows, a.d, width, gradients, stride, 1, work.k, j0, 0,
                                  work.dq + (i0 + r) * a.d, a.d, j0 > 0);
      }
      // Column strips: columns j0 + c … are seen by rows from j0 + c on.
      const std::int64_t step = diagonal ? kBackwardStrip : columns;
      for (std::int64_t c = 0; c < columns; c += step) {
        const std::int64_t strip_columns = columns - c < step ? columns - c : step;
        const std::int64_t r = diagonal && j0 + c > i0 ? j0 + c - i0 : 0;
        if (r >= rows) {
          if (i0 == start) {
            for (std::int64_t e = 0; e < strip_columns * a.d; ++e) work.dk[(j0 + c) * a.d + e] = 0;
            for (std::int64_t e = 0; e < strip_columns * a.dv; ++e) {
              work.dv[(j0 + c) * a.dv + e] = 0;
            }
          }
          continue;
        }
        gemm_with_panels<Arch, T>(strip_columns, a.dv, rows - r, work.weights + r * stride + c, 1,
                                  stride, work.dout_right, i0 + r, 0, work.dv + (j0 + c) * a.dv,
                                  a.dv, i0 > start);
        gemm_with_panels<Arch, T>(strip_columns, a.d, rows - r, work.gradients + r * stride + c, 1,
                                  stride, work.q, i0 + r, 0, work.dk + (j0 + c) * a.d, a.d,
                                  i0 > start);
      }
    }
  }
}

}  // namespace heed::simd
